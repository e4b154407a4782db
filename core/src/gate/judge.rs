//! Judging one showing: what was scanned before, the verdict, and the record to write.

use super::Moment;
use super::answer::Asked;
use super::book::{Book, HeldSession};
use super::claim::{Claim, Word};
use super::look::history;
use super::showing::{Showing, Whose};
use crate::store::{Store, StoreError};
use usher_domain::code::SignedCode;
use usher_domain::decide::{Attendance, Context, Flow, Headcount, Known, Shown, decide};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, TicketId};
use usher_domain::keys::KeyId;
use usher_domain::log::Line;
use usher_domain::merge::{fold_subject, next_stamp, open_admission, quarantined_entry};
use usher_domain::record::{Body, Certainty, Direction, Outcome, Scan, Subject};
use usher_domain::rules::IsolatedRule;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{
    Admit, AdmitWhy, OpenAdmission, Reason, Referral, TroubleCode, Verdict,
};

/// What was decided, and the record that says so.
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    pub(super) known: Known,
    pub(super) certainty: Certainty,
    pub(super) asked: Asked,
    pub(super) record: Written,
}

/// The record of a decision.
pub(super) enum Written {
    /// To be written.
    Draft { stamp: UnixMillis, scan: Box<Scan> },
    /// The attempt ended before: its record stands.
    Before(Hash),
}

/// What is the same for all tickets of one request.
pub(super) struct Circumstances<'a> {
    pub(super) book: &'a Book,
    pub(super) served: &'a HeldSession,
    pub(super) moment: Moment,
    pub(super) inside: u32,
}

impl Circumstances<'_> {
    /// Counts a person of the same order who has just been let in.
    pub(super) fn count(&mut self, verdict: &Verdict) {
        if let Verdict::Admit(_) = verdict {
            self.inside = self.inside.saturating_add(1);
        }
    }

    /// Decides on one ticket. What the authority said of it counts more than what the device thinks.
    pub(super) fn decide(
        &self,
        store: &Store,
        showing: &Showing,
        claim: &Claim,
    ) -> Result<Decision, StoreError> {
        let found = showing.looked.found();
        let known = Known::of(&showing.shown, &found);
        let lines = history(store, self.book, self.served, known.subject)?;
        let before = ended(&lines, self.book, showing)
            .or_else(|| claim.ended(self.book.device, showing.attempt))
            .filter(|_| !usher_domain::mutated!(DecideAnew));
        if let Some((before, scan)) = before {
            return Ok(Decision {
                verdict: self.repeat(showing, known, &lines, before, scan),
                known,
                certainty: scan.certainty,
                asked: claim.asked,
                record: Written::Before(before.hash),
            });
        }
        let (verdict, certainty, after) = match &claim.word {
            Some(Word::Decided(decided)) => {
                (decided.verdict.clone(), decided.certainty, decided.after)
            }
            // It was given up, or somebody else's decision took its place: nobody goes in by it.
            Some(Word::Ended(_)) => (attempt_ended(), self.certainty(), None),
            None if is_given_up(&lines, self.book.device, showing.attempt) => {
                (attempt_ended(), self.certainty(), None)
            }
            None => (self.judge(showing, known, &lines), self.certainty(), None),
        };
        let scope = self.served.terms.scope;
        let known_here = self.book.known_stamps(scope, &lines);
        let stamp = next_stamp(
            self.moment.reading.wall,
            self.moment.offset_ms,
            self.book.server_time,
            known_here.and(after),
        );
        let scan = Box::new(self.scan(showing, known, &verdict, certainty));
        Ok(Decision {
            verdict,
            known,
            certainty,
            asked: claim.asked,
            record: Written::Draft { stamp, scan },
        })
    }

    fn judge<'l>(
        &self,
        showing: &Showing,
        known: Known,
        lines: impl IntoIterator<Item = &'l Line> + Clone,
    ) -> Verdict {
        // Before anything else: whoever stole the device must not see what it would decide.
        if let Some(since) = self.book.revoked {
            return Verdict::Refer(Referral::DeviceRevoked { since });
        }
        let terms = &self.served.terms;
        let session = terms.session.id;
        let own = showing.honours.unwrap_or(session);
        let history = self
            .book
            .ground(terms.scope)
            .and_then(|ground| {
                let subject = ground.resolve(known.subject);
                let mut states = fold_subject(ground, subject, lines.clone());
                states.remove(&known.unit(own, &terms.rules))
            })
            .unwrap_or_default();
        let quarantined = self.book.ground(terms.scope).and_then(|ground| {
            let unit = known.unit(own, &terms.rules);
            let is_same = |session| known.unit(session, &terms.rules) == unit;
            quarantined_entry(ground, lines.clone(), is_same)
        });
        let is_free = self.book.gate.is_some_and(|gate| {
            let ground = self.book.ground(terms.scope);
            ground.is_some_and(|ground| ground.is_free_flow(session, gate, self.moment.now))
        });
        let context = Context {
            now: self.moment.now,
            clock: self.moment.trust,
            gate: self.book.gate,
            direction: showing.direction,
            device: self.book.device,
            connection: self.book.connection(self.moment.now),
            set: self.served.age,
            inside: Headcount::Local(self.inside),
            flow: if is_free { Flow::Free } else { Flow::Deciding },
            confirmed: showing.confirmed,
            open: self.open_elsewhere(showing, lines),
            quarantined,
            operator: Attendance::of(self.book.operator(self.moment)),
            honours: showing.honours,
        };
        let verdict = decide(
            &showing.shown,
            &showing.looked.found(),
            &history,
            terms,
            &context,
        );
        self.leave_to_home(showing, verdict)
    }

    /// An attempt elsewhere for which the ticket's home holds it back, or this device promised to.
    fn open_elsewhere<'l>(
        &self,
        showing: &Showing,
        lines: impl IntoIterator<Item = &'l Line>,
    ) -> Option<OpenAdmission> {
        let home = showing.looked.row().and_then(|row| row.home);
        let ground = self.book.ground(self.served.terms.scope)?;
        let counting: Vec<&Line> = lines
            .into_iter()
            .filter(|line| ground.counts(line))
            .collect();
        let is_home = |device| device == self.book.device || home == Some(device);
        let own = (self.book.device, showing.attempt);
        let open = open_admission(ground, own, counting, is_home, self.moment.now);
        open.map(|open| open.seen_by(self.book.device))
    }

    /// Where only its home may admit a ticket alone, no other device does on its own word, not even while
    /// it believes itself online: its line may have failed a moment ago, and its home admits meanwhile. Nor
    /// does the home before it is on duty, or once it signed off: the authority does not ask it then.
    fn leave_to_home(&self, showing: &Showing, verdict: Verdict) -> Verdict {
        let terms = &self.served.terms;
        let alone = terms.rules.isolated == IsolatedRule::HomeOnly && terms.authority.is_some();
        let home = showing.looked.row().and_then(|row| row.home);
        let is_bound = |home: &DeviceId| *home != self.book.device || !self.book.is_home;
        match (&verdict, home.filter(is_bound)) {
            (Verdict::Admit(admit), Some(home))
                if alone
                    && showing.direction == Direction::Entry
                    && admit.why != AdmitWhy::FreeFlow =>
            {
                Verdict::Refer(Referral::NotHome { home: Some(home) })
            }
            (Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_), _) => verdict,
        }
    }

    /// The verdict of an attempt that ended: decided once more on what was known then. The record is the
    /// fact, so where that comes out otherwise (a newer set, the clock), its word counts.
    fn repeat(
        &self,
        showing: &Showing,
        known: Known,
        lines: &[Line],
        before: &Line,
        scan: &Scan,
    ) -> Verdict {
        let ground = self.book.ground(self.served.terms.scope);
        let stamp_of = |line: &Line| {
            let own = line.record.stamp;
            ground.map_or(own, |ground| ground.stamp_of(&line.record))
        };
        let earlier = lines
            .iter()
            .filter(|line| stamp_of(line) < stamp_of(before));
        let again = self.judge(showing, known, earlier);
        if again.outcome() == scan.outcome && again.reason() == scan.reason {
            return again;
        }
        match (scan.outcome, admit_why(scan.reason)) {
            (Outcome::Admit, Some(why)) => Verdict::Admit(Admit {
                why,
                cautions: Vec::new(),
            }),
            (Outcome::Admit | Outcome::Refuse | Outcome::Refer, _) => attempt_ended(),
        }
    }

    fn scan(
        &self,
        showing: &Showing,
        known: Known,
        verdict: &Verdict,
        certainty: Certainty,
    ) -> Scan {
        let terms = &self.served.terms;
        Scan {
            session: terms.session.id,
            gate: self.book.gate,
            operator: self.book.operator(self.moment),
            subject: known.subject,
            direction: showing.direction,
            outcome: verdict.outcome(),
            reason: verdict.reason(),
            certainty,
            attempt: showing.attempt,
            issue: known.issue,
            type_number: known.type_number,
            access: known.access,
            zone: self
                .book
                .gate
                .and_then(|gate| terms.gate(gate))
                .and_then(|gate| gate.zone),
            entries: known.entries,
            sanction: None,
            confirmed: showing.confirmed,
            takes_over: None,
            honours: showing.honours,
            key: admitting_key(showing, verdict),
        }
    }

    fn certainty(&self) -> Certainty {
        self.book.certainty(self.moment.now)
    }
}

/// The key that signed the code with which somebody is let in, so that an admission is found later that the key's
/// revocation forbade.
fn admitting_key(showing: &Showing, verdict: &Verdict) -> Option<KeyId> {
    let is_entry = showing.direction == Direction::Entry && verdict.outcome() == Outcome::Admit;
    match (showing.whose, &showing.shown) {
        (Whose::Shown, Shown::Code { .. }) if is_entry => {
            let code = SignedCode::parse(showing.code.reveal()).ok()?;
            Some(code.kid())
        }
        _ => None,
    }
}

const fn attempt_ended() -> Verdict {
    Verdict::Refer(Referral::DeviceTrouble {
        code: TroubleCode::new("attempt_ended"),
    })
}

/// Whether this device gave the attempt up.
fn is_given_up(lines: &[Line], device: DeviceId, attempt: AttemptId) -> bool {
    let mut own = lines.iter().filter(|line| line.record.log.device == device);
    own.any(|line| matches!(&line.record.body, Body::Abort(abort) if abort.attempt == attempt))
}

/// The record that ended this attempt, if one did. A confirmed instruction goes on after its referral.
fn ended<'l>(lines: &'l [Line], book: &Book, showing: &Showing) -> Option<(&'l Line, &'l Scan)> {
    let of_attempt = lines.iter().filter_map(|line| {
        let scan = scan_of(line)?;
        let same = scan.attempt == showing.attempt && line.record.log.device == book.device;
        same.then_some((line, scan))
    });
    of_attempt
        .max_by_key(|(line, _)| line.record.stamp)
        .filter(|(_, scan)| showing.confirmed.is_none() || scan.reason != Reason::Instruction)
}

const fn admit_why(reason: Reason) -> Option<AdmitWhy> {
    Some(match reason {
        Reason::Listed => AdmitWhy::Listed,
        Reason::UnknownSigned => AdmitWhy::UnknownSigned,
        Reason::BackAfterEveryoneOut => AdmitWhy::BackAfterEveryoneOut,
        Reason::Override => AdmitWhy::Override,
        Reason::FreeFlow => AdmitWhy::FreeFlow,
        Reason::Exit => AdmitWhy::Exit,
        Reason::Honoured => AdmitWhy::Honoured,
        Reason::Malformed
        | Reason::Forged
        | Reason::Unknown
        | Reason::WrongEvent
        | Reason::WrongSession
        | Reason::Superseded
        | Reason::Cancelled
        | Reason::Blocked
        | Reason::NotYetValid
        | Reason::NoLongerValid
        | Reason::WrongZone
        | Reason::AlreadyInside
        | Reason::ExitRequired
        | Reason::EntriesUsedUp
        | Reason::NotInside
        | Reason::Full
        | Reason::Instruction
        | Reason::ClockUnproved
        | Reason::Isolated
        | Reason::NotHome
        | Reason::StaleSet
        | Reason::RevokedKey
        | Reason::DeviceTrouble
        | Reason::NoSession
        | Reason::DeviceRevoked
        | Reason::OperatorRequired
        | Reason::NoGate
        | Reason::BeingAdmitted
        | Reason::AdmissionOpen
        | Reason::HomeSilent
        | Reason::PeerSilent => return None,
    })
}

/// The scan that a record speaks of, if it is one.
pub(super) const fn scan_of(line: &Line) -> Option<&Scan> {
    line.record.body.as_scan()
}

/// The ticket of a subject, if it is one.
pub(super) const fn ticket_of(subject: Subject) -> Option<TicketId> {
    match subject {
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Medium(_) | Subject::Nothing => None,
    }
}
