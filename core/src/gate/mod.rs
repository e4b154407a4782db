//! The gate: a text comes in, a verdict goes out, and its record is durable before.
//!
//! Every text gets a verdict. What goes wrong inside becomes a referral, because a person at the door
//! cannot wait for a repair, and nobody is let in without a record.
//!
//! ```text
//! text ─ read and verify ─ look up ─ fold what is known ─ decide ─ ask the authority ─ write and commit ─ answer
//! ```
//!
//! The authority is asked where the verdict depends on other devices and the line to it is good, never for
//! longer than the budget, and holding nothing meanwhile; else the device's own verdict counts.

mod answer;
mod ask;
mod belonging;
mod book;
mod change;
mod claim;
mod duty;
mod error;
mod explain;
mod headcount;
mod judge;
mod look;
mod reading;
mod recorded;
mod scan;
mod showing;
mod staff;

pub use answer::{Advice, Answer, Asked, Evidence, Moved, NamesTold, ScanRequest, Served};
pub use ask::{Asking, AtGate, ask};
pub use change::UndoRequest;
pub use claim::{Claim, Question};
pub use duty::{give_up, hold_back};
pub use error::GateError;
pub use recorded::Recorded;
pub use scan::{Party, Prepared};
pub use staff::{Found, OverrideRequest, SignedIn, SignedOut};

use crate::clock::{Clock, Entropy, Reading};
use crate::store::{Store, StoreError};
use book::{Book, HeldSession};
use headcount::Headcounts;
use usher_domain::ids::{OrganizerId, SessionId};
use usher_domain::merge::Order;
use usher_domain::session::{GateNotice, SessionSummary, SessionTerms};
use usher_domain::time::{ClockTrust, UnixMillis};
use usher_domain::timetable::RecentScans;

/// What a gate works with: everything that is not its own memory.
pub struct Means<'a> {
    /// The device's store.
    pub store: &'a mut Store,
    /// Its clocks.
    pub clock: &'a dyn Clock,
    /// Its source of random bytes.
    pub entropy: &'a dyn Entropy,
}

/// A gate. What it keeps is read from the store and may be thrown away at any time.
#[derive(Debug, Default)]
pub struct Gate {
    book: Option<Book>,
    recent: RecentScans,
    headcounts: Headcounts,
    line: Reaching,
}

/// Whether a gate counts on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reaching {
    /// As long as exchanges succeed.
    #[default]
    Server,
    /// A person said that it does without: it is isolated, whatever was heard a moment ago.
    Nobody,
}

/// The moment of a scan.
#[derive(Debug, Clone, Copy)]
struct Moment {
    reading: Reading,
    /// Server time minus device time.
    offset_ms: i64,
    now: UnixMillis,
    trust: ClockTrust,
}

/// What comes to a gate from above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Above {
    /// For which session, and when it is.
    pub session: SessionSummary,
    /// IANA name of the venue's time zone, in which people are told times.
    pub time_zone: String,
    /// What is said now, the oldest first.
    pub notices: Vec<GateNotice>,
    /// What is ordered now, with what the zone or the session is called here that it speaks of.
    pub orders: Vec<(Order, Option<String>)>,
    /// Now.
    pub now: UnixMillis,
}

impl Gate {
    /// A gate that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts as isolated from now on, because a person does without the server: what other gates do is not
    /// heard any more.
    pub fn go_alone(&mut self) {
        self.line = Reaching::Nobody;
        self.book = None;
    }

    /// The session that is served now: the one a person chose, else the timetable's.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn serving(&mut self, means: &mut Means<'_>) -> Result<Option<Served>, StoreError> {
        let moment = moment(means)?;
        let book = self.book(means.store)?;
        Ok(book.serving(None, moment.now).map(HeldSession::served))
    }

    /// What comes to this gate from above now, for the session that it serves: the one named, if one is. None
    /// if it serves none.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn above(
        &mut self,
        means: &mut Means<'_>,
        named: Option<SessionId>,
    ) -> Result<Option<Above>, StoreError> {
        let now = moment(means)?.now;
        let book = self.book(means.store)?;
        Ok(book.serving(named, now).map(|held| {
            let terms = &held.terms;
            let ground = book.ground(terms.scope);
            let orders = ground.map(|ground| ground.orders(terms.session.id, book.gate, now));
            let orders = orders.unwrap_or_default().into_iter();
            Above {
                session: terms.session.clone(),
                time_zone: terms.time_zone.clone(),
                notices: terms.notices_for(book.gate, now).cloned().collect(),
                orders: orders
                    .map(|order| (order.clone(), spoken_of(terms, &order)))
                    .collect(),
                now,
            }
        }))
    }

    /// The sessions that this device could serve, by the time their doors open.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn sessions(&mut self, means: &mut Means<'_>) -> Result<Vec<Served>, StoreError> {
        let book = self.book(means.store)?;
        let mut held: Vec<_> = book.sessions.iter().collect();
        held.sort_by_key(|held| held.terms.session.doors);
        Ok(held.into_iter().map(HeldSession::served).collect())
    }

    /// The sessions that are open for entry now and not served, where nobody chose between them.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn also_open(&mut self, means: &mut Means<'_>) -> Result<Vec<Served>, StoreError> {
        let now = moment(means)?.now;
        let book = self.book(means.store)?;
        if book.chosen.is_some() {
            return Ok(Vec::new());
        }
        let serving = book.serving(None, now).map(|held| held.terms.session.id);
        let others = book
            .sessions
            .iter()
            .filter(|held| Some(held.terms.session.id) != serving && held.is_open(now));
        Ok(others.map(HeldSession::served).collect())
    }

    /// Serves a session against the timetable, or follows the timetable again.
    ///
    /// # Errors
    /// [`GateError::NoSuchSession`] if the device does not hold it.
    pub fn choose(
        &mut self,
        means: &mut Means<'_>,
        session: Option<SessionId>,
    ) -> Result<(), GateError> {
        let book = self.book(means.store)?;
        if session.is_some_and(|id| book.session(id).is_none()) {
            return Err(GateError::NoSuchSession);
        }
        self.recent = RecentScans::default();
        Ok(means.store.choose_session(session)?)
    }

    /// What the device holds, read anew if it changed.
    fn book(&mut self, store: &Store) -> Result<&Book, StoreError> {
        let book = match self.book.take() {
            Some(book) if book.is_current(store) => book,
            Some(_) | None => Book::read(store, self.line)?,
        };
        Ok(self.book.insert(book))
    }

    fn organizer(&mut self, store: &Store) -> Result<OrganizerId, StoreError> {
        Ok(self.book(store)?.organizer)
    }
}

fn moment(means: &mut Means<'_>) -> Result<Moment, StoreError> {
    let reading = means.clock.read();
    let state = means.store.observe_clock(reading)?;
    let now = state.corrected(reading);
    Ok(Moment {
        reading,
        offset_ms: i64::try_from(i128::from(now.get()) - i128::from(reading.wall.get()))
            .unwrap_or(0),
        now,
        trust: state.trust(),
    })
}

/// What the zone or the session is called here that an order speaks of.
fn spoken_of(terms: &SessionTerms, order: &Order) -> Option<String> {
    match order {
        Order::FreeFlow { .. } => None,
        Order::EveryoneOut { zone, .. } => Some(terms.zone((*zone)?)?.name.clone()),
        Order::Honour { tickets_of, .. } => {
            let other = terms.others.iter().find(|other| other.id == *tickets_of);
            other.map(|other| other.name.clone())
        }
    }
}

#[cfg(test)]
mod tests;
