//! Why an exchange ended early, or a part of it failed.

use crate::store::StoreError;
use usher_domain::document::{Rejected, Untrusted};
use usher_domain::log::BatchError;
use usher_domain::problem::{Code, Problem};

/// Why an exchange ended early, or a part of it failed.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// What the server said, or that it said nothing.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// The server says that this device was revoked. What it had recorded was offered all the same.
    #[error(
        "this device was revoked; {sent} of its scans were handed over and wait for an organizer{}",
        left(*.unsent)
    )]
    Revoked {
        /// What the server said.
        problem: Problem,
        /// Records that the server took now.
        sent: u64,
        /// Records that it did not take.
        unsent: u64,
    },
    /// The device's store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signed document was not taken in.
    #[error("{0}")]
    Rejected(#[from] Rejected),
    /// A signed document is not what it claims to be.
    #[error("{0}")]
    Untrusted(#[from] Untrusted),
    /// A range of this device's own log cannot be signed: it is damaged on the disk.
    #[error("this device's log is damaged: {0}")]
    OwnLog(BatchError),
    /// The same was tried several times and the two ends do not come into step.
    #[error("device and server do not come into step: {0}")]
    OutOfStep(&'static str),
}

impl SyncError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Problem(problem) | Self::Revoked { problem, .. } => problem.code.as_str(),
            Self::Store(error) => error.code(),
            Self::Rejected(rejected) => rejected.code(),
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::OwnLog(_) => "log_damaged",
            Self::OutOfStep(_) => "out_of_step",
        }
    }

    /// Whether nothing else of the exchange can succeed either.
    pub(super) fn ends_exchange(&self) -> bool {
        match self {
            Self::Revoked { .. } => true,
            // Of one log; everything else goes on.
            Self::Problem(problem) if problem.is_of_writer() => false,
            Self::Problem(problem) => matches!(
                problem.code,
                Code::Unreachable
                    | Code::ServerNotTrusted
                    | Code::Unauthenticated
                    | Code::DeviceRevoked
                    | Code::Unavailable
                    | Code::RateLimited
            ),
            Self::Store(error) => !is_about_data(error),
            Self::Rejected(_) | Self::Untrusted(_) | Self::OwnLog(_) | Self::OutOfStep(_) => false,
        }
    }
}

fn left(unsent: u64) -> String {
    match unsent {
        0 => String::new(),
        unsent => format!("; {unsent} could not be sent and stay here"),
    }
}

/// Whether what the server sent is at fault, not the store.
pub(super) const fn is_about_data(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::DigestMismatch { .. }
            | StoreError::BadRows { .. }
            | StoreError::PartMissing { .. }
            | StoreError::NotFound { .. }
    )
}
