//! Tickets that were moved to another session while somebody was inside with them.

use super::desk::Desk;
use super::stored::Loaded;
use crate::service::error::Result;
use crate::service::organizers::StoredOrganizer;
use crate::service::records::{cuts, lines};
use crate::service::things;
use crate::storage::Transaction;
use std::collections::BTreeSet;
use usher_domain::ids::{ScopeId, SessionId};
use usher_domain::merge::fold_subject;
use usher_domain::merge::state::SubjectState;
use usher_domain::record::Subject;

/// The sessions that a ticket was moved away from whose gates let its holder in and saw nobody leave.
pub(crate) fn inside(
    txn: &dyn Transaction,
    desk: &Desk,
    ticket: &Loaded,
) -> Result<Vec<SessionId>> {
    let left: Vec<SessionId> = ticket.body.left.iter().flatten().copied().collect();
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let organizer = things::get::<StoredOrganizer>(txn, desk.organizer.as_bytes())?;
    let server = organizer.value.server;
    let own = desk.sessions().iter();
    let scopes: BTreeSet<ScopeId> = own
        .filter(|session| left.contains(&session.id))
        .map(|session| session.scope)
        .collect();
    let mut inside = BTreeSet::new();
    for scope in scopes {
        let subject = Subject::Ticket(ticket.id);
        let known = lines::ground_lines(txn, scope)?;
        let aliases = lines::aliases(&known);
        let about = lines::lines_about(txn, scope, subject, &aliases, |_| true)?;
        if about.is_empty() {
            continue;
        }
        let ground = cuts::ground_of_all(txn, scope, server, &known)?;
        let about = about.iter().map(|(_, line)| line);
        let states = fold_subject(&ground, ground.resolve(subject), about);
        let people = states.values().flat_map(SubjectState::everybody_inside);
        inside.extend(people.map(|prior| prior.session));
    }
    Ok(left
        .into_iter()
        .filter(|session| inside.contains(session))
        .collect())
}
