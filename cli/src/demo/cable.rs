//! The network between the gates and the server, with a plug that can be pulled.

use crate::error::CliError;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections while it is plugged in. Pulling the plug cuts those that are open as well.
/// Dropping it ends it.
#[derive(Debug)]
pub struct Cable {
    address: SocketAddr,
    to: watch::Sender<Option<SocketAddr>>,
    task: JoinHandle<()>,
}

impl Cable {
    /// A cable that leads nowhere yet.
    ///
    /// # Errors
    /// [`CliError`] if no port is free.
    pub async fn lay() -> Result<Self, CliError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (to, target) = watch::channel(None);
        let task = tokio::spawn(accept(listener, target));
        Ok(Self { address, to, task })
    }

    /// The gates' end.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to a server from now on.
    pub fn plug(&self, server: SocketAddr) {
        self.to.send_replace(Some(server));
    }

    /// Leads nowhere from now on.
    pub fn pull(&self) {
        self.to.send_replace(None);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: watch::Receiver<Option<SocketAddr>>) {
    loop {
        // What cannot be accepted is as good as cut.
        let Ok((gate, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let now = *target.borrow();
        if let Some(server) = now {
            tokio::spawn(forward(gate, server, target.clone()));
        }
    }
}

/// Carries bytes both ways until one end closes or the cable leads elsewhere.
async fn forward(
    mut gate: TcpStream,
    server: SocketAddr,
    mut target: watch::Receiver<Option<SocketAddr>>,
) {
    let Ok(mut far) = TcpStream::connect(server).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut gate, &mut far) => (),
        _ = target.wait_for(|now| *now != Some(server)) => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn bytes_pass_while_it_is_plugged_in_and_open_connections_break_with_it() {
        let cable = Cable::lay().await.unwrap();
        let server = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        cable.plug(server.local_addr().unwrap());
        let mut gate = TcpStream::connect(cable.address()).await.unwrap();
        gate.write_all(b"here").await.unwrap();
        let (mut far, _) = server.accept().await.unwrap();
        let mut heard = [0; 4];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"here");
        cable.pull();
        assert_eq!(far.read(&mut heard).await.unwrap_or(0), 0);
        let mut again = TcpStream::connect(cable.address()).await.unwrap();
        assert_eq!(again.read(&mut heard).await.unwrap_or(0), 0);
    }
}
