//! Rows that devices handed back and that wait for a person.

use super::{Result, StoredRow};
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// What a person said of a row that was handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Nothing yet.
    Waits = 0,
    /// It is not to be taken. The row is kept, so that the same row is not asked about again.
    Refused = 1,
}

/// A row that a device handed back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedRow {
    /// The table.
    pub table: TableId,
    /// The row.
    pub row: StoredRow,
    /// Who handed it back first.
    pub device: DeviceId,
    /// When it was handed back first.
    pub at: UnixMillis,
}

/// Rows that were handed back and not taken: the highest revision of each.
pub trait HandedRows {
    /// Keeps a row for a person to decide. A row of the same or of a lower revision than the one that is
    /// kept changes nothing, also where that one was refused.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn keep_handed(&mut self, organizer: OrganizerId, handed: &HandedRow) -> Result<()>;

    /// Rows of an organizer that wait, by table and key, at most `limit`, those after `after`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn handed(
        &self,
        organizer: OrganizerId,
        after: Option<(TableId, [u8; 16])>,
        limit: u32,
    ) -> Result<Vec<HandedRow>>;

    /// How many rows of a table wait.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn count_handed(&self, table: TableId) -> Result<u64>;

    /// The row that was handed back and not taken, in its highest revision as encoded, and what was said of it.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn handed_row(&self, table: TableId, key: &[u8; 16]) -> Result<Option<(Vec<u8>, Judged)>>;

    /// Notes that a row was refused.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn refuse_handed(&mut self, table: TableId, key: &[u8; 16]) -> Result<()>;

    /// Forgets a row: it was taken, or a newer image of it is there.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn forget_handed(&mut self, table: TableId, key: &[u8; 16]) -> Result<()>;
}
