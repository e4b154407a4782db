//! An organizer, its keys and its ticket sets, for tests.

mod clock;
mod roster;
mod table;

pub(crate) use clock::{TestClock, TestEntropy};
pub(crate) use roster::{badge, roster, roster_without_staff};
pub(crate) use table::{Table, packed};

use crate::clock::Clock as _;
use crate::store::{ServerPin, Store};
use std::path::Path;
use usher_domain::code::{Identity, Limit, MediumKey, TicketCode, TicketCodeText, usher};
use usher_domain::cose::SigningKey;
use usher_domain::document::enrollment::Enrollment;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::{Accepted, TrustedKeys, accept_trust, sign, verify_enrollment};
use usher_domain::hash::Hash;
use usher_domain::ids::*;
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::rules::Rules;
use usher_domain::secret::Seed;
use usher_domain::session::{GateName, SessionSummary, SessionTerms, TypeName, ZoneName};
use usher_domain::table::rows::{DeviceRole, TicketRow, TicketState};
use usher_domain::table::{TableId, Version};
use usher_domain::time::{ClockTrust, UnixMillis};

pub(crate) const NOW: u64 = 1_800_000_000_000;
pub(crate) const HOUR: u64 = 3_600_000;
pub(crate) const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);
pub(crate) const SERVER: DeviceId = DeviceId::from_bytes([2; 16]);
pub(crate) const DEVICE: DeviceId = DeviceId::from_bytes([3; 16]);
pub(crate) const SCOPE: ScopeId = ScopeId::from_bytes([4; 16]);
pub(crate) const NORTH: GateId = GateId::from_bytes([5; 16]);
pub(crate) const HALL: ZoneId = ZoneId::from_bytes([6; 16]);
pub(crate) const EVENING: SessionId = SessionId::from_bytes([7; 16]);
pub(crate) const MATINEE: SessionId = SessionId::from_bytes([8; 16]);
pub(crate) const ROSTER: TableId = TableId::Roster(ORGANIZER);
pub(crate) const SUPERVISOR: StaffId = StaffId::from_bytes([9; 16]);
pub(crate) const STEWARD: StaffId = StaffId::from_bytes([10; 16]);
pub(crate) const PIN: &str = "314159";

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([number; 32]))
}

fn root() -> SigningKey {
    key(100)
}

fn set_key() -> SigningKey {
    key(102)
}

/// The key of the server's log.
pub(crate) fn server_key() -> SigningKey {
    set_key()
}

pub(crate) fn trust() -> Accepted<Trust> {
    let delegate = |key: SigningKey, purpose| Delegation {
        key: key.public(),
        purpose,
        not_before: UnixMillis::new(0),
        not_after: UnixMillis::new(NOW * 2),
        revoked_at: None,
    };
    let trust = Trust {
        organizer: ORGANIZER,
        version: version(1),
        issued_at: UnixMillis::new(NOW - HOUR),
        expires_at: UnixMillis::new(NOW * 2),
        server: SERVER,
        delegations: vec![
            delegate(key(101), Purpose::Roster),
            delegate(set_key(), Purpose::Set),
            delegate(
                key(103),
                Purpose::Code {
                    accesses: Limit::All,
                    types: Limit::All,
                },
            ),
        ],
    };
    accept_trust(
        &sign(&trust, &root()),
        &root().public(),
        None,
        None,
        UnixMillis::new(NOW),
        ClockTrust::Proved,
    )
    .unwrap()
    .into_accepted()
}

pub(crate) fn version(number: u64) -> Version {
    Version { epoch: 0, number }
}

/// A store in `folder`, enrolled at the north gate, clock proved.
pub(crate) fn enrolled(folder: &Path) -> Store {
    let (mut store, _) = Store::open(folder, UnixMillis::new(NOW)).unwrap();
    let pin = ServerPin {
        address: "http://127.0.0.1:1".to_owned(),
        root: Hash::of(&[root().public().as_bytes()]),
        spki: None,
    };
    let identity = store.begin_enrollment(Seed::new([33; 32]), pin).unwrap();
    let enrollment = Enrollment {
        organizer: ORGANIZER,
        device: DEVICE,
        key: identity.signing_key().public(),
        name: "north 1".to_owned(),
        role: DeviceRole::Gate,
        gate: Some(NORTH),
        issued_at: UnixMillis::new(NOW),
    };
    let trust = trust();
    let enrollment = verify_enrollment(
        &sign(&enrollment, &key(101)),
        &TrustedKeys::from(trust.document()),
        &identity.signing_key().public(),
    )
    .unwrap();
    store
        .finish_enrollment(root().public(), &trust, &enrollment)
        .unwrap();
    store.set_gate(Some(NORTH)).unwrap();
    let clock = TestClock::new();
    let mut state = crate::clock::ClockState::unproved(clock.read());
    state.measured(UnixMillis::new(NOW), clock.read());
    store.set_clock_state(Some(state)).unwrap();
    store.set_on_duty(Some(UnixMillis::new(NOW))).unwrap();
    store.reached(UnixMillis::new(NOW)).unwrap();
    store
}

pub(crate) fn ticket_id(number: u64) -> TicketId {
    let digest = Hash::of(&[b"ticket", &number.to_be_bytes()]);
    TicketId::from_bytes(*digest.as_bytes().first_chunk().unwrap())
}

pub(crate) fn barcode(number: u64) -> String {
    format!("SHOP-{number:010}")
}

pub(crate) fn medium(text: &str) -> MediumKey {
    Identity::of(ORGANIZER, &TicketCodeText::new(text).unwrap()).medium_key()
}

/// The number that opens a session.
pub(crate) fn access(session: SessionId) -> AccessNumber {
    AccessNumber::new(session.as_bytes()[0].into())
}

pub(crate) fn row(number: u64, session: SessionId) -> TicketRow {
    TicketRow {
        ticket: ticket_id(number),
        revision: 1,
        state: TicketState::Valid,
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(1),
        access: access(session),
        channel: 0,
        media: vec![medium(&barcode(number))],
        current: 1,
        valid_from: None,
        valid_until: None,
        order: Some(OrderId::from_bytes(
            *Hash::of(&[&(number / 3).to_be_bytes()])
                .as_bytes()
                .first_chunk()
                .unwrap(),
        )),
        zone: None,
        seat: None,
        home: None,
        instruction: None,
        entries: None,
        sealed: None,
        explanation: None,
    }
}

pub(crate) fn signed_code(number: u64, session: SessionId) -> String {
    let code = TicketCode {
        ticket: ticket_id(number),
        access: access(session),
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(1),
        not_before: None,
        not_after: None,
    };
    usher::issue(&code, &key(103)).reveal().to_owned()
}

fn summary(session: SessionId) -> SessionSummary {
    let (name, doors) = if session == EVENING {
        ("Evening", NOW - HOUR)
    } else {
        ("Matinee", NOW - 8 * HOUR)
    };
    SessionSummary {
        id: session,
        name: name.to_owned(),
        doors: UnixMillis::new(doors),
        starts: UnixMillis::new(doors + HOUR),
        ends: UnixMillis::new(doors + 5 * HOUR),
        accepts: vec![access(session)],
        event: EventId::from_bytes([11; 16]),
    }
}

pub(crate) fn terms(session: SessionId) -> SessionTerms {
    let other = if session == EVENING { MATINEE } else { EVENING };
    SessionTerms {
        organizer: ORGANIZER,
        event: EventId::from_bytes([11; 16]),
        event_name: "Festival".to_owned(),
        session: summary(session),
        scope: SCOPE,
        time_zone: "Europe/Berlin".to_owned(),
        rules: Rules::default(),
        types: vec![TypeName {
            number: TypeNumber::new(1),
            name: "Regular".to_owned(),
        }],
        zones: vec![ZoneName {
            id: HALL,
            name: "Hall".to_owned(),
        }],
        gates: vec![GateName {
            id: NORTH,
            name: "North".to_owned(),
            zone: Some(HALL),
        }],
        others: vec![summary(other)],
        pretix: None,
        channels: vec!["shop".to_owned()],
        counts: Vec::new(),
        authority: None,
        notices: None,
        slugs: None,
    }
}
