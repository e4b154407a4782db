//! Scans: of one ticket, or of a whole order.
//!
//! A scan has two halves. [`Gate::prepare`] reads, looks up and decides, and writes nothing;
//! [`Gate::finish`] writes the record and answers. Between them a gate may ask the authority, holding
//! nothing: what changed meanwhile is read anew.

use super::answer::{Advice, Answer, ScanRequest};
use super::belonging::{belongs_to, is_served, name_session};
use super::book::{Book, HeldSession};
use super::claim::{Claim, Question};
use super::headcount::Headcounts;
use super::judge::{Circumstances, Decision, Written};
use super::showing::{Showing, look_again, rest_of_order, show};
use super::{Gate, Means, Moment, moment};
use crate::clock::random;
use crate::store::{Store, StoreError};
use std::collections::BTreeMap;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, SessionId};
use usher_domain::log::Entry;
use usher_domain::record::{Body, Direction, Outcome};
use usher_domain::verdict::Referral;

/// Who comes with what is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// One person with one ticket.
    One,
    /// Everybody of the ticket's order: one verdict and one record for each. If the code shown does not
    /// prove that the order is here, it stands alone.
    Order,
}

/// A scan that is decided as far as this device can, and of which nothing is written.
pub struct Prepared {
    request: ScanRequest,
    attempt: AttemptId,
    /// What was decided, or the answer where nothing can be.
    decided: Result<Decided, Box<Answer>>,
}

/// The decisions of one request, and of what they are made.
struct Decided {
    session: SessionId,
    moment: Moment,
    as_of: AsOf,
    tickets: Vec<(Showing, Decision)>,
}

/// A point in what a store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AsOf {
    knowledge: u64,
    place: u64,
}

impl AsOf {
    fn now(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            knowledge: store.knowledge(),
            place: store.last_place()?,
        })
    }
}

impl Gate {
    /// Answers one showing. Total: whatever is shown and whatever fails, there is a verdict.
    pub fn scan(&mut self, means: &mut Means<'_>, request: &ScanRequest) -> Answer {
        let mut answers = self.scan_party(means, request, Party::One);
        answers.pop().unwrap_or_else(|| {
            let at = means.clock.read().wall;
            Answer::trouble("no_answer", AttemptId::from_bytes([0; 16]), at)
        })
    }

    /// Answers the showing of one ticket for all tickets of its order: one verdict and one record for
    /// each, all written at once. The first answer is for the ticket shown. If the code shown does not
    /// prove that the order is here, it stands alone.
    pub fn scan_order(&mut self, means: &mut Means<'_>, request: &ScanRequest) -> Vec<Answer> {
        self.scan_party(means, request, Party::Order)
    }

    fn scan_party(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        party: Party,
    ) -> Vec<Answer> {
        let prepared = self.prepare(means, request.clone(), party);
        self.finish(means, prepared, &BTreeMap::new())
    }

    /// Decides as far as this device can, and writes nothing.
    pub fn prepare(
        &mut self,
        means: &mut Means<'_>,
        request: ScanRequest,
        party: Party,
    ) -> Prepared {
        let attempt = request
            .attempt
            .map_or_else(|| random(means.entropy).map(AttemptId::from_bytes), Ok);
        let (attempt, decided) = match attempt {
            Ok(attempt) => {
                let first = self.decide_first(means, &request, attempt, party);
                (
                    attempt,
                    first.unwrap_or_else(|error| Err(Box::new(trouble(means, &error, attempt)))),
                )
            }
            Err(error) => {
                tracing::error!("no verdict: {error}");
                let at = means.clock.read().wall;
                let attempt = AttemptId::from_bytes([0; 16]);
                (
                    attempt,
                    Err(Box::new(Answer::trouble("no_entropy", attempt, at))),
                )
            }
        };
        Prepared {
            request,
            attempt,
            decided,
        }
    }

    /// What to ask the authority before the scan is finished; nothing where it cannot change anything.
    ///
    /// # Errors
    /// What reading the store says: then nobody is asked.
    pub fn questions(
        &mut self,
        means: &mut Means<'_>,
        prepared: &Prepared,
    ) -> Result<Vec<Question>, StoreError> {
        let Ok(decided) = &prepared.decided else {
            return Ok(Vec::new());
        };
        let store = &*means.store;
        self.book(store)?;
        let Some((_, circumstances)) = self.around(store, decided.session, decided.moment)? else {
            return Ok(Vec::new());
        };
        let mut questions = Vec::new();
        for (showing, decision) in &decided.tickets {
            questions.extend(circumstances.question(store, showing, decision)?);
        }
        Ok(questions)
    }

    /// Writes what was decided, all at once, and answers. Where the authority was asked, its word counts,
    /// by attempt; where it said nothing, this device decides with what it knows now.
    pub fn finish(
        &mut self,
        means: &mut Means<'_>,
        prepared: Prepared,
        claims: &BTreeMap<AttemptId, Claim>,
    ) -> Vec<Answer> {
        let Prepared {
            request,
            attempt,
            decided,
        } = prepared;
        let answers = match decided {
            Ok(decided) => self
                .decide_again(means, &request, decided, claims)
                .and_then(|decided| self.write_and_answer(means, decided))
                .unwrap_or_else(|error| vec![self.revoked_or(means, &error, attempt)]),
            Err(answer) => vec![*answer],
        };
        for answer in &answers {
            tracing::info!(
                attempt = %answer.attempt,
                outcome = ?answer.verdict.outcome(),
                reason = ?answer.verdict.reason(),
                asked = ?answer.asked,
                session = answer.session.as_ref().map(|served| tracing::field::display(served.id)),
                "scanned"
            );
        }
        answers
    }

    /// Decides on the ticket shown, and on the others of its order if they come too.
    fn decide_first(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        attempt: AttemptId,
        party: Party,
    ) -> Result<Result<Decided, Box<Answer>>, StoreError> {
        let moment = moment(means)?;
        let book = self.book(means.store)?;
        if let Some(served) = book.serving(request.session, moment.now)
            && let Some(event) = book.new_loyalty(served, request.session, moment.now)
        {
            means.store.set_served_event(Some(event))?;
        }
        let Some((session, first, decision)) =
            self.decide_on_shown(means, request, attempt, moment)?
        else {
            let revoked = self.book(means.store)?.revoked;
            let why = match revoked {
                Some(since) => Referral::DeviceRevoked { since },
                None => Referral::NoSession,
            };
            return Ok(Err(Box::new(Answer {
                last_zone: means.store.last_zone()?,
                ..Answer::refer(why, attempt, moment.now)
            })));
        };
        let store = &*means.store;
        let Some((book, mut circumstances)) = self.around(store, session, moment)? else {
            return Err(StoreError::NotEnrolled);
        };
        let served = circumstances.served;
        let others = match party {
            Party::One => Vec::new(),
            Party::Order => rest_of_order(store, book, served, &first, &decision.verdict)?,
        };
        let mut tickets = vec![(first, decision)];
        for showing in others {
            if let Some((_, before)) = tickets.last() {
                circumstances.count(&before.verdict);
            }
            let decision = circumstances.decide(store, &showing, &Claim::NOT_MADE)?;
            tickets.push((showing, decision));
        }
        Ok(Ok(Decided {
            session,
            moment,
            as_of: AsOf::now(store)?,
            tickets,
        }))
    }

    /// Decides on the ticket shown, at the session that is served. Who leaves may come from another one, which
    /// ended before or has not yet ended: the first that lets them out counts.
    fn decide_on_shown(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        attempt: AttemptId,
        moment: Moment,
    ) -> Result<Option<(SessionId, Showing, Decision)>, StoreError> {
        let book = self.book(means.store)?;
        let sessions: Vec<SessionId> = match request.direction {
            Direction::Entry => book
                .serving(request.session, moment.now)
                .into_iter()
                .collect(),
            Direction::Exit => book.leaving(request.session, moment.now),
        }
        .into_iter()
        .map(|held| held.terms.session.id)
        .collect();
        let store = &*means.store;
        let mut first = None;
        for session in sessions {
            let Some((book, circumstances)) = self.around(store, session, moment)? else {
                return Err(StoreError::NotEnrolled);
            };
            let served = circumstances.served;
            let showing = show(store, book, served, moment, request, attempt)?;
            let decision = circumstances.decide(store, &showing, &Claim::NOT_MADE)?;
            let is_let_out = decision.verdict.outcome() == Outcome::Admit;
            let decided = (session, showing, decision);
            if is_let_out {
                return Ok(Some(decided));
            }
            first.get_or_insert(decided);
        }
        Ok(first)
    }

    /// The answer where nothing can be decided: a device that was told of its revocation while it asked
    /// holds no tickets any more.
    fn revoked_or(
        &mut self,
        means: &mut Means<'_>,
        error: &StoreError,
        attempt: AttemptId,
    ) -> Answer {
        let since = means.store.revoked().ok().flatten();
        match (error, since) {
            (StoreError::SyncNeeded, Some(since)) => {
                let now = moment(means).map_or(since, |moment| moment.now);
                Answer {
                    last_zone: means.store.last_zone().ok().flatten(),
                    ..Answer::refer(Referral::DeviceRevoked { since }, attempt, now)
                }
            }
            (error, _) => trouble(means, error, attempt),
        }
    }

    /// The same decisions with what is known now. Nothing is done where nothing is new.
    fn decide_again(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        mut decided: Decided,
        claims: &BTreeMap<AttemptId, Claim>,
    ) -> Result<Decided, StoreError> {
        if claims.is_empty() && AsOf::now(means.store)? == decided.as_of {
            return Ok(decided);
        }
        decided.moment = moment(means)?;
        let store = &*means.store;
        self.book(store)?;
        let around = self.around(store, decided.session, decided.moment)?;
        let Some((book, mut circumstances)) = around else {
            // The tables were wiped meanwhile.
            return Err(StoreError::SyncNeeded);
        };
        for (showing, decision) in &mut decided.tickets {
            look_again(store, book, &circumstances, request, showing)?;
            let claim = claims.get(&showing.attempt).unwrap_or(&Claim::NOT_MADE);
            *decision = circumstances.decide(store, showing, claim)?;
            circumstances.count(&decision.verdict);
        }
        Ok(decided)
    }

    fn write_and_answer(
        &mut self,
        means: &mut Means<'_>,
        decided: Decided,
    ) -> Result<Vec<Answer>, StoreError> {
        let book = self.book.as_ref();
        let held = book.and_then(|book| Some((book, book.session(decided.session)?)));
        let Some((book, served)) = held else {
            return Err(StoreError::SyncNeeded);
        };
        let circumstances = Circumstances {
            book,
            served,
            moment: decided.moment,
            // Everything is decided; nobody is counted any more.
            inside: 0,
        };
        let now = decided.moment.now;
        let decisions = decided.tickets.iter().map(|(_, decision)| decision);
        let hashes = write(means, served, book, decisions)?;
        let mut answers = Vec::with_capacity(decided.tickets.len());
        let mut belong = Vec::with_capacity(decided.tickets.len());
        for ((showing, decision), hash) in decided.tickets.into_iter().zip(hashes) {
            belong.push(belongs_to(served, &showing, &decision.verdict));
            answers.push(circumstances.answer(means.store, &showing, decision, hash));
        }
        let open_too = belong
            .first()
            .copied()
            .flatten()
            .and_then(|session| book.session(session))
            .filter(|held| held.is_open(now) && !is_served(held, served))
            .map(|held| Advice::OpenToo(held.served()));
        for session in belong {
            self.recent.note(session);
        }
        let warning = self
            .recent
            .rather(served.terms.session.id)
            .map(|session| Advice::OtherSession(name_session(book, served, session)))
            .or_else(|| self.recent.mostly_unknown().map(Advice::MostlyUnknown));
        if let Some(answer) = answers.first_mut() {
            answer.advice = warning.or(open_too);
        }
        Ok(answers)
    }

    /// What is the same for all tickets of one request, if the device still holds the session. The book
    /// must have been read before.
    fn around(
        &mut self,
        store: &Store,
        session: SessionId,
        moment: Moment,
    ) -> Result<Option<(&Book, Circumstances<'_>)>, StoreError> {
        let Self {
            book: Some(book),
            headcounts,
            ..
        } = self
        else {
            return Ok(None);
        };
        let book = &*book;
        let Some(served) = book.session(session) else {
            return Ok(None);
        };
        let inside = inside(store, headcounts, book, served)?;
        let circumstances = Circumstances {
            book,
            served,
            moment,
            inside,
        };
        Ok(Some((book, circumstances)))
    }
}

/// The answer where something fails inside.
fn trouble(means: &mut Means<'_>, error: &StoreError, attempt: AttemptId) -> Answer {
    tracing::error!(%attempt, code = error.code(), "no verdict: {error}");
    if let StoreError::Damaged { .. } = error {
        means.store.suspect();
    }
    let at = means.clock.read().wall;
    Answer::trouble(error.code(), attempt, at)
}

/// People inside the zone that the gate leads to, where it has a capacity.
fn inside(
    store: &Store,
    headcounts: &mut Headcounts,
    book: &Book,
    served: &HeldSession,
) -> Result<u32, StoreError> {
    let Some(zone) = served.capacity_zone(book) else {
        return Ok(0);
    };
    let session = served.terms.session.id;
    headcounts.inside(store, book, served.terms.scope, session, zone)
}

/// Writes the records of decisions that have none, in one transaction, and says the hash of each.
fn write<'d>(
    means: &mut Means<'_>,
    served: &HeldSession,
    book: &Book,
    decisions: impl Iterator<Item = &'d Decision>,
) -> Result<Vec<Hash>, StoreError> {
    let scope = served.terms.scope;
    let mut end = means.store.log_end(scope, book.device, means.entropy)?;
    let mut entries: Vec<Entry> = Vec::new();
    let hashes = decisions
        .map(|decision| match &decision.record {
            Written::Before(hash) => *hash,
            Written::Draft { stamp, scan } => {
                let entry = end.append(*stamp, Body::Scan((**scan).clone()));
                let hash = entry.hash;
                entries.push(entry);
                hash
            }
        })
        .collect();
    if !entries.is_empty() {
        means.store.append(scope, &entries)?;
    }
    Ok(hashes)
}
