//! What is shown with one request: the ticket that the code belongs to, and the others of its order.

use super::Moment;
use super::answer::ScanRequest;
use super::book::{Book, HeldSession};
use super::judge::Circumstances;
use super::look::{honoured, newest, order_of};
use super::reading::Search;
use crate::store::{Store, StoreError};
use usher_domain::code::Repair;
use usher_domain::decide::{Looked, Shown, Via};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, SessionId, TicketId};
use usher_domain::record::{Confirmed, Direction};
use usher_domain::secret::Private;
use usher_domain::verdict::{Refusal, Verdict};

/// One ticket of a showing: all that deciding needs besides what was scanned before.
pub(super) struct Showing {
    pub(super) whose: Whose,
    pub(super) shown: Shown,
    pub(super) looked: Looked,
    pub(super) direction: Direction,
    pub(super) confirmed: Option<Confirmed>,
    pub(super) attempt: AttemptId,
    /// The session whose ticket it is, where the served one lets it through beside its own.
    pub(super) honours: Option<SessionId>,
    /// The code as it was read: what was presented, or another reading of it.
    pub(super) code: Private,
    /// What was done to what was presented to read the code, or would have to be done.
    pub(super) repair: Option<Repair>,
}

/// Which ticket a showing is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The one that what was shown belongs to.
    Shown,
    /// Another one of its order.
    OfOrder(TicketId),
}

/// Reads the text, checks its signature and looks it up.
pub(super) fn show(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    moment: Moment,
    request: &ScanRequest,
    attempt: AttemptId,
) -> Result<Showing, StoreError> {
    let honoured = honoured(book, served, request.direction, moment.now);
    let search = Search {
        store,
        book,
        served,
        honoured: &honoured,
    };
    let read = search.read(&request.text)?;
    Ok(Showing {
        whose: Whose::Shown,
        shown: read.shown,
        looked: read.looked,
        direction: request.direction,
        confirmed: request.confirmed,
        attempt,
        honours: read.honours,
        code: read.code,
        repair: read.repair,
    })
}

/// The session whose tickets are shown: the served one, or the one that it honours.
fn own<'b>(book: &'b Book, served: &'b HeldSession, honours: Option<SessionId>) -> &'b HeldSession {
    let honoured = honours.and_then(|session| book.session(session));
    honoured.unwrap_or(served)
}

/// Looks up anew what a showing is about.
pub(super) fn look_again(
    store: &Store,
    book: &Book,
    circumstances: &Circumstances<'_>,
    request: &ScanRequest,
    showing: &mut Showing,
) -> Result<(), StoreError> {
    let (served, moment) = (circumstances.served, circumstances.moment);
    match showing.whose {
        Whose::Shown => *showing = show(store, book, served, moment, request, showing.attempt)?,
        Whose::OfOrder(ticket) => {
            let own = own(book, served, showing.honours);
            if let Some(looked) = look_in_order(store, book, own, ticket)? {
                showing.looked = looked;
            }
        }
    }
    Ok(())
}

/// A ticket by its order, which vouches for it as a medium that it lists would.
fn look_in_order(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    ticket: TicketId,
) -> Result<Option<Looked>, StoreError> {
    let Some(image) = store.ticket(served.copy, ticket)? else {
        return Ok(None);
    };
    Ok(Some(Looked::Here {
        row: Box::new(newest(store, book, served, image)?),
        via: Via::CurrentMedium,
    }))
}

/// The other tickets of the order of the one shown.
pub(super) fn rest_of_order(
    store: &Store,
    book: &Book,
    served: &HeldSession,
    first: &Showing,
    verdict: &Verdict,
) -> Result<Vec<Showing>, StoreError> {
    let Some(row) = first.looked.row().filter(|_| proves_order(verdict)) else {
        return Ok(Vec::new());
    };
    let mut showings = Vec::new();
    let own = own(book, served, first.honours);
    for ticket in order_of(store, own, row)?.into_iter().skip(1) {
        let Some(looked) = look_in_order(store, book, own, ticket)? else {
            continue;
        };
        showings.push(Showing {
            whose: Whose::OfOrder(ticket),
            shown: first.shown.clone(),
            looked,
            direction: first.direction,
            confirmed: first.confirmed,
            attempt: attempt_of(first.attempt, ticket),
            honours: first.honours,
            code: first.code.clone(),
            repair: first.repair,
        });
    }
    Ok(showings)
}

/// Whether a verdict leaves the code shown as a proof that its order is here: a cancelled ticket does, an
/// old code does not.
const fn proves_order(verdict: &Verdict) -> bool {
    !matches!(
        verdict,
        Verdict::Refuse(
            Refusal::Malformed
                | Refusal::Forged
                | Refusal::Unknown
                | Refusal::WrongEvent { .. }
                | Refusal::WrongSession { .. }
                | Refusal::Superseded { .. }
        )
    )
}

/// The attempt of a ticket within the attempt of its order: the same again when asked again.
fn attempt_of(order: AttemptId, ticket: TicketId) -> AttemptId {
    let digest = Hash::of(&[order.as_bytes(), ticket.as_bytes()]);
    let half = digest.as_bytes().first_chunk::<16>();
    AttemptId::from_bytes(half.copied().unwrap_or_default())
}
