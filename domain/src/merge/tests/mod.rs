//! Stories of gates `north` and `south` and the authority, and what they fold to.

mod arrivals;
mod claims;
mod counting;
mod cuts;
mod evacuation;
mod ground;
mod open;
mod proof;
mod properties;

use super::state::{SubjectState, Unit};
use super::*;
use crate::code::Identity;
use crate::cose::SigningKey;
use crate::document;
use crate::document::sanction::{Sanction, SanctionReason};
use crate::hash::Hash;
use crate::ids::{
    AttemptId, DeviceId, GateId, LogId, ScopeId, SessionId, StaffId, TicketId, ZoneId,
};
use crate::log::{Entry, Line, LogEnd};
use crate::numbers::{AccessNumber, TypeNumber};
use crate::record::{
    Body, Certainty, Cut, CutBy, Direction, EveryoneOut, Link, LogRef, OutTakenBack, Outcome,
    OverrideKey, RuleChange, Ruling, RulingWord, Scan, Subject, Undo,
};
use crate::rules::{Counted, EntryMode, EntryRule};
use crate::secret::Seed;
use crate::time::UnixMillis;
use crate::verdict::Reason;
use std::collections::BTreeMap;

const SCOPE: ScopeId = ScopeId::from_bytes([1; 16]);
const SERVER: DeviceId = DeviceId::from_bytes([99; 16]);
const NORTH: DeviceId = DeviceId::from_bytes([1; 16]);
const SOUTH: DeviceId = DeviceId::from_bytes([2; 16]);
const MATINEE: SessionId = SessionId::from_bytes([1; 16]);
const EVENING: SessionId = SessionId::from_bytes([2; 16]);
const HALL: ZoneId = ZoneId::from_bytes([1; 16]);
const STANDARD: TypeNumber = TypeNumber::new(1);
const PASS: AccessNumber = AccessNumber::new(9);

const fn ms(value: u64) -> UnixMillis {
    UnixMillis::new(value)
}

const fn ticket(number: u8) -> Subject {
    Subject::Ticket(TicketId::from_bytes([number; 16]))
}

const fn medium(number: u8) -> Subject {
    Subject::Medium(Identity::from_bytes([number; 32]))
}

const fn log_of(device: DeviceId) -> LogRef {
    LogRef {
        device,
        log: LogId::from_bytes([7; 16]),
    }
}

fn scan(subject: Subject) -> Scan {
    Scan {
        session: EVENING,
        gate: Some(GateId::from_bytes([1; 16])),
        operator: None,
        subject,
        direction: Direction::Entry,
        outcome: Outcome::Admit,
        reason: Reason::Listed,
        certainty: Certainty::Local { peers_as_of: ms(0) },
        attempt: AttemptId::from_bytes([0; 16]),
        issue: None,
        type_number: Some(STANDARD),
        access: Some(PASS),
        zone: Some(HALL),
        entries: None,
        sanction: None,
        confirmed: None,
        takes_over: None,
        honours: None,
        key: None,
    }
}

fn exit(subject: Subject) -> Scan {
    Scan {
        direction: Direction::Exit,
        reason: Reason::Exit,
        ..scan(subject)
    }
}

/// An admission that claims to be an override, by a sanction that nobody signed.
fn forged_override(subject: Subject) -> Scan {
    Scan {
        reason: Reason::Override,
        sanction: Some(b"forged".to_vec().into()),
        ..scan(subject)
    }
}

const SUPERVISOR: StaffId = StaffId::from_bytes([3; 16]);

fn supervisor_key() -> SigningKey {
    SigningKey::from_seed(&Seed::new([3; 32]))
}

/// What the supervisor signs for a scan of a device at a time.
fn sanction(device: DeviceId, stamp: u64, scan: &Scan) -> Sanction {
    Sanction {
        session: scan.session,
        subject: scan.subject,
        refused: scan.takes_over.unwrap_or(scan.attempt),
        attempt: scan.attempt,
        device,
        supervisor: SUPERVISOR,
        reason: SanctionReason::Other,
        expires_at: ms(stamp + 60_000),
        record: Hash::ZERO,
    }
}

fn sanctioned(sanction: &Sanction, key: &SigningKey, scan: Scan) -> Scan {
    Scan {
        reason: Reason::Override,
        sanction: Some(document::sign(sanction, key).into()),
        ..scan
    }
}

/// Logs of several devices as they grow.
#[derive(Default)]
struct Story {
    ends: BTreeMap<DeviceId, LogEnd>,
    entries: Vec<Entry>,
}

impl Story {
    /// The device writes a record; its hash comes back.
    fn says(&mut self, device: DeviceId, stamp: u64, body: Body) -> Hash {
        let empty = LogEnd::empty(log_of(device), SCOPE);
        let end = self.ends.entry(device).or_insert(empty);
        let entry = end.append(ms(stamp), body);
        self.entries.push(entry);
        self.entries.last().unwrap().hash
    }

    fn scans(&mut self, device: DeviceId, stamp: u64, scan: Scan) -> Hash {
        self.says(device, stamp, Body::Scan(scan))
    }

    fn undoes(&mut self, device: DeviceId, stamp: u64, of: Hash, subject: Subject) -> Hash {
        let undo = Undo {
            of,
            session: EVENING,
            subject,
            operator: None,
            approval: None,
        };
        self.says(device, stamp, Body::Undo(undo))
    }

    /// The server lists the supervisor's key.
    fn lists_key(&mut self, stamp: u64, until: Option<u64>) {
        let listed = OverrideKey {
            staff: SUPERVISOR,
            key: supervisor_key().public(),
            until: until.map(ms),
        };
        self.says(SERVER, stamp, Body::OverrideKey(listed));
    }

    /// The device lets somebody in by the supervisor's signature.
    fn overrides(&mut self, device: DeviceId, stamp: u64, scan: Scan) -> Hash {
        let signed = sanction(device, stamp, &scan);
        self.scans(device, stamp, sanctioned(&signed, &supervisor_key(), scan))
    }

    fn rules(&mut self, stamp: u64, type_number: Option<TypeNumber>, rule: Option<EntryRule>) {
        let change = RuleChange {
            session: EVENING,
            type_number,
            rule,
        };
        self.says(SERVER, stamp, Body::Rule(change));
    }

    fn entry_mode(&mut self, mode: EntryMode) {
        let counted = Counted::PerSession;
        self.rules(0, None, Some(EntryRule { mode, counted }));
    }

    /// The server cuts a device's log behind a sequence of the branch that grew last.
    fn cuts(&mut self, stamp: u64, device: DeviceId, last: u64) {
        self.cuts_by(CutBy::Person, stamp, device, last);
    }

    fn cuts_by(&mut self, by: CutBy, stamp: u64, device: DeviceId, last: u64) {
        let log = log_of(device);
        let mut own = self.entries.iter().rev();
        let head = own.find(|entry| entry.frame.log == log && entry.frame.sequence == last);
        let heads = head.map(|entry| entry.hash).into_iter().collect();
        let cut = Cut {
            log,
            last,
            heads: Some(heads),
            by: Some(by),
        };
        self.says(SERVER, stamp, Body::Cut(cut));
    }

    fn rules_on(&mut self, stamp: u64, of: Hash, word: RulingWord) {
        self.says(SERVER, stamp, Body::Ruling(Ruling { of, word }));
    }

    fn sends_out(&mut self, stamp: u64, zone: Option<ZoneId>, at: u64) {
        let out = EveryoneOut {
            session: EVENING,
            zone,
            at: ms(at),
        };
        self.says(SERVER, stamp, Body::EveryoneOut(out));
    }

    /// Sends everyone out of the whole venue, and tells the record.
    fn evacuates(&mut self, at: u64) -> Hash {
        self.sends_out(at, None, at);
        self.entries.last().unwrap().hash
    }

    fn takes_back(&mut self, at: u64, of: Hash) {
        self.says(
            SERVER,
            at,
            Body::OutTakenBack(OutTakenBack { of, at: ms(at) }),
        );
    }

    fn links(&mut self, stamp: u64, medium: u8, number: u8) {
        let link = Link {
            identity: Identity::from_bytes([medium; 32]),
            ticket: TicketId::from_bytes([number; 16]),
        };
        self.says(SERVER, stamp, Body::Link(link));
    }

    fn lines(&self) -> Vec<Line> {
        self.entries.iter().filter_map(Entry::line).collect()
    }

    fn states(&self) -> States {
        fold(&self.ground(), &self.lines())
    }

    fn ground(&self) -> Ground {
        Ground::of(SCOPE, SERVER, &self.lines())
    }

    /// The state of a subject at the evening session.
    fn state(&self, subject: Subject) -> SubjectState {
        let key = (Unit::Session(EVENING), subject);
        self.states().remove(&key).unwrap_or_default()
    }

    fn excess(&self, subject: Subject) -> Vec<Hash> {
        let state = self.state(subject);
        state.excess.iter().map(|scan| scan.record).collect()
    }
}
