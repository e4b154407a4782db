//! What can go wrong below the services.

/// Why a transaction did not happen. No message holds values: names and codes stay out of logs.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Too many jobs wait already: ask again later.
    #[error("the database is busy")]
    Busy,
    /// The database was closed or its writer stopped.
    #[error("the database is closed")]
    Closed,
    /// Another server holds the folder.
    #[error("another server uses this data folder")]
    InUse,
    /// A backup was about to take the place of the database, and something broke off.
    #[error(
        "a restore into {} was not finished: run usher restore again with the same backup",
        folder.display()
    )]
    RestoreUnfinished {
        /// The data folder.
        folder: std::path::PathBuf,
    },
    /// The database was written by a newer program, whose meaning this one cannot know.
    #[error("the database has version {found}, this program knows {known}: use the newer program")]
    NewerSchema {
        /// Version of the file.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// A part of the file is damaged.
    #[error("the database is damaged, seen while {doing}: stop the server and restore a backup")]
    Damaged {
        /// What was being done.
        doing: &'static str,
    },
    /// The file does not open: it is damaged, or something else.
    #[error(
        "{} is damaged or no database of Usher: move it and the files beside it of the same name aside, put a \
         backup in its place, and start the server again",
        file.display()
    )]
    NoDatabase {
        /// The file.
        file: std::path::PathBuf,
    },
    /// A thing of that name, or a medium of that key, is there already.
    #[error("already there, while {doing}")]
    Taken {
        /// What was being done.
        doing: &'static str,
    },
    /// A thing of that id is another kind of thing, or belongs to somebody or something else: kind, parent
    /// and event of a thing never change.
    #[error("it is another thing or belongs to somebody else, while {doing}")]
    OtherOwner {
        /// What was being done.
        doing: &'static str,
    },
    /// The disk is full or cannot be written.
    #[error("the disk is full or read-only, while {doing}")]
    CannotWrite {
        /// What was being done.
        doing: &'static str,
    },
    /// The database engine failed.
    #[error("the database failed while {doing}: {detail}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What the engine says; without values.
        detail: String,
    },
    /// A number is larger than any that is ever stored: whoever asked made it up.
    #[error("a number is too large, while {doing}")]
    OutOfRange {
        /// What was being done.
        doing: &'static str,
    },
    /// What was read is not what was written.
    #[error("the database holds something unreadable, seen while {doing}")]
    Unreadable {
        /// What was being done.
        doing: &'static str,
    },
    /// A file beside the database failed.
    #[error("a file failed while {doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The job itself broke off; nothing of it was written.
    #[error("a database job broke off")]
    Aborted,
}

/// Result of a storage call.
pub type Result<T> = std::result::Result<T, StorageError>;
