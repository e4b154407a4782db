//! Who and what there is in these tests: ids, keys, tickets and their session.

use usher_domain::cbor;
use usher_domain::cose::{self, ContentType, SigningKey};
use usher_domain::document::batch::{Batch, BatchHead};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::log::LogEnd;
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::record::{Body, LogRef};
use usher_domain::rules::Rules;
use usher_domain::secret::Seed;
use usher_domain::session::{SessionSummary, SessionTerms};
use usher_domain::table::rows::{TicketRow, TicketState};
use usher_domain::table::{TableId, encode_row};
use usher_domain::time::UnixMillis;

pub(super) const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);
pub(super) const SERVER: DeviceId = DeviceId::from_bytes([2; 16]);
pub(super) const SESSION: SessionId = SessionId::from_bytes([3; 16]);
pub(super) const SCOPE: ScopeId = ScopeId::from_bytes([4; 16]);
pub(super) const SET: TableId = TableId::Set(SESSION);
pub(super) const ROSTER: TableId = TableId::Roster(ORGANIZER);
pub(super) const NOW: u64 = 1_800_000_000_000;
pub(super) const YEAR: u64 = 365 * 24 * 3_600_000;

pub(super) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([number; 32]))
}

pub(super) fn root() -> SigningKey {
    key(101)
}

pub(super) fn device_key(number: u8) -> Seed {
    Seed::new([number; 32])
}

pub(super) fn device_id(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

pub(super) fn ticket_id(number: u32) -> TicketId {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    TicketId::from_bytes(bytes)
}

pub(super) fn ticket_row(number: u32, revision: u64, state: TicketState) -> Vec<u8> {
    encode_row(&TicketRow {
        ticket: ticket_id(number),
        revision,
        state,
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(1),
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
    })
    .unwrap()
}

pub(super) fn terms() -> SessionTerms {
    let event = EventId::from_bytes([5; 16]);
    SessionTerms {
        organizer: ORGANIZER,
        event,
        event_name: "Concert".into(),
        session: SessionSummary {
            id: SESSION,
            name: "Evening".into(),
            doors: UnixMillis::new(NOW - 3_600_000),
            starts: UnixMillis::new(NOW),
            ends: UnixMillis::new(NOW + 7_200_000),
            accepts: vec![AccessNumber::new(1)],
            event,
        },
        scope: SCOPE,
        time_zone: "Europe/Berlin".into(),
        rules: Rules::default(),
        types: Vec::new(),
        zones: Vec::new(),
        gates: Vec::new(),
        others: Vec::new(),
        pretix: None,
        channels: vec!["shop".into()],
        counts: Vec::new(),
        authority: None,
        notices: None,
        slugs: None,
    }
}

/// A batch that claims to be of a device but is signed by a stranger.
pub(super) fn forged_batch(log: LogRef) -> Batch {
    let entry = LogEnd::empty(log, SCOPE).append(
        UnixMillis::new(NOW),
        Body::Cut(usher_domain::record::Cut {
            log,
            last: 0,
            heads: None,
            by: None,
        }),
    );
    let head = BatchHead {
        log,
        scope: SCOPE,
        first: 1,
        count: 1,
        before: Hash::ZERO,
        last: entry.hash,
    };
    Batch {
        head: cose::sign(&key(77), ContentType::BATCH, &cbor::encode(&head)).into(),
        records: vec![entry.encoded.into()],
    }
}
