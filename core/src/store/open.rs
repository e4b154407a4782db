//! Opening the file: one process at a time, durable by default, a damaged file set aside.

use super::error::Doing as _;
use super::rescue::{self, Rescue};
use super::{Store, StoreError, identity, private, schema};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::cell::RefCell;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use usher_domain::hash::Hash;
use usher_domain::time::UnixMillis;

const FILE: &str = "usher.db";
const LOCK: &str = "usher.lock";
/// How the ending of a damaged file begins.
const ASIDE: &str = "damaged-";
/// Written when damage is met at work, and gone after a repair.
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
        // Of damage that is known a person decides when to repair it.
        let look = if folder.join(SUSPECT).exists() {
            Look::Lightly
        } else {
            Look::AfterCrash
        };
        Self::open_looking(folder, now, look)
    }

    /// Opens the store like [`Self::open`], but looks at all of it: a file in which damage was met before,
    /// or is met now, is set aside, for only a new one can be trusted. It takes long for large stores.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_repair(folder: &Path, now: UnixMillis) -> Result<(Self, Opened), StoreError> {
        let (store, opened) = Self::open_looking(folder, now, Look::Closely)?;
        let _gone = fs::remove_file(folder.join(SUSPECT));
        Ok((store, opened))
    }

    fn open_looking(
        folder: &Path,
        now: UnixMillis,
        look: Look,
    ) -> Result<(Self, Opened), StoreError> {
        make_private(folder)?;
        let path = folder.join(FILE);
        let lock = lock(folder).map_err(|error| foreign(&path).unwrap_or(error))?;
        let existed = path.exists();
        let connected = match look {
            Look::Closely if folder.join(SUSPECT).exists() => Err(StoreError::Damaged {
                doing: "repairing the store",
            }),
            Look::Closely | Look::AfterCrash | Look::Lightly => connect(&path, look),
        };
        let (conn, opened) = match connected {
            Ok((conn, _)) if !existed => (conn, Opened::New),
            Ok((conn, was)) => (conn, Opened::Known { was }),
            Err(StoreError::Damaged { .. }) => {
                let aside = set_aside(&path, now)?;
                let (mut conn, _) = connect(&path, Look::AfterCrash)?;
                let rescue = rescue::rescue(&aside, &mut conn)?;
                let _gone = fs::remove_file(folder.join(SUSPECT));
                (conn, Opened::Rescued(rescue))
            }
            Err(error) => return Err(error),
        };
        let mut store = Self {
            conn,
            folder: folder.to_owned(),
            clock: None,
            cut_extents: RefCell::default(),
            knowledge: 0,
            _lock: lock,
        };
        if store.is_wiping().unwrap_or(false) {
            // What fails now is tried again with the next exchange and at the next opening.
            let _best_effort = store.finish_wiping();
        }
        let exposures = private::take_rights_of_others(folder)?;
        // A disk too full to note it on is told by itself.
        let _best_effort = store.note_exposures(now, &exposures);
        Ok((store, opened))
    }

    /// Remembers that the file is damaged. A gate goes on with what it can read, and refers where it
    /// cannot: to lose all tables at once would be worse while people wait. [`Self::open_to_repair`] mends.
    pub fn suspect(&self) {
        let _best_effort = private::open_private(&self.folder.join(SUSPECT));
    }

    /// Whether damage was met and not repaired yet.
    #[must_use]
    pub fn is_suspect(&self) -> bool {
        self.folder.join(SUSPECT).exists()
    }
}

/// How closely a file is looked at when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// At no more than opening needs.
    Lightly,
    /// As a whole only if the last process did not end in order.
    AfterCrash,
    /// At everything in it.
    Closely,
}

/// Makes the folder if it is missing, for its owner alone. A folder that was there before keeps what its
/// owner decided; the files in it are private all the same.
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
    let file = private::open_private(&folder.join(LOCK))
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
fn connect(path: &Path, look: Look) -> Result<(Connection, u32), StoreError> {
    // A write-ahead log that is still there means that the last process did not end in order.
    let has_crashed = wal(path).exists();
    let check = match look {
        Look::Lightly => false,
        Look::AfterCrash => has_crashed,
        Look::Closely => true,
    };
    if !path.exists() {
        private::open_private(path).map_err(StoreError::io("opening the store"))?;
    }
    let mut conn = Connection::open(path).doing("opening the store")?;
    if schema::is_foreign(&conn)? {
        return Err(not_a_device(path));
    }
    configure(&conn)?;
    let found = schema::version(&conn)?;
    if check && found > 0 {
        check_whole(&conn)?;
    }
    if look == Look::Closely && found > 0 {
        check_facts(&conn)?;
    }
    if has_crashed {
        sync_recovered(&conn)?;
    }
    let was = schema::migrate(&mut conn)?;
    Ok((conn, was))
}

fn not_a_device(path: &Path) -> StoreError {
    StoreError::Foreign {
        folder: path.parent().unwrap_or(path).to_owned(),
    }
}

/// That a folder in use is none of a device, such as that of a server which runs.
fn foreign(path: &Path) -> Option<StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = Connection::open_with_flags(path, flags).ok()?;
    let foreign = schema::is_foreign(&conn).ok()?;
    foreign.then(|| not_a_device(path))
}

fn configure(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;
         PRAGMA journal_size_limit = 16777216;",
    )
    .doing("configuring the store")?;
    if usher_domain::mutated!(SkipFsync) {
        conn.execute_batch("PRAGMA synchronous = NORMAL;")
            .doing("configuring the store")?;
    }
    conn.set_prepared_statement_cache_capacity(64);
    // Else SQLite may plan a kept statement anew for every value that is bound, which costs more than
    // running it (<https://www.sqlite.org/queryplanner-ng.html#qpstab>).
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .doing("configuring the store")?;
    Ok(())
}

/// Syncs what a process that died left in the write-ahead log. A commit that it wrote and could not sync any
/// more is read from there like every other, and a loss of power would take it back after it was shown.
///
/// A checkpoint syncs the log before it copies a page (<https://www.sqlite.org/wal.html#ckpt>): where the disk is
/// too full for the copying, all that is read is durable all the same. Into a folder that is read only nothing
/// was written.
fn sync_recovered(conn: &Connection) -> Result<(), StoreError> {
    let synced = conn
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .doing("syncing what was written before a crash");
    match synced {
        Err(StoreError::Full { .. } | StoreError::ReadOnly { .. }) => Ok(()),
        synced => synced,
    }
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

/// Pages may be in order and their content be changed: what nobody signs for again is read.
fn check_facts(conn: &Connection) -> Result<(), StoreError> {
    let doing = "checking records and identity";
    let damaged = |_| StoreError::Damaged { doing };
    identity::load(conn).map_err(damaged)?;
    let mut statement = conn
        .prepare("SELECT hash, body FROM records ORDER BY place")
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().map_err(|_| StoreError::Damaged { doing })? {
        let hash: [u8; 32] = row.get(0).map_err(|_| StoreError::Damaged { doing })?;
        let body: Vec<u8> = row.get(1).map_err(|_| StoreError::Damaged { doing })?;
        if Hash::of(&[&body]).as_bytes() != &hash {
            return Err(StoreError::Damaged { doing });
        }
    }
    Ok(())
}

/// The files that were set aside as damaged, with their write-ahead logs.
pub(super) fn set_aside_files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let start = Path::new(FILE).with_extension(ASIDE);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io("listing the device folder"))? {
        let entry = entry.map_err(StoreError::io("listing the device folder"))?;
        let name = entry.file_name();
        let is_aside = name
            .as_encoded_bytes()
            .starts_with(start.as_os_str().as_encoded_bytes());
        if is_aside && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// Renames a damaged file, with its write-ahead log; nothing is deleted.
fn set_aside(path: &Path, now: UnixMillis) -> Result<PathBuf, StoreError> {
    let doing = "setting a damaged store aside";
    let mut aside = PathBuf::new();
    // Never over one that was set aside before.
    for number in 0_u32.. {
        let suffix = match number {
            0 => format!("{ASIDE}{}", now.get()),
            _ => format!("{ASIDE}{}-{number}", now.get()),
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
