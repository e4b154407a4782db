//! Reservations end with the records that say how an attempt ended, in the transaction that stores them.

use super::case::{aliases, opened};
use super::judge::stored;
use crate::service::error::Result;
use crate::service::organizers::StoredOrganizer;
use crate::service::records::{cuts, lines};
use crate::service::things;
use crate::storage::Transaction;
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::log::Line;
use usher_domain::merge::{Ground, endings, is_settled, overridden_at, proved_overrides};
use usher_domain::record::{Body, Outcome, Record, Scan};
use usher_domain::time::UnixMillis;

/// Open reservations that are looked through when a supervisor's key is learned of.
const LOOKED_THROUGH_MAX: u32 = 10_000;

/// Why records count from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Because {
    /// They are stored.
    Stored,
    /// A person accepted them, which proves what they claim.
    Accepted,
}

/// Ends the reservations that records of a scope end, in the transaction that makes them count: what a revoked
/// device says frees nothing before a person accepted it, and an override that nothing proves frees nothing but
/// its own attempt.
pub(in crate::service) fn end_by<'a>(
    txn: &mut dyn Transaction,
    (organizer, scope): (OrganizerId, ScopeId),
    records: impl Iterator<Item = (&'a Record, Hash)> + Clone,
    because: Because,
    now: UnixMillis,
) -> Result<()> {
    if usher_domain::mutated!(ForgetRelease) {
        return Ok(());
    }
    let overriding = records
        .clone()
        .filter(|(record, _)| claims_override(record));
    let overriding: Vec<Line> = overriding
        .map(|(record, hash)| Line {
            hash,
            record: record.clone(),
        })
        .collect();
    // Most of the time there are none, and what is stored need not be read.
    if !overriding.is_empty() {
        let ground = ground(txn, organizer, scope)?;
        for line in &overriding {
            if because == Because::Accepted || is_proved(txn, &ground, line, &overriding)? {
                take_over(txn, &ground, line, now)?;
            }
        }
    }
    for (record, _) in records {
        end_own(txn, record)?;
    }
    Ok(())
}

fn claims_override(record: &Record) -> bool {
    let scan = record.body.as_scan();
    scan.is_some_and(Scan::claims_override)
}

fn ground(txn: &dyn Transaction, organizer: OrganizerId, scope: ScopeId) -> Result<Ground> {
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let known = lines::ground_lines(txn, scope)?;
    cuts::ground_of_all(txn, scope, server, &known)
}

/// Whether an override is proved, and its sanction not used by a record that is stored or comes beside it.
fn is_proved(txn: &dyn Transaction, ground: &Ground, line: &Line, beside: &[Line]) -> Result<bool> {
    let Some(subject) = line.record.subject().map(|of| ground.resolve(of)) else {
        return Ok(false);
    };
    let stored = stored(txn, ground, subject)?;
    let proved = proved_overrides(ground, stored.iter().chain(beside));
    Ok(proved.contains(&line.hash))
}

/// A supervisor's override ends the attempt that it names, and settles whatever else is open of the ticket.
fn take_over(
    txn: &mut dyn Transaction,
    ground: &Ground,
    line: &Line,
    now: UnixMillis,
) -> Result<()> {
    let Some(scan) = line.record.body.as_scan() else {
        return Ok(());
    };
    settle(txn, ground, scan, now)
}

/// Ends what an override settles that was stored before the key was known that proves it.
pub(in crate::service) fn end_proved(
    txn: &mut dyn Transaction,
    (organizer, scope): (OrganizerId, ScopeId),
    now: UnixMillis,
) -> Result<()> {
    let mut open = txn.open_reservations(LOOKED_THROUGH_MAX)?;
    open.retain(|held| held.scope == scope);
    if open.is_empty() {
        return Ok(());
    }
    let ground = ground(txn, organizer, scope)?;
    for held in open {
        let stored = stored(txn, &ground, ground.resolve(held.subject))?;
        let counting = stored.iter().filter(|line| ground.counts(line));
        let overridden = overridden_at(&ground, counting.clone());
        let has_ended = endings(&ground, counting).has_ended(held.device, held.attempt);
        if has_ended || is_settled(&opened(&held), overridden, now) {
            txn.end_reservation(held.device, held.attempt)?;
        }
    }
    Ok(())
}

/// Ends the attempt that a record is of.
fn end_own(txn: &mut dyn Transaction, record: &Record) -> Result<()> {
    let device = record.log.device;
    match &record.body {
        Body::Scan(scan) => match scan.outcome {
            Outcome::Admit | Outcome::Refuse => {
                txn.end_reservation(device, scan.attempt)?;
            }
            // What follows a referral ends the attempt.
            Outcome::Refer => {}
        },
        Body::Abort(abort) => {
            txn.end_reservation(device, abort.attempt)?;
        }
        Body::Undo(_)
        | Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::OutTakenBack(_)
        | Body::Correction(_) => {}
    }
    Ok(())
}

/// A supervisor looked at the ticket and let its holder in: the attempt with it that the override names is
/// over, and whatever anybody else held open of it is settled, also what a device left behind whose battery
/// is empty. Only where somebody may be walking through still, it waits for the next claim.
fn settle(txn: &mut dyn Transaction, ground: &Ground, scan: &Scan, now: UnixMillis) -> Result<()> {
    for alias in aliases(ground, ground.resolve(scan.subject)) {
        for held in txn.reservations_about(ground.scope(), &alias)? {
            let is_named = scan.takes_over == Some(held.attempt);
            if is_named || is_settled(&opened(&held), Some(now), now) {
                txn.end_reservation(held.device, held.attempt)?;
            }
        }
    }
    Ok(())
}
