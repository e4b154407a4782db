//! What went wrong, as both ends of a connection say it: a stable code, a sentence, and whether asking
//! again can help. Over HTTP it is `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};
use std::fmt;

/// An error as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{detail} ({code})")]
pub struct Problem {
    /// Stable code.
    pub code: Code,
    /// HTTP status, repeated in the body.
    pub status: u16,
    /// A sentence for a person.
    pub detail: String,
    /// Ties the answer to the log lines of both ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
    /// Seconds after which asking again makes sense, where the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Lines or fields at fault, where the request had several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

/// One fault of a request that has many parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    /// Where: a line number or a field by its path; empty for the whole.
    pub at: String,
    /// Stable code.
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
}

/// Where the fault of a [`Problem`] stands that is the writer's of a log, not the caller's: who hands in what
/// others wrote goes on with the rest.
pub const AT_WRITER: &str = "writer";

/// Whether asking again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// Later, with growing pauses.
    Later,
    /// After a new token was fetched.
    AfterSignIn,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $retry:ident;)*) => {
        /// Stable codes of errors. They are part of the contract: never renamed, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// Whether asking again can help.
            #[must_use]
            pub const fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }
        }
    };
}

codes! {
    /// The request is not readable.
    MalformedRequest = "malformed_request", 400, Never;
    /// A field has a value that cannot be.
    InvalidValue = "invalid_value", 422, Never;
    /// No token, or one that does not count any more.
    Unauthenticated = "unauthenticated", 401, AfterSignIn;
    /// The token's role may not do this.
    Forbidden = "forbidden", 403, Never;
    /// The device was revoked.
    DeviceRevoked = "device_revoked", 403, Never;
    /// There is no such thing.
    NotFound = "not_found", 404, Never;
    /// The thing is there, but does not take this method.
    MethodNotAllowed = "method_not_allowed", 405, Never;
    /// There is another thing of that name.
    AlreadyExists = "already_exists", 409, Never;
    /// The change does not fit the state of the thing.
    Conflict = "conflict", 409, Never;
    /// The idempotency key was used for another request.
    IdempotencyMismatch = "idempotency_mismatch", 409, Never;
    /// Devices know a scope that would have to be joined with another.
    ScopeInUse = "scope_in_use", 409, Never;
    /// The enrollment code is unknown, used up or past its time.
    EnrollmentRefused = "enrollment_refused", 403, Never;
    /// The snapshot asked for is not kept any more: start with the newest.
    SnapshotGone = "snapshot_gone", 410, Never;
    /// The body or a field is too long.
    TooLarge = "too_large", 413, Never;
    /// Bodies of that media type are not taken.
    UnsupportedMediaType = "unsupported_media_type", 415, Never;
    /// Too many requests.
    RateLimited = "rate_limited", 429, Later;
    /// The range asked for lies outside of the thing.
    RangeNotSatisfiable = "range_not_satisfiable", 416, Never;
    /// A signature or a chain of hashes is wrong.
    NotAuthentic = "not_authentic", 422, Never;
    /// Lines of an import are bad and nothing was imported.
    ImportRefused = "import_refused", 422, Never;
    /// A delegated key has expired: the organizer must renew it with the root key.
    KeyExpired = "key_expired", 503, Later;
    /// The server is starting, stopping or cannot write.
    Unavailable = "unavailable", 503, Later;
    /// A fault of the server.
    Internal = "internal", 500, Later;
    /// The server could not be reached or did not answer (only a client says this).
    Unreachable = "unreachable", 599, Later;
    /// The answer was not understood (only a client says this).
    BadAnswer = "bad_answer", 598, Later;
    /// The server is not the one of the enrollment code (only a client says this).
    ServerNotTrusted = "server_not_trusted", 597, Never;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Problem {
    /// Whether a push was refused because the writer of its log wrote too much lately: the records stay where
    /// they are, and go when the time told is over.
    #[must_use]
    pub fn is_of_writer(&self) -> bool {
        self.code == Code::RateLimited && self.errors.iter().any(|fault| fault.at == AT_WRITER)
    }

    /// A problem of this code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            detail: detail.into(),
            correlation: None,
            retry_after: None,
            errors: Vec::new(),
        }
    }

    /// Whether asking again can help.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.code.retry()
    }
}
