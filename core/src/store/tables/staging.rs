//! Taking a snapshot in, first half: its compressed parts are kept one after the other. Wherever a
//! download is cut, it goes on there.

use super::super::documents::name_of;
use super::super::error::Doing as _;
use super::{DROPPED, STAGED, Store, StoreError, bad_rows, generation, set_state};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::document::Accepted;
use usher_domain::table::{Manifest, TableId};

/// A snapshot that is being taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    /// Its signed manifest; accept it again before going on.
    pub manifest: Vec<u8>,
    /// Compressed bytes that are here; the next part begins at this byte.
    pub received: u64,
    /// Compressed bytes of the whole.
    pub total: u64,
}

impl Store {
    /// The snapshot of a table that is being taken in.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn staging(&self, table: TableId) -> Result<Option<Staging>, StoreError> {
        let doing = "reading a staged snapshot";
        let Some(generation) = generation(&self.conn, name_of(table), STAGED)? else {
            return Ok(None);
        };
        let (manifest, total) = self
            .conn
            .query_row(
                "SELECT manifest, total FROM generations WHERE generation = ?1",
                [generation],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .doing(doing)?;
        Ok(Some(Staging {
            manifest,
            received: received(&self.conn, generation)?,
            total,
        }))
    }

    /// Begins to take in the snapshot of a manifest, of `total` compressed bytes. Another one begun before
    /// is given up.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn begin_staging(
        &mut self,
        manifest: &Accepted<Manifest>,
        total: u64,
    ) -> Result<(), StoreError> {
        let name = name_of(manifest.value().table);
        self.write("beginning a snapshot", |tx| {
            if let Some(before) = generation(tx, name, STAGED)? {
                set_state(tx, before, DROPPED)?;
            }
            tx.execute(
                "INSERT INTO generations (name, state, manifest, total) VALUES (?1, ?2, ?3, ?4)",
                (name, STAGED, manifest.document().bytes(), total),
            )
            .doing("beginning a snapshot")?;
            Ok(())
        })
    }

    /// Keeps the next part of a snapshot and says how many bytes are here now.
    ///
    /// # Errors
    /// [`StoreError::PartMissing`] if it does not begin where the one before ended;
    /// [`StoreError::BadRows`] if it is longer than the whole; [`StoreError::NotFound`] if none was begun.
    pub fn stage_part(
        &mut self,
        table: TableId,
        from: u64,
        bytes: &[u8],
    ) -> Result<u64, StoreError> {
        let doing = "keeping a part of a snapshot";
        self.write(doing, |tx| {
            let generation = generation(tx, name_of(table), STAGED)?
                .ok_or(StoreError::NotFound { what: "snapshot" })?;
            let here = received(tx, generation)?;
            if from != here {
                return Err(StoreError::PartMissing { expected: here });
            }
            let after = here + bytes.len() as u64;
            let total: u64 = tx
                .query_row(
                    "SELECT total FROM generations WHERE generation = ?1",
                    [generation],
                    |row| row.get(0),
                )
                .doing(doing)?;
            if after > total {
                return Err(bad_rows(table, "the snapshot is longer than announced"));
            }
            if !bytes.is_empty() {
                tx.execute(
                    "INSERT INTO parts (generation, start, bytes) VALUES (?1, ?2, ?3)",
                    (generation, from, bytes),
                )
                .doing(doing)?;
            }
            Ok(after)
        })
    }

    /// Gives up the snapshot that is being taken in, if there is one.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn abandon_staging(&mut self, table: TableId) -> Result<(), StoreError> {
        self.write("giving up a snapshot", |tx| {
            match generation(tx, name_of(table), STAGED)? {
                Some(generation) => set_state(tx, generation, DROPPED),
                None => Ok(()),
            }
        })
    }
}

fn received(conn: &Connection, generation: i64) -> Result<u64, StoreError> {
    let end: Option<u64> = conn
        .prepare_cached(
            "SELECT start + length(bytes) FROM parts WHERE generation = ?1
             ORDER BY start DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([generation], |row| row.get(0))
                .optional()
        })
        .doing("reading a staged snapshot")?;
    Ok(end.unwrap_or(0))
}
