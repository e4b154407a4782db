//! Rows that this device gave to a restored server, kept until they are safe there.
//!
//! What gives rights waits at the server until a person decides, and the device's own copy follows the
//! server's meanwhile: without these requests, a server that is put back once more would leave the rows
//! nowhere.

use super::super::documents::{Name, name_of};
use super::super::error::Doing as _;
use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::protocol::HandBack;

/// Requests kept of one table at most, of about 256 KiB of rows each. Beyond it the oldest gives way.
const KEPT_MAX: u32 = 512;

/// Forgets the requests of a table.
pub(super) fn forget(conn: &Connection, name: Name) -> Result<(), StoreError> {
    conn.execute("DELETE FROM hand_backs WHERE name = ?1", [name])
        .doing("forgetting rows that were handed back")?;
    Ok(())
}

/// Forgets the requests of all tables.
pub(super) fn forget_all(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("DELETE FROM hand_backs", [])
        .doing("forgetting rows that were handed back")?;
    Ok(())
}

impl Store {
    /// Keeps a request until [`Self::settle_hand_back`] is told that its rows are safe; returns its name.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn keep_hand_back(&mut self, request: &HandBack) -> Result<Hash, StoreError> {
        let doing = "keeping rows that are handed back";
        let name = name_of(request.table);
        let bytes = cbor::encode(request);
        let hash = Hash::of(&[&bytes]);
        self.write(doing, |tx| {
            tx.execute(
                "INSERT INTO hand_backs (name, hash, request) VALUES (?1, ?2, ?3)
                 ON CONFLICT (hash) DO NOTHING",
                (name, hash.as_bytes(), bytes),
            )
            .doing(doing)?;
            tx.execute(
                "DELETE FROM hand_backs WHERE id IN
                    (SELECT id FROM hand_backs WHERE name = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)",
                (name, KEPT_MAX),
            )
            .doing(doing)
        })?;
        Ok(hash)
    }

    /// The names of all requests kept, oldest first.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn hand_backs(&self) -> Result<Vec<Hash>, StoreError> {
        let doing = "listing rows that were handed back";
        let mut statement = self
            .conn
            .prepare_cached("SELECT hash FROM hand_backs ORDER BY id")
            .doing(doing)?;
        let rows = statement
            .query_map([], |row| row.get(0).map(Hash::from_bytes))
            .doing(doing)?;
        rows.collect::<Result<_, _>>().doing(doing)
    }

    /// A request that is kept; nothing if it was settled, or is not readable.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn hand_back(&self, hash: Hash) -> Result<Option<HandBack>, StoreError> {
        let bytes: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT request FROM hand_backs WHERE hash = ?1")
            .and_then(|mut statement| {
                let found = statement.query_row([hash.as_bytes()], |row| row.get(0));
                found.optional()
            })
            .doing("reading rows that were handed back")?;
        Ok(bytes.and_then(|bytes| cbor::decode(&bytes).ok()))
    }

    /// Forgets a request: the server holds its rows, or somebody there refused them, or it proves nothing.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn settle_hand_back(&mut self, hash: Hash) -> Result<(), StoreError> {
        let doing = "forgetting rows that were handed back";
        self.write(doing, |tx| {
            tx.execute("DELETE FROM hand_backs WHERE hash = ?1", [hash.as_bytes()])
                .doing(doing)
        })?;
        Ok(())
    }
}
