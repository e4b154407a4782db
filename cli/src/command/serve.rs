//! `usher init` and `usher serve`: the server.

use crate::error::CliError;
use crate::exit::Exit;
use crate::profile::{self, Profile};
use crate::shell::Shell;
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use usher_server::clock::SystemClock;
use usher_server::config::{Config, PORT, Settings, TransportKind};
use usher_server::init::{NewServer, init};
use usher_server::serve::Server;

/// Where the server keeps everything, if nothing else is said.
pub const DATA: &str = "usher-data";

/// The server's data folder.
#[derive(Debug, Clone, Args)]
pub struct Data {
    /// The server's folder: database, keys, certificate, settings
    #[arg(long, value_name = "DIR", env = "USHER_DATA", default_value = DATA)]
    pub data: PathBuf,
}

/// Where a server is reached, and how.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Address and port to listen on; repeat it for each; all addresses, port 8443, if left out
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Address under which devices and people reach the server
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// What protects connections; TLS if left out
    #[arg(long, value_enum)]
    pub transport: Option<Protection>,
}

/// What protects connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Protection {
    /// TLS by this server
    Tls,
    /// Nothing: only for addresses that never leave this machine
    Plain,
    /// A proxy in front speaks TLS
    BehindProxy,
}

impl From<Protection> for TransportKind {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::Tls => Self::Tls,
            Protection::Plain => Self::Plain,
            Protection::BehindProxy => Self::BehindProxy,
        }
    }
}

impl Place {
    fn listen(&self) -> Option<Vec<SocketAddr>> {
        Some(self.listen.clone()).filter(|listen| !listen.is_empty())
    }

    /// The address for commands on this machine; none where the system chooses the port.
    fn address(&self) -> Option<String> {
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let scheme = match self.transport {
            None | Some(Protection::Tls) => "https",
            Some(Protection::Plain | Protection::BehindProxy) => "http",
        };
        match self.listen.first() {
            None => Some(format!("{scheme}://localhost:{PORT}")),
            Some(at) if at.port() == 0 => None,
            Some(at) if at.ip().is_unspecified() => {
                Some(format!("{scheme}://localhost:{}", at.port()))
            }
            Some(at) => Some(format!("{scheme}://{at}")),
        }
    }
}

/// Prepare a server: folder, certificate, settings, an admin token and a profile for the commands here
#[derive(Debug, Args)]
pub struct Init {
    /// The folder.
    #[command(flatten)]
    pub data: Data,
    /// A host name or address for the certificate; repeat it for each; localhost is always in it
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
    /// Where it is reached.
    #[command(flatten)]
    pub place: Place,
}

/// Run the server until it is told to stop (Ctrl-C or SIGTERM)
///
/// Flags go before USHER_… variables, those before server.toml in the data folder. When it serves, it
/// says so on standard output.
#[derive(Debug, Args)]
pub struct Serve {
    /// The folder.
    #[command(flatten)]
    pub data: Data,
    /// Where it is reached.
    #[command(flatten)]
    pub place: Place,
}

#[derive(Serialize)]
struct Made {
    data: PathBuf,
    profile: PathBuf,
    pin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

#[derive(Serialize)]
struct Serving {
    addresses: Vec<SocketAddr>,
    public_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
}

impl Init {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`]; a server that is there is not changed.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let data = self.data.data;
        let server = self.place.address();
        let new = NewServer {
            names: self.names,
            listen: self.place.listen(),
            public_url: self.place.public_url,
            transport: self.place.transport.map(TransportKind::from),
        };
        let made = init(&data, new, Arc::new(SystemClock)).await?;
        let file = shell
            .globals
            .profile
            .clone()
            .unwrap_or_else(|| data.join(profile::FILE));
        let profile = Profile {
            server: server.clone(),
            pin: Some(made.spki.to_string()),
            admin_token: Some(made.token),
            ..Profile::default()
        };
        profile.write(&file)?;
        let made = Made {
            data,
            profile: file,
            pin: made.spki.to_string(),
            server,
        };
        shell.output.show(&made, |page| {
            page.line(format_args!(
                "The server is ready in {}",
                made.data.display()
            ));
            page.field("key pin", &made.pin);
            page.field("profile", made.profile.display());
        })?;
        shell.output.note("Next: usher serve")?;
        Ok(Exit::Done)
    }
}

impl Serve {
    /// The configuration: flags before environment before file.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn config(&self) -> Result<Config, CliError> {
        let flags = Settings {
            listen: self.place.listen(),
            public_url: self.place.public_url.clone(),
            transport: self.place.transport.map(TransportKind::from),
            ..Settings::default()
        };
        Ok(Config::load(&self.data.data, flags, std::env::vars())?)
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// [`CliError`] if it does not start.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let config = self.config()?;
        let stop = stop_signal()?;
        let server = Server::start(&config, Arc::new(SystemClock)).await?;
        let serving = Serving {
            addresses: server.addresses().to_vec(),
            public_url: server.public_url().to_owned(),
            pin: server.spki().map(|spki| spki.to_string()),
        };
        shell.output.show(&serving, |page| {
            page.line(format_args!("Serving at {}", serving.public_url));
        })?;
        stop.await;
        server.stop().await;
        Ok(Exit::Done)
    }
}

/// Ends when the process is told to stop. It listens from the call on, so that no signal is missed.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> Result<impl Future<Output = ()>, CliError> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}
