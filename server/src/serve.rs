//! A running server, from its configuration to its stop.

use crate::backup;
use crate::clock::Clock;
use crate::config::{self, Config, Limits, Transport};
use crate::http::{self, App, Parts, Reach};
use crate::init::TOKEN_FILE;
use crate::listen::{
    BindError, Bound, Census, ConnectionBounds, ConnectionFigures, Connections, Serving, make_room,
};
use crate::private;
use crate::service::{self, Interpreter, Publisher, Sealer, Service};
use crate::storage::StorageError;
use crate::storage::sqlite::{self, Sqlite};
use crate::tls::{Identity, TlsError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use usher_domain::hash::Hash;

/// Folder of prepared snapshots in the data folder.
pub const SNAPSHOTS: &str = "snapshots";

/// What of a data folder other users of the machine must not read, besides the database: the key of the
/// certificate, and tokens.
const SECRETS: [&str; 3] = [config::KEY, TOKEN_FILE, "client.toml"];

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder holds no server.
    #[error("{} holds no server yet: run `usher init` first", .0.display())]
    NotThere(PathBuf),
    /// The folder is a backup: serving would change it.
    #[error(
        "{} is a backup, and serving it would spoil it: put it back by `usher restore`",
        .0.display()
    )]
    Backup(PathBuf),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database does not open.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The services do not start.
    #[error(transparent)]
    Service(#[from] service::Error),
    /// The system does not let connections in.
    #[error("cannot serve: {0}")]
    Io(#[from] io::Error),
}

/// A running server.
pub struct Server {
    service: Service,
    connections: Connections,
    sealer: Sealer,
    publisher: Publisher,
    interpreter: Interpreter,
    addresses: Vec<SocketAddr>,
    public_url: String,
    spki: Option<Hash>,
    stop_within: Duration,
}

impl Server {
    /// Binds the addresses of `config` and starts.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ServeError> {
        let bound = Bound::to(&config.listen)?;
        Self::start_on(bound, config, clock).await
    }

    /// Starts on addresses bound before.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start_on(
        bound: Bound,
        config: &Config,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ServeError> {
        if sqlite::is_restore_unfinished(&config.data) {
            let folder = config.data.clone();
            return Err(StorageError::RestoreUnfinished { folder }.into());
        }
        if !config.data.join(config::FILE).exists() {
            return Err(ServeError::NotThere(config.data.clone()));
        }
        if config.data.join(backup::MANIFEST).exists() {
            return Err(ServeError::Backup(config.data.clone()));
        }
        private::check_files(&config.data, &SECRETS);
        private::check_folder(&config.data);
        let identity = match &config.transport {
            Transport::Tls { certificate, key } => Some(Identity::load(certificate, key)?),
            Transport::Plain | Transport::BehindProxy => None,
        };
        let addresses = bound.addresses();
        let scheme = if identity.is_some() { "https" } else { "http" };
        let reach = Reach {
            public_url: config.public_url.clone(),
            local_url: local_url(&addresses, scheme),
            scheme,
            spki: identity.as_ref().map(|identity| identity.spki),
        };
        let public_url = reach
            .public_url
            .as_ref()
            .unwrap_or(&reach.local_url)
            .clone();
        let settings = service::Settings {
            listeners_max: config.limits.live_listeners,
            device_bytes_per_hour: config.limits.device_bytes_per_hour,
            ..service::Settings::new(config.data.join(SNAPSHOTS))
        };
        let service = Service::new(Sqlite::store(&config.data)?, clock, settings);
        let figures = ConnectionFigures::default();
        let app = App::new(Parts {
            service: service.clone(),
            limits: config.limits.clone(),
            proxies: config.proxies.clone(),
            reach,
            connections: figures.clone(),
            token_secret: service.device_token_secret().await?,
        });
        let census = Census::new(connection_bounds(&config.limits), figures);
        let proxies = config.proxies.clone();
        let serving = Serving::new(http::router(app), identity.as_ref(), census, proxies);
        let connections = Connections::serve(bound, &serving)?;
        let sealer = service.start_sealer();
        let publisher = service.start_publisher();
        // Beside serving: whatever an earlier run had stored, doors do not wait until it is counted. Who asks
        // for a report waits for its scope.
        let interpreter = service.start_interpreter();
        tracing::info!(%public_url, "serving");
        Ok(Self {
            service,
            sealer,
            publisher,
            interpreter,
            connections,
            addresses,
            public_url,
            spki: identity.map(|identity| identity.spki),
            stop_within: config.stop_within,
        })
    }

    /// The addresses it listens on, with the ports that were taken.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Base address under which others reach it.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// SHA-256 of the certificate's SubjectPublicKeyInfo; none without TLS of its own.
    #[must_use]
    pub const fn spki(&self) -> Option<Hash> {
        self.spki
    }

    /// The services, for whoever runs the server in its own process.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// Says goodbye to those who listen, takes no more connections, lets running requests finish within the configured bound, seals what
    /// changed, and closes the database.
    pub async fn stop(self) {
        // Those who listen would wait for ever.
        self.publisher.stop().await;
        self.connections.stop(self.stop_within).await;
        self.interpreter.stop().await;
        self.sealer.stop().await;
        tracing::info!("stopped");
    }
}

/// How many connections there may be, as far as the system lets this process have them. What strangers
/// behind one address have leaves room for others.
fn connection_bounds(limits: &Limits) -> ConnectionBounds {
    let total = make_room(limits.connections);
    ConnectionBounds {
        total,
        strangers_per_address: limits.strangers_per_address.min(total / 2).max(1),
        per_caller: limits.connections_per_caller,
    }
}

/// An address for callers on this machine, where nobody said which one is public.
fn local_url(addresses: &[SocketAddr], scheme: &str) -> String {
    match addresses.first() {
        Some(address) if address.ip().is_unspecified() => {
            format!("{scheme}://localhost:{}", address.port())
        }
        Some(address) => format!("{scheme}://{address}"),
        None => format!("{scheme}://localhost"),
    }
}

#[cfg(test)]
mod tests;
