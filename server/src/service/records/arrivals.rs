//! Arrivals: the server writes down when records came whose stamps are ahead of its clock, so that no clock
//! but the server's own says how late a record is at most.

use super::cuts;
use super::lines::ground_lines;
use crate::service::error::Result;
use crate::service::organizers::StoredOrganizer;
use crate::service::{server_log, things};
use crate::storage::{Stamped, Transaction};
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::log::{Entry, Line};
use usher_domain::merge::{Ground, STAMP_AHEAD_MS};
use usher_domain::record::{Arrival, Body};
use usher_domain::time::UnixMillis;

/// Arrivals that one batch of the server's log holds at most.
const ARRIVALS_PER_BATCH: usize = 500;

/// Writes down that these new records of a batch arrive now, if one of them is dated too far ahead. It is
/// called before the batch is stored, so that whoever reads the records has read of their arrival.
pub(super) fn of_batch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    new: &[Entry],
    now: UnixMillis,
) -> Result<()> {
    let (Some(first), Some(last)) = (new.first(), new.last()) else {
        return Ok(());
    };
    let is_ahead = |entry: &Entry| entry.frame.stamp.since(now) > STAMP_AHEAD_MS;
    if !new.iter().any(is_ahead) {
        return Ok(());
    }
    let arrival = Arrival {
        log: first.frame.log,
        first: first.frame.sequence,
        last: last.frame.sequence,
        hash: last.hash,
        at: now,
    };
    server_log::append(txn, organizer, scope, vec![Body::Arrival(arrival)], now)?;
    Ok(())
}

/// Writes down the arrival of all stored records that count with a stamp after `at` and came before their
/// stamps. Whoever sends everyone out at that time then knows which admissions were before it.
pub(in crate::service) fn before_everyone_out(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    at: UnixMillis,
    now: UnixMillis,
) -> Result<()> {
    let ahead = txn.stamped_after(scope, at)?;
    if ahead.is_empty() {
        return Ok(());
    }
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let general = ground_lines(txn, scope)?;
    let ground = cuts::ground_of_all(txn, scope, server, &general)?;
    let mut arrivals: Vec<Arrival> = Vec::new();
    for stamped in ahead {
        if is_known(txn, scope, &ground, &stamped)? {
            continue;
        }
        match arrivals.last_mut() {
            Some(before)
                if before.log == stamped.log
                    && before.at == stamped.arrived
                    && before.last.saturating_add(1) == stamped.sequence =>
            {
                before.last = stamped.sequence;
                before.hash = stamped.hash;
            }
            Some(_) | None => arrivals.push(Arrival {
                log: stamped.log,
                first: stamped.sequence,
                last: stamped.sequence,
                hash: stamped.hash,
                at: stamped.arrived,
            }),
        }
    }
    let mut rest = arrivals.into_iter().map(Body::Arrival).peekable();
    while rest.peek().is_some() {
        let some: Vec<Body> = rest.by_ref().take(ARRIVALS_PER_BATCH).collect();
        server_log::append(txn, organizer, scope, some, now)?;
    }
    Ok(())
}

/// Whether the record counts with the time of its arrival, or an earlier one, already; one that this program
/// cannot read never counts.
fn is_known(
    txn: &dyn Transaction,
    scope: ScopeId,
    ground: &Ground,
    stamped: &Stamped,
) -> Result<bool> {
    let record = txn.record(scope, &stamped.hash)?;
    let line = record.and_then(|record| Line::read(&record.bytes).ok());
    Ok(line.is_none_or(|line| ground.stamp_of(&line.record) <= stamped.arrived))
}
