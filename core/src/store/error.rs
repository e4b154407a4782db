//! What can go wrong in the store.

use rusqlite::{ErrorCode, ffi};
use std::path::PathBuf;
use usher_domain::table::TableId;

/// Why the store could not do what it was asked. Codes, names and keys never stand in the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process works in this device's folder.
    #[error("another program is using the device folder {}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A newer program wrote this store.
    #[error("the store has schema {found}, this program knows {known}: use the newer program")]
    NewerSchema {
        /// What the file says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// The file is another program's, such as a server's.
    #[error("{} is no device folder: its database belongs to something else, such as a server", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// The disk is full.
    #[error("the disk is full ({doing})")]
    Full {
        /// What was being done.
        doing: &'static str,
    },
    /// The folder or file cannot be written.
    #[error("the device folder cannot be written ({doing})")]
    ReadOnly {
        /// What was being done.
        doing: &'static str,
    },
    /// The file is damaged. Opening the store again sets it aside and rescues what is readable.
    #[error("the store is damaged ({doing})")]
    Damaged {
        /// What was being done.
        doing: &'static str,
    },
    /// The file system failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// How.
        source: std::io::Error,
    },
    /// The database failed in another way.
    #[error("{doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// How.
        source: rusqlite::Error,
    },
    /// Something stored is not what this program stores.
    #[error("{what} in the store cannot be read")]
    Unreadable {
        /// What.
        what: &'static str,
    },
    /// The device is not enrolled yet.
    #[error("the device is not enrolled")]
    NotEnrolled,
    /// The device is enrolled, and its documents were lost with a damaged store.
    #[error("the device lost its documents with its damaged store: run usher sync")]
    SyncNeeded,
    /// The device belongs to another organizer or server already.
    #[error("the device is enrolled elsewhere already")]
    EnrolledElsewhere,
    /// The rows do not make the digest that the signed manifest names; nothing was changed.
    #[error("the rows of {table:?} do not fit their signed digest")]
    DigestMismatch {
        /// The table: compare its buckets and fetch those that differ.
        table: TableId,
    },
    /// A stream of rows is damaged, out of order or too long.
    #[error("rows of {table:?} cannot be read: {reason}")]
    BadRows {
        /// The table.
        table: TableId,
        /// Why.
        reason: &'static str,
    },
    /// A part of a snapshot does not go on where the one before ended.
    #[error("expected the snapshot to go on at byte {expected}")]
    PartMissing {
        /// The first byte missing.
        expected: u64,
    },
    /// There is no such generation, record or table.
    #[error("there is no such {what}")]
    NotFound {
        /// What.
        what: &'static str,
    },
    /// A record does not follow the one before it in this device's log.
    #[error("a record does not fit the end of its log")]
    BrokenChain,
    /// The system gives no random bytes.
    #[error(transparent)]
    NoEntropy(#[from] crate::clock::NoEntropy),
}

impl StoreError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "store_in_use",
            Self::NewerSchema { .. } => "store_newer",
            Self::Foreign { .. } => "store_foreign",
            Self::Full { .. } => "disk_full",
            Self::ReadOnly { .. } => "store_read_only",
            Self::Damaged { .. } => "store_damaged",
            Self::Io { .. } => "store_io",
            Self::Sqlite { .. } => "store_failed",
            Self::Unreadable { .. } => "store_unreadable",
            Self::NotEnrolled => "not_enrolled",
            Self::SyncNeeded => "sync_needed",
            Self::EnrolledElsewhere => "enrolled_elsewhere",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::BadRows { .. } => "bad_rows",
            Self::PartMissing { .. } => "part_missing",
            Self::NotFound { .. } => "not_found",
            Self::BrokenChain => "broken_chain",
            Self::NoEntropy(_) => "no_entropy",
        }
    }

    /// Sorts a failure of the file system.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of the system's many errors only these mean something of their own here"
    )]
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| match source.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { doing }
            }
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Self::Full { doing }
            }
            _ => Self::Io { doing, source },
        }
    }
}

/// Names what was being done when SQLite failed, and sorts the failure.
pub(super) trait Doing<T> {
    /// `doing` completes "the store failed at …".
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, rusqlite::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { doing },
            // Made when a store opens: the first file that finds no room on a full disk.
            Some(_) if extended_code(&source) == Some(ffi::SQLITE_IOERR_SHMSIZE) => {
                StoreError::Full { doing }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                StoreError::ReadOnly { doing }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Damaged { doing }
            }
            _ => StoreError::Sqlite { doing, source },
        })
    }
}

fn extended_code(error: &rusqlite::Error) -> Option<std::ffi::c_int> {
    error.sqlite_error().map(|error| error.extended_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(extended_code: std::ffi::c_int) -> &'static str {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None);
        Err::<(), _>(error).doing("testing").unwrap_err().code()
    }

    #[test]
    fn failures_are_sorted_by_what_a_person_can_do() {
        assert_eq!(sorted(ffi::SQLITE_FULL), "disk_full");
        assert_eq!(sorted(ffi::SQLITE_IOERR_SHMSIZE), "disk_full");
        assert_eq!(sorted(ffi::SQLITE_READONLY), "store_read_only");
        assert_eq!(sorted(ffi::SQLITE_CANTOPEN), "store_read_only");
        assert_eq!(sorted(ffi::SQLITE_CORRUPT), "store_damaged");
        assert_eq!(sorted(ffi::SQLITE_IOERR_WRITE), "store_failed");
    }
}
