//! The beginning of a server: its data folder with certificate, database, configuration and the first
//! administrator's token.

use crate::clock::Clock;
use crate::config::{self, CERTIFICATE, Config, ConfigError, KEY, Settings, TransportKind};
use crate::private;
use crate::service::{self, Service};
use crate::storage::StorageError;
use crate::storage::sqlite::{self, Sqlite};
use crate::tls::{self, Identity, TlsError};
use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use usher_domain::hash::Hash;
use usher_domain::secret::Private;

/// The file with the first administrator's token.
pub const TOKEN_FILE: &str = "admin-token";
/// Name of that token.
pub(crate) const TOKEN_NAME: &str = "init";

/// What a new server is to be.
#[derive(Debug, Clone, Default)]
pub struct NewServer {
    /// Host names and addresses for the certificate, beside `localhost` and the public address's host.
    pub names: Vec<String>,
    /// Addresses to listen on; all, on the usual port, if absent.
    pub listen: Option<Vec<SocketAddr>>,
    /// Base address under which devices and people reach the server.
    pub public_url: Option<String>,
    /// What protects connections; TLS if absent.
    pub transport: Option<TransportKind>,
}

/// A server that was made.
#[derive(Debug)]
pub struct MadeServer {
    /// The first administrator's token. It is told here and in the file, and nowhere again.
    pub token: Private,
    /// The file with that token, for its owner alone.
    pub token_file: PathBuf,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub spki: Hash,
}

/// Why a server was not made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one already.
    #[error("{} holds a server already: nothing was changed", .0.display())]
    AlreadyThere(PathBuf),
    /// A file or the folder cannot be written.
    #[error("{}: {source}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds something else, a device of Usher for example.
    #[error(
        "{} holds the database of something else, maybe of a device: choose another folder for the server",
        .0.display()
    )]
    Foreign(PathBuf),
    /// What the server is to be does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The token could not be made.
    #[error(transparent)]
    Service(#[from] service::Error),
}

/// Makes a server in `data`.
///
/// The configuration is written last: a folder where the work broke off is taken up again, one that has
/// it is refused. A certificate and key that lie there already are kept.
///
/// # Errors
/// [`InitError`]; a server that is there is never changed.
pub async fn init(
    data: &Path,
    new: NewServer,
    clock: Arc<dyn Clock>,
) -> Result<MadeServer, InitError> {
    let settings = Settings {
        listen: new.listen.clone(),
        public_url: new.public_url.clone(),
        transport: new.transport,
        ..Settings::default()
    };
    let config = Config::check(data, settings)?;
    if sqlite::is_restore_unfinished(data) {
        let folder = data.to_owned();
        return Err(StorageError::RestoreUnfinished { folder }.into());
    }
    let file = data.join(config::FILE);
    if file.exists() {
        return Err(InitError::AlreadyThere(data.to_owned()));
    }
    make_folder(data).map_err(|source| InitError::File {
        file: data.to_owned(),
        source,
    })?;
    // First of all: what is no folder for a server is left as it is.
    let store = Sqlite::store(data).map_err(|error| {
        if let StorageError::NoDatabase { .. } = error {
            InitError::Foreign(data.to_owned())
        } else {
            error.into()
        }
    })?;
    let spki = certificate(data, &new.names, &config)?;
    let service = Service::new(
        store,
        clock,
        service::Settings::new(data.join(crate::serve::SNAPSHOTS)),
    );
    let token = service
        .create_admin_token(TOKEN_NAME.to_owned())
        .await?
        .secret;
    let token_file = data.join(TOKEN_FILE);
    write_private(&token_file, &format!("{}\n", token.reveal()))?;
    write_private(&file, &written(&new))?;
    Ok(MadeServer {
        token,
        token_file,
        spki,
    })
}

/// Makes the certificate, unless certificate and key are there.
fn certificate(data: &Path, names: &[String], config: &Config) -> Result<Hash, InitError> {
    let (certificate, key) = (data.join(CERTIFICATE), data.join(KEY));
    if !certificate.exists() || !key.exists() {
        let mut names = names.to_vec();
        let host = config
            .public_url
            .as_ref()
            .and_then(|url| url.parse::<http::Uri>().ok())
            .and_then(|uri| {
                uri.host()
                    .map(|host| host.trim_matches(['[', ']']).to_owned())
            });
        names.extend(host.filter(|host| !names.contains(host)));
        let made = tls::make(&names)?;
        write_private(&key, &made.key)?;
        write_private(&certificate, &made.certificate)?;
    }
    Ok(Identity::load(&certificate, &key)?.spki)
}

/// The configuration as it is written: what was asked for, and nothing of what is usual anyway.
fn written(new: &NewServer) -> String {
    let mut lines =
        vec!["# Configuration of this server. Flags and USHER_… variables win over it.".to_owned()];
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    if let Some(listen) = &new.listen {
        let all: Vec<_> = listen.iter().map(|at| quoted(&at.to_string())).collect();
        lines.push(format!("listen = [{}]", all.join(", ")));
    }
    if let Some(url) = &new.public_url {
        lines.push(format!("public_url = {}", quoted(url)));
    }
    if let Some(kind) = new.transport {
        let word = match kind {
            TransportKind::Tls => "tls",
            TransportKind::Plain => "plain",
            TransportKind::BehindProxy => "behind_proxy",
        };
        lines.push(format!("transport = {}", quoted(word)));
    }
    lines.join("\n") + "\n"
}

/// Makes the folder for its owner alone. One that holds something keeps its rights: it may be shared.
fn make_folder(data: &Path) -> io::Result<()> {
    private::make_folder(data)?;
    #[cfg(unix)]
    if fs::read_dir(data)?.next().is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Writes a file for its owner alone, durably and at once or not at all.
fn write_private(file: &Path, text: &str) -> Result<(), InitError> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let write = || -> io::Result<()> {
        // What a broken attempt left has whatever rights; a new file has ours.
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut to = private::create_new(&unfinished)?;
        to.write_all(text.as_bytes())?;
        to.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().map_err(|source| InitError::File {
        file: file.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    async fn make(data: &Path, new: NewServer) -> Result<MadeServer, InitError> {
        init(data, new, Arc::new(SystemClock)).await
    }

    #[tokio::test]
    async fn what_is_made_is_private_and_its_token_counts() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("server");
        let made = make(&data, NewServer::default()).await.unwrap();
        let kept = fs::read_to_string(&made.token_file).unwrap();
        assert_eq!(kept.trim(), made.token.reveal());
        #[cfg(unix)]
        for file in ["", TOKEN_FILE, KEY, CERTIFICATE, config::FILE] {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(data.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{file}");
        }
        let service = Service::new(
            Sqlite::store(&data).unwrap(),
            Arc::new(SystemClock),
            service::Settings::new(&data),
        );
        service
            .authenticate(made.token)
            .await
            .unwrap()
            .admin()
            .unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_there_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), NewServer::default()).await.unwrap();
        let again = make(folder.path(), NewServer::default()).await;
        assert!(matches!(again, Err(InitError::AlreadyThere(_))));
        let kept = fs::read_to_string(&made.token_file).unwrap();
        assert_eq!(kept.trim(), made.token.reveal());
    }

    #[tokio::test]
    async fn a_beginning_that_broke_off_is_taken_up_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), NewServer::default()).await.unwrap();
        fs::remove_file(folder.path().join(config::FILE)).unwrap();
        let again = make(folder.path(), NewServer::default()).await.unwrap();
        assert_eq!(made.spki, again.spki);
    }

    #[tokio::test]
    async fn what_was_asked_for_is_what_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewServer {
            names: vec!["gate.local".into()],
            listen: Some(vec![
                "127.0.0.1:0".parse().unwrap(),
                "[::1]:0".parse().unwrap(),
            ]),
            public_url: Some("https://tickets.example:8443".into()),
            transport: Some(TransportKind::Plain),
        };
        make(folder.path(), new.clone()).await.unwrap();
        let config = Config::load(folder.path(), Settings::default(), []).unwrap();
        assert_eq!(Some(config.listen), new.listen);
        assert_eq!(config.public_url, new.public_url);
        assert_eq!(config.transport, config::Transport::Plain);
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_is_refused_before_anything_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let new = NewServer {
            transport: Some(TransportKind::Plain),
            ..NewServer::default()
        };
        let data = folder.path().join("server");
        assert!(matches!(make(&data, new).await, Err(InitError::Config(_))));
        assert!(!data.exists());
    }
}
