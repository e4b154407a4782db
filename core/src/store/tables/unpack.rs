//! Taking a snapshot in, second half: row by row in small transactions, then in one go into the place of
//! the old generation. Wherever it is cut, it goes on there.

use super::super::documents::{self, Name, name_of};
use super::super::error::Doing as _;
use super::fault::RowFault;
use super::index::Gathered;
use super::parts::{Place, Source};
use super::unzip::Unzip;
use super::{
    DROPPED, SERVING, STAGED, Store, StoreError, bad_rows, generation, save_digests, set_state,
};
use rusqlite::Connection;
use usher_domain::document::{Accepted, Held};
use usher_domain::table::{Manifest, RowReader, SnapshotDigest, TableId};

/// Unpacked pieces whose rows are written in one transaction; a scan waits for one at most.
const STEP_PIECES: usize = 4;

/// How far a snapshot is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do.
    Rows {
        /// Rows unpacked.
        done: u64,
        /// Rows that the manifest names.
        of: u64,
    },
    /// It serves.
    Serving,
}

impl Store {
    /// Begins, or begins again, to unpack a snapshot whose parts are all here. `manifest` is the staged
    /// one, accepted again: in the meantime a newer version may have come in by another way.
    ///
    /// # Errors
    /// [`StoreError::PartMissing`] if parts are missing; [`StoreError::NotFound`] if no snapshot of this
    /// manifest is staged.
    pub fn unpack(&self, manifest: &Accepted<Manifest>) -> Result<Unpacking, StoreError> {
        let table = manifest.value().table;
        let staging = self
            .staging(table)?
            .filter(|staging| staging.manifest == manifest.document().bytes())
            .ok_or(StoreError::NotFound { what: "snapshot" })?;
        if staging.received < staging.total {
            return Err(StoreError::PartMissing {
                expected: staging.received,
            });
        }
        let name = name_of(table);
        let generation = generation(&self.conn, name, STAGED)?
            .ok_or(StoreError::NotFound { what: "snapshot" })?;
        let written = self
            .conn
            .query_row(
                "SELECT staged FROM generations WHERE generation = ?1",
                [generation],
                |row| row.get(0),
            )
            .doing("reading a staged snapshot")?;
        Ok(Unpacking {
            table,
            name,
            generation,
            manifest: manifest.document().bytes().to_vec(),
            held: manifest.held(),
            expected: manifest.value().clone(),
            stage: Stage::Rows(Box::new(Rows {
                unzip: Unzip::new(),
                place: Place::default(),
                reader: RowReader::default(),
                digest: SnapshotDigest::default(),
                seen: 0,
                written,
            })),
            index: Gathered::default(),
        })
    }
}

/// A snapshot being unpacked. It holds no lock between its steps, so scans go on meanwhile; dropped
/// before its end, it is begun again with [`Store::unpack`], and rows that are written stay.
pub struct Unpacking {
    table: TableId,
    name: Name,
    generation: i64,
    manifest: Vec<u8>,
    held: Held,
    expected: Manifest,
    stage: Stage,
    index: Gathered,
}

enum Stage {
    Rows(Box<Rows>),
    Index(usher_domain::table::Digests),
    Serving,
}

struct Rows {
    unzip: Unzip,
    place: Place,
    reader: RowReader,
    digest: SnapshotDigest,
    seen: u64,
    written: u64,
}

impl std::fmt::Debug for Unpacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unpacking({:?})", self.table)
    }
}

impl Unpacking {
    /// Does a little more, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::BadRows`] or [`StoreError::DigestMismatch`] if the snapshot is not what its manifest
    /// says: it is given up then, and what served goes on serving.
    pub fn step(&mut self, store: &mut Store) -> Result<Progress, StoreError> {
        let done = self.try_step(store);
        if let Err(StoreError::BadRows { .. } | StoreError::DigestMismatch { .. }) = &done {
            store.abandon_staging(self.table)?;
        }
        done
    }

    fn try_step(&mut self, store: &mut Store) -> Result<Progress, StoreError> {
        if self.index.is_full() || matches!(self.stage, Stage::Index(_)) {
            return self.write_index(store);
        }
        let Stage::Rows(rows) = &mut self.stage else {
            return Ok(Progress::Serving);
        };
        let (table, generation) = (self.table, self.generation);
        let index = &mut self.index;
        let more = store.write("unpacking a snapshot", |tx| {
            rows.unpack_some(tx, table, generation, index)
        })?;
        let progress = Progress::Rows {
            done: rows.seen,
            of: self.expected.rows,
        };
        if !more {
            self.finish_rows()?;
        }
        Ok(progress)
    }

    /// Compares what came with what was signed.
    fn finish_rows(&mut self) -> Result<(), StoreError> {
        let Stage::Rows(rows) = std::mem::replace(&mut self.stage, Stage::Serving) else {
            return Ok(());
        };
        rows.reader
            .finish()
            .map_err(|error| bad_rows(self.table, error.code()))?;
        let (digests, count) = rows.digest.finish();
        if digests.table_digest() != self.expected.digest || count != self.expected.rows {
            return Err(StoreError::DigestMismatch { table: self.table });
        }
        self.index.sort();
        self.stage = Stage::Index(digests);
        Ok(())
    }

    fn write_index(&mut self, store: &mut Store) -> Result<Progress, StoreError> {
        if matches!(self.stage, Stage::Rows(_)) {
            self.index.sort();
        }
        let generation = self.generation;
        let index = &mut self.index;
        let complete = store.write("writing an index", |tx| index.write_some(tx, generation))?;
        match &self.stage {
            Stage::Index(digests) if complete => {
                store.learn("swapping a table in", |tx| {
                    save_digests(tx, generation, digests)?;
                    self.swap_in(tx)
                })?;
                self.stage = Stage::Serving;
                Ok(Progress::Serving)
            }
            Stage::Rows(_) if !complete => {
                // Memory is what this is about: all of it goes, step by step.
                self.write_index(store)
            }
            Stage::Rows(_) | Stage::Index(_) | Stage::Serving => Ok(Progress::Rows {
                done: self.expected.rows,
                of: self.expected.rows,
            }),
        }
    }

    fn swap_in(&self, tx: &Connection) -> Result<(), StoreError> {
        if let Some(old) = generation(tx, self.name, SERVING)? {
            set_state(tx, old, DROPPED)?;
        }
        set_state(tx, self.generation, SERVING)?;
        documents::put(tx, self.name, &self.manifest, self.held)
    }
}

impl Rows {
    /// Writes the rows of some pieces; says whether there are more.
    fn unpack_some(
        &mut self,
        tx: &Connection,
        table: TableId,
        generation: i64,
        index: &mut Gathered,
    ) -> Result<bool, StoreError> {
        let doing = "writing rows";
        let mut insert = tx
            .prepare_cached(
                "INSERT INTO rows (generation, bucket, key, row) VALUES (?1, ?2, ?3, ?4)",
            )
            .doing(doing)?;
        for _ in 0..STEP_PIECES {
            let mut source = Source {
                conn: tx,
                generation,
                place: &mut self.place,
                failed: None,
            };
            let piece = self.unzip.next(&mut source);
            if let Some(error) = source.failed {
                return Err(error);
            }
            let Some(piece) =
                piece.map_err(|_| bad_rows(table, "the compressed stream is damaged"))?
            else {
                self.note_written(tx, generation)?;
                return Ok(false);
            };
            let (digest, seen, written) = (&mut self.digest, &mut self.seen, &mut self.written);
            self.reader
                .push(&piece, |row| {
                    let bucket = digest.push(&row)?;
                    index.add(table, &row)?;
                    *seen += 1;
                    if *seen > *written {
                        insert
                            .execute((generation, bucket.get(), row.key().as_bytes(), row.bytes()))
                            .doing(doing)?;
                        *written = *seen;
                    }
                    Ok(())
                })
                .map_err(|error: RowFault| error.of(table))?;
        }
        self.note_written(tx, generation)?;
        Ok(true)
    }

    /// Keeps how many rows are written, in the transaction that wrote them.
    fn note_written(&self, tx: &Connection, generation: i64) -> Result<(), StoreError> {
        tx.prepare_cached("UPDATE generations SET staged = ?2 WHERE generation = ?1")
            .and_then(|mut statement| statement.execute((generation, self.written)))
            .doing("keeping how far a snapshot is unpacked")?;
        Ok(())
    }
}
