//! Reservations end with the records that say how an attempt ended, in the transaction that stores them.

use super::case::opened;
use crate::service::error::Result;
use crate::service::records::lines;
use crate::storage::Transaction;
use usher_domain::ids::ScopeId;
use usher_domain::merge::is_settled;
use usher_domain::record::{Body, Outcome, Record, Scan, Subject};
use usher_domain::time::UnixMillis;

/// Ends the reservations that a record ends. It must count: what a revoked device says frees nothing
/// before a person accepted it.
pub(in crate::service) fn end_by(
    txn: &mut dyn Transaction,
    record: &Record,
    now: UnixMillis,
) -> Result<()> {
    if usher_domain::mutated!(ForgetRelease) {
        return Ok(());
    }
    let device = record.log.device;
    match &record.body {
        Body::Scan(scan) => {
            if scan.is_override() {
                settle(txn, record.scope, scan, now)?;
            }
            match scan.outcome {
                Outcome::Admit | Outcome::Refuse => {
                    txn.end_reservation(device, scan.attempt)?;
                }
                // What follows a referral ends the attempt.
                Outcome::Refer => {}
            }
        }
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
        | Body::Correction(_) => {}
    }
    Ok(())
}

/// A supervisor looked at the ticket and let its holder in: the attempt with it that the override names is
/// over, and whatever anybody else held open of it is settled, also what a device left behind whose battery
/// is empty. Only where somebody may be walking through still, it waits for the next claim.
fn settle(txn: &mut dyn Transaction, scope: ScopeId, scan: &Scan, now: UnixMillis) -> Result<()> {
    let links = lines::aliases(&lines::ground_lines(txn, scope)?);
    let subject = scan.subject;
    let ticket = match subject {
        Subject::Medium(identity) => links
            .iter()
            .find(|(_, media)| media.contains(&identity))
            .map(|(ticket, _)| *ticket),
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Nothing => None,
    };
    let media = ticket
        .and_then(|ticket| links.get(&ticket))
        .into_iter()
        .flatten();
    let aliases = media
        .map(|identity| Subject::Medium(*identity))
        .chain(ticket.map(Subject::Ticket))
        .chain(std::iter::once(subject));
    for alias in aliases {
        for held in txn.reservations_about(scope, &alias)? {
            let is_named = scan.takes_over == Some(held.attempt);
            if is_named || is_settled(&opened(&held), Some(now), now) {
                txn.end_reservation(held.device, held.attempt)?;
            }
        }
    }
    Ok(())
}
