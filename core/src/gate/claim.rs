//! What a gate asks the authority, and what it makes of the answer.

use super::answer::Asked;
use super::book::HeldSession;
use super::judge::{Circumstances, Decision, Written};
use super::look::{aliases, history};
use super::showing::{Showing, Whose};
use crate::store::{Store, StoreError};
use minicbor::bytes::ByteVec;
use usher_domain::code::TicketCode;
use usher_domain::decide::{Connection, Known, Shown, Signer};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, ScopeId};
use usher_domain::log::Line;
use usher_domain::merge::movements;
use usher_domain::protocol::claim::{CLAIM_UNSENT_MAX, ClaimRequest, Decided};
use usher_domain::record::{Direction, Outcome, Scan, Subject};
use usher_domain::verdict::{AdmitWhy, Referral, Refusal, Verdict};

use super::judge::scan_of;

/// What came of asking the authority about one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub(super) asked: Asked,
    pub(super) word: Option<Word>,
}

/// What the authority said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// A verdict.
    Decided(Decided),
    /// A record ended the attempt before.
    Ended(Box<Line>),
}

impl Claim {
    /// It was not asked.
    pub(super) const NOT_MADE: Self = Self {
        asked: Asked::Not,
        word: None,
    };

    /// It decided.
    #[must_use]
    pub const fn decided(decided: Decided) -> Self {
        Self {
            asked: Asked::Answered,
            word: Some(Word::Decided(decided)),
        }
    }

    /// It knows a record that ended the attempt.
    #[must_use]
    pub fn ended_by(line: Line) -> Self {
        Self {
            asked: Asked::Answered,
            word: Some(Word::Ended(Box::new(line))),
        }
    }

    /// It said nothing that counts.
    #[must_use]
    pub const fn without_word(asked: Asked) -> Self {
        Self { asked, word: None }
    }

    /// The scan of this device's attempt that ended it, if that is how it ended. A device that was restored
    /// from an old copy hears of its own record here; the feed brings it back later.
    pub(super) fn ended(&self, device: DeviceId, attempt: AttemptId) -> Option<(&Line, &Scan)> {
        let Some(Word::Ended(line)) = &self.word else {
            return None;
        };
        scan_of(line)
            .filter(|_| line.record.log.device == device)
            .filter(|scan| scan.attempt == attempt && scan.outcome != Outcome::Refer)
            .map(|scan| (&**line, scan))
    }
}

/// A claim that a gate would make, and what it needs to know of it.
#[derive(Debug, Clone)]
pub struct Question {
    /// What is asked.
    pub request: ClaimRequest,
    /// The scope of the session.
    pub scope: ScopeId,
    /// Whose attempt it is.
    pub subject: Subject,
}

impl Circumstances<'_> {
    /// What to ask about a ticket on which this device would decide so; none if asking cannot change that.
    pub(super) fn question(
        &self,
        store: &Store,
        showing: &Showing,
        decision: &Decision,
    ) -> Result<Option<Question>, StoreError> {
        let terms = &self.served.terms;
        let Connection::Online { .. } = self.book.connection(self.moment.now) else {
            return Ok(None);
        };
        let (Some(authority), Written::Draft { .. }) = (terms.authority, &decision.record) else {
            return Ok(None);
        };
        let subject = decision.known.subject;
        if subject == Subject::Nothing || !depends_on_others(&decision.verdict) {
            return Ok(None);
        }
        let feed = store.feed_place(terms.scope)?;
        let request = ClaimRequest {
            attempt: showing.attempt,
            session: terms.session.id,
            authority,
            // After a restore the authority is asked once this device gave back what it knew of others, and
            // knows what the authority knows: before, it would obey one that forgot who is inside.
            epoch: match feed.epoch {
                0 => self.served.version.epoch,
                read => self.served.version.epoch.min(read),
            },
            set: self.served.version,
            trust: self.book.trust,
            shown: shown_for(showing, &decision.known),
            direction: showing.direction,
            gate: self.book.gate,
            operator: self.book.operator(self.moment),
            confirmed: showing.confirmed,
            unsent: self.unsent(store, self.served, subject)?,
            last_entry: self.last_entry(store, subject)?,
        };
        Ok(Some(Question {
            request,
            scope: terms.scope,
            subject,
        }))
    }

    /// The newest entry of a ticket that this device knows of and that counts.
    fn last_entry(&self, store: &Store, subject: Subject) -> Result<Option<Hash>, StoreError> {
        let Some(ground) = self.book.ground(self.served.terms.scope) else {
            return Ok(None);
        };
        let lines = history(store, self.book, self.served, subject)?;
        let movements = movements(ground, ground.resolve(subject), &lines);
        let mut entries = movements.iter().rev();
        let last = entries.find(|movement| movement.scan.direction == Direction::Entry);
        Ok(last.map(|movement| movement.evidence.record))
    }

    /// This device's records of a ticket that the server lacks, under whatever name: those that change what
    /// it may do before others, and of each kind the newest.
    fn unsent(
        &self,
        store: &Store,
        served: &HeldSession,
        subject: Subject,
    ) -> Result<Vec<ByteVec>, StoreError> {
        let mut unsent = Vec::new();
        for alias in aliases(self.book, served, subject) {
            unsent.extend(store.unsent_about(served.terms.scope, self.book.device, &alias)?);
        }
        // Somebody who shows a used ticket at a turnstile a hundred times must not push its admission out.
        unsent.sort_by_key(|(place, record)| (is_mere_word(record), std::cmp::Reverse(*place)));
        unsent.truncate(CLAIM_UNSENT_MAX);
        unsent.sort_by_key(|(place, _)| *place);
        Ok(unsent
            .into_iter()
            .map(|(_, record)| record.into())
            .collect())
    }
}

/// Whether a record says that nobody was let through: it changes nothing for the ticket.
fn is_mere_word(record: &[u8]) -> bool {
    Line::read(record)
        .is_ok_and(|line| scan_of(&line).is_some_and(|scan| scan.outcome != Outcome::Admit))
}

/// Another ticket of an order is claimed by its own code: the one that was shown vouches for it.
fn shown_for(showing: &Showing, known: &Known) -> Shown {
    let (Whose::OfOrder(ticket), Some(identity)) = (showing.whose, showing.shown.identity()) else {
        return showing.shown.clone();
    };
    match (known.access, known.issue, known.type_number) {
        (Some(access), Some(issue), Some(type_number)) => Shown::Code {
            code: TicketCode {
                ticket,
                access,
                issue,
                type_number,
                not_before: None,
                not_after: None,
            },
            signer: Signer::Entitled,
            identity,
        },
        _ => showing.shown.clone(),
    }
}

/// Whether a verdict may be another one with what other devices know. Leaving no case out: what a new kind
/// of verdict depends on, somebody must say.
const fn depends_on_others(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Admit(admit) => match admit.why {
            AdmitWhy::Listed
            | AdmitWhy::UnknownSigned
            | AdmitWhy::BackAfterEveryoneOut
            | AdmitWhy::Honoured
            | AdmitWhy::Exit => true,
            AdmitWhy::Override | AdmitWhy::FreeFlow => false,
        },
        Verdict::Refuse(refusal) => match refusal {
            Refusal::AlreadyInside(_)
            | Refusal::ExitRequired(_)
            | Refusal::EntriesUsedUp { .. }
            | Refusal::NotInside
            | Refusal::Full { .. }
            | Refusal::BeingAdmitted(_) => true,
            Refusal::Malformed
            | Refusal::Forged
            | Refusal::Unknown
            | Refusal::WrongEvent { .. }
            | Refusal::WrongSession { .. }
            | Refusal::Superseded { .. }
            | Refusal::Cancelled { .. }
            | Refusal::Blocked
            | Refusal::NotYetValid { .. }
            | Refusal::NoLongerValid { .. }
            | Refusal::WrongZone { .. } => false,
        },
        Verdict::Refer(referral) => match referral {
            // Nobody shall check an identity, or call a supervisor, in vain.
            Referral::Instruction { .. }
            | Referral::ClockUnproved { .. }
            | Referral::StaleSet { .. }
            | Referral::UnknownSigned
            | Referral::RevokedKey
            | Referral::AdmissionOpen(_)
            | Referral::HomeSilent { .. }
            | Referral::TypeNotAllowed
            | Referral::NotHome { .. }
            | Referral::PeerSilent { .. } => true,
            Referral::Isolated { .. }
            | Referral::DeviceTrouble { .. }
            | Referral::NoSession
            | Referral::OperatorRequired
            | Referral::NoGate
            | Referral::DeviceRevoked { .. } => false,
        },
    }
}
