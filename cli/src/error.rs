//! Why a command failed, as people and programs are told.

use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use usher_core::app::{ApiError, DAMAGED};
use usher_core::camera::SourceError;
use usher_domain::document::root_key::RootKeyError;
use usher_domain::problem::{Fault, Problem};
use usher_domain::secret::Private;
use usher_server::backup::BackupError;
use usher_server::config::ConfigError;
use usher_server::init::InitError;
use usher_server::serve::ServeError;
use usher_server::storage::StorageError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The server said no, or was not reached.
    #[error("{}", .0.detail)]
    Server(Problem),
    /// A file could not be read or written.
    #[error("{} {}: {source}", .path.display(), .doing.as_str())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        doing: Doing,
        /// What the system says.
        source: io::Error,
    },
    /// A file exists that would be overwritten and must not be.
    #[error("{} is there already and is not overwritten", .0.display())]
    FileExists(PathBuf),
    /// A file does not hold what it should.
    #[error("{}: {detail}", path.display())]
    BadFile {
        /// Which.
        path: PathBuf,
        /// What is wrong, without its content.
        detail: String,
    },
    /// Lines of a list are wrong.
    #[error("{}: {} of its lines are wrong, and nothing was done", path.display(), wrong_lines(faults))]
    BadLines {
        /// Which.
        path: PathBuf,
        /// All that is wrong, in the order of the lines.
        faults: Vec<Fault>,
    },
    /// There is no device in the folder.
    #[error("there is no device in {home}: enroll it by usher --home {home} enroll CODE --name NAME", home = .0.display())]
    NoDevice(PathBuf),
    /// The folder was opened before and never enrolled.
    #[error("the device in {home} is not enrolled: enroll it by usher --home {home} enroll CODE --name NAME", home = .0.display())]
    NotEnrolled(PathBuf),
    /// The device waits until an organizer has compared its digits.
    #[error("the device waits to be confirmed: an organizer compares the digits {digits} and runs usher device confirm; then run usher enroll again with the same code", digits = .0.reveal())]
    NotConfirmed(Private),
    /// No code is seen in a picture or a video.
    #[error("{}: no code is seen in it", .0.display())]
    NoCode(PathBuf),
    /// The camera.
    #[error("{0}")]
    Camera(SourceError),
    /// The device could not do it.
    #[error("{}{}", .0.message, way_out(.0.code))]
    Device(#[from] ApiError),
    /// The command line is not what the definition says.
    #[error("{0}")]
    Usage(String),
    /// Something that the command needs was not given.
    #[error("{0}")]
    Missing(&'static str),
    /// Something that was given cannot be.
    #[error("{0}")]
    Invalid(String),
    /// The root key.
    #[error("the root key: {0}")]
    RootKey(#[from] RootKeyError),
    /// A code could not be drawn.
    #[error(transparent)]
    Qr(#[from] crate::qr::QrError),
    /// Writing the answer failed.
    #[error("the answer could not be written: {0}")]
    Output(#[from] io::Error),
    /// The server could not be prepared.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The server's configuration does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// There is no backup, or it was not put back.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Somebody pressed Ctrl-C.
    #[error("stopped by Ctrl-C; what was done until then stays done")]
    Stopped,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandom,
}

/// What helps, where a command does.
fn way_out(code: &str) -> &'static str {
    if code == DAMAGED {
        ": run usher doctor repair"
    } else {
        ""
    }
}

/// What was tried with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

impl Doing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "cannot be read",
            Self::Write => "cannot be written",
        }
    }
}

/// An error as it is printed.
#[derive(Debug, Serialize)]
pub struct Failure<'a> {
    /// Stable code.
    pub code: &'a str,
    /// A sentence for a person.
    pub message: String,
    /// Ties it to log lines of both ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation: Option<&'a str>,
    /// Lines or fields at fault.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    pub errors: &'a [Fault],
}

impl CliError {
    /// A file that could not be read.
    #[must_use]
    pub fn reading(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            doing: Doing::Read,
            source,
        }
    }

    /// A file that could not be written; one that exists is told apart.
    #[must_use]
    pub fn writing(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AlreadyExists {
            return Self::FileExists(path.to_owned());
        }
        Self::File {
            path: path.to_owned(),
            doing: Doing::Write,
            source,
        }
    }

    /// A value that cannot be.
    #[must_use]
    pub fn invalid(detail: impl ToString) -> Self {
        Self::Invalid(detail.to_string())
    }

    /// A file with the wrong content.
    #[must_use]
    pub fn bad_file(path: &Path, detail: impl ToString) -> Self {
        Self::BadFile {
            path: path.to_owned(),
            detail: detail.to_string(),
        }
    }

    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Server(problem) => problem.code.as_str(),
            Self::File {
                doing: Doing::Read, ..
            } => "file_not_read",
            Self::File {
                doing: Doing::Write,
                ..
            } => "file_not_written",
            Self::FileExists(_) => "file_exists",
            Self::BadFile { .. } | Self::BadLines { .. } => "bad_file",
            Self::NoDevice(_) => "no_device_here",
            Self::NotEnrolled(_) => "not_enrolled",
            Self::NotConfirmed(_) => "not_confirmed",
            Self::NoCode(_) => "no_code_in_picture",
            Self::Camera(error) => error.code(),
            Self::Device(error) => error.code,
            Self::Usage(_) => "wrong_usage",
            Self::Missing(_) => "missing_value",
            Self::Invalid(_) => "invalid_value",
            Self::RootKey(_) => "root_key",
            Self::Qr(_) => "qr",
            Self::Output(_) => "output",
            Self::Serve(ServeError::Storage(StorageError::NoDatabase { .. }))
            | Self::Init(InitError::Storage(StorageError::NoDatabase { .. })) => "database_damaged",
            Self::Serve(ServeError::Storage(StorageError::RestoreUnfinished { .. }))
            | Self::Init(InitError::Storage(StorageError::RestoreUnfinished { .. })) => {
                "restore_unfinished"
            }
            Self::Backup(error) => error.code(),
            Self::Init(InitError::AlreadyThere(_)) => "server_exists",
            Self::Init(InitError::Foreign(_)) => "no_server_folder",
            Self::Init(_) => "server_not_prepared",
            Self::Config(_) => "server_config",
            Self::Serve(ServeError::NotThere(_)) => "no_server_here",
            Self::Serve(ServeError::Backup(_)) => "is_backup",
            Self::Serve(_) => "server_not_started",
            Self::Stopped => "stopped",
            Self::NoRandom => "no_random",
        }
    }

    /// The error as it is printed.
    #[must_use]
    pub fn failure(&self) -> Failure<'_> {
        let errors: &[Fault] = if let Self::Server(problem) = self {
            &problem.errors
        } else if let Self::BadLines { faults, .. } = self {
            faults
        } else {
            &[]
        };
        Failure {
            code: self.code(),
            message: self.to_string(),
            correlation: self.correlation(),
            errors,
        }
    }

    fn correlation(&self) -> Option<&str> {
        if let Self::Server(problem) = self {
            problem.correlation.as_deref()
        } else if let Self::Device(error) = self {
            error.correlation.as_deref()
        } else {
            None
        }
    }

    /// Whether the reader of our output went away, as `head` does: nobody is left to be told.
    #[must_use]
    pub fn is_nobody_reading(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// How many lines faults lie in: they come line by line.
fn wrong_lines(faults: &[Fault]) -> usize {
    faults.chunk_by(|one, next| one.at == next.at).count()
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        Self::Server(problem)
    }
}
