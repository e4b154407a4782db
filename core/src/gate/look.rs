//! Looking up what was shown, and what was scanned of it before.

use super::book::{Book, HeldSession};
use crate::store::{Store, StoreError};
use usher_domain::code::MediumKey;
use usher_domain::decide::{Elsewhere, Found, Shown, Via};
use usher_domain::ids::TicketId;
use usher_domain::log::Line;
use usher_domain::record::Subject;
use usher_domain::table::rows::TicketRow;

/// [`Found`] with its row.
pub(super) enum Looked {
    /// In the set of the served session.
    Here { row: Box<TicketRow>, via: Via },
    /// In the sets of other sessions.
    Elsewhere(Vec<Elsewhere>),
    /// In none.
    Nowhere,
}

impl Looked {
    pub(super) fn found(&self) -> Found<'_> {
        match self {
            Self::Here { row, via } => Found::Here { row, via: *via },
            Self::Elsewhere(places) => Found::Elsewhere(places.clone()),
            Self::Nowhere => Found::Nowhere,
        }
    }

    pub(super) fn row(&self) -> Option<&TicketRow> {
        match self {
            Self::Here { row, .. } => Some(row),
            Self::Elsewhere(_) | Self::Nowhere => None,
        }
    }
}

/// Looks for what was shown: in the served session's set, then by links, then in the other sets.
pub(super) fn look(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    shown: &Shown,
) -> Result<Looked, StoreError> {
    if let Some((row, via)) = in_set(store, served, shown)? {
        let row = Box::new(newest(store, book, served, row)?);
        return Ok(Looked::Here { row, via });
    }
    if let Some(row) = linked(store, book, served, shown)? {
        let row = Box::new(newest(store, book, served, row)?);
        let via = Via::CurrentMedium;
        return Ok(Looked::Here { row, via });
    }
    let mut places = Vec::new();
    for other in &book.sessions {
        let is_other = other.terms.session.id != served.terms.session.id;
        if is_other && in_set(store, other, shown)?.is_some() {
            places.push(place_of(other));
        }
    }
    Ok(if places.is_empty() {
        Looked::Nowhere
    } else {
        Looked::Elsewhere(places)
    })
}

/// Something of another event's shop that no set lists: it is told where it belongs.
pub(super) fn signed_elsewhere(
    book: &Book,
    served: &HeldSession,
    shown: &Shown,
    text: &str,
) -> Looked {
    if !matches!(shown, Shown::Forged { .. } | Shown::Opaque { .. }) {
        return Looked::Nowhere;
    }
    let signed_for = |other: &&HeldSession| {
        other.terms.event != served.terms.event
            && other.terms.pretix.as_ref().is_some_and(|terms| {
                let shown = Shown::read(text, book.organizer, &book.keys, Some(terms));
                matches!(shown, Shown::Pretix { .. })
            })
    };
    match book.sessions.iter().find(signed_for) {
        Some(other) => Looked::Elsewhere(vec![place_of(other)]),
        None => Looked::Nowhere,
    }
}

fn place_of(session: &HeldSession) -> Elsewhere {
    Elsewhere {
        session: session.terms.session.id,
        name: session.terms.session.name.clone(),
        event: session.terms.event,
        event_name: session.terms.event_name.clone(),
    }
}

/// By the ticket that a code of ours names, else by the text as a medium.
fn in_set(
    store: &Store,
    session: &HeldSession,
    shown: &Shown,
) -> Result<Option<(TicketRow, Via)>, StoreError> {
    if let Some(ticket) = shown.ticket()
        && let Some(row) = store.ticket(session.copy, ticket)?
    {
        return Ok(Some((row, Via::Code)));
    }
    match shown.medium() {
        Some(medium) => by_medium(store, session, medium),
        None => Ok(None),
    }
}

/// A medium may have been handed on from one ticket to another: the one that it opens now counts.
fn by_medium(
    store: &Store,
    session: &HeldSession,
    medium: MediumKey,
) -> Result<Option<(TicketRow, Via)>, StoreError> {
    let mut former = None;
    for ticket in store.tickets_of_medium(session.copy, medium)? {
        match store.ticket(session.copy, ticket)? {
            Some(row) if row.is_former(&medium) => former = Some((row, Via::FormerMedium)),
            Some(row) => return Ok(Some((row, Via::CurrentMedium))),
            None => {}
        }
    }
    Ok(former)
}

/// By a link that the server wrote: the medium of a ticket that the set does not name.
fn linked(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    shown: &Shown,
) -> Result<Option<TicketRow>, StoreError> {
    let (Some(identity), Some(ground)) = (shown.identity(), book.ground(served.terms.scope)) else {
        return Ok(None);
    };
    match ground.resolve(Subject::Medium(identity)) {
        Subject::Ticket(ticket) => store.ticket(served.copy, ticket),
        Subject::Medium(_) | Subject::Nothing => Ok(None),
    }
}

/// The image of the highest revision: a pass stands in the sets of several sessions, and one of them may
/// be newer than the served one.
pub(super) fn newest(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    mut row: TicketRow,
) -> Result<TicketRow, StoreError> {
    for other in &book.sessions {
        let shares = other.terms.scope == served.terms.scope
            && other.terms.session.id != served.terms.session.id;
        if shares
            && let Some(image) = store.ticket(other.copy, row.ticket)?
            && image.revision > row.revision
        {
            // Holder data are sealed for each session apart: those of this one stay.
            let sealed = row.sealed.take();
            row = TicketRow { sealed, ..image };
        }
    }
    Ok(row)
}

/// The tickets of the order that a row belongs to, itself first.
pub(super) fn order_of(
    store: &Store,
    served: &HeldSession,
    row: &TicketRow,
) -> Result<Vec<TicketId>, StoreError> {
    let mut tickets = vec![row.ticket];
    if let Some(order) = row.order {
        let all = store.tickets_of_order(served.copy, order)?;
        tickets.extend(all.into_iter().filter(|ticket| *ticket != row.ticket));
    }
    Ok(tickets)
}

/// Everything that was written of a subject, under whatever name.
pub(super) fn history(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    subject: Subject,
) -> Result<Vec<Line>, StoreError> {
    let scope = served.terms.scope;
    let Some(ground) = book.ground(scope) else {
        return Ok(Vec::new());
    };
    // What was unreadable cannot be followed.
    if subject == Subject::Nothing {
        return Ok(Vec::new());
    }
    let mut lines = Vec::new();
    for alias in ground.aliases(ground.resolve(subject)) {
        lines.extend(store.records_about(scope, &alias)?);
    }
    Ok(lines)
}
