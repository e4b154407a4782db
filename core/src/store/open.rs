//! Opening the file: one process at a time, durable by default, a damaged file set aside.

use super::error::Doing as _;
use super::rescue::{self, Rescue};
use super::{Store, StoreError, schema};
use rusqlite::Connection;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use usher_domain::time::UnixMillis;

const FILE: &str = "usher.db";
const LOCK: &str = "usher.lock";
/// Written when damage is met at work, so that the next opening looks closely.
const SUSPECT: &str = "usher.suspect";

/// What opening the store found. A person should hear of the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// Nothing was there.
    New,
    /// A store of the schema `was`, which is now the newest.
    Known {
        /// Its schema before.
        was: u32,
    },
    /// The file was damaged. It was set aside, and what could be read was taken over.
    Rescued(Rescue),
}

impl Store {
    /// Opens the store in `folder`, which is made if missing. `now` names a damaged file set aside.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NewerSchema`], [`StoreError::ReadOnly`], or what the file
    /// system says.
    pub fn open(folder: &Path, now: UnixMillis) -> Result<(Self, Opened), StoreError> {
        make_private(folder)?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let existed = path.exists();
        let (conn, opened) = match connect(&path, folder) {
            Ok((conn, _)) if !existed => (conn, Opened::New),
            Ok((conn, was)) => (conn, Opened::Known { was }),
            Err(StoreError::Damaged { .. }) => {
                let aside = set_aside(&path, now)?;
                let (mut conn, _) = connect(&path, folder)?;
                let rescue = rescue::rescue(&aside, &mut conn)?;
                (conn, Opened::Rescued(rescue))
            }
            Err(error) => return Err(error),
        };
        let _gone = fs::remove_file(folder.join(SUSPECT));
        let store = Self {
            conn,
            folder: folder.to_owned(),
            clock: None,
            knowledge: 0,
            _lock: lock,
        };
        Ok((store, opened))
    }

    /// Remembers that the file is damaged; the next [`Store::open`] checks all of it.
    pub fn suspect(&self) {
        let _best_effort = fs::write(self.folder.join(SUSPECT), []);
    }
}

/// Makes the folder if it is missing. It holds the device's key, so only its owner may look into it; a
/// folder that was there before keeps what its owner decided.
fn make_private(folder: &Path) -> Result<(), StoreError> {
    let doing = "making the device folder";
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(StoreError::io(doing))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let owner_only = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder, owner_only).map_err(StoreError::io(doing))?;
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(StoreError::io("opening the lock file"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => {
            Err(StoreError::io("locking the device folder")(source))
        }
    }
}

/// Opens the file with the settings that every promise of the store rests on.
fn connect(path: &Path, folder: &Path) -> Result<(Connection, u32), StoreError> {
    // A write-ahead log that is still there means that the last process did not end in order; then, or
    // after damage was met, the whole file is checked.
    let check = wal(path).exists() || folder.join(SUSPECT).exists();
    let mut conn = Connection::open(path).doing("opening the store")?;
    configure(&conn)?;
    let found = schema::version(&conn)?;
    if check && found > 0 {
        check_whole(&conn)?;
    }
    let was = schema::migrate(&mut conn)?;
    Ok((conn, was))
}

fn configure(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;
         PRAGMA journal_size_limit = 16777216;",
    )
    .doing("configuring the store")?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn check_whole(conn: &Connection) -> Result<(), StoreError> {
    let doing = "checking the store";
    let word: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .doing(doing)?;
    if word == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged { doing })
    }
}

/// Renames a damaged file, with its write-ahead log; nothing is deleted.
fn set_aside(path: &Path, now: UnixMillis) -> Result<PathBuf, StoreError> {
    let doing = "setting a damaged store aside";
    let mut aside = PathBuf::new();
    // Never over one that was set aside before.
    for number in 0_u32.. {
        let suffix = match number {
            0 => format!("damaged-{}", now.get()),
            _ => format!("damaged-{}-{number}", now.get()),
        };
        aside = path.with_extension(suffix);
        if !aside.exists() {
            break;
        }
    }
    fs::rename(path, &aside).map_err(StoreError::io(doing))?;
    if wal(path).exists() {
        fs::rename(wal(path), wal(&aside)).map_err(StoreError::io(doing))?;
    }
    let shm = with_suffix(path, "-shm");
    if shm.exists() {
        // Only an index of the log, made anew by whoever opens it.
        fs::remove_file(shm).map_err(StoreError::io(doing))?;
    }
    Ok(aside)
}

fn wal(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
