//! What devices ask of tables: changes since a version, bucket digests, rows of buckets.

use super::check_owner;
use super::seal::read_digests;
use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::{Service, devices};
use crate::storage::{StorageError, TableHead, Transaction};
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::protocol::{BucketDigests, BucketRows, Changes};
use usher_domain::table::rows::DeviceRole;
use usher_domain::table::{BUCKETS, TableId, Version, write_row};

/// Bytes of rows in one answer before compression; more is taken as a snapshot or in several requests.
const ROWS_BYTES_MAX: usize = 16 << 20;
/// Fast, and within a few percent of the slower levels: ids and digests do not compress anyway.
pub(crate) const ZSTD_LEVEL: i32 = 3;

/// Checks that a device may hold a table, and hands out the table's newest version.
pub(crate) fn readable(
    txn: &dyn Transaction,
    device: DeviceId,
    table: TableId,
) -> Result<TableHead> {
    readable_rows_owner(txn, device, table)?;
    txn.table_head(table)?
        .ok_or(Error::NotFound("version of this table"))
}

/// Checks that a device may hold a table, and tells whose it is.
pub(crate) fn readable_rows_owner(
    txn: &dyn Transaction,
    device: DeviceId,
    table: TableId,
) -> Result<OrganizerId> {
    let StoredDevice {
        organizer, role, ..
    } = devices::active(txn, device)?.value;
    check_owner(txn, organizer, table)?;
    if matches!(table, TableId::Directory(_)) && role != DeviceRole::Desk {
        return Err(Error::Forbidden);
    }
    Ok(organizer)
}

/// Rows on their way into an answer.
struct Rows {
    stream: Vec<u8>,
    bytes_max: usize,
}

impl Rows {
    const fn within(bytes_max: usize) -> Self {
        Self {
            stream: Vec::new(),
            bytes_max,
        }
    }

    /// Adds a row; aborts the reading when there are too many.
    fn push(&mut self, row: &[u8]) -> std::result::Result<(), StorageError> {
        write_row(&mut self.stream, row);
        if self.stream.len() > self.bytes_max {
            return Err(StorageError::Aborted);
        }
        Ok(())
    }

    fn compressed(&self) -> Result<Vec<u8>> {
        zstd::bulk::compress(&self.stream, ZSTD_LEVEL)
            .map_err(|_| Error::Internal("rows cannot be compressed"))
    }
}

fn changes(
    txn: &dyn Transaction,
    device: DeviceId,
    table: TableId,
    since: Version,
) -> Result<Changes> {
    let head = readable(txn, device, table)?;
    segment(txn, table, head, since, ROWS_BYTES_MAX)
}

/// What changed in a table after `since`, if its rows have no more bytes than `bytes_max`.
pub(crate) fn segment(
    txn: &dyn Transaction,
    table: TableId,
    head: TableHead,
    since: Version,
    bytes_max: usize,
) -> Result<Changes> {
    if since == head.version {
        return Ok(Changes::UpToDate);
    }
    if since.epoch != head.version.epoch || since.number > head.version.number {
        return Ok(Changes::TakeSnapshot);
    }
    let mut rows = Rows::within(bytes_max);
    match txn.changed_rows(table, since.number, &mut |row| rows.push(row)) {
        Ok(()) => Ok(Changes::Segment {
            manifest: head.manifest.into(),
            rows: rows.compressed()?.into(),
        }),
        Err(StorageError::Aborted) => Ok(Changes::TakeSnapshot),
        Err(error) => Err(error.into()),
    }
}

fn bucket_rows(
    txn: &dyn Transaction,
    device: DeviceId,
    table: TableId,
    mut buckets: Vec<u16>,
) -> Result<BucketRows> {
    buckets.sort_unstable();
    buckets.dedup();
    if buckets
        .last()
        .is_some_and(|last| usize::from(*last) >= BUCKETS)
    {
        return Err(Error::invalid("buckets", "numbers are 0 to 1023"));
    }
    let head = readable(txn, device, table)?;
    let mut rows = Rows::within(ROWS_BYTES_MAX);
    for bucket in buckets {
        match txn.sealed_rows(table, bucket..=bucket, &mut |_, row| rows.push(row)) {
            Ok(()) => {}
            Err(StorageError::Aborted) => {
                return Err(Error::too_long("the answer", ROWS_BYTES_MAX as u64));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(BucketRows {
        manifest: head.manifest.into(),
        rows: rows.compressed()?.into(),
    })
}

impl Service {
    /// All rows of a table that changed after `since`, each in its latest image, up to a signed manifest.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], [`Error::DeviceRevoked`].
    pub async fn changes(
        &self,
        device: DeviceId,
        table: TableId,
        since: Version,
    ) -> Result<Changes> {
        self.begin_duty(device, table).await?;
        self.read(move |txn| changes(txn, device, table, since))
            .await
    }

    /// The bucket digests of the newest version.
    ///
    /// # Errors
    /// As [`Service::changes`].
    pub async fn buckets(&self, device: DeviceId, table: TableId) -> Result<BucketDigests> {
        self.read(move |txn| {
            let head = readable(txn, device, table)?;
            Ok(BucketDigests {
                digests: read_digests(&head.digests)?.hashes().to_vec(),
                manifest: head.manifest.into(),
            })
        })
        .await
    }

    /// All rows of some buckets of the newest version.
    ///
    /// # Errors
    /// As [`Service::changes`], [`Error::Invalid`], [`Error::TooLarge`] if the rows exceed 16 MiB.
    pub async fn bucket_rows(
        &self,
        device: DeviceId,
        table: TableId,
        buckets: Vec<u16>,
    ) -> Result<BucketRows> {
        self.begin_duty(device, table).await?;
        self.read(move |txn| bucket_rows(txn, device, table, buckets))
            .await
    }
}
