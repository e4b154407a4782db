//! Tickets as rows tell of them that were handed back after a restore.

use super::dated::{self, Dated};
use super::former;
use super::stored::{self, Body, Loaded, Medium, Standing};
use crate::service::error::{Error, Result};
use crate::service::{things, types};
use crate::storage::Transaction;
use usher_domain::api::venue::Session;
use usher_domain::ids::{EventId, SessionId, TicketId};
use usher_domain::numbers::AccessNumber;
use usher_domain::table::rows::{CancelReason, DirectoryRow, TicketRow, TicketState};

/// Lets a ticket be as a row of higher revision says, which counted at that time. The row knows neither names nor codes: those that
/// are known here stay.
///
/// # Errors
/// [`Error::NotFound`] if the id is that of a ticket of another event.
pub(crate) fn take_in_ticket(
    txn: &mut dyn Transaction,
    session: SessionId,
    row: &TicketRow,
    dated: Dated,
) -> Result<()> {
    let event = event_of(txn, session)?;
    stored::check_free(txn, event, row.ticket)?;
    let mut ticket = match stored::load(txn, event, row.ticket) {
        Ok(known) => known,
        Err(Error::NotFound(_)) => from_row(event, row),
        Err(error) => return Err(error),
    };
    let body = &mut ticket.body;
    let is_left = was_left(txn, event, session, row.access)?;
    if is_left && body.sessions.is_empty() && body.state == MOVED {
        // Where it is valid, and whether it is, the row of that session tells.
        body.state = TicketState::Blocked;
    }
    place(body, session, is_left, row.revision);
    // Another set of a pass may have told more already.
    if row.revision >= body.revision || usher_domain::mutated!(TakeBackLowerRevision) {
        body.revision = row.revision;
        // The image in a session that the ticket left says that it was exchanged, and it was only there.
        if !(is_left && row.state == MOVED) {
            body.state = row.state;
            body.explanation.clone_from(&row.explanation);
        }
        body.issue = row.issue;
        body.type_number = row.type_number;
        body.access = row.access;
        body.valid_from = row.valid_from;
        body.valid_until = row.valid_until;
        body.zone = row.zone;
        body.seat.clone_from(&row.seat);
        body.home = row.home;
        body.instruction.clone_from(&row.instruction);
        body.entries = row.entries;
        body.group = row.order;
        take_in_media(body, row);
    }
    let before = stored::before(txn, &ticket)?;
    dated::note(&mut ticket.body, before.as_ref(), dated);
    if let Some(before) = &before {
        former::remember(txn, before, &ticket)?;
    }
    txn.put_ticket(&ticket.stored())?;
    for medium in &ticket.body.media {
        if txn.medium_owner(event, &medium.key)?.is_none() {
            txn.put_medium(event, &medium.key, ticket.id)?;
        }
    }
    Ok(())
}

/// What the image of a ticket says in a session that it left.
const MOVED: TicketState = TicketState::Cancelled(CancelReason::Exchanged);

/// Whether a row is the image in a session that the ticket left: its access number is that of another session,
/// or of a pass without this one. A number that is not known may be that of a pass made after the backup.
fn was_left(
    txn: &dyn Transaction,
    event: EventId,
    session: SessionId,
    access: AccessNumber,
) -> Result<bool> {
    let mut others = things::all::<Session>(txn, event.as_bytes())?.into_iter();
    if others.any(|other| other.value.access == access && other.value.id != session) {
        return Ok(true);
    }
    let mut types = types::of_event(txn, event)?.into_iter();
    Ok(types
        .any(|kind| kind.value.access == Some(access) && !kind.value.sessions.contains(&session)))
}

/// Counts a session among those that the ticket is for, or that it left.
fn place(body: &mut Body, session: SessionId, is_left: bool, revision: u64) {
    let mut left = body.left.take().unwrap_or_default();
    let is_known = body.sessions.contains(&session) || left.contains(&session);
    if is_known && revision < body.revision {
        body.left = Some(left).filter(|left| !left.is_empty());
        return;
    }
    left.retain(|known| *known != session);
    if is_left {
        body.sessions.retain(|known| *known != session);
    }
    match (body.sessions.contains(&session), is_left) {
        (true, _) => {}
        (false, true) => left.push(session),
        (false, false) => body.sessions.push(session),
    }
    left.sort_unstable();
    body.sessions.sort_unstable();
    body.left = (!left.is_empty()).then_some(left);
}

fn take_in_media(body: &mut Body, row: &TicketRow) {
    for key in &row.media {
        let standing = if row.current_media().contains(key) {
            Standing::Current
        } else {
            Standing::Former
        };
        match body.media.iter_mut().find(|medium| medium.key == *key) {
            Some(known) => known.standing = standing,
            None => body.media.push(Medium {
                key: *key,
                standing,
                bits: 0,
                code: None,
            }),
        }
    }
}

fn event_of(txn: &dyn Transaction, session: SessionId) -> Result<EventId> {
    Ok(things::get::<Session>(txn, session.as_bytes())?.value.event)
}

/// Whether the ticket is cancelled here, as far as it is known. Another set of a pass may have told.
pub(crate) fn is_cancelled(
    txn: &dyn Transaction,
    session: SessionId,
    ticket: TicketId,
) -> Result<bool> {
    match stored::load(txn, event_of(txn, session)?, ticket) {
        Ok(known) => Ok(matches!(known.body.state, TicketState::Cancelled(_))),
        Err(Error::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A ticket that only a row tells of.
fn from_row(event: EventId, row: &TicketRow) -> Loaded {
    Loaded {
        id: row.ticket,
        event,
        external: None,
        body: Body {
            state: row.state,
            issue: row.issue,
            group: row.order,
            ..Body::new(row.type_number, row.access, row.channel)
        },
    }
}

/// Takes over who holds a ticket. A directory handed back before its ticket set has no ticket yet; its
/// row waits in the directory all the same.
pub(crate) fn take_in_directory(
    txn: &mut dyn Transaction,
    session: SessionId,
    row: &DirectoryRow,
) -> Result<()> {
    let event = event_of(txn, session)?;
    stored::check_free(txn, event, row.ticket)?;
    let mut ticket = match stored::load(txn, event, row.ticket) {
        Ok(known) => known,
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    ticket.body.holder.clone_from(&row.holder);
    ticket.body.order.clone_from(&row.order);
    txn.put_ticket(&ticket.stored())?;
    Ok(())
}
