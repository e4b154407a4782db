//! [`Tables`] in SQL.

use super::statements::{Doing as _, Session, bytes, int, uint};
use crate::storage::{Pending, Result, StorageError, StoredRow, TableHead, Tables};
use rusqlite::{OptionalExtension as _, Row, params};
use std::ops::RangeInclusive;
use usher_domain::cbor;
use usher_domain::table::{REVISION_MAX, TableId, Version};
use usher_domain::time::UnixMillis;

/// In the order of the index by version. Asked for in the order of the table's key, SQLite would rather
/// read the whole table than sort a few rows.
pub(super) const CHANGED_ROWS: &str =
    "SELECT row FROM sealed_row WHERE replica = ?1 AND version > ?2 ORDER BY version, bucket, key";

impl Session<'_> {
    /// The number that stands for a table in its rows.
    fn number(&self, table: TableId) -> Result<Option<i64>> {
        self.first(
            "SELECT number FROM replica WHERE name = ?1",
            params![cbor::encode(&table)],
            "finding a table",
            |row| row.get(0),
        )
    }

    fn number_or_new(&self, table: TableId) -> Result<i64> {
        if let Some(number) = self.number(table)? {
            return Ok(number);
        }
        self.execute(
            "INSERT INTO replica (name) VALUES (?1)",
            params![cbor::encode(&table)],
            "adding a table",
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    fn tables(
        &self,
        sql: &'static str,
        params: impl rusqlite::Params,
        doing: &'static str,
    ) -> Result<Vec<TableId>> {
        let names: Vec<Vec<u8>> = self.all(sql, params, doing, |row| row.get(0))?;
        names
            .iter()
            .map(|name| cbor::decode(name).map_err(|_| StorageError::Unreadable { doing }))
            .collect()
    }
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    Ok(StoredRow {
        bucket: row.get(0)?,
        key: bytes(row, 1)?,
        revision: uint(row, 2)?,
        row: row.get(3)?,
    })
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<TableHead> {
    Ok(TableHead {
        version: Version {
            epoch: row.get(0)?,
            number: uint(row, 1)?,
        },
        manifest: row.get(2)?,
        digests: row.get(3)?,
        counts: row.get(4)?,
        sealed_at: UnixMillis::new(uint(row, 5)?),
    })
}

impl Tables for Session<'_> {
    fn table_head(&self, table: TableId) -> Result<Option<TableHead>> {
        self.first(
            "SELECT epoch, version, manifest, digests, counts, sealed_at FROM replica
             WHERE name = ?1 AND version IS NOT NULL",
            params![cbor::encode(&table)],
            "reading the head of a table",
            read_head,
        )
    }

    fn table_version(&self, table: TableId) -> Result<Option<Version>> {
        self.first(
            "SELECT epoch, version FROM replica WHERE name = ?1 AND version IS NOT NULL",
            params![cbor::encode(&table)],
            "reading the version of a table",
            |row| {
                Ok(Version {
                    epoch: row.get(0)?,
                    number: uint(row, 1)?,
                })
            },
        )
    }

    fn dirty_tables(&self) -> Result<Vec<TableId>> {
        self.tables(
            "SELECT name FROM replica WHERE dirty = 1 ORDER BY number",
            [],
            "looking for what is to be sealed",
        )
    }

    fn aged_tables(&self, sealed_before: UnixMillis, epoch: u32) -> Result<Vec<TableId>> {
        let doing = "looking for old manifests";
        self.tables(
            "SELECT name FROM replica WHERE sealed_at < ?1 OR epoch <> ?2 ORDER BY number",
            params![int(sealed_before.get(), doing)?, epoch],
            doing,
        )
    }

    fn newest_row(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<StoredRow>> {
        let Some(number) = self.number(table)? else {
            return Ok(None);
        };
        let doing = "reading a row";
        let waiting = self.first(
            "SELECT bucket, key, revision, row FROM pending_row
             WHERE replica = ?1 AND bucket = ?2 AND key = ?3",
            params![number, bucket, key],
            doing,
            read_row,
        )?;
        if waiting.is_some() {
            return Ok(waiting);
        }
        self.first(
            "SELECT bucket, key, revision, row FROM sealed_row
             WHERE replica = ?1 AND bucket = ?2 AND key = ?3",
            params![number, bucket, key],
            doing,
            read_row,
        )
    }

    fn newest_image(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<Vec<u8>>> {
        let found = self.first(
            "SELECT COALESCE(p.row, s.row) FROM replica r
             LEFT JOIN pending_row p ON p.replica = r.number AND p.bucket = ?2 AND p.key = ?3
             LEFT JOIN sealed_row s ON s.replica = r.number AND s.bucket = ?2 AND s.key = ?3
             WHERE r.name = ?1",
            params![cbor::encode(&table), bucket, key],
            "reading a row",
            |row| row.get::<_, Option<Vec<u8>>>(0),
        )?;
        Ok(found.flatten())
    }

    fn sealed_rows(
        &self,
        table: TableId,
        buckets: RangeInclusive<u16>,
        visit: &mut dyn FnMut(u16, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some(number) = self.number(table)? else {
            return Ok(());
        };
        let doing = "reading the rows of a table";
        self.each(
            "SELECT bucket, row FROM sealed_row
             WHERE replica = ?1 AND bucket BETWEEN ?2 AND ?3 ORDER BY bucket, key",
            params![number, buckets.start(), buckets.end()],
            doing,
            |row| visit(row.get(0).doing(doing)?, blob(row, 1, doing)?),
        )
    }

    fn changed_rows(
        &self,
        table: TableId,
        since: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let Some(number) = self.number(table)? else {
            return Ok(());
        };
        let doing = "reading what changed in a table";
        self.each(
            CHANGED_ROWS,
            params![number, int(since, doing)?],
            doing,
            |row| visit(blob(row, 0, doing)?),
        )
    }

    fn pending_rows(
        &self,
        table: TableId,
        limit: u32,
        visit: &mut dyn FnMut(Pending<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(number) = self.number(table)? else {
            return Ok(());
        };
        let doing = "reading the rows to be sealed";
        self.each(
            "SELECT p.bucket, p.row, s.row FROM pending_row p
             LEFT JOIN sealed_row s ON s.replica = p.replica AND s.bucket = p.bucket AND s.key = p.key
             WHERE p.replica = ?1 ORDER BY p.bucket, p.key LIMIT ?2",
            params![number, limit],
            doing,
            |row| {
                visit(Pending {
                    bucket: row.get(0).doing(doing)?,
                    new: blob(row, 1, doing)?,
                    old: row
                        .get_ref(2)
                        .doing(doing)?
                        .as_blob_or_null()
                        .map_err(|_| StorageError::Unreadable { doing })?,
                })
            },
        )
    }

    fn put_row(&mut self, table: TableId, row: &StoredRow) -> Result<()> {
        let doing = "letting a row wait for sealing";
        if row.revision > REVISION_MAX {
            return Err(StorageError::OutOfRange { doing });
        }
        let number = self.number_or_new(table)?;
        let revision = int(row.revision, doing)?;
        let sealed: Option<i64> = self
            .statement(
                "SELECT revision FROM sealed_row WHERE replica = ?1 AND bucket = ?2 AND key = ?3",
                doing,
            )?
            .query_row(params![number, row.bucket, row.key], |row| row.get(0))
            .optional()
            .doing(doing)?;
        if sealed.is_some_and(|sealed| sealed > revision) {
            return Ok(());
        }
        self.execute(
            "INSERT INTO pending_row (replica, bucket, key, revision, row) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (replica, bucket, key) DO UPDATE SET
                revision = excluded.revision, row = excluded.row
                WHERE excluded.revision >= revision",
            params![number, row.bucket, row.key, revision, row.row],
            doing,
        )?;
        self.mark_dirty(table)
    }

    fn mark_dirty(&mut self, table: TableId) -> Result<()> {
        let number = self.number_or_new(table)?;
        self.execute(
            "UPDATE replica SET dirty = 1 WHERE number = ?1 AND dirty = 0",
            params![number],
            "marking a table",
        )
        .map(drop)
    }

    fn seal_pending(&mut self, table: TableId, version: u64, limit: u32) -> Result<()> {
        let doing = "sealing rows";
        let number = self.number_or_new(table)?;
        self.execute(
            "INSERT INTO sealed_row (replica, bucket, key, revision, version, row)
             SELECT replica, bucket, key, revision, ?2, row FROM pending_row
             WHERE replica = ?1 ORDER BY bucket, key LIMIT ?3
             ON CONFLICT (replica, bucket, key) DO UPDATE SET
                revision = excluded.revision, version = excluded.version, row = excluded.row",
            params![number, int(version, doing)?, limit],
            doing,
        )?;
        self.execute(
            "DELETE FROM pending_row WHERE (replica, bucket, key) IN (
                SELECT replica, bucket, key FROM pending_row
                WHERE replica = ?1 ORDER BY bucket, key LIMIT ?2)",
            params![number, limit],
            doing,
        )
        .map(drop)
    }

    fn put_table_head(&mut self, table: TableId, head: &TableHead) -> Result<()> {
        let doing = "writing the head of a table";
        let number = self.number_or_new(table)?;
        self.execute(
            "UPDATE replica SET
                dirty = EXISTS (SELECT 1 FROM pending_row WHERE replica = ?1), epoch = ?2, version = ?3, manifest = ?4, digests = ?5,
                counts = ?6, sealed_at = ?7 WHERE number = ?1",
            params![
                number,
                head.version.epoch,
                int(head.version.number, doing)?,
                head.manifest,
                head.digests,
                head.counts,
                int(head.sealed_at.get(), doing)?
            ],
            doing,
        )
        .map(drop)
    }
}

fn blob<'r>(row: &'r Row<'_>, column: usize, doing: &'static str) -> Result<&'r [u8]> {
    row.get_ref(column)
        .doing(doing)?
        .as_blob()
        .map_err(|_| StorageError::Unreadable { doing })
}
