//! What the services refuse, and how it is told outside.

use crate::keys::KeyError;
use crate::storage::StorageError;
use usher_domain::api::imports::ImportReport;
use usher_domain::problem::{AT_WRITER, Code, Fault, Problem};

/// Why a service did not do what it was asked for. No text holds a name, a code or a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// There is another thing with this slug or number.
    #[error("there is another {what} with this {by}")]
    AlreadyExists {
        /// What is there.
        what: &'static str,
        /// What both have.
        by: &'static str,
    },
    /// A field has a value that cannot be.
    #[error("{field}: {why}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Why not.
        why: String,
    },
    /// The change does not fit the state of the thing.
    #[error("{0}")]
    Conflict(&'static str),
    /// The change does not fit what else there is: says what stands in its way.
    #[error("{0}")]
    InUse(String),
    /// A session has other times than whoever asks thought.
    #[error(
        "nothing was changed: somebody else moved the session meanwhile. Its doors are at {doors} now, it starts at {starts} and ends at {ends}"
    )]
    OtherTimes {
        /// When its doors open, by the venue's clock.
        doors: String,
        /// When it starts.
        starts: String,
        /// When it ends.
        ends: String,
    },
    /// A thing was changed since whoever asks read it.
    #[error(
        "nothing was changed: somebody else changed the session meanwhile, and this was written for it as it was before. Show it again (its revision is {revision} now) and write the change into that"
    )]
    ChangedMeanwhile {
        /// The revision that it has.
        revision: u64,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// Devices know more than one scope that would have to be joined.
    #[error("devices hold more than one of these sessions already: a pass for them comes too late")]
    ScopeInUse,
    /// The enrollment code is unknown, used up or past its time.
    #[error("the enrollment code is unknown, used up or past its time")]
    EnrollmentRefused,
    /// The snapshot is not kept any more.
    #[error("this snapshot is not kept any more: start with the newest")]
    SnapshotGone,
    /// Too long.
    #[error("{what} is too long: {limit} at most")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit with its unit.
        limit: String,
    },
    /// A signature, a digest or a chain of hashes is wrong.
    #[error("not authentic: {0}")]
    NotAuthentic(String),
    /// The organizer must sign a trust document that lets the server's key do this.
    #[error("the trust document does not let the server's key sign this: {0}")]
    KeyExpired(String),
    /// No token, or one that does not count any more.
    #[error("the token is unknown, revoked or past its time")]
    Unauthenticated,
    /// The token's role may not do this.
    #[error("the role of this token may not do this")]
    Forbidden,
    /// The device was revoked.
    #[error("this device was revoked")]
    DeviceRevoked,
    /// A device wrote more records in an hour than it may; nothing of what was handed in was stored.
    #[error(
        "the device wrote more records than it may in an hour: keep them and send them again in {seconds} s"
    )]
    WriterOverQuota {
        /// Seconds until it makes sense to send again.
        seconds: u32,
    },
    /// There are as many as the server takes.
    #[error("the server has as many {0} as it takes")]
    Full(&'static str),
    /// Lines of an import are bad and nothing was imported; with what was found.
    #[error(
        "{} and nothing was imported; {}",
        if .0.bad_count == 1 { "1 line is bad".to_owned() } else { format!("{} lines are bad", .0.bad_count) },
        .0.summary()
    )]
    ImportRefused(Box<ImportReport>),
    /// An import that is probably a mistake, such as half a list or an old one: nothing was imported.
    #[error("{0}")]
    ImportStopped(String),
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file beside the database failed.
    #[error("a file failed while {doing}: {source}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The server's own keys or random bytes are missing, or it read what it did not write.
    #[error("a fault of the server: {0}")]
    Internal(&'static str),
}

/// Result of a service.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A field with a value that cannot be.
    pub(crate) fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            why: why.into(),
        }
    }

    /// There is another thing of this slug.
    pub(crate) const fn slug_taken(what: &'static str) -> Self {
        Self::AlreadyExists { what, by: "slug" }
    }

    /// More bytes than are taken.
    pub(crate) fn too_long(what: &'static str, bytes: u64) -> Self {
        let limit = format!("{bytes} bytes");
        Self::TooLarge { what, limit }
    }

    /// The stable code that it has outside.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::Invalid { .. } => Code::InvalidValue,
            Self::Conflict(_)
            | Self::InUse(_)
            | Self::OtherTimes { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::ImportStopped(_) => Code::Conflict,
            Self::IdempotencyMismatch => Code::IdempotencyMismatch,
            Self::ScopeInUse => Code::ScopeInUse,
            Self::EnrollmentRefused => Code::EnrollmentRefused,
            Self::SnapshotGone => Code::SnapshotGone,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::NotAuthentic(_) => Code::NotAuthentic,
            Self::KeyExpired(_) => Code::KeyExpired,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::Forbidden => Code::Forbidden,
            Self::DeviceRevoked => Code::DeviceRevoked,
            Self::WriterOverQuota { .. } => Code::RateLimited,
            Self::ImportRefused(_) => Code::ImportRefused,
            Self::Storage(error) => storage_code(error),
            Self::Full(_) | Self::File { .. } => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }
}

const fn storage_code(error: &StorageError) -> Code {
    match error {
        StorageError::Busy
        | StorageError::Closed
        | StorageError::InUse
        | StorageError::RestoreUnfinished { .. }
        | StorageError::NewerSchema { .. }
        | StorageError::CannotWrite { .. }
        | StorageError::Io { .. } => Code::Unavailable,
        StorageError::Taken { .. } | StorageError::OtherOwner { .. } => Code::Conflict,
        StorageError::OutOfRange { .. } => Code::InvalidValue,
        StorageError::Damaged { .. }
        | StorageError::NoDatabase { .. }
        | StorageError::Failed { .. }
        | StorageError::Unreadable { .. }
        | StorageError::Aborted => Code::Internal,
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NoRandomness => Self::Internal("no random bytes"),
            KeyError::Missing => Self::Internal("a signing key is missing"),
            KeyError::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = error.code();
        // What went wrong inside is for the log, not for who asked.
        let detail = if code == Code::Internal {
            "a fault of the server".to_owned()
        } else if code == Code::Unavailable {
            "the server cannot do this now; ask again".to_owned()
        } else {
            error.to_string()
        };
        let mut problem = Self::new(code, detail);
        if let Error::ImportRefused(report) = error {
            problem.errors = report.bad;
        } else if let Error::WriterOverQuota { seconds } = error {
            problem.retry_after = Some(seconds);
            // Not who hands it in asks too often: he has more to hand in.
            problem.errors.push(Fault {
                at: AT_WRITER.to_owned(),
                code: code.as_str().to_owned(),
                detail: "it wrote too much within an hour".to_owned(),
            });
        } else if let Error::Invalid { field, why } = error {
            problem.errors.push(Fault {
                at: field.to_owned(),
                code: code.as_str().to_owned(),
                detail: why,
            });
        }
        problem
    }
}
