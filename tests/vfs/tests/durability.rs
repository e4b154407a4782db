//! What SQLite promises, it keeps on these disks; and a disk that lies about syncs is found out.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails at once, and says where"
)]

use proptest::prelude::*;
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;
use usher_vfs::{Disk, Faults};

/// What happens to a database.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A transaction of so many rows of so many bytes.
    Commit { rows: u8, bytes: u16 },
    /// A transaction that is open when the next step comes, if that is a crash.
    Begin { rows: u8 },
    /// The log is worked into the file.
    Checkpoint,
    /// Closed in order, and opened.
    Reopen,
    /// The program is killed.
    Kill,
    /// The power is lost.
    PowerLoss,
    /// The program dies within a transaction, after so many writes and syncs, and is started again; before
    /// that the power is lost or not.
    Die { after: u8, with_power: bool },
    /// A write fails after so many.
    FailWrite(u8),
    /// A sync fails after so many.
    FailSync(u8),
    /// The disk has no more room than it uses.
    Full,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..20_u8, 1..3_000_u16).prop_map(|(rows, bytes)| Step::Commit { rows, bytes }),
        2 => (1..20_u8).prop_map(|rows| Step::Begin { rows }),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        3 => Just(Step::PowerLoss),
        3 => (0..25_u8, any::<bool>()).prop_map(|(after, with_power)| Step::Die { after, with_power }),
        1 => (0..12_u8).prop_map(Step::FailWrite),
        1 => (0..4_u8).prop_map(Step::FailSync),
        1 => Just(Step::Full),
    ];
    prop::collection::vec(step, 1..40)
}

/// Opens a database as our programs do: what a program that died left in the log is synced by a checkpoint,
/// before anybody reads it.
fn open(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("a.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 20;
             PRAGMA wal_checkpoint(PASSIVE);
             CREATE TABLE IF NOT EXISTS line (number INTEGER PRIMARY KEY, body BLOB);",
        )
        .unwrap();
    connection
}

fn insert(connection: &Connection, from: u64, rows: u8, bytes: u16) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for number in from..from + u64::from(rows) {
        connection.execute(
            "INSERT INTO line (number, body) VALUES (?1, zeroblob(?2))",
            (number, bytes),
        )?;
    }
    Ok(())
}

/// How many rows there are from 1 on without a hole, in a file without damage; none if it is damaged.
fn whole_rows(folder: &Path) -> rusqlite::Result<u64> {
    let connection = Connection::open(folder.join("a.db"))?;
    let word: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if word != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    connection.query_row(
        "SELECT count(*) FROM line WHERE number <= (SELECT count(*) FROM line)",
        [],
        |row| row.get(0),
    )
}

/// Runs steps; tells whether every committed row was there after every crash, and the file whole.
fn keeps_its_word(steps: &[Step], seed: u64, lying: bool) -> bool {
    usher_vfs::install();
    let folder = TempDir::new().unwrap();
    let disk = Disk::empty(folder.path());
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut connection = open(folder.path());
    let (mut committed, mut written) = (0_u64, 0_u64);
    for step in steps {
        disk.set_faults(Faults {
            lying,
            ..Faults::default()
        });
        if !connection.is_autocommit() && !matches!(step, Step::Kill | Step::PowerLoss) {
            connection.execute_batch("ROLLBACK").unwrap();
        }
        match *step {
            Step::Commit { rows, bytes } => {
                insert(&connection, committed + 1, rows, bytes).unwrap();
                connection.execute_batch("COMMIT").unwrap();
                committed += u64::from(rows);
            }
            Step::Begin { rows } => insert(&connection, committed + 1, rows, 100).unwrap(),
            Step::Checkpoint => {
                connection
                    .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
                    .unwrap();
            }
            Step::Reopen => {
                drop(connection);
                connection = open(folder.path());
            }
            Step::Kill | Step::PowerLoss => {
                if matches!(step, Step::Kill) {
                    disk.kill();
                } else {
                    disk.lose_power(&mut dice).unwrap();
                }
                drop(connection);
                match whole_rows(folder.path()) {
                    // What failed without an answer may be there after all.
                    Ok(rows) if (committed..=committed.max(written)).contains(&rows) => {
                        committed = rows;
                    }
                    Ok(_) | Err(_) => return false,
                }
                connection = open(folder.path());
            }
            Step::Die { after, with_power } => {
                let death = Some(after.into());
                disk.set_faults(Faults {
                    lying,
                    death,
                    ..Faults::default()
                });
                try_commit(&connection, &mut committed, &mut written);
                if disk.has_died() {
                    if with_power {
                        disk.kill();
                    } else {
                        disk.lose_power(&mut dice).unwrap();
                    }
                    drop(connection);
                    disk.set_faults(Faults::default());
                    connection = open(folder.path());
                    let rows: u64 = connection
                        .query_row("SELECT count(*) FROM line", [], |row| row.get(0))
                        .unwrap();
                    if !(committed..=committed.max(written)).contains(&rows) {
                        return false;
                    }
                    committed = rows;
                }
            }
            Step::FailWrite(number) => {
                let write = Some(number.into());
                disk.set_faults(Faults {
                    lying,
                    write,
                    ..Faults::default()
                });
                try_commit(&connection, &mut committed, &mut written);
            }
            Step::FailSync(number) => {
                let sync = Some(number.into());
                disk.set_faults(Faults {
                    lying,
                    sync,
                    ..Faults::default()
                });
                try_commit(&connection, &mut committed, &mut written);
            }
            Step::Full => {
                let room = Some(disk.used() + 5_000);
                disk.set_faults(Faults {
                    lying,
                    room,
                    ..Faults::default()
                });
                try_commit(&connection, &mut committed, &mut written);
            }
        }
        written = written.max(committed);
    }
    true
}

/// A transaction that may fail: then it may be there later or not, but never in part.
fn try_commit(connection: &Connection, committed: &mut u64, written: &mut u64) {
    let done = insert(connection, *committed + 1, 9, 1_000)
        .and_then(|()| connection.execute_batch("COMMIT"));
    if done.is_ok() {
        *committed += 9;
    } else {
        *written = (*committed + 9).max(*written);
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").unwrap();
        }
    }
}

proptest! {
    #[test]
    fn what_was_committed_survives_every_crash(steps in steps(), seed: u64) {
        prop_assert!(keeps_its_word(&steps, seed, false));
    }
}

#[test]
fn a_disk_that_lies_about_syncs_loses_what_was_committed() {
    let steps = [
        Step::Commit {
            rows: 3,
            bytes: 100,
        },
        Step::Commit {
            rows: 3,
            bytes: 100,
        },
        Step::PowerLoss,
    ];
    let lost = (0..40)
        .filter(|seed| !keeps_its_word(&steps, *seed, true))
        .count();
    assert!(lost > 10, "{lost} of 40");
}

#[test]
fn readers_see_what_a_writer_committed_and_none_waits_for_the_other() {
    usher_vfs::install();
    let folder = TempDir::new().unwrap();
    let _disk = Disk::empty(folder.path());
    let writer = open(folder.path());
    let reader = Connection::open(folder.path().join("a.db")).unwrap();
    let count = |connection: &Connection| -> u64 {
        connection
            .query_row("SELECT count(*) FROM line", [], |row| row.get(0))
            .unwrap()
    };
    insert(&writer, 1, 5, 10).unwrap();
    assert_eq!(count(&reader), 0);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), 5);
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(count(&reader), 5);
    insert(&writer, 6, 5, 10).unwrap();
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&reader), 5);
    let second = open(folder.path());
    insert(&writer, 11, 1, 10).unwrap();
    assert!(insert(&second, 11, 1, 10).is_err(), "one writer at a time");
    writer.execute_batch("ROLLBACK").unwrap();
    insert(&second, 11, 1, 10).unwrap();
}

#[test]
fn a_copy_goes_on_from_where_it_was_made() {
    usher_vfs::install();
    let folder = TempDir::new().unwrap();
    let disk = Disk::empty(folder.path());
    let connection = open(folder.path());
    insert(&connection, 1, 4, 10).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    let image = disk.image().unwrap();
    insert(&connection, 5, 4, 10).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    let other = TempDir::new().unwrap();
    let _beside = Disk::of(&image, other.path()).unwrap();
    assert_eq!(whole_rows(other.path()).unwrap(), 4);
    disk.restore(&image).unwrap();
    drop(connection);
    assert_eq!(whole_rows(folder.path()).unwrap(), 4);
}

#[test]
fn the_system_tells_which_files_are_there_and_may_rename_them() {
    usher_vfs::install();
    let folder = TempDir::new().unwrap();
    let _disk = Disk::empty(folder.path());
    let path = folder.path().join("a.db");
    assert!(!path.exists());
    let connection = open(folder.path());
    insert(&connection, 1, 4, 10).unwrap();
    connection.execute_batch("COMMIT").unwrap();
    assert!(path.exists() && folder.path().join("a.db-wal").exists());
    drop(connection);
    assert!(!folder.path().join("a.db-wal").exists());
    std::fs::rename(&path, folder.path().join("aside.db")).unwrap();
    drop(open(folder.path()));
    assert_eq!(whole_rows(folder.path()).unwrap(), 0);
    let aside = Connection::open(folder.path().join("aside.db")).unwrap();
    let rows: u64 = aside
        .query_row("SELECT count(*) FROM line", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 4);
}

#[test]
fn a_file_elsewhere_is_a_real_one() {
    usher_vfs::install();
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    assert!(
        std::fs::read(folder.path().join("a.db"))
            .unwrap()
            .starts_with(b"SQLite format 3")
    );
}
