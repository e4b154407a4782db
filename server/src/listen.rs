//! Connections: binding, TLS, and a stop that lets running requests finish.

use crate::tls::Identity;
use axum::Router;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use tokio::task::JoinSet;

/// How long a caller may take to send the head of a request, and a connection be idle.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Which address.
    address: SocketAddr,
    /// What the system says.
    source: io::Error,
}

/// Addresses that are bound, before anything is served: whoever knows them may already connect.
#[derive(Debug)]
pub struct Bound(Vec<(SocketAddr, TcpListener)>);

impl Bound {
    /// Binds addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`] with the first address that is taken or not ours.
    pub fn to(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        let bind = |address: &SocketAddr| {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        addresses
            .iter()
            .map(|address| {
                bind(address).map_err(|source| BindError {
                    address: *address,
                    source,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The addresses, with the ports that were taken.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(address, _)| *address).collect()
    }
}

/// Connections being served.
pub(crate) struct Connections {
    handles: Vec<Handle<SocketAddr>>,
    tasks: JoinSet<io::Result<()>>,
}

impl Connections {
    /// Serves `router` on bound addresses, by TLS if there is an identity. What is small is sent at once:
    /// somebody waits for it at a gate.
    pub(crate) fn serve(
        bound: Bound,
        identity: Option<&Identity>,
        router: &Router,
    ) -> io::Result<Self> {
        let mut handles = Vec::new();
        let mut tasks = JoinSet::new();
        for (_, listener) in bound.0 {
            let handle = Handle::new();
            let service = router
                .clone()
                .into_make_service_with_connect_info::<SocketAddr>();
            match identity {
                Some(identity) => {
                    let config = RustlsConfig::from_config(identity.config.clone());
                    let acceptor = RustlsAcceptor::new(config).acceptor(NoDelayAcceptor::new());
                    let mut server = axum_server::from_tcp(listener)?
                        .acceptor(acceptor)
                        .handle(handle.clone());
                    bound_heads(&mut server);
                    tasks.spawn(server.serve(service));
                }
                None => {
                    let mut server = axum_server::from_tcp(listener)?
                        .acceptor(NoDelayAcceptor::new())
                        .handle(handle.clone());
                    bound_heads(&mut server);
                    tasks.spawn(server.serve(service));
                }
            }
            handles.push(handle);
        }
        Ok(Self { handles, tasks })
    }

    /// Takes no more connections, lets running requests finish within a bound, and closes.
    pub(crate) async fn stop(mut self, within: Duration) {
        for handle in &self.handles {
            handle.graceful_shutdown(Some(within));
        }
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "a listener ended with an error");
            }
        }
    }
}

/// Who does not send the head of a request in time loses the connection.
fn bound_heads<A>(server: &mut axum_server::Server<SocketAddr, A>) {
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
}

/// Waits until the process is asked to stop: ctrl-c, or SIGTERM where there is such a thing.
///
/// # Errors
/// If the system does not let signals be heard.
pub async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            heard = tokio::signal::ctrl_c() => heard,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::Semaphore;

    fn loopback() -> Bound {
        Bound::to(&["127.0.0.1:0".parse().unwrap()]).unwrap()
    }

    #[tokio::test]
    async fn a_stop_lets_a_running_request_finish_and_takes_no_new_one() {
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (begins, ends) = (begun.clone(), may_end.clone());
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.add_permits(1);
                ends.acquire().await.unwrap().forget();
                "finished"
            }),
        );
        let bound = loopback();
        let address = bound.addresses()[0];
        let connections = Connections::serve(bound, None, &router).unwrap();
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begun.acquire().await.unwrap().forget();
        let stopping = tokio::spawn(connections.stop(Duration::from_secs(60)));
        // The listener is gone as soon as nobody can connect any more.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        may_end.add_permits(1);
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("finished"), "{answer}");
        stopping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_longer_than_its_bound() {
        let begun = Arc::new(Semaphore::new(0));
        let begins = begun.clone();
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.add_permits(1);
                std::future::pending::<()>().await;
            }),
        );
        let bound = loopback();
        let address = bound.addresses()[0];
        let connections = Connections::serve(bound, None, &router).unwrap();
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begun.acquire().await.unwrap().forget();
        connections.stop(Duration::from_secs(5)).await;
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let bound = loopback();
        let error = Bound::to(&bound.addresses()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&bound.addresses()[0].to_string())
        );
    }
}
