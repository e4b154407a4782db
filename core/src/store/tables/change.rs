//! Changing what serves: segments of changes and repairs of buckets. Either the result fits its signed
//! digest, or nothing happened.

use super::super::documents::name_of;
use super::super::error::Doing as _;
use super::fault::RowFault;
use super::unzip::Unzip;
use super::{
    SERVING, Store, StoreError, bad_rows, digest_buckets, each_row, generation, index,
    load_digests, put_row, save_digests, save_manifest,
};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::document::Accepted;
use usher_domain::table::{
    Bucket, Digests, Manifest, Row, RowAction, RowReader, TableId, plan_row,
};

/// Unpacked bytes of one answer at most: far more than the server sends, far less than would hurt.
const UNPACKED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// Rows written.
    pub rows: u64,
}

impl Store {
    /// Takes in a segment: zstd-compressed rows that changed, and the manifest they end at.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`] if the table does not come out as the manifest says, then nothing was
    /// changed: compare the buckets and take those that differ. [`StoreError::NotFound`] if the table is
    /// not held.
    pub fn apply_segment(
        &mut self,
        manifest: &Accepted<Manifest>,
        rows: &[u8],
    ) -> Result<Applied, StoreError> {
        let table = manifest.value().table;
        let generation = self.must_serve(table)?;
        self.learn("taking changes in", |tx| {
            let mut dirty = BTreeSet::new();
            let mut written = 0;
            each_packed_row(table, rows, |row| {
                let held = held_row(tx, generation, row)?;
                let held = held.as_deref().map(Row::parse).transpose().map_err(|_| {
                    StoreError::Unreadable {
                        what: "a row of a table",
                    }
                })?;
                // Two images of one revision cannot both be right: the digest shall say which is.
                let action = plan_row(held.as_ref(), row)
                    .map_err(|_| StoreError::DigestMismatch { table })?;
                match (action, &held) {
                    (RowAction::Keep, _) => return Ok(()),
                    (RowAction::Replace, Some(held)) => {
                        index::replace(tx, generation, table, held, row)?;
                    }
                    (RowAction::Insert | RowAction::Replace, _) => {
                        index::add(tx, generation, table, row)?;
                    }
                }
                put_row(tx, generation, row)?;
                dirty.insert(row.bucket());
                written += 1;
                Ok(())
            })?;
            let digests = load_digests(tx, generation)?;
            settle(tx, generation, digests, &dirty, manifest)?;
            Ok(Applied { rows: written })
        })
    }

    /// Puts whole buckets in place of those held: zstd-compressed, all rows of the listed buckets at the
    /// version of the manifest. Where the table is not held at all, all buckets must be listed that are
    /// not empty.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`] if the table does not come out as the manifest says; nothing was
    /// changed then.
    pub fn replace_buckets(
        &mut self,
        manifest: &Accepted<Manifest>,
        buckets: &[Bucket],
        rows: &[u8],
    ) -> Result<Applied, StoreError> {
        let table = manifest.value().table;
        let listed: BTreeSet<Bucket> = buckets.iter().copied().collect();
        self.learn("repairing a table", |tx| {
            let generation = match generation(tx, name_of(table), SERVING)? {
                Some(generation) => generation,
                None => begin_empty(tx, manifest)?,
            };
            for bucket in &listed {
                empty_bucket(tx, generation, table, *bucket)?;
            }
            let mut written = 0;
            each_packed_row(table, rows, |row| {
                if !listed.contains(&row.bucket()) {
                    return Err(bad_rows(table, "a row is of another bucket").into());
                }
                put_row(tx, generation, row)?;
                index::add(tx, generation, table, row)?;
                written += 1;
                Ok(())
            })?;
            let digests = load_digests(tx, generation)?;
            settle(tx, generation, digests, &listed, manifest)?;
            Ok(Applied { rows: written })
        })
    }

    /// Whether a server's rows of whole buckets are behind those held: one has a lower revision, or a row of a
    /// ticket set is missing among them. Then the server was put back from a backup, or this copy is damaged.
    ///
    /// # Errors
    /// [`StoreError::BadRows`], [`StoreError::NotFound`] if the table is not held.
    pub fn would_go_back(
        &self,
        table: TableId,
        buckets: &[Bucket],
        rows: &[u8],
    ) -> Result<bool, StoreError> {
        let generation = self.must_serve(table)?;
        let mut held = BTreeMap::new();
        for bucket in buckets {
            each_row(&self.conn, generation, *bucket, |row| {
                if let Ok(row) = Row::parse(row) {
                    held.insert(row.key(), row.revision());
                }
            })?;
        }
        let mut is_behind = false;
        each_packed_row(table, rows, |row| {
            let before = held.remove(&row.key());
            is_behind |= before.is_some_and(|revision| revision > row.revision());
            Ok(())
        })?;
        let never_go = matches!(table, TableId::Set(_));
        Ok(is_behind || (never_go && !held.is_empty()))
    }

    /// Computes the digests of `count` buckets from their rows, and corrects what is kept of them.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the table is not held.
    pub fn refresh_digests(
        &mut self,
        table: TableId,
        from: Bucket,
        count: usize,
    ) -> Result<(), StoreError> {
        let generation = self.must_serve(table)?;
        let kept = load_digests(&self.conn, generation)?;
        let mut computed = kept.clone();
        digest_buckets(&self.conn, generation, (from, count), &mut computed)?;
        if kept == computed {
            return Ok(());
        }
        self.write("correcting the digests of a table", |tx| {
            save_digests(tx, generation, &computed)
        })
    }
}

/// Brings the digests of changed buckets up to date and compares the whole with what was signed.
fn settle(
    tx: &Connection,
    generation: i64,
    mut digests: Digests,
    dirty: &BTreeSet<Bucket>,
    manifest: &Accepted<Manifest>,
) -> Result<(), StoreError> {
    let table = manifest.value().table;
    for bucket in dirty {
        digest_buckets(tx, generation, (*bucket, 1), &mut digests)?;
    }
    if digests.table_digest() != manifest.value().digest {
        return Err(StoreError::DigestMismatch { table });
    }
    save_digests(tx, generation, &digests)?;
    save_manifest(
        tx,
        generation,
        name_of(table),
        manifest.document().bytes(),
        manifest.held(),
    )
}

fn begin_empty(tx: &Connection, manifest: &Accepted<Manifest>) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO generations (name, state, manifest) VALUES (?1, ?2, ?3)",
        (
            name_of(manifest.value().table),
            SERVING,
            manifest.document().bytes(),
        ),
    )
    .doing("beginning a table")?;
    let generation = tx.last_insert_rowid();
    save_digests(tx, generation, &Digests::empty())?;
    Ok(generation)
}

fn empty_bucket(
    tx: &Connection,
    generation: i64,
    table: TableId,
    bucket: Bucket,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    each_row(tx, generation, bucket, |row| rows.push(row.to_vec()))?;
    for row in &rows {
        // A damaged row has no entries to take away; the sweep of its generation will.
        if let Ok(row) = Row::parse(row) {
            index::remove(tx, generation, table, &row)?;
        }
    }
    tx.prepare_cached("DELETE FROM rows WHERE generation = ?1 AND bucket = ?2")
        .and_then(|mut statement| statement.execute((generation, bucket.get())))
        .doing("emptying a bucket")?;
    Ok(())
}

fn held_row(
    tx: &Connection,
    generation: i64,
    row: &Row<'_>,
) -> Result<Option<Vec<u8>>, StoreError> {
    tx.prepare_cached("SELECT row FROM rows WHERE generation = ?1 AND bucket = ?2 AND key = ?3")
        .and_then(|mut statement| {
            statement
                .query_row(
                    (generation, row.bucket().get(), row.key().as_bytes()),
                    |row| row.get(0),
                )
                .optional()
        })
        .doing("looking up a row")
}

/// Unpacks rows and hands each to `each`.
fn each_packed_row(
    table: TableId,
    packed: &[u8],
    mut each: impl FnMut(&Row<'_>) -> Result<(), RowFault>,
) -> Result<(), StoreError> {
    let mut source = packed;
    let mut unzip = Unzip::new();
    let mut reader = RowReader::default();
    let mut unpacked = 0;
    while let Some(piece) = unzip
        .next(&mut source)
        .map_err(|_| bad_rows(table, "the compressed stream is damaged"))?
    {
        unpacked += piece.len();
        if unpacked > UNPACKED_BYTES_MAX {
            return Err(bad_rows(table, "too many rows at once"));
        }
        reader
            .push(&piece, |row| each(&row))
            .map_err(|fault: RowFault| fault.of(table))?;
    }
    reader
        .finish()
        .map_err(|error| bad_rows(table, error.code()))
}
