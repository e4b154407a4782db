//! The embedded database: one file, one writer thread with group commit, readers beside it (WAL mode,
//! <https://www.sqlite.org/wal.html>).
//!
//! The file holds the seeds of the organizers' signing keys and the codes of other shops, so it is
//! made readable for its owner alone; SQLite gives its journal the same permissions.

mod claims;
mod copy;
mod handed;
mod inline;
mod line;
mod read;
mod records;
mod statements;
mod tables;
mod things;
mod tickets;
mod writer;

pub use copy::{Look, Totals, copy};
pub use inline::Inline;
pub use writer::Limits;

use super::{Backend, ReadJob, Result, StorageError, Store, WriteJob, WriterGauges};
use crate::private;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use statements::Doing as _;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Numbered steps of the schema, each one transaction; `PRAGMA user_version` counts them. A released
/// step never changes.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_claims.sql"),
    include_str!("migrations/0003_handed.sql"),
    include_str!("migrations/0004_attempts.sql"),
    include_str!("migrations/0005_media_of_events.sql"),
];

/// Name of the database in the data folder.
pub const FILE: &str = "usher.db";
/// Name of the file beside it that whoever works with the folder holds locked.
pub const LOCK: &str = "usher.lock";
/// Endings of what SQLite may lay beside the database.
pub const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What of a database other users of the machine must not read, and what they must not hold locked.
const SECRETS: [&str; 5] = [
    FILE,
    "usher.db-wal",
    "usher.db-shm",
    "usher.db-journal",
    LOCK,
];
/// Folders in the data folder that are there while a backup takes the place of what was in it. A database
/// beside them is not to be opened: it may be half of one server and half of the other.
pub const UNFINISHED: [&str; 2] = ["restore.ready", "restore.placing"];

/// An open database of one file.
pub struct Sqlite {
    writer: writer::Writer,
    readers: read::Readers,
    /// Held as long as the database is open: two sealers would give one version to two contents.
    _lock: File,
}

impl Sqlite {
    /// Opens the database in `folder`, creates or migrates it, and starts its writer.
    ///
    /// # Errors
    /// [`StorageError::InUse`], [`StorageError::NewerSchema`], [`StorageError::NoDatabase`], or what the system says.
    pub fn open(folder: &Path, limits: Limits) -> Result<Self> {
        let Opened {
            connection,
            path,
            lock,
        } = open(folder)?;
        Ok(Self {
            readers: read::Readers::with_reserve(path, limits.readers),
            writer: writer::Writer::start(connection, limits)?,
            _lock: lock,
        })
    }

    /// Opens the database in `folder` as a [`Store`].
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn store(folder: &Path) -> Result<Store> {
        Self::open(folder, Limits::default()).map(Store::new)
    }
}

/// A database that was opened: its writing connection, its file and its lock.
struct Opened {
    connection: Connection,
    path: PathBuf,
    lock: File,
}

/// Opens, creates or migrates the database in `folder`.
fn open(folder: &Path) -> Result<Opened> {
    let lock = lock(folder)?;
    if is_restore_unfinished(folder) {
        return Err(StorageError::RestoreUnfinished {
            folder: folder.to_owned(),
        });
    }
    let path = folder.join(FILE);
    make_private(&path)?;
    // A write-ahead log that is still there means that the last process did not end in order.
    let has_crashed = folder.join(format!("{FILE}-wal")).exists();
    private::check_files(folder, &SECRETS);
    let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let opened = must_be_ours(&connection, &path)
        .and_then(|()| prepare(&connection))
        .and_then(|()| {
            if has_crashed {
                sync_recovered(&connection)
            } else {
                Ok(())
            }
        })
        .and_then(|()| migrate(&mut connection));
    opened.map_err(|error| {
        if matches!(error, StorageError::Damaged { .. }) {
            StorageError::NoDatabase { file: path.clone() }
        } else {
            error
        }
    })?;
    Ok(Opened {
        connection,
        path,
        lock,
    })
}

impl Backend for Sqlite {
    fn enqueue(&self, job: WriteJob) -> Result<()> {
        self.writer.enqueue(job)
    }

    fn enqueue_urgent(&self, job: WriteJob) -> Result<()> {
        self.writer.enqueue_urgent(job)
    }

    fn read(&self, job: ReadJob) {
        self.readers.read(job);
    }

    fn read_urgently(&self, job: ReadJob) {
        self.readers.read_urgently(job);
    }

    fn gauges(&self) -> WriterGauges {
        self.writer.gauges()
    }
}

/// Whether a backup was about to take the place of what is in `folder`, and did not come to its end.
#[must_use]
pub fn is_restore_unfinished(folder: &Path) -> bool {
    UNFINISHED.iter().any(|name| folder.join(name).exists())
}

/// Locks `folder` for the one program that may change its database.
///
/// The lock belongs to the open file: it goes when the process dies, however it dies.
///
/// # Errors
/// [`StorageError::InUse`], or what the system says.
pub fn lock(folder: &Path) -> Result<File> {
    let doing = "locking the data folder";
    let io = |source| StorageError::Io { doing, source };
    private::make_folder(folder).map_err(io)?;
    let file = private::ensure_private(&folder.join(LOCK)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StorageError::InUse),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

fn make_private(path: &Path) -> Result<()> {
    private::ensure_private(path)
        .map(drop)
        .map_err(|source| StorageError::Io {
            doing: "creating the database",
            source,
        })
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let doing = "opening the database";
    let connection =
        Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).doing(doing)?;
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .doing(doing)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Else SQLite may plan a kept statement anew for every value that is bound, which costs more than
    // running it (<https://www.sqlite.org/queryplanner-ng.html#qpstab>).
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .doing(doing)?;
    Ok(connection)
}

/// Refuses a file that holds tables and none of a server, such as a device's: nothing of it is to be changed.
fn must_be_ours(connection: &Connection, path: &Path) -> Result<()> {
    let foreign: Option<bool> = connection
        .query_row(
            "SELECT COUNT(*) > 0 AND MAX(name = 'entity') = 0 FROM sqlite_master WHERE type = 'table'",
            [],
            |row| row.get(0),
        )
        .doing("looking whose database it is")?;
    if foreign.unwrap_or(false) {
        let file = path.to_owned();
        return Err(StorageError::NoDatabase { file });
    }
    Ok(())
}

/// Settings of the writing connection. `synchronous = FULL` makes every commit reach the disk.
fn prepare(connection: &Connection) -> Result<()> {
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA trusted_schema = OFF;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA wal_autocheckpoint = 4000;
             PRAGMA journal_size_limit = 67108864;",
        )
        .doing("preparing the database")?;
    if usher_domain::mutated!(ServerSkipsFsync) {
        connection
            .execute_batch("PRAGMA synchronous = NORMAL;")
            .doing("preparing the database")?;
    }
    Ok(())
}

/// Syncs what a process that died left in the write-ahead log. A commit that it wrote and could not sync any
/// more is read from there like every other; a device that sends the same records again is told that they are
/// stored, and a loss of power would take them back.
///
/// A checkpoint syncs the log before it copies a page (<https://www.sqlite.org/wal.html#ckpt>): where the disk is
/// too full for the copying, all that is read is durable all the same.
fn sync_recovered(connection: &Connection) -> Result<()> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => Ok(()),
        synced => synced.doing("syncing what was written before a crash"),
    }
}

fn migrate(connection: &mut Connection) -> Result<()> {
    let doing = "migrating the database";
    let found: u32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .doing(doing)?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StorageError::NewerSchema { found, known });
    }
    for (version, step) in (1_u32..).zip(MIGRATIONS).skip(found as usize) {
        let txn = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing(doing)?;
        txn.execute_batch(step).doing(doing)?;
        txn.pragma_update(None, "user_version", version)
            .doing(doing)?;
        txn.commit().doing(doing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
