//! The one error that shells see.

use crate::clock::NoEntropy;
use crate::gate::GateError;
use crate::http::InvalidEndpoint;
use crate::store::StoreError;
use crate::sync::SyncError;
use serde::Serialize;
use usher_domain::document::enrollment::InvalidEnrollmentCode;
use usher_domain::document::{Rejected, Untrusted};
use usher_domain::problem::{Problem, Retry};

/// Why something was not done. The code is stable; the sentence is for a person and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// Stable code, for programs.
    pub code: &'static str,
    /// A sentence for a person. It holds no name, no ticket code and no key.
    pub message: String,
    /// Whether trying again later can help.
    pub retry: ApiRetry,
    /// Ties the error to the log lines of device and server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiRetry {
    /// Not without changing something.
    Never,
    /// Later it may.
    Later,
}

impl ApiError {
    pub(crate) fn never(code: &'static str, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
            retry: ApiRetry::Never,
            correlation: None,
        }
    }

    pub(crate) fn later(code: &'static str, message: impl ToString) -> Self {
        Self {
            retry: ApiRetry::Later,
            ..Self::never(code, message)
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let retry = match problem.retry() {
            Retry::Never => ApiRetry::Never,
            Retry::Later | Retry::AfterSignIn => ApiRetry::Later,
        };
        Self {
            code: problem.code.as_str(),
            message: problem.detail,
            retry,
            correlation: problem.correlation,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // Another program may end, and room may be made; the rest needs a person.
        let may_pass = matches!(error, StoreError::InUse { .. } | StoreError::Full { .. });
        let kind = if may_pass { Self::later } else { Self::never };
        kind(error.code(), error)
    }
}

impl From<GateError> for ApiError {
    fn from(error: GateError) -> Self {
        if let GateError::Store(error) = error {
            return error.into();
        }
        let may_pass = matches!(error, GateError::PinLocked { .. });
        let kind = if may_pass { Self::later } else { Self::never };
        kind(error.code(), error)
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Problem(problem) => problem.into(),
            SyncError::Revoked { ref problem, .. } => Self {
                correlation: problem.correlation.clone(),
                ..Self::never(error.code(), &error)
            },
            SyncError::Store(error) => error.into(),
            SyncError::OutOfStep(_) => Self::later(error.code(), error),
            SyncError::Rejected(_) | SyncError::Untrusted(_) | SyncError::OwnLog(_) => {
                Self::never(error.code(), error)
            }
        }
    }
}

impl From<Rejected> for ApiError {
    fn from(error: Rejected) -> Self {
        Self::never(error.code(), error)
    }
}

impl From<Untrusted> for ApiError {
    fn from(error: Untrusted) -> Self {
        Self::never(error.code(), error)
    }
}

impl From<InvalidEnrollmentCode> for ApiError {
    fn from(error: InvalidEnrollmentCode) -> Self {
        Self::never("invalid_enrollment_code", error)
    }
}

impl From<InvalidEndpoint> for ApiError {
    fn from(error: InvalidEndpoint) -> Self {
        Self::never("invalid_server_address", error)
    }
}

impl From<NoEntropy> for ApiError {
    fn from(error: NoEntropy) -> Self {
        Self::later("no_entropy", error)
    }
}
