//! Why there is no backup, or why one was not put back.

use crate::config::ConfigError;
use crate::service;
use crate::storage::StorageError;
use std::io;
use std::path::PathBuf;

/// Why there is no backup, or why one was not put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder holds no server.
    #[error("{} holds no server", .0.display())]
    NotThere(PathBuf),
    /// Where the backup is to be, there is something.
    #[error("{} is there already and not empty: name a new folder for each backup", .0.display())]
    Taken(PathBuf),
    /// Another program writes a backup of that name.
    #[error("another program writes a backup into {} now", .0.display())]
    BeingWritten(PathBuf),
    /// A backup cannot lie in the folder that it is of.
    #[error("the backup {} and the data folder {} lie in each other", backup.display(), data.display())]
    Within {
        /// The backup.
        backup: PathBuf,
        /// The data folder.
        data: PathBuf,
    },
    /// The folder is no backup.
    #[error(
        "{} is no backup by usher backup: it has no readable {}; whoever put a server's files back \
         himself says so by usher restore --in-place",
        .0.display(),
        super::MANIFEST
    )]
    NoBackup(PathBuf),
    /// A newer program made the backup.
    #[error("a newer program made this backup: restore it with that program")]
    Newer,
    /// The backup is not what was written.
    #[error("the backup is damaged: {file} {what}; nothing was changed")]
    Damaged {
        /// Which of its files.
        file: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A server works with the data folder.
    #[error("a server runs in {}: stop it first", .0.display())]
    Running(PathBuf),
    /// A file cannot be read or written.
    #[error("{} cannot be {}: {source}", file.display(), doing.as_str())]
    File {
        /// Which.
        file: PathBuf,
        /// What was tried.
        doing: Doing,
        /// What the system says.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The server's configuration does not hold.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The epoch could not be raised.
    #[error(transparent)]
    Service(#[from] service::Error),
}

/// What was tried with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Reading.
    Read,
    /// Writing, moving or removing.
    Write,
}

impl Doing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "written",
        }
    }
}

impl BackupError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotThere(_) => "no_server_here",
            Self::Taken(_) => "file_exists",
            Self::BeingWritten(_) => "backup_running",
            Self::Within { .. } => "invalid_value",
            Self::NoBackup(_) => "no_backup_here",
            Self::Newer => "backup_too_new",
            Self::Damaged { .. } => "backup_damaged",
            Self::Running(_) => "server_running",
            Self::File {
                doing: Doing::Read, ..
            } => "file_not_read",
            Self::File {
                doing: Doing::Write,
                ..
            } => "file_not_written",
            Self::Storage(error) | Self::Service(service::Error::Storage(error)) => {
                storage_code(error)
            }
            Self::Config(_) => "server_config",
            Self::Service(_) => "backup_failed",
        }
    }
}

const fn storage_code(error: &StorageError) -> &'static str {
    match error {
        StorageError::CannotWrite { .. } => "file_not_written",
        StorageError::NoDatabase { .. } | StorageError::Damaged { .. } => "database_damaged",
        StorageError::RestoreUnfinished { .. } => "restore_unfinished",
        StorageError::NewerSchema { .. } => "backup_too_new",
        StorageError::InUse => "server_running",
        StorageError::Busy
        | StorageError::Closed
        | StorageError::Taken { .. }
        | StorageError::OtherOwner { .. }
        | StorageError::Failed { .. }
        | StorageError::OutOfRange { .. }
        | StorageError::Unreadable { .. }
        | StorageError::Io { .. }
        | StorageError::Aborted => "backup_failed",
    }
}
