//! Looking up what was shown, and what was scanned of it before.

use super::book::{Book, HeldSession};
use crate::store::{Store, StoreError};
use usher_domain::code::MediumKey;
use usher_domain::decide::{self, Elsewhere, Holdings, Honoured, Looked, Shown};
use usher_domain::ids::{SessionId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::Ground;
use usher_domain::numbers::AccessNumber;
use usher_domain::record::{Body, Direction, Subject};
use usher_domain::table::rows::TicketRow;
use usher_domain::time::UnixMillis;

/// The sets of a device, as one gate looks at them.
struct Shelf<'a> {
    store: &'a Store,
    book: &'a Book,
    served: &'a HeldSession,
}

impl<'a> Holdings for Shelf<'a> {
    type Set = &'a HeldSession;
    type Error = StoreError;

    fn served(&self) -> Self::Set {
        self.served
    }

    fn others(&self) -> impl Iterator<Item = Self::Set> {
        let served = self.served.terms.session.id;
        let sessions = self.book.sessions.iter();
        sessions.filter(move |other| other.terms.session.id != served)
    }

    fn enter_here(&self, access: AccessNumber) -> bool {
        self.served.terms.accepts(access)
    }

    fn place(&self, set: Self::Set) -> Elsewhere {
        place_of(set)
    }

    fn ground(&self) -> Option<&Ground> {
        self.book.ground(self.served.terms.scope)
    }

    fn ticket(&self, set: Self::Set, ticket: TicketId) -> Result<Option<TicketRow>, StoreError> {
        self.store.ticket(set.copy, ticket)
    }

    fn tickets_of_medium(
        &self,
        set: Self::Set,
        medium: MediumKey,
    ) -> Result<Vec<TicketId>, StoreError> {
        self.store.tickets_of_medium(set.copy, medium)
    }
}

/// Looks for what was shown: in the served session's set, then by links, then in the other sets. Of the
/// row that it finds it gives the newest image, and the session whose ticket it is where the served one
/// lets it through beside its own.
pub(super) fn look(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    shown: &Shown,
    honoured: &[Honoured],
) -> Result<(Looked, Option<SessionId>), StoreError> {
    let shelf = Shelf {
        store,
        book,
        served,
    };
    let (looked, honours) = decide::look_honoured(&shelf, shown, honoured)?;
    let looked = match looked {
        Looked::Here { row, via } => Looked::Here {
            row: Box::new(newest(store, book, served, *row)?),
            via,
        },
        looked @ (Looked::Elsewhere(_) | Looked::Nowhere) => looked,
    };
    Ok((looked, honours))
}

/// The sessions whose tickets the served one lets through at a time, beside its own.
pub(super) fn honoured(
    book: &Book,
    served: &HeldSession,
    direction: Direction,
    now: UnixMillis,
) -> Vec<Honoured> {
    let terms = &served.terms;
    let sessions = book
        .ground(terms.scope)
        .into_iter()
        .flat_map(|ground| ground.honoured(terms.session.id, direction, now));
    sessions
        .map(|session| {
            let held = book.session(session).map(|held| &held.terms.session);
            let told = || terms.others.iter().find(|other| other.id == session);
            let summary = held.or_else(told);
            let accepts = summary.map_or(Vec::new(), |summary| summary.accepts.clone());
            let pretix = terms.pretix.as_ref();
            let dates = pretix.map_or(Vec::new(), |pretix| pretix.dates_of(session).collect());
            Honoured {
                session,
                accepts,
                dates,
            }
        })
        .collect()
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

/// All names of a subject; none of what was unreadable, which cannot be followed.
pub(super) fn aliases(book: &Book, served: &HeldSession, subject: Subject) -> Vec<Subject> {
    match book.ground(served.terms.scope) {
        Some(ground) if subject != Subject::Nothing => ground.aliases(ground.resolve(subject)),
        Some(_) | None => Vec::new(),
    }
}

/// Everything that was written of a subject, under whatever name.
pub(super) fn history(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    subject: Subject,
) -> Result<Vec<Line>, StoreError> {
    let mut lines = Vec::new();
    for alias in aliases(book, served, subject) {
        lines.extend(store.records_about(served.terms.scope, &alias)?);
    }
    if usher_domain::mutated!(ForgetCorrections) {
        lines.retain(|line| !matches!(line.record.body, Body::Correction(_)));
    }
    if usher_domain::mutated!(ForgetOthers) {
        lines.retain(|line| line.record.log.device == book.device);
    }
    Ok(lines)
}
