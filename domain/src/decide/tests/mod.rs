//! One test a case. The venue: an evening session with doors at 18:00 and an end at 23:00, gates `north`
//! to the hall and `south` to the balcony, and `main` to the whole venue.

mod elsewhere;
mod gate;
mod history;
mod looking;
mod properties;
mod shop;
mod ticket;

use super::*;
use crate::code::{Identity, TicketCode};
use crate::hash::Hash;
use crate::ids::{DeviceId, EventId, GateId, OrganizerId, ScopeId, SessionId, TicketId, ZoneId};
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::record::Outcome;
use crate::rules::{EntryMode, EntryRule, Rules, TypeRule};
use crate::session::{GateName, SessionSummary, TypeName, ZoneName};
use crate::table::rows::{TicketRow, TicketState};
use crate::time::{ClockTrust, UnixMillis};
use crate::verdict::{PriorScan, Referral};

const HOUR: u64 = 3_600_000;

/// Milliseconds of a clock time on the day of the session.
fn at(hour: u64, minute: u64) -> UnixMillis {
    UnixMillis::new(1_800_000_000_000 + hour * HOUR + minute * 60_000)
}

fn seconds(point: UnixMillis) -> u32 {
    u32::try_from(point.get() / 1000).unwrap()
}

const HALL: ZoneId = ZoneId::from_bytes([1; 16]);
const BALCONY: ZoneId = ZoneId::from_bytes([2; 16]);
const NORTH: GateId = GateId::from_bytes([1; 16]);
const SOUTH: GateId = GateId::from_bytes([2; 16]);
const MAIN: GateId = GateId::from_bytes([3; 16]);
const HERE: DeviceId = DeviceId::from_bytes([7; 16]);
const OTHER: DeviceId = DeviceId::from_bytes([8; 16]);
const EVENT: EventId = EventId::from_bytes([5; 16]);
const EVENING: SessionId = SessionId::from_bytes([10; 16]);
const MATINEE: SessionId = SessionId::from_bytes([11; 16]);
const STANDARD: TypeNumber = TypeNumber::new(1);
const STUDENT: TypeNumber = TypeNumber::new(2);

fn session(id: SessionId, name: &str, doors: UnixMillis, access: &[u32]) -> SessionSummary {
    SessionSummary {
        id,
        name: name.into(),
        doors,
        starts: UnixMillis::new(doors.get() + HOUR),
        ends: UnixMillis::new(doors.get() + 5 * HOUR),
        accepts: access.iter().copied().map(AccessNumber::new).collect(),
        event: EVENT,
    }
}

fn terms() -> SessionTerms {
    let gate = |id, name: &str, zone| GateName {
        id,
        name: name.into(),
        zone,
    };
    let zone = |id, name: &str| ZoneName {
        id,
        name: name.into(),
    };
    let kind = |number, name: &str| TypeName {
        number,
        name: name.into(),
    };
    let other_event = SessionSummary {
        event: EventId::from_bytes([6; 16]),
        ..session(SessionId::from_bytes([12; 16]), "Gala", at(18, 0), &[3])
    };
    SessionTerms {
        organizer: OrganizerId::from_bytes([4; 16]),
        event: EVENT,
        event_name: "Festival".into(),
        session: session(EVENING, "Evening", at(18, 0), &[1, 9]),
        scope: ScopeId::from_bytes([10; 16]),
        time_zone: "Europe/Berlin".into(),
        rules: Rules::default(),
        types: vec![kind(STANDARD, "Standard"), kind(STUDENT, "Student")],
        zones: vec![zone(HALL, "Hall"), zone(BALCONY, "Balcony")],
        gates: vec![
            gate(NORTH, "North", Some(HALL)),
            gate(SOUTH, "South", Some(BALCONY)),
            gate(MAIN, "Main", None),
        ],
        others: vec![session(MATINEE, "Matinee", at(12, 0), &[2, 9]), other_event],
        pretix: None,
        channels: Vec::new(),
        counts: Vec::new(),
        authority: None,
        notices: None,
        slugs: None,
    }
}

fn ruled(change: impl FnOnce(&mut Rules)) -> SessionTerms {
    let mut terms = terms();
    change(&mut terms.rules);
    terms
}

fn entering(mode: EntryMode) -> SessionTerms {
    ruled(|rules| {
        rules.entry = EntryRule {
            mode,
            ..EntryRule::default()
        };
    })
}

fn type_rule(change: impl FnOnce(&mut TypeRule)) -> SessionTerms {
    let mut rule = TypeRule {
        number: STANDARD,
        entry: None,
        zones: Vec::new(),
        instruction: None,
    };
    change(&mut rule);
    ruled(|rules| rules.types.push(rule))
}

fn row() -> TicketRow {
    TicketRow {
        ticket: TicketId::from_bytes([9; 16]),
        revision: 1,
        state: TicketState::Valid,
        issue: IssueNumber::new(2),
        type_number: STANDARD,
        access: AccessNumber::new(1),
        channel: 0,
        media: Vec::new(),
        current: 0,
        valid_from: None,
        valid_until: None,
        order: None,
        zone: None,
        seat: None,
        home: None,
        instruction: None,
        entries: None,
        sealed: None,
        explanation: None,
    }
}

fn identity() -> Identity {
    Identity::from_bytes([3; 32])
}

fn code() -> TicketCode {
    TicketCode {
        ticket: row().ticket,
        access: AccessNumber::new(1),
        issue: IssueNumber::new(2),
        type_number: STANDARD,
        not_before: None,
        not_after: None,
    }
}

fn signed(code: TicketCode, signer: Signer) -> Shown {
    Shown::Code {
        code,
        signer,
        identity: identity(),
    }
}

fn good_code() -> Shown {
    signed(code(), Signer::Entitled)
}

fn opaque() -> Shown {
    Shown::Opaque {
        identity: identity(),
    }
}

const fn here(row: &TicketRow) -> Found<'_> {
    Found::Here {
        row,
        via: Via::Code,
    }
}

fn context() -> Context {
    Context {
        now: at(19, 0),
        clock: ClockTrust::Proved,
        gate: Some(NORTH),
        direction: Direction::Entry,
        device: HERE,
        connection: Connection::Online {
            peers_as_of: at(18, 59),
        },
        set: SetAge {
            issued_at: at(18, 0),
            expires_at: at(30, 0),
        },
        inside: Headcount::Local(0),
        flow: Flow::Deciding,
        open: None,
        quarantined: None,
        operator: Attendance::Nobody,
        honours: None,
        confirmed: None,
    }
}

fn isolated() -> Context {
    Context {
        connection: Connection::Isolated { since: at(18, 30) },
        ..context()
    }
}

fn leaving() -> Context {
    Context {
        direction: Direction::Exit,
        ..context()
    }
}

/// An entry half an hour ago through the other gate.
fn entry() -> PriorScan {
    PriorScan {
        at: at(18, 30),
        device: OTHER,
        record: Hash::from_bytes([1; 32]),
        session: EVENING,
        gate: Some(SOUTH),
        zone: Some(BALCONY),
        operator: None,
    }
}

fn fresh() -> SubjectState {
    SubjectState::default()
}

fn inside() -> SubjectState {
    SubjectState {
        entries: 1,
        inside: Some(entry()),
        last_entry: Some(entry()),
        ..fresh()
    }
}

fn left() -> SubjectState {
    SubjectState {
        inside: None,
        last_exit: Some(entry()),
        ..inside()
    }
}

/// The verdict on the good code of a listed row.
fn listed(
    row: &TicketRow,
    history: &SubjectState,
    terms: &SessionTerms,
    context: &Context,
) -> Verdict {
    decide(&good_code(), &here(row), history, terms, context)
}

const fn refuse(refusal: Refusal) -> Verdict {
    Verdict::Refuse(refusal)
}

const fn refer(referral: Referral) -> Verdict {
    Verdict::Refer(referral)
}

fn passes(verdict: &Verdict) -> bool {
    verdict.outcome() == Outcome::Admit
}
