//! [`HandedRows`] in SQL.

use super::statements::{Session, bytes, int, uint};
use crate::storage::{HandedRow, HandedRows, Judged, Result, StorageError, StoredRow};
use rusqlite::params;
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

impl HandedRows for Session<'_> {
    fn keep_handed(&mut self, organizer: OrganizerId, handed: &HandedRow) -> Result<()> {
        let doing = "keeping a row that was handed back";
        self.execute(
            "INSERT INTO handed_row
                (organizer, name, key, bucket, revision, row, device, at, judged)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (organizer, name, key) DO UPDATE SET
                revision = excluded.revision, row = excluded.row, device = excluded.device,
                at = excluded.at, judged = excluded.judged
                WHERE excluded.revision > revision",
            params![
                organizer.as_bytes(),
                cbor::encode(&handed.table),
                handed.row.key,
                handed.row.bucket,
                int(handed.row.revision, doing)?,
                handed.row.row,
                handed.device.as_bytes(),
                int(handed.at.get(), doing)?,
                Judged::Waits as u8
            ],
            doing,
        )
        .map(drop)
    }

    fn handed(
        &self,
        organizer: OrganizerId,
        after: Option<(TableId, [u8; 16])>,
        limit: u32,
    ) -> Result<Vec<HandedRow>> {
        let doing = "listing rows that were handed back";
        // An empty name is before every table.
        let (name, key) = after.map_or_else(
            || (Vec::new(), Vec::new()),
            |(table, key)| (cbor::encode(&table), key.to_vec()),
        );
        let found = self.all(
            "SELECT name, key, bucket, revision, row, device, at FROM handed_row
             WHERE organizer = ?1 AND judged = ?2 AND (name, key) > (?3, ?4)
             ORDER BY name, key LIMIT ?5",
            params![organizer.as_bytes(), Judged::Waits as u8, name, key, limit],
            doing,
            |row| {
                let name: Vec<u8> = row.get(0)?;
                let stored = StoredRow {
                    key: bytes(row, 1)?,
                    bucket: row.get(2)?,
                    revision: uint(row, 3)?,
                    row: row.get(4)?,
                };
                let device = DeviceId::from_bytes(bytes(row, 5)?);
                Ok((name, stored, device, UnixMillis::new(uint(row, 6)?)))
            },
        )?;
        let rows = found.into_iter().map(|(name, row, device, at)| {
            let table = cbor::decode(&name).map_err(|_| StorageError::Unreadable { doing })?;
            Ok(HandedRow {
                table,
                row,
                device,
                at,
            })
        });
        rows.collect()
    }

    fn count_handed(&self, table: TableId) -> Result<u64> {
        let count = self.first(
            "SELECT count(*) FROM handed_row WHERE name = ?1 AND judged = ?2",
            params![cbor::encode(&table), Judged::Waits as u8],
            "counting rows that were handed back",
            |row| uint(row, 0),
        )?;
        Ok(count.unwrap_or(0))
    }

    fn handed_row(&self, table: TableId, key: &[u8; 16]) -> Result<Option<(Vec<u8>, Judged)>> {
        self.first(
            "SELECT row, judged FROM handed_row WHERE name = ?1 AND key = ?2",
            params![cbor::encode(&table), key],
            "looking for a row that was handed back",
            |row| {
                let judged = match row.get::<_, u8>(1)? {
                    0 => Judged::Waits,
                    _ => Judged::Refused,
                };
                Ok((row.get(0)?, judged))
            },
        )
    }

    fn refuse_handed(&mut self, table: TableId, key: &[u8; 16]) -> Result<()> {
        self.execute(
            "UPDATE handed_row SET judged = ?3 WHERE name = ?1 AND key = ?2",
            params![cbor::encode(&table), key, Judged::Refused as u8],
            "refusing a row that was handed back",
        )
        .map(drop)
    }

    fn forget_handed(&mut self, table: TableId, key: &[u8; 16]) -> Result<()> {
        self.execute(
            "DELETE FROM handed_row WHERE name = ?1 AND key = ?2",
            params![cbor::encode(&table), key],
            "forgetting a row that was handed back",
        )
        .map(drop)
    }
}
