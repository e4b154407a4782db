//! Numbered migrations, one transaction each. A released file is never changed.

use super::StoreError;
use super::error::Doing as _;
use rusqlite::{Connection, TransactionBehavior};

const MIGRATIONS: [&str; 5] = [
    include_str!("migrations/0001_device.sql"),
    include_str!("migrations/0002_signatures.sql"),
    include_str!("migrations/0003_feed_histories.sql"),
    include_str!("migrations/0004_hand_backs.sql"),
    include_str!("migrations/0005_corrections.sql"),
];

/// The migration from which on corrections are found by their tickets; what records say is not read by SQL.
const CORRECTIONS: u32 = 5;

/// The schema that this program knows.
pub(super) const KNOWN: u32 = MIGRATIONS.len() as u32;

/// The schema of a file.
pub(super) fn version(conn: &Connection) -> Result<u32, StoreError> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
        .doing("reading the schema's version")
}

/// Whether a file holds tables, and none of a device: nothing of it is to be changed.
pub(super) fn is_foreign(conn: &Connection) -> Result<bool, StoreError> {
    conn.query_row(
        "SELECT COUNT(*) > 0 AND MAX(name = 'generations') = 0 FROM sqlite_master WHERE type = 'table'",
        [],
        |row| row.get::<_, Option<bool>>(0),
    )
    .doing("looking whose file it is")
    .map(|foreign| foreign.unwrap_or(false))
}

/// Brings a file to the schema that this program knows.
///
/// # Errors
/// [`StoreError::NewerSchema`] if the file is ahead of it.
pub(super) fn migrate(conn: &mut Connection) -> Result<u32, StoreError> {
    let found = version(conn)?;
    if found > KNOWN {
        return Err(StoreError::NewerSchema {
            found,
            known: KNOWN,
        });
    }
    for (number, sql) in (1_u32..).zip(MIGRATIONS) {
        if number > found {
            let tx = conn
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .doing("migrating the store")?;
            tx.execute_batch(sql).doing("migrating the store")?;
            if number == CORRECTIONS {
                super::records::index_corrections(&tx)?;
            }
            tx.pragma_update(None, "user_version", number)
                .doing("migrating the store")?;
            tx.commit().doing("migrating the store")?;
        }
    }
    Ok(found)
}
