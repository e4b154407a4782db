//! Rows of the roster: devices and staff as every device knows them.

use super::error::Result;
use super::tables;
use crate::storage::Transaction;
use usher_domain::ids::OrganizerId;
use usher_domain::table::rows::{RosterEntry, RosterRow};
use usher_domain::table::{RowKey, TableId};

/// Lets the next image of a row wait for sealing.
pub(crate) fn put(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    entry: RosterEntry,
) -> Result<()> {
    let table = TableId::Roster(organizer);
    let key: RowKey = match &entry {
        RosterEntry::Device(device) => device.device.into(),
        RosterEntry::Staff(staff) => staff.staff.into(),
    };
    let row = RosterRow {
        key: (*key.as_bytes()).into(),
        revision: tables::next_revision(txn, table, key)?,
        entry,
    };
    tables::put(txn, table, &row)
}
