//! Copies of the database: made while a server works with it, and looked at without changing them.

use super::statements::{Doing as _, Session};
use super::{FILE, MIGRATIONS, connect};
use crate::storage::{Result, StorageError, Transaction};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// Pages that are copied at once: a megabyte, as SQLite sizes its pages here.
const STEP_PAGES: i32 = 256;

/// What a database holds, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Organizers.
    pub organizers: u64,
    /// Sessions of all events.
    pub sessions: u64,
    /// Tickets of all events.
    pub tickets: u64,
    /// Devices, those that were revoked among them.
    pub devices: u64,
    /// Records of all logs.
    pub records: u64,
}

/// Copies the database of the server in `folder`, as it is at one moment, into the empty file `to`;
/// `between` is called after each step.
///
/// A server may work with it meanwhile: the copy is read in one transaction, and in WAL mode a reader never
/// keeps a writer waiting (<https://www.sqlite.org/wal.html>, section 2.2). The copy is one file, without a
/// journal beside it.
///
/// # Errors
/// [`StorageError`]. What was written so far is of no use then.
pub fn copy(folder: &Path, to: &Path, mut between: impl FnMut()) -> Result<()> {
    let doing = "copying the database";
    let mut source = connect(&folder.join(FILE), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut copy = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Whoever asked for it makes it durable once it is whole; until then it is worth nothing.
    copy.execute_batch("PRAGMA synchronous = OFF;")
        .doing(doing)?;
    // One transaction over all steps: without it, each write in between would start the copy anew.
    let reading = source
        .transaction_with_behavior(TransactionBehavior::Deferred)
        .doing(doing)?;
    schema(&reading)?;
    {
        let backup = Backup::new(&reading, &mut copy).doing(doing)?;
        loop {
            let step = backup.step(STEP_PAGES).doing(doing)?;
            if step == StepResult::Done {
                break;
            }
            if matches!(step, StepResult::Busy | StepResult::Locked) {
                return Err(StorageError::Busy);
            }
            between();
        }
    }
    drop(reading);
    // The copied header says WAL, which would make files beside the copy wherever it is looked at.
    let mode: String = copy
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .doing(doing)?;
    if mode != "delete" {
        return Err(StorageError::Failed {
            doing,
            detail: format!("its journal stays in mode {mode}"),
        });
    }
    copy.close().map_err(|(_, error)| error).doing(doing)
}

/// The version of the schema; one that this program does not know is refused.
fn schema(connection: &Connection) -> Result<u32> {
    let found: u32 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .doing("reading the version of the database")?;
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        return Err(StorageError::NewerSchema { found, known });
    }
    Ok(found)
}

/// A database that is only looked at.
pub struct Look {
    connection: Connection,
}

impl Look {
    /// Opens a file of a known schema, and never changes it.
    ///
    /// # Errors
    /// [`StorageError::NoDatabase`] for anything but a database of a server, [`StorageError::NewerSchema`].
    pub fn at(file: &Path) -> Result<Self> {
        let no_database = || StorageError::NoDatabase {
            file: file.to_owned(),
        };
        let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match schema(&connection) {
            Ok(0) | Err(StorageError::Damaged { .. }) => Err(no_database()),
            Ok(_) => Ok(Self { connection }),
            Err(error) => Err(error),
        }
    }

    /// Reads all of it: every page, every row against the columns' rules, every index against its table.
    ///
    /// # Errors
    /// [`StorageError::Damaged`].
    pub fn check(&self) -> Result<()> {
        let doing = "checking the database";
        let found: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .doing(doing)?;
        if found == "ok" {
            Ok(())
        } else {
            // What SQLite found may show values.
            Err(StorageError::Damaged { doing })
        }
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn totals(&self) -> Result<Totals> {
        self.connection
            .query_row(
                "SELECT (SELECT count(*) FROM entity WHERE kind = 1),
                        (SELECT count(*) FROM entity WHERE kind = 3),
                        (SELECT count(*) FROM ticket),
                        (SELECT count(*) FROM entity WHERE kind = 9),
                        (SELECT count(*) FROM record WHERE repeated = 0)",
                [],
                |row| {
                    Ok(Totals {
                        organizers: row.get(0)?,
                        sessions: row.get(1)?,
                        tickets: row.get(2)?,
                        devices: row.get(3)?,
                        records: row.get(4)?,
                    })
                },
            )
            .doing("counting what the database holds")
    }

    /// Reads from it as a job does.
    ///
    /// # Errors
    /// What the job returns.
    pub fn read<T>(&self, job: impl FnOnce(&dyn Transaction) -> Result<T>) -> Result<T> {
        job(&Session {
            connection: &self.connection,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::sqlite::Sqlite;
    use crate::storage::{Entity, Kind, Space, Store};
    use tempfile::TempDir;
    use usher_domain::time::UnixMillis;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    fn put(store: &Store, key: [u8; 4], value: Vec<u8>) {
        let write = store
            .write(move |txn| txn.put_value(Space::Idempotency, &key, &value, UnixMillis::new(1)));
        runtime().block_on(write).unwrap();
    }

    /// A server's folder of some megabytes, so that a copy takes several steps.
    fn filled() -> (TempDir, Store) {
        let folder = TempDir::new().unwrap();
        let store = Sqlite::store(folder.path()).unwrap();
        for number in 0..4_u32 {
            put(&store, number.to_be_bytes(), vec![7; 1 << 20]);
        }
        (folder, store)
    }

    fn copied(folder: &Path, between: impl FnMut()) -> (TempDir, Look) {
        let to = TempDir::new().unwrap();
        let file = to.path().join("copy.db");
        std::fs::File::create(&file).unwrap();
        copy(folder, &file, between).unwrap();
        let look = Look::at(&file).unwrap();
        (to, look)
    }

    #[test]
    fn a_server_writes_between_the_steps_of_a_copy_and_the_copy_is_of_one_moment() {
        let (folder, store) = filled();
        let mut written = 0_u32;
        let (to, look) = copied(folder.path(), || {
            written += 1;
            put(&store, (100 + written).to_be_bytes(), vec![8; 100_000]);
            let gate = Entity {
                kind: Kind::Organizer,
                id: [u8::try_from(written).unwrap(); 16],
                parent: [0; 16],
                slug: None,
                body: Vec::new(),
            };
            let write = store.write(move |txn| txn.put_entity(&gate));
            runtime().block_on(write).unwrap();
        });
        assert!(written >= 3, "{written} steps");
        look.check().unwrap();
        assert_eq!(look.totals().unwrap(), Totals::default());
        let value = |look: &Look, key: u32| {
            look.read(|txn| txn.value(Space::Idempotency, &key.to_be_bytes()))
                .unwrap()
        };
        assert_eq!(value(&look, 3), Some(vec![7; 1 << 20]));
        assert_eq!(value(&look, 101), None);
        assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 1);
        // What was written meanwhile is in the next one.
        let (_to, look) = copied(folder.path(), || ());
        assert_eq!(value(&look, 101), Some(vec![8; 100_000]));
        assert_eq!(look.totals().unwrap().organizers, u64::from(written));
    }

    #[test]
    fn what_a_killed_server_left_in_its_journal_is_in_the_copy() {
        let (folder, _store) = filled();
        let left = TempDir::new().unwrap();
        for file in [FILE, "usher.db-wal"] {
            std::fs::copy(folder.path().join(file), left.path().join(file)).unwrap();
        }
        let (_to, look) = copied(left.path(), || ());
        let last = look.read(|txn| txn.value(Space::Idempotency, &3_u32.to_be_bytes()));
        assert!(last.unwrap().is_some());
    }

    #[test]
    fn a_file_that_is_no_database_of_a_server_is_refused_and_left_alone() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join(FILE);
        for content in [String::new(), "nothing of ours\n".repeat(1_000)] {
            std::fs::write(&file, &content).unwrap();
            let refused = Look::at(&file).err();
            assert!(
                matches!(refused, Some(StorageError::NoDatabase { .. })),
                "{refused:?}"
            );
            assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
        }
    }

    #[test]
    fn a_page_that_was_overwritten_is_found() {
        let (folder, store) = filled();
        drop(store);
        let file = folder.path().join(FILE);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0xa5);
        std::fs::write(&file, bytes).unwrap();
        let checked = Look::at(&file).and_then(|look| look.check());
        assert!(
            matches!(checked, Err(StorageError::Damaged { .. })),
            "{checked:?}"
        );
    }
}
