//! Whether a ticket that a list moves was used already.

use crate::service::error::{Error, Result};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::stored;
use crate::storage::Transaction;
use usher_domain::cbor;
use usher_domain::ids::TicketId;
use usher_domain::record::{Outcome, Record, Subject};

/// Whether somebody was let in with a ticket, as it is stored, at a session that it is for.
pub(super) fn at_former_session(txn: &dyn Transaction, desk: &Desk, id: TicketId) -> Result<bool> {
    let ticket = match stored::load(txn, desk.event.id, id) {
        Ok(ticket) => ticket,
        Err(Error::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    let sessions = desk.sessions().iter();
    let sessions = sessions.filter(|session| ticket.body.sessions.contains(&session.id));
    for session in sessions {
        for record in txn.records_about(session.scope, Some(&Subject::Ticket(id)))? {
            let read = cbor::decode::<Record>(&record.bytes);
            let scan = read.as_ref().ok().and_then(|record| record.body.as_scan());
            if scan.is_some_and(|scan| {
                scan.session == session.id
                    && scan.outcome == Outcome::Admit
                    && scan.reason.is_entry(scan.direction)
            }) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
