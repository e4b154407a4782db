//! Which session what was shown belongs to, and what that session is called here.

use super::answer::Served;
use super::book::{Book, HeldSession};
use super::showing::Showing;
use usher_domain::decide::Looked;
use usher_domain::ids::SessionId;
use usher_domain::verdict::{Refusal, Verdict};

/// The session that what was shown belongs to, if anybody knows.
pub(super) fn belongs_to(
    served: &HeldSession,
    showing: &Showing,
    verdict: &Verdict,
) -> Option<SessionId> {
    match (verdict, &showing.looked) {
        (Verdict::Refuse(Refusal::WrongSession { right }), _) => right.first().map(|(id, _)| *id),
        (_, Looked::Elsewhere(places)) => places.first().map(|place| place.session),
        (_, Looked::Here { .. }) | (Verdict::Admit(_), _) => Some(served.terms.session.id),
        (_, Looked::Nowhere) => None,
    }
}

pub(super) fn is_served(held: &HeldSession, served: &HeldSession) -> bool {
    held.terms.session.id == served.terms.session.id
}

pub(super) fn name_session(book: &Book, served: &HeldSession, id: SessionId) -> Served {
    if let Some(held) = book.session(id) {
        return held.served();
    }
    let named = served.terms.others.iter().find(|other| other.id == id);
    Served {
        id,
        name: named.map(|other| other.name.clone()).unwrap_or_default(),
        event: String::new(),
        // All sessions of one organizer's timetable are told in the served one's.
        time_zone: served.terms.time_zone.clone(),
        slugs: None,
    }
}
