//! [`HandedRows`] of a rehearsal: it shows what the database holds and writes nothing.

use super::Overlay;
use crate::storage::{HandedRow, HandedRows, Judged, Result};
use usher_domain::ids::OrganizerId;
use usher_domain::table::TableId;

impl HandedRows for Overlay<'_> {
    fn keep_handed(&mut self, _organizer: OrganizerId, _handed: &HandedRow) -> Result<()> {
        Ok(())
    }

    fn handed(
        &self,
        organizer: OrganizerId,
        after: Option<(TableId, [u8; 16])>,
        limit: u32,
    ) -> Result<Vec<HandedRow>> {
        self.under.handed(organizer, after, limit)
    }

    fn count_handed(&self, table: TableId) -> Result<u64> {
        self.under.count_handed(table)
    }

    fn handed_row(&self, table: TableId, key: &[u8; 16]) -> Result<Option<(Vec<u8>, Judged)>> {
        self.under.handed_row(table, key)
    }

    fn refuse_handed(&mut self, _table: TableId, _key: &[u8; 16]) -> Result<()> {
        Ok(())
    }

    fn forget_handed(&mut self, _table: TableId, _key: &[u8; 16]) -> Result<()> {
        Ok(())
    }
}
