//! Configuration by environment variables.

use super::{ConfigError, LogFormat, Settings, TransportKind};
use std::fmt::Display;
use std::str::FromStr;

type Put = fn(&mut Settings, &str) -> Result<(), String>;

/// Puts a value read from text into its place.
fn put<T: FromStr<Err: Display>>(place: &mut Option<T>, text: &str) -> Result<(), String> {
    *place = Some(
        text.trim()
            .parse()
            .map_err(|error: T::Err| error.to_string())?,
    );
    Ok(())
}

/// Variables and what each sets.
pub const VARIABLES: &[(&str, Put)] = &[
    ("USHER_LISTEN", |to, text| {
        let addresses = text.split(',').map(|at| at.trim().parse());
        to.listen = Some(addresses.collect::<Result<_, _>>().map_err(|_| {
            "expected addresses with ports, separated by commas, such as 0.0.0.0:8443".to_owned()
        })?);
        Ok(())
    }),
    ("USHER_PUBLIC_URL", |to, text| put(&mut to.public_url, text)),
    ("USHER_TRANSPORT", |to, text| put(&mut to.transport, text)),
    ("USHER_STOP_WITHIN_S", |to, text| {
        put(&mut to.stop_within_s, text)
    }),
    ("USHER_PROXIES", |to, text| {
        let proxies = text.split(',').map(|proxy| proxy.trim().to_owned());
        to.proxies = Some(proxies.filter(|proxy| !proxy.is_empty()).collect());
        Ok(())
    }),
    ("USHER_TLS_CERTIFICATE", |to, text| {
        put(&mut to.tls.certificate, text)
    }),
    ("USHER_TLS_KEY", |to, text| put(&mut to.tls.key, text)),
    ("USHER_LOG_FORMAT", |to, text| put(&mut to.log.format, text)),
    ("USHER_LOG_FILTER", |to, text| put(&mut to.log.filter, text)),
    ("USHER_LIMITS_DEVICE_PER_MINUTE", |to, text| {
        put(&mut to.limits.device_per_minute, text)
    }),
    ("USHER_LIMITS_DEVICE_BYTES_PER_HOUR", |to, text| {
        put(&mut to.limits.device_bytes_per_hour, text)
    }),
    ("USHER_LIMITS_TOKEN_PER_MINUTE", |to, text| {
        put(&mut to.limits.token_per_minute, text)
    }),
    ("USHER_LIMITS_FAILED_SIGN_INS_PER_MINUTE", |to, text| {
        put(&mut to.limits.failed_sign_ins_per_minute, text)
    }),
    ("USHER_LIMITS_BODY_BYTES", |to, text| {
        put(&mut to.limits.body_bytes, text)
    }),
    ("USHER_LIMITS_IMPORT_BYTES", |to, text| {
        put(&mut to.limits.import_bytes, text)
    }),
    ("USHER_LIMITS_BODIES_BYTES", |to, text| {
        put(&mut to.limits.bodies_bytes, text)
    }),
    ("USHER_LIMITS_REQUEST_S", |to, text| {
        put(&mut to.limits.request_s, text)
    }),
    ("USHER_LIMITS_LIVE_LISTENERS", |to, text| {
        put(&mut to.limits.live_listeners, text)
    }),
    ("USHER_LIMITS_CONNECTIONS", |to, text| {
        put(&mut to.limits.connections, text)
    }),
    ("USHER_LIMITS_STRANGERS_PER_ADDRESS", |to, text| {
        put(&mut to.limits.strangers_per_address, text)
    }),
    ("USHER_LIMITS_CONNECTIONS_PER_CALLER", |to, text| {
        put(&mut to.limits.connections_per_caller, text)
    }),
];

/// Reads a word as the file writes it.
macro_rules! words {
    ($kind:ident: $($text:literal = $variant:ident),*; $expected:literal) => {
        impl FromStr for $kind {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($expected),
                }
            }
        }
    };
}

words!(TransportKind: "tls" = Tls, "plain" = Plain, "behind_proxy" = BehindProxy;
    "expected tls, plain or behind_proxy");
words!(LogFormat: "human" = Human, "json" = Json; "expected human or json");

impl Settings {
    /// Picks the variables of [`VARIABLES`] out of an environment; others are not ours to judge.
    ///
    /// # Errors
    /// [`ConfigError::Variable`] if one has a value that cannot be.
    pub fn from_environment(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        for (name, value) in variables {
            if let Some((variable, put)) = VARIABLES.iter().find(|(known, _)| *known == name) {
                put(&mut settings, &value)
                    .map_err(|detail| ConfigError::Variable { variable, detail })?;
            }
        }
        Ok(settings)
    }
}
