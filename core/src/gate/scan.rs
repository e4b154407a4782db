//! Scans: of one ticket, or of a whole order.

use super::answer::{Advice, Answer, ScanRequest, Served};
use super::book::{Book, HeldSession};
use super::judge::{Circumstances, Decision, Showing, Written};
use super::look::{look, newest, order_of, signed_elsewhere};
use super::{Gate, Means, moment};
use crate::clock::random;
use crate::store::{Store, StoreError};
use usher_domain::decide::{Looked, Shown, Via};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, SessionId, TicketId};
use usher_domain::log::Entry;
use usher_domain::record::Body;
use usher_domain::verdict::{Referral, Refusal, Verdict};

impl Gate {
    /// Answers one showing. Total: whatever is shown and whatever fails, there is a verdict.
    pub fn scan(&mut self, means: &mut Means<'_>, request: &ScanRequest) -> Answer {
        let mut answers = self.scan_all(means, request, Self::scan_one);
        answers.pop().unwrap_or_else(|| {
            let at = means.clock.read().wall;
            Answer::trouble("no_answer", AttemptId::from_bytes([0; 16]), at)
        })
    }

    /// Answers the showing of one ticket for all tickets of its order: one verdict and one record for
    /// each, all written at once. The first answer is for the ticket shown. If the code shown does not
    /// prove that the order is here, it stands alone.
    pub fn scan_order(&mut self, means: &mut Means<'_>, request: &ScanRequest) -> Vec<Answer> {
        self.scan_all(means, request, Self::scan_group)
    }

    fn scan_all(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        work: impl FnOnce(
            &mut Self,
            &mut Means<'_>,
            &ScanRequest,
            AttemptId,
        ) -> Result<Vec<Answer>, StoreError>,
    ) -> Vec<Answer> {
        let attempt = request
            .attempt
            .map_or_else(|| random(means.entropy).map(AttemptId::from_bytes), Ok);
        let answers = match attempt {
            Ok(attempt) => work(self, means, request, attempt).unwrap_or_else(|error| {
                tracing::error!(%attempt, code = error.code(), "no verdict: {error}");
                if let StoreError::Damaged { .. } = error {
                    means.store.suspect();
                }
                let at = means.clock.read().wall;
                vec![Answer::trouble(error.code(), attempt, at)]
            }),
            Err(error) => {
                tracing::error!("no verdict: {error}");
                let at = means.clock.read().wall;
                let attempt = AttemptId::from_bytes([0; 16]);
                vec![Answer::trouble("no_entropy", attempt, at)]
            }
        };
        for answer in &answers {
            tracing::info!(
                attempt = %answer.attempt,
                outcome = ?answer.verdict.outcome(),
                reason = ?answer.verdict.reason(),
                session = answer.session.as_ref().map(|served| tracing::field::display(served.id)),
                "scanned"
            );
        }
        answers
    }

    fn scan_one(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        attempt: AttemptId,
    ) -> Result<Vec<Answer>, StoreError> {
        self.work(means, request, attempt, |_, _, _, _, _| Ok(Vec::new()))
    }

    fn scan_group(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        attempt: AttemptId,
    ) -> Result<Vec<Answer>, StoreError> {
        self.work(means, request, attempt, rest_of_order)
    }

    /// Decides on the ticket shown and on those that `more` names, writes all, and answers.
    fn work(
        &mut self,
        means: &mut Means<'_>,
        request: &ScanRequest,
        attempt: AttemptId,
        more: impl for<'b> Fn(
            &Store,
            &Book,
            &'b HeldSession,
            &Showing<'b>,
            &Verdict,
        ) -> Result<Vec<Showing<'b>>, StoreError>,
    ) -> Result<Vec<Answer>, StoreError> {
        let moment = moment(means)?;
        self.book(means.store)?;
        let Self {
            book: Some(book),
            recent,
            headcounts,
        } = self
        else {
            return Err(StoreError::NotEnrolled);
        };
        let store = &mut *means.store;
        let Some(served) = book.serving(request.session, moment.now) else {
            let why = match book.revoked {
                Some(since) => Referral::DeviceRevoked { since },
                None => Referral::NoSession,
            };
            let answer = Answer::refer(why, attempt, moment.now);
            return Ok(vec![answer]);
        };
        if let Some(event) = book.new_loyalty(served, request.session, moment.now) {
            store.set_served_event(Some(event))?;
        }
        let text = request.text.reveal();
        let first = show(store, book, served, text, request, attempt)?;
        let mut circumstances = Circumstances {
            book,
            moment,
            inside: match served.capacity_zone(book) {
                Some(zone) => headcounts.inside(
                    store,
                    book,
                    served.terms.scope,
                    served.terms.session.id,
                    zone,
                )?,
                None => 0,
            },
        };
        let decision = circumstances.decide(store, &first)?;
        let others = more(store, book, served, &first, &decision.verdict)?;
        let mut decided = vec![(first, decision)];
        for showing in others {
            circumstances.count(decided.last().map(|(_, decision)| &decision.verdict));
            let decision = circumstances.decide(store, &showing)?;
            decided.push((showing, decision));
        }
        let hashes = write(means, served, book, decided.iter().map(|(_, d)| d))?;
        let mut answers = Vec::with_capacity(decided.len());
        let belongs = decided
            .first()
            .and_then(|(showing, decision)| belongs_to(showing, &decision.verdict));
        for ((showing, decision), hash) in decided.into_iter().zip(hashes) {
            recent.note(belongs_to(&showing, &decision.verdict));
            answers.push(circumstances.answer(means.store, &showing, decision, hash, text));
        }
        let warning = recent
            .rather(served.terms.session.id)
            .map(|session| Advice::OtherSession(name_session(book, served, session)));
        let open_too = belongs
            .and_then(|session| book.session(session))
            .filter(|held| held.is_open(moment.now) && !is_served(held, served))
            .map(|held| Advice::OpenToo(held.served()));
        let advice = warning.or(open_too);
        if let Some(answer) = answers.first_mut() {
            answer.advice = advice;
        }
        Ok(answers)
    }
}

/// Reads the text, checks its signature and looks it up.
fn show<'a>(
    store: &Store,
    book: &Book,
    served: &'a HeldSession,
    text: &str,
    request: &ScanRequest,
    attempt: AttemptId,
) -> Result<Showing<'a>, StoreError> {
    let shown = Shown::read(
        text,
        book.organizer,
        &book.keys,
        served.terms.pretix.as_ref(),
    );
    let looked = match look(store, book, served, &shown)? {
        Looked::Nowhere => signed_elsewhere(book, served, &shown, text),
        looked @ (Looked::Here { .. } | Looked::Elsewhere(_)) => looked,
    };
    Ok(Showing {
        served,
        shown,
        looked,
        direction: request.direction,
        confirmed: request.confirmed,
        attempt,
    })
}

/// The other tickets of the order of the one shown.
fn rest_of_order<'a>(
    store: &Store,
    book: &Book,
    served: &'a HeldSession,
    first: &Showing<'a>,
    verdict: &Verdict,
) -> Result<Vec<Showing<'a>>, StoreError> {
    let Some(row) = first.looked.row().filter(|_| proves_order(verdict)) else {
        return Ok(Vec::new());
    };
    let mut showings = Vec::new();
    for ticket in order_of(store, served, row)?.into_iter().skip(1) {
        let Some(image) = store.ticket(served.copy, ticket)? else {
            continue;
        };
        let row = Box::new(newest(store, book, served, image)?);
        showings.push(Showing {
            served,
            shown: first.shown.clone(),
            looked: Looked::Here {
                row,
                // The order vouches for the ticket, as a medium that it lists would.
                via: Via::CurrentMedium,
            },
            direction: first.direction,
            confirmed: first.confirmed,
            attempt: attempt_of(first.attempt, ticket),
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

/// The session that what was shown belongs to, if anybody knows.
fn belongs_to(showing: &Showing<'_>, verdict: &Verdict) -> Option<SessionId> {
    match (verdict, &showing.looked) {
        (Verdict::Refuse(Refusal::WrongSession { right }), _) => right.first().map(|(id, _)| *id),
        (_, Looked::Elsewhere(places)) => places.first().map(|place| place.session),
        (_, Looked::Here { .. }) | (Verdict::Admit(_), _) => Some(showing.served.terms.session.id),
        (_, Looked::Nowhere) => None,
    }
}

fn is_served(held: &HeldSession, served: &HeldSession) -> bool {
    held.terms.session.id == served.terms.session.id
}

fn name_session(book: &Book, served: &HeldSession, id: SessionId) -> Served {
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
    }
}
