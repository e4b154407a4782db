//! Rows handed back to a server that was restored from a backup, so that no cancelled ticket comes back
//! to life.
//!
//! A device proves the rows by the manifest that this server signed before: the manifest by its
//! signature, the bucket digests by the manifest, the rows by the digests ([`proof`]). Of each row the
//! higher revision wins where it may ([`change`]), and the things behind the rows follow; the others wait
//! for a person ([`waiting`]).
//!
//! # Where the work is done
//! Unpacking and proving is beside the database's writer, with as much memory as a request may have rows.
//! What is newer than what is held is then written in short steps, between which others write. Each step
//! asks anew whose the table is, whether the manifest's key counts, and what is held by then.

mod change;
mod proof;
pub(crate) mod reached;
pub(crate) mod waiting;

use super::serve::readable_rows_owner;
use crate::service::Service;
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::service::records::{corrections, forbidden};
use crate::service::tickets::dated::Dated;
use crate::service::tickets::hand_back::{is_cancelled, take_in_directory, take_in_ticket};
use crate::service::{devices, staff};
use crate::storage::{HandedRow, StoredRow, Transaction};
use change::{Change, Ground, Word};
use std::collections::BTreeSet;
use std::sync::Arc;
use usher_domain::api::reports::IncidentKind;
use usher_domain::ids::{DeviceId, OrganizerId, TicketId};
use usher_domain::protocol::{HandBack, HandBackAnswer};
use usher_domain::table::rows::{RosterEntry, RosterRow, TicketRow, TicketState};
use usher_domain::table::{Row, RowAction, TableId, Version, decode_row, plan_row};
use usher_domain::time::UnixMillis;

/// Rows of one step at most.
const ROWS_PER_STEP: usize = 64;
/// Bytes of rows of one step, but for the last row: a row with many media costs many statements.
const BYTES_PER_STEP: usize = 16 << 10;

/// What is handed back, but for its rows.
struct Offer {
    device: DeviceId,
    table: TableId,
    manifest: Vec<u8>,
}

/// A row that is handed back.
#[derive(Debug, Clone, Copy)]
struct Offered<'r> {
    row: &'r StoredRow,
    /// By whose word it is taken.
    word: Word,
    /// Since when it counted, at the latest.
    since: UnixMillis,
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    /// Kept for a person.
    waiting: u64,
    /// Impossible: they name somebody else's things, or revisions out of all bounds.
    refused: u64,
}

/// What is done with a row in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// It is as new as what is held, or older.
    Nothing,
    Taken,
    Waits,
    Refused,
}

fn unreadable(_: impl std::fmt::Debug) -> Error {
    Error::invalid("rows", "a row is not readable")
}

/// What of a row's ticket, device or member of staff the held row does not tell.
fn ground(txn: &dyn Transaction, table: TableId, row: &StoredRow) -> Result<Ground> {
    let TableId::Set(session) = table else {
        return Ok(Ground::Open);
    };
    let ticket = TicketId::from_bytes(row.key);
    match is_cancelled(txn, session, ticket)? {
        true => Ok(Ground::Cancelled),
        false => Ok(Ground::Open),
    }
}

/// Lets the thing behind a row be as the row says, and the row wait for sealing.
fn write(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
    Offered { row, since, .. }: Offered<'_>,
    now: UnixMillis,
) -> Result<()> {
    match table {
        TableId::Set(session) => {
            let row: TicketRow = decode_row(&row.row).map_err(unreadable)?;
            let before = forbidden::Revision::of(txn, organizer, session, row.ticket)?;
            take_in_ticket(txn, session, &row, Dated::Before { since, now })?;
            before.tell(txn, now)?;
            corrections::revise(txn, organizer, (session, row.ticket), now)?;
        }
        TableId::Directory(session) => {
            let row = decode_row(&row.row).map_err(unreadable)?;
            take_in_directory(txn, session, &row)?;
        }
        TableId::Roster(_) => {
            let row: RosterRow = decode_row(&row.row).map_err(unreadable)?;
            match &row.entry {
                RosterEntry::Device(entry) => devices::take_in(txn, organizer, entry, now)?,
                RosterEntry::Staff(entry) => staff::take_in(txn, organizer, entry, now)?,
            }
        }
    }
    txn.put_row(table, row)?;
    Ok(())
}

/// Takes one row in if it is newer than ours and may be taken by this word.
fn take_in(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
    offered: Offered<'_>,
    now: UnixMillis,
) -> Result<Done> {
    let Offered { row, word, .. } = offered;
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
                && held
                    .as_ref()
                    .is_some_and(|held| held.revision > row.revision) =>
        {
            write(txn, organizer, table, offered, now)?;
            return Ok(Done::Taken);
        }
        Ok(RowAction::Keep) => return Ok(Done::Nothing),
        Err(conflict) => {
            // Changed here after the restore and there before it, with the same count. Ours stays; the
            // digests will differ until the next change of it.
            tracing::warn!(
                code = conflict.code(),
                ?table,
                "two images of one row differ"
            );
            return Ok(Done::Nothing);
        }
    }
    let ground = match ground(txn, table, row) {
        Err(Error::NotFound(_)) => return Ok(Done::Refused),
        ground => ground?,
    };
    let change = match change::judge(table, held.as_ref(), row, ground, word) {
        Err(Error::Invalid { .. }) => Change::Impossible,
        change => change?,
    };
    match change {
        Change::Impossible => Ok(Done::Refused),
        Change::Waits => Ok(Done::Waits),
        Change::Counts => match write(txn, organizer, table, offered, now) {
            Ok(()) => Ok(Done::Taken),
            // It bears the id of something that is another's, or another key than the device has. Nothing
            // of it was written: whose it is, is asked first.
            Err(Error::NotFound(_)) => Ok(Done::Refused),
            Err(error) => Err(error),
        },
    }
}

/// Which of the steps of one request it is: a person is told with the first, and brought up to date after the
/// last, for counting what waits takes the longer the more waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    First,
    Next,
}

/// One short step of taking rows in.
fn step(
    txn: &mut dyn Transaction,
    offer: &Offer,
    (rows, place): (&[StoredRow], Step),
    now: UnixMillis,
) -> Result<()> {
    let organizer = readable_rows_owner(txn, offer.device, offer.table)?;
    let manifest = proof::manifest(txn, organizer, offer.table, &offer.manifest)?;
    let word = reached::word_for(txn, offer.table, manifest.version, now)?;
    let mut tally = Tally::default();
    for row in rows {
        let offered = Offered {
            row,
            word,
            since: manifest.issued_at,
        };
        match take_in(txn, organizer, offer.table, offered, now)? {
            Done::Nothing => {}
            Done::Taken => txn.forget_handed(offer.table, &row.key)?,
            Done::Waits => {
                let handed = HandedRow {
                    table: offer.table,
                    row: row.clone(),
                    device: offer.device,
                    at: now,
                };
                txn.keep_handed(organizer, &handed)?;
                tally.waiting += 1;
            }
            Done::Refused => tally.refused += 1,
        }
    }
    if tally.waiting > 0 && place == Step::First {
        waiting::tell(txn, organizer, offer.table, now)?;
    }
    if tally.refused > 0 {
        let about = About::device(IncidentKind::HandedBack, offer.device);
        let detail = "the device handed back rows that cannot be: they name things that are not yours, \
                      or were changed more often than can be. They were not taken";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    Ok(())
}

/// How many of these rows wait to be signed, taken in now or the last time they were handed back: until then
/// the signed table lacks them.
fn unsigned(txn: &dyn Transaction, table: TableId, rows: &[StoredRow]) -> Result<u64> {
    let handed: BTreeSet<&[u8]> = rows.iter().map(|row| row.row.as_slice()).collect();
    let mut waiting = 0;
    txn.pending_rows(table, u32::MAX, &mut |pending| {
        waiting += u64::from(handed.contains(pending.new));
        Ok(())
    })?;
    Ok(waiting)
}

/// Rows that are newer than those held, in steps. Those that wait as they are, or were refused, change nothing
/// unless a restore was declared since.
fn newer(
    txn: &dyn Transaction,
    table: TableId,
    version: Version,
    (rows, now): (&[StoredRow], UnixMillis),
) -> Result<Vec<Vec<StoredRow>>> {
    let word = reached::word_for(txn, table, version, now)?;
    let mut steps: Vec<Vec<StoredRow>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let held = txn.newest_row(table, row.bucket, &row.key)?;
        let is_newer = held.is_none_or(|held| held.revision < row.revision);
        if !is_newer && !usher_domain::mutated!(TakeBackLowerRevision) {
            continue;
        }
        let handed = txn.handed_row(table, &row.key)?;
        let is_known = handed.is_some_and(|(known, _)| known == row.row);
        if is_known && word == Word::Nobody {
            continue;
        }
        bytes += row.row.len();
        match steps.last_mut() {
            Some(step) if step.len() < ROWS_PER_STEP && bytes <= BYTES_PER_STEP => {
                step.push(row.clone());
            }
            Some(_) | None => {
                bytes = row.row.len();
                steps.push(vec![row.clone()]);
            }
        }
    }
    Ok(steps)
}

impl Service {
    /// Takes in rows that this server lost when it was restored from a backup: those of higher revision
    /// than its own. While a declared restore is open, all of them but what would let a cancelled ticket or
    /// a revoked device or badge live again; otherwise what takes rights away. The rest waits for a person.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`] for rows that the signed manifest does not prove, [`Error::Forbidden`],
    /// [`Error::Invalid`], [`Error::TooLarge`].
    pub async fn hand_back(&self, device: DeviceId, request: HandBack) -> Result<HandBackAnswer> {
        let table = request.table;
        let manifest = self
            .read({
                let signed = request.manifest.to_vec();
                move |txn| {
                    let organizer = readable_rows_owner(txn, device, table)?;
                    proof::manifest(txn, organizer, table, &signed)
                }
            })
            .await?;
        let offer = Arc::new(Offer {
            device,
            table,
            manifest: request.manifest.to_vec(),
        });
        let version = manifest.version;
        let rows = self
            .store()
            .beside(move || proof::rows(&manifest, &request))
            .await??;
        let rows = Arc::new(rows);
        let (all, now) = (Arc::clone(&rows), self.now());
        let steps = self
            .read(move |txn| newer(txn, table, version, (&all, now)))
            .await?;
        let is_long = steps.len() > 1;
        let mut place = Step::First;
        for rows in steps {
            let offer = Arc::clone(&offer);
            let _turn = self.turn_to_write_long().await;
            self.write(move |txn, now| step(txn, &offer, (&rows, place), now))
                .await?;
            place = Step::Next;
        }
        if is_long {
            self.write_quietly(move |txn, now| {
                let organizer = readable_rows_owner(txn, device, table)?;
                waiting::tell(txn, organizer, table, now)
            })
            .await?;
        }
        self.read(move |txn| {
            Ok(HandBackAnswer {
                taken: unsigned(txn, table, &rows)?,
                waiting: Some(waiting::count(txn, table, &rows)?),
            })
        })
        .await
    }
}

/// Whether a ticket's state is one that lets nobody in any more.
const fn is_final(state: TicketState) -> bool {
    match state {
        TicketState::Cancelled(_) => true,
        TicketState::Valid | TicketState::Blocked => false,
    }
}
