//! Judging one showing: what was scanned before, the verdict, the record to write, and the answer.

use super::Moment;
use super::answer::{Answer, Asked, Evidence, NamesTold};
use super::book::{Book, HeldSession};
use super::claim::{Claim, Word};
use super::look::history;
use crate::store::{Store, StoreError};
use usher_domain::code::TicketCodeText;
use usher_domain::decide::{Context, Flow, Headcount, Known, Looked, Shown, decide};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, SessionId, TicketId, ZoneId};
use usher_domain::log::Line;
use usher_domain::merge::{fold_subject, next_stamp, open_admission};
use usher_domain::record::{Body, Certainty, Confirmed, Direction, Outcome, Scan, Subject};
use usher_domain::rules::IsolatedRule;
use usher_domain::seal;
use usher_domain::table::rows::TicketRow;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{
    Admit, AdmitWhy, Caution, OpenAdmission, PriorScan, Reason, Referral, Refusal, TroubleCode,
    Verdict,
};

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
}

/// Which ticket a showing is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The one that what was shown belongs to.
    Shown,
    /// Another one of its order.
    OfOrder(TicketId),
}

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
            .or_else(|| claim.ended(showing.attempt))
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
            None if is_given_up(&lines, showing.attempt) => {
                (attempt_ended(), self.certainty(), None)
            }
            None => (self.judge(showing, known, &lines), self.certainty(), None),
        };
        let known_here = lines.iter().map(|line| line.record.stamp).max();
        let stamp = next_stamp(
            self.moment.reading.wall,
            self.moment.offset_ms,
            self.book.server_time,
            known_here.max(after),
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
        let history = self
            .book
            .ground(terms.scope)
            .and_then(|ground| {
                let subject = ground.resolve(known.subject);
                let mut states = fold_subject(ground, subject, lines.clone());
                let own = showing.honours.unwrap_or(session);
                states.remove(&known.unit(own, &terms.rules))
            })
            .unwrap_or_default();
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
            open: open_admission(showing.attempt, lines),
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

    /// Where only its home may admit a ticket alone, no other device does on its own word, not even while
    /// it believes itself online: its line may have failed a moment ago, and its home admits meanwhile.
    fn leave_to_home(&self, showing: &Showing, verdict: Verdict) -> Verdict {
        let terms = &self.served.terms;
        let alone = terms.rules.isolated == IsolatedRule::HomeOnly && terms.authority.is_some();
        let home = showing.looked.row().and_then(|row| row.home);
        match (&verdict, home.filter(|home| *home != self.book.device)) {
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
        let earlier = lines
            .iter()
            .filter(|line| line.record.stamp < before.record.stamp);
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
        }
    }

    fn certainty(&self) -> Certainty {
        self.book.certainty(self.moment.now)
    }

    pub(super) fn answer(
        &self,
        store: &Store,
        showing: &Showing,
        decision: Decision,
        record: Hash,
        text: &str,
    ) -> Answer {
        let terms = &self.served.terms;
        let row = showing.looked.row();
        let type_name = decision.known.type_number.and_then(|number| {
            let mut types = terms.types.iter();
            types.find(|named| named.number == number)
        });
        let names = self.names(store, &decision);
        let named = |id| names.devices.iter().find(|(device, _)| *device == id);
        Answer {
            evidence: prior(&decision.verdict).map(|prior| self.evidence(store, prior)),
            zone: zone_of(&decision.verdict)
                .and_then(|zone| terms.zones.iter().find(|named| named.id == zone))
                .map(|named| named.name.clone()),
            home: home_of(&decision.verdict)
                .and_then(named)
                .map(|(_, name)| name.clone()),
            verdict: decision.verdict,
            session: Some(self.served.served()),
            ticket: ticket_of(decision.known.subject),
            type_name: type_name.map(|named| named.name.clone()),
            seat: row.and_then(|row| row.seat.clone()),
            holder: row.and_then(|row| {
                let own = showing.honours.unwrap_or(terms.session.id);
                open_seal(row, text, own)
            }),
            certainty: decision.certainty,
            asked: decision.asked,
            names,
            attempt: showing.attempt,
            record: Some(record),
            at: self.moment.now,
            advice: None,
        }
    }

    /// The names that verdict and certainty need besides those of their evidence.
    fn names(&self, store: &Store, decision: &Decision) -> NamesTold {
        let open = open_of(&decision.verdict);
        let silent = match decision.certainty {
            Certainty::ConfirmedExcept { device, .. } => Some(device),
            Certainty::Confirmed | Certainty::Local { .. } | Certainty::Isolated { .. } => None,
        };
        let spoken_of = [
            open.map(|open| open.device),
            home_of(&decision.verdict),
            peer_of(&decision.verdict),
            silent,
        ];
        let devices = spoken_of.into_iter().flatten();
        let gate = open
            .and_then(|open| open.gate)
            .and_then(|gate| self.served.terms.gate(gate));
        NamesTold {
            devices: devices
                .filter_map(|id| Some((id, self.device_name(store, id)?)))
                .collect(),
            gates: gate
                .map(|gate| (gate.id, gate.name.clone()))
                .into_iter()
                .collect(),
        }
    }

    fn evidence(&self, store: &Store, prior: PriorScan) -> Evidence {
        let operator = prior
            .operator
            .map(|staff| store.roster_staff(self.book.organizer, staff));
        Evidence {
            at: prior.at,
            ago_ms: self.moment.now.since(prior.at),
            gate: prior
                .gate
                .and_then(|gate| self.served.terms.gate(gate))
                .map(|gate| gate.name.clone()),
            device: self.device_name(store, prior.device),
            operator: operator
                .and_then(|read| read.ok().flatten())
                .map(|entry| entry.name),
            here: prior.device == self.book.device,
            record: prior.record,
        }
    }

    /// A name that cannot be read is no reason to withhold the rest.
    fn device_name(&self, store: &Store, device: DeviceId) -> Option<String> {
        let read = store.roster_device(self.book.organizer, device);
        read.ok().flatten().map(|entry| entry.name)
    }
}

/// The zone that a verdict speaks of.
fn zone_of(verdict: &Verdict) -> Option<ZoneId> {
    match verdict {
        Verdict::Refuse(Refusal::Full { zone, .. }) => Some(*zone),
        Verdict::Admit(admit) => admit.cautions.iter().find_map(|caution| match caution {
            Caution::OverCapacity { zone, .. } => Some(*zone),
            Caution::Isolated { .. }
            | Caution::StaleSet { .. }
            | Caution::ExpiredSet { .. }
            | Caution::ClockUnproved => None,
        }),
        Verdict::Refuse(_) | Verdict::Refer(_) => None,
    }
}

/// The one device that a verdict says may admit the ticket.
const fn home_of(verdict: &Verdict) -> Option<DeviceId> {
    match verdict {
        Verdict::Refer(Referral::NotHome { home }) => *home,
        Verdict::Refer(Referral::HomeSilent { home }) => Some(*home),
        Verdict::Refer(_) | Verdict::Admit(_) | Verdict::Refuse(_) => None,
    }
}

/// The attempt elsewhere that a verdict speaks of.
pub(super) const fn open_of(verdict: &Verdict) -> Option<OpenAdmission> {
    match verdict {
        Verdict::Refuse(Refusal::BeingAdmitted(open))
        | Verdict::Refer(Referral::AdmissionOpen(open)) => Some(*open),
        Verdict::Refuse(_) | Verdict::Refer(_) | Verdict::Admit(_) => None,
    }
}

/// The silent device that a verdict speaks of.
const fn peer_of(verdict: &Verdict) -> Option<DeviceId> {
    match verdict {
        Verdict::Refer(Referral::PeerSilent { device, .. }) => Some(*device),
        Verdict::Refer(_) | Verdict::Admit(_) | Verdict::Refuse(_) => None,
    }
}

const fn attempt_ended() -> Verdict {
    Verdict::Refer(Referral::DeviceTrouble {
        code: TroubleCode::new("attempt_ended"),
    })
}

/// Whether this device gave the attempt up.
fn is_given_up(lines: &[Line], attempt: AttemptId) -> bool {
    lines
        .iter()
        .any(|line| matches!(&line.record.body, Body::Abort(abort) if abort.attempt == attempt))
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
        | Reason::BeingAdmitted
        | Reason::AdmissionOpen
        | Reason::HomeSilent
        | Reason::PeerSilent => return None,
    })
}

/// The earlier scan that a refusal rests on.
fn prior(verdict: &Verdict) -> Option<PriorScan> {
    match verdict {
        Verdict::Refuse(
            Refusal::AlreadyInside(prior)
            | Refusal::ExitRequired(prior)
            | Refusal::EntriesUsedUp { last: prior, .. },
        ) => Some(*prior),
        Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_) => None,
    }
}

/// Who holds the ticket, if the code shown opens it.
fn open_seal(row: &TicketRow, text: &str, session: SessionId) -> Option<seal::Holder> {
    let sealed = row.sealed.as_ref()?;
    let code = TicketCodeText::new(text).ok()?;
    let candidates = sealed.iter().map(|bytes| bytes.as_slice());
    seal::open(candidates, &code, session, row.ticket).ok()
}

/// The scan that a record speaks of, if it is one.
pub(super) fn scan_of(line: &Line) -> Option<&Scan> {
    match &line.record.body {
        Body::Scan(scan) => Some(scan),
        Body::Undo(_)
        | Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Abort(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_) => None,
    }
}

/// The ticket of a subject, if it is one.
pub(super) const fn ticket_of(subject: Subject) -> Option<TicketId> {
    match subject {
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Medium(_) | Subject::Nothing => None,
    }
}
