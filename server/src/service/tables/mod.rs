//! Tables that devices copy: ticket sets, rosters and directories.
//!
//! Services put changed rows beside the sealed ones ([`put`]); the sealer makes them the next signed
//! version ([`seal`]); devices take snapshots, changes and buckets of it ([`serve`], [`snapshots`]).

pub(crate) mod counts;
pub(crate) mod hand_back;
pub(crate) mod rounds;
pub(crate) mod seal;
pub(crate) mod sealer;
pub(crate) mod serve;
pub(crate) mod snapshots;
pub(crate) mod terms;

use super::error::{Error, Result};
use super::{sessions, things};
use crate::storage::{StoredRow, TableHead, Transaction};
use usher_domain::api::venue::{Event, Session};
use usher_domain::ids::OrganizerId;
use usher_domain::table::{
    self, Bucket, Manifest, ROW_BYTES_MAX, RowKey, TableId, TableRow, encode_row,
};
use usher_domain::{cbor, cose};

/// Lets a row wait for sealing.
pub(crate) fn put<R: TableRow>(txn: &mut dyn Transaction, table: TableId, row: &R) -> Result<()> {
    let head = row.head();
    let encoded = encode_row(row)
        .map_err(|_| Error::too_long("what a gate must know of it", ROW_BYTES_MAX as u64))?;
    txn.put_row(
        table,
        &StoredRow {
            bucket: Bucket::of(&head.key).get(),
            key: *head.key.as_bytes(),
            revision: head.revision,
            row: encoded,
        },
    )?;
    Ok(())
}

/// The revision of a row's next image.
pub(crate) fn next_revision(txn: &dyn Transaction, table: TableId, key: RowKey) -> Result<u64> {
    let newest = txn.newest_row(table, Bucket::of(&key).get(), key.as_bytes())?;
    after_revision(newest.map_or(0, |row| row.revision))
}

/// The revision after one.
pub(crate) fn after_revision(revision: u64) -> Result<u64> {
    table::next_revision(revision)
        .ok_or(Error::Conflict("it was changed as often as can be counted"))
}

/// Whose table it is.
pub(crate) fn organizer_of(txn: &dyn Transaction, table: TableId) -> Result<OrganizerId> {
    match table {
        TableId::Roster(organizer) => Ok(organizer),
        TableId::Set(session) | TableId::Directory(session) => {
            let session = things::get::<Session>(txn, session.as_bytes())?;
            let event = things::get::<Event>(txn, &session.parent)?;
            Ok(OrganizerId::from_bytes(event.parent))
        }
    }
}

/// The manifest that this server signed.
pub(crate) fn manifest(head: &TableHead) -> Result<Manifest> {
    cose::parse(&head.manifest)
        .ok()
        .and_then(|envelope| cbor::decode(envelope.unverified_payload()).ok())
        .ok_or(Error::Internal("a stored manifest is not readable"))
}

/// Checks that a table is of this organizer.
pub(crate) fn check_owner(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
) -> Result<()> {
    match table {
        TableId::Roster(owner) if owner == organizer => Ok(()),
        TableId::Roster(_) => Err(Error::NotFound("table")),
        TableId::Set(session) | TableId::Directory(session) => {
            sessions::of_id(txn, organizer, session).map(drop)
        }
    }
}
