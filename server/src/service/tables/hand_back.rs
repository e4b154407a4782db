//! Rows handed back to a server that was restored from a backup, so that no cancelled ticket comes back
//! to life.
//!
//! A device proves the rows by the manifest that this server signed before: the manifest by its
//! signature, the bucket digests by the manifest, the rows by the digests. Of each row the higher
//! revision wins, and the things behind the rows follow.

use super::serve::readable_rows_owner;
use crate::service::Service;
use crate::service::error::{Error, Result};
use crate::service::tickets::hand_back::{take_in_directory, take_in_ticket};
use crate::service::{devices, organizers, staff};
use crate::storage::{StoredRow, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::protocol::{HandBack, HandBackAnswer};
use usher_domain::table::rows::{RosterEntry, RosterRow};
use usher_domain::table::{
    Bucket, Digests, Row, RowAction, RowError, RowReader, TableId, bucket_digest, decode_row,
    plan_row, verify_manifest,
};
use usher_domain::time::UnixMillis;

/// Bytes of rows in one request after decompression at most.
const ROWS_BYTES_MAX: u64 = 64 << 20;

fn not_authentic(why: impl ToString) -> Error {
    Error::NotAuthentic(why.to_string())
}

/// Takes the rows apart and proves every bucket against the manifest.
fn proven_rows(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    request: &HandBack,
) -> Result<Vec<StoredRow>> {
    let trust = organizers::trust(txn, organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    let manifest = verify_manifest(&request.manifest, &trust.keys, request.table)
        .map_err(not_authentic)?
        .into_value();
    let digests = Digests::from_hashes(request.digests.clone()).map_err(not_authentic)?;
    if digests.table_digest() != manifest.digest {
        return Err(not_authentic("the digests do not fit the manifest"));
    }
    let rows = unpack(&request.rows)?;
    let mut by_bucket: BTreeMap<u16, Vec<&StoredRow>> = BTreeMap::new();
    for row in &rows {
        by_bucket.entry(row.bucket).or_default().push(row);
    }
    let named: BTreeSet<u16> = request.buckets.iter().copied().collect();
    if by_bucket.keys().any(|bucket| !named.contains(bucket)) {
        return Err(not_authentic("rows of a bucket that is not named"));
    }
    for bucket in named {
        let mut whole = by_bucket.remove(&bucket).unwrap_or_default();
        whole.sort_unstable_by_key(|row| row.key);
        let digest: Hash = bucket_digest(whole.iter().map(|row| row.row.as_slice()));
        let expected = Bucket::new(bucket).map(|bucket| digests.get(bucket));
        if expected != Some(digest) {
            return Err(not_authentic("the rows of a bucket do not fit its digest"));
        }
    }
    Ok(rows)
}

fn unpack(compressed: &[u8]) -> Result<Vec<StoredRow>> {
    let damaged = |_| Error::invalid("rows", "not compressed as they should be");
    let mut stream = Vec::new();
    zstd::stream::read::Decoder::new(compressed)
        .map_err(damaged)?
        .take(ROWS_BYTES_MAX + 1)
        .read_to_end(&mut stream)
        .map_err(damaged)?;
    if stream.len() as u64 > ROWS_BYTES_MAX {
        return Err(Error::too_long("what is handed back", ROWS_BYTES_MAX));
    }
    let mut rows = Vec::new();
    let mut reader = RowReader::default();
    let read = reader.push::<RowError>(&stream, |row| {
        rows.push(StoredRow {
            bucket: row.bucket().get(),
            key: *row.key().as_bytes(),
            revision: row.revision(),
            row: row.bytes().to_vec(),
        });
        Ok(())
    });
    read.and_then(|()| reader.finish())
        .map_err(|error| Error::invalid("rows", error.to_string()))?;
    Ok(rows)
}

/// How many of these rows wait to be signed, taken in now or the last time they were handed back: until then
/// the signed table lacks them.
fn waiting(txn: &dyn Transaction, table: TableId, rows: &[StoredRow]) -> Result<u64> {
    let handed: BTreeSet<&[u8]> = rows.iter().map(|row| row.row.as_slice()).collect();
    let mut waiting = 0;
    txn.pending_rows(table, u32::MAX, &mut |pending| {
        waiting += u64::from(handed.contains(pending.new));
        Ok(())
    })?;
    Ok(waiting)
}

/// Takes one row in if it is newer than ours.
fn take_in(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
    row: &StoredRow,
    now: UnixMillis,
) -> Result<()> {
    let unreadable = |_| Error::invalid("rows", "a row is not readable");
    let held = txn.newest_row(table, row.bucket, &row.key)?;
    let incoming = Row::parse(&row.row).map_err(unreadable)?;
    let plan = {
        let held = held.as_ref().map(|held| Row::parse(&held.row));
        let held = held
            .transpose()
            .map_err(|_| Error::Internal("a stored row is not readable"))?;
        plan_row(held.as_ref(), &incoming)
    };
    match plan {
        Ok(RowAction::Insert | RowAction::Replace) => {}
        Ok(RowAction::Keep)
            if usher_domain::mutated!(TakeBackLowerRevision)
                && held.is_some_and(|held| held.revision > row.revision) => {}
        Ok(RowAction::Keep) => return Ok(()),
        Err(conflict) => {
            // Changed here after the restore and there before it, with the same count. Ours stays; the
            // digests will differ until the next change of it.
            tracing::warn!(
                code = conflict.code(),
                ?table,
                "two images of one row differ"
            );
            return Ok(());
        }
    }
    txn.put_row(table, row)?;
    match table {
        TableId::Set(session) => {
            let row = decode_row(&row.row).map_err(unreadable)?;
            take_in_ticket(txn, session, &row)?;
        }
        TableId::Directory(_) => {
            let row = decode_row(&row.row).map_err(unreadable)?;
            take_in_directory(txn, &row)?;
        }
        TableId::Roster(_) => {
            let row: RosterRow = decode_row(&row.row).map_err(unreadable)?;
            match &row.entry {
                RosterEntry::Device(entry) => devices::take_in(txn, organizer, entry, now)?,
                RosterEntry::Staff(entry) => staff::take_in(txn, organizer, entry)?,
            }
        }
    }
    Ok(())
}

impl Service {
    /// Takes in rows that this server lost when it was restored from a backup: those of higher revision
    /// than its own. Nobody need have told it: what it signed itself proves them, whatever the epoch.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`] for rows that the signed manifest does not prove, [`Error::Forbidden`],
    /// [`Error::Invalid`], [`Error::TooLarge`].
    pub async fn hand_back(&self, device: DeviceId, request: HandBack) -> Result<HandBackAnswer> {
        self.write(move |txn, now| {
            let organizer = readable_rows_owner(txn, device, request.table)?;
            let rows = proven_rows(txn, organizer, &request)?;
            for row in &rows {
                take_in(txn, organizer, request.table, row, now)?;
            }
            let taken = waiting(txn, request.table, &rows)?;
            Ok(HandBackAnswer { taken })
        })
        .await
    }
}
