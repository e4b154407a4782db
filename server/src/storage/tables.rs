//! Tables that devices copy: sealed rows, rows that wait for sealing, and heads.

use super::Result;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// A row: opaque bytes with a key, a revision and a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// Bucket of the key.
    pub bucket: u16,
    /// Key.
    pub key: [u8; 16],
    /// Counts the changes; the highest wins.
    pub revision: u64,
    /// The encoding.
    pub row: Vec<u8>,
}

/// A row that waits for sealing, beside the sealed image it will replace.
pub struct Pending<'a> {
    /// Bucket of the key.
    pub bucket: u16,
    /// The image to be sealed.
    pub new: &'a [u8],
    /// The image sealed before.
    pub old: Option<&'a [u8]>,
}

/// The newest sealed version of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHead {
    /// The version.
    pub version: Version,
    /// The signed manifest.
    pub manifest: Vec<u8>,
    /// The 1,024 bucket digests, one after the other.
    pub digests: Vec<u8>,
    /// Counts that the next sealing goes on from; only the sealer reads them.
    pub counts: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: UnixMillis,
}

/// Tables that devices copy.
///
/// Changed rows wait beside the sealed ones, so that what readers see always fits the newest manifest.
pub trait Tables {
    /// The newest sealed version, if it was ever sealed.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn table_head(&self, table: TableId) -> Result<Option<TableHead>>;

    /// The newest sealed version alone: what a copy of its head is compared with.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn table_version(&self, table: TableId) -> Result<Option<Version>>;

    /// Tables with rows or terms that wait for sealing.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn dirty_tables(&self) -> Result<Vec<TableId>>;

    /// Tables whose newest version was sealed before a time, or of another epoch.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn aged_tables(&self, sealed_before: UnixMillis, epoch: u32) -> Result<Vec<TableId>>;

    /// The newest image of a row, sealed or waiting.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn newest_row(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<StoredRow>>;

    /// The encoding alone of [`Self::newest_row`], which is read faster.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn newest_image(&self, table: TableId, bucket: u16, key: &[u8; 16]) -> Result<Option<Vec<u8>>>;

    /// Visits the sealed rows of some buckets, in (bucket, key) order; all of them for `0..=1023`.
    ///
    /// # Errors
    /// [`super::StorageError`], also the visitor's.
    fn sealed_rows(
        &self,
        table: TableId,
        buckets: std::ops::RangeInclusive<u16>,
        visit: &mut dyn FnMut(u16, &[u8]) -> Result<()>,
    ) -> Result<()>;

    /// Visits the sealed rows that changed after version `number`, each in its latest image, in the order of
    /// (version, bucket, key). The cost is that of the rows visited, however large the table is.
    ///
    /// # Errors
    /// [`super::StorageError`], also the visitor's.
    fn changed_rows(
        &self,
        table: TableId,
        number: u64,
        visit: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()>;

    /// Visits the rows that wait, in (bucket, key) order, the first `limit` of them.
    ///
    /// # Errors
    /// [`super::StorageError`], also the visitor's.
    fn pending_rows(
        &self,
        table: TableId,
        limit: u32,
        visit: &mut dyn FnMut(Pending<'_>) -> Result<()>,
    ) -> Result<()>;

    /// Lets a row wait for sealing. A lower revision than the newest image changes nothing.
    ///
    /// # Errors
    /// [`super::StorageError::OutOfRange`] for a revision beyond [`usher_domain::table::REVISION_MAX`].
    fn put_row(&mut self, table: TableId, row: &StoredRow) -> Result<()>;

    /// Notes that a table must be sealed although no row changed: its terms did.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn mark_dirty(&mut self, table: TableId) -> Result<()>;

    /// Makes the first `limit` waiting rows, those that [`Tables::pending_rows`] visits, sealed ones of
    /// version `number`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn seal_pending(&mut self, table: TableId, number: u64, limit: u32) -> Result<()>;

    /// Stores the head that goes with the rows, and takes the dirty mark away unless rows still wait.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_table_head(&mut self, table: TableId, head: &TableHead) -> Result<()>;
}
