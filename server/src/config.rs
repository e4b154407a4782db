//! How a server is configured: flags before environment before file before what is usual.
//!
//! [`Settings`] is one such source, with every value optional; [`Config`] is what comes out of all of
//! them, checked. The file is `server.toml` in the data folder: docs/server.md has its keys.

mod environment;
mod limits;
mod proxies;
mod unknown;

pub use environment::VARIABLES;
pub use limits::Limits;
pub use proxies::{Network, NoNetwork, Proxies};

use serde::Deserialize;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the file in the data folder.
pub const FILE: &str = "server.toml";
/// The port if none is given.
pub const PORT: u16 = 8443;
/// The certificate's file, if none is given.
pub const CERTIFICATE: &str = "certificate.pem";
/// The key's file, if none is given.
pub const KEY: &str = "key.pem";

/// One source of configuration: flags, environment or file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Addresses to listen on.
    pub listen: Option<Vec<SocketAddr>>,
    /// Base address under which devices and people reach the server.
    pub public_url: Option<String>,
    /// What protects connections.
    pub transport: Option<TransportKind>,
    /// Seconds that running requests get when the server stops.
    pub stop_within_s: Option<u32>,
    /// Addresses and networks of proxies in front, such as `10.0.0.0/8`: only they are believed when they
    /// tell a caller's address in `X-Forwarded-For`.
    pub proxies: Option<Vec<String>>,
    /// Certificate and key.
    pub tls: TlsSettings,
    /// Logs.
    pub log: LogSettings,
    /// Bounds.
    pub limits: LimitSettings,
}

/// What protects connections, as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransportKind {
    /// TLS by this server.
    Tls,
    /// Nothing: only for addresses that never leave this machine.
    Plain,
    /// A proxy in front speaks TLS. It is believed about callers' addresses if it is one of
    /// [`Settings::proxies`], or runs on this machine where those are not said.
    BehindProxy,
}

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// The certificate chain as PEM.
    pub certificate: Option<PathBuf>,
    /// The private key as PEM.
    pub key: Option<PathBuf>,
}

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// For people or for machines.
    pub format: Option<LogFormat>,
    /// What to log, as `tracing` writes filters, for example `info,usher_server=debug`.
    pub filter: Option<String>,
}

/// For whom logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Bounds, as they are configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Requests of one device in a minute.
    pub device_per_minute: Option<NonZeroU32>,
    /// Bytes of records that one device may write in an hour.
    pub device_bytes_per_hour: Option<u64>,
    /// Requests of one API token in a minute.
    pub token_per_minute: Option<NonZeroU32>,
    /// Failed sign-ins from one address in a minute.
    pub failed_sign_ins_per_minute: Option<NonZeroU32>,
    /// Bytes of a JSON body.
    pub body_bytes: Option<usize>,
    /// Bytes of an import's form.
    pub import_bytes: Option<usize>,
    /// Bytes of all large bodies together.
    pub bodies_bytes: Option<usize>,
    /// Seconds that one request may take.
    pub request_s: Option<NonZeroU32>,
    /// Devices that are told live.
    pub live_listeners: Option<usize>,
    /// Connections in all.
    pub connections: Option<NonZeroU32>,
    /// Connections from one address on which nobody has proved who asks.
    pub strangers_per_address: Option<NonZeroU32>,
    /// Connections of one device or token.
    pub connections_per_caller: Option<NonZeroU32>,
}

/// Takes each field from `$first`, else from `$second`.
macro_rules! merge {
    ($kind:ident, $first:expr, $second:expr; $($value:ident),*; $($part:ident),*) => {{
        let (first, second) = ($first, $second);
        $kind {
            $($value: first.$value.or(second.$value),)*
            $($part: first.$part.or(second.$part),)*
        }
    }};
}

impl TlsSettings {
    fn or(self, usual: Self) -> Self {
        merge!(Self, self, usual; certificate, key;)
    }
}

impl LogSettings {
    fn or(self, usual: Self) -> Self {
        merge!(Self, self, usual; format, filter;)
    }
}

impl LimitSettings {
    fn or(self, usual: Self) -> Self {
        merge!(Self, self, usual; device_per_minute, device_bytes_per_hour, token_per_minute, failed_sign_ins_per_minute,
            body_bytes, import_bytes, bodies_bytes, request_s, live_listeners, connections, strangers_per_address,
            connections_per_caller;)
    }
}

impl Settings {
    /// These settings, and where they say nothing, `usual`.
    #[must_use]
    pub fn or(self, usual: Self) -> Self {
        merge!(Self, self, usual; listen, public_url, transport, stop_within_s, proxies; tls, log, limits)
    }

    /// Reads a file's text. Unknown keys are refused: a misspelt limit is no limit.
    ///
    /// # Errors
    /// [`ConfigError::File`] with line and column.
    pub fn from_toml(text: &str, file: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::File {
            file: file.to_owned(),
            // It shows the line with what is wrong in it marked.
            detail: format!("{error}{}", unknown::meant(error.message())),
        })
    }
}

/// Why a configuration does not hold.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not readable as configuration.
    #[error("{}: {detail}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What the reader says, with line and column.
        detail: String,
    },
    /// The file could not be read.
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A variable of the environment has a value that cannot be.
    #[error("{variable}: {detail}")]
    Variable {
        /// Which variable.
        variable: &'static str,
        /// What is expected.
        detail: String,
    },
    /// Plain HTTP was asked for on an address that other machines reach.
    #[error(
        "plain HTTP is for loopback only, and {0} is not: use TLS, or say that a proxy in front does"
    )]
    PlainOutside(SocketAddr),
    /// There is no address to listen on.
    #[error("there must be an address to listen on")]
    NoAddress,
    /// The public address is not a base address.
    #[error("the public address must begin with https:// or http:// and name a host: {0}")]
    PublicUrl(String),
    /// A proxy is neither an address nor a network.
    #[error("proxies: {text:?}: {source}")]
    Proxy {
        /// What was written.
        text: String,
        /// What is expected.
        source: NoNetwork,
    },
}

/// A checked configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder with database, certificate and everything else.
    pub data: PathBuf,
    /// Addresses to listen on, at least one.
    pub listen: Vec<SocketAddr>,
    /// Base address under which others reach the server, without a slash at its end; made of the first
    /// address bound if absent.
    pub public_url: Option<String>,
    /// What protects connections.
    pub transport: Transport,
    /// How long running requests may go on when the server stops.
    pub stop_within: Duration,
    /// Proxies that are believed about callers' addresses.
    pub proxies: Proxies,
    /// Logs.
    pub log: LogConfig,
    /// Bounds.
    pub limits: Limits,
}

/// What protects connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TLS by this server.
    Tls {
        /// The certificate chain as PEM.
        certificate: PathBuf,
        /// The private key as PEM.
        key: PathBuf,
    },
    /// Nothing; all addresses are loopback.
    Plain,
    /// A proxy in front.
    BehindProxy,
}

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For people or for machines.
    pub format: LogFormat,
    /// What to log.
    pub filter: String,
}

impl Config {
    /// Puts the sources together: flags, then `environment`, then the file in the data folder if it is
    /// there.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(
        data: &Path,
        flags: Settings,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = data.join(FILE);
        let written = match std::fs::read_to_string(&file) {
            Ok(text) => Settings::from_toml(&text, &file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::default(),
            Err(source) => return Err(ConfigError::Unreadable { file, source }),
        };
        let around = Settings::from_environment(environment)?;
        Self::check(data, flags.or(around).or(written))
    }

    /// Fills in what is usual, and checks.
    ///
    /// # Errors
    /// [`ConfigError`] if values do not fit each other.
    pub fn check(data: &Path, settings: Settings) -> Result<Self, ConfigError> {
        let listen = settings
            .listen
            .unwrap_or_else(|| vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))]);
        if listen.is_empty() {
            return Err(ConfigError::NoAddress);
        }
        let transport = match settings.transport.unwrap_or(TransportKind::Tls) {
            TransportKind::Tls => Transport::Tls {
                certificate: data.join(settings.tls.certificate.unwrap_or(CERTIFICATE.into())),
                key: data.join(settings.tls.key.unwrap_or(KEY.into())),
            },
            TransportKind::Plain => match listen.iter().find(|at| !at.ip().is_loopback()) {
                Some(outside) => return Err(ConfigError::PlainOutside(*outside)),
                None => Transport::Plain,
            },
            TransportKind::BehindProxy => Transport::BehindProxy,
        };
        let proxies = match settings.proxies {
            Some(texts) => named_proxies(texts)?,
            None if transport == Transport::BehindProxy => Proxies::on_this_machine(),
            None => Proxies::none(),
        };
        Ok(Self {
            data: data.to_owned(),
            proxies,
            listen,
            public_url: settings.public_url.map(public_url).transpose()?,
            transport,
            stop_within: Duration::from_secs(u64::from(settings.stop_within_s.unwrap_or(10))),
            log: LogConfig {
                format: settings.log.format.unwrap_or_default(),
                filter: settings.log.filter.unwrap_or_else(|| "info".into()),
            },
            limits: settings.limits.into(),
        })
    }
}

fn named_proxies(texts: Vec<String>) -> Result<Proxies, ConfigError> {
    let networks = texts.into_iter().map(|text| {
        text.trim()
            .parse()
            .map_err(|source| ConfigError::Proxy { text, source })
    });
    networks.collect::<Result<_, _>>().map(Proxies::of)
}

/// A base address without a slash at its end.
fn public_url(text: String) -> Result<String, ConfigError> {
    let base = text.trim_end_matches('/');
    let valid = base.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("https" | "http"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    });
    if valid {
        Ok(base.to_owned())
    } else {
        Err(ConfigError::PublicUrl(text))
    }
}

#[cfg(test)]
mod tests;
