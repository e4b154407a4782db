//! Reservations end with the records that say how an attempt ended, in the transaction that stores them.

use crate::service::error::Result;
use crate::service::records::lines;
use crate::storage::Transaction;
use usher_domain::ids::ScopeId;
use usher_domain::record::{Body, Outcome, Record, Subject};

/// Ends the reservations that a record ends. It must count: what a revoked device says frees nothing
/// before a person accepted it.
pub(in crate::service) fn end_by(txn: &mut dyn Transaction, record: &Record) -> Result<()> {
    if usher_domain::mutated!(ForgetRelease) {
        return Ok(());
    }
    let device = record.log.device;
    match &record.body {
        Body::Scan(scan) => {
            if scan.is_override() {
                end_all_of(txn, record.scope, scan.subject)?;
            }
            match scan.outcome {
                Outcome::Admit | Outcome::Refuse => {
                    txn.end_reservation(scan.attempt, Some(device))?;
                }
                // What follows a referral ends the attempt.
                Outcome::Refer => {}
            }
        }
        Body::Abort(abort) => {
            txn.end_reservation(abort.attempt, Some(device))?;
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
        | Body::Delay(_) => {}
    }
    Ok(())
}

/// A supervisor looked at the ticket and let its holder in: whatever anybody else held open is settled by
/// that, also what a device left behind whose battery is empty.
fn end_all_of(txn: &mut dyn Transaction, scope: ScopeId, subject: Subject) -> Result<()> {
    let links = lines::aliases(&lines::ground_lines(txn, scope)?);
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
        for open in txn.reservations_about(scope, &alias)? {
            txn.end_reservation(open.attempt, None)?;
        }
    }
    Ok(())
}
