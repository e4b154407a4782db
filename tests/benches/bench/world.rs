//! A device with a large signed ticket set, made without a server.

use anyhow::Result;
use fastrand::Rng;
use std::path::Path;
use usher_core::clock::{Clock as _, SystemClock};
use usher_core::store::{ServerPin, Store};
use usher_domain::code::{Limit, TicketCode, usher};
use usher_domain::cose::SigningKey;
use usher_domain::document::enrollment::{Enrollment, verify_enrollment};
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::{TrustedKeys, accept_manifest, accept_trust, sign, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::rules::Rules;
use usher_domain::secret::Seed;
use usher_domain::session::{SessionSummary, SessionTerms, TypeName};
use usher_domain::table::rows::{DeviceRole, TicketRow, TicketState};
use usher_domain::table::{Manifest, Row, SnapshotDigest, TableId, Version, encode_row, write_row};
use usher_domain::time::{ClockTrust, UnixMillis};

/// Where the device serves, and codes of tickets in its set in random order.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) codes: Vec<String>,
    pub(crate) keys: Keys,
}

/// The keys of the organizer.
pub(crate) struct Keys {
    pub(crate) root: SigningKey,
    pub(crate) set: SigningKey,
    pub(crate) roster: SigningKey,
    pub(crate) code: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let key = |byte| SigningKey::from_seed(&Seed::new([byte; 32]));
        Self {
            root: key(1),
            set: key(2),
            roster: key(3),
            code: key(4),
        }
    }
}

const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);
const EVENT: EventId = EventId::from_bytes([3; 16]);
const SERVER: DeviceId = DeviceId::from_bytes([4; 16]);
const ACCESS: AccessNumber = AccessNumber::new(7);
const HOUR_MS: i64 = 3_600_000;

/// A device in `folder` that serves `tickets` tickets sold as signed codes, of which `codes` are told.
pub(crate) fn signed_set(folder: &Path, tickets: usize, codes: usize) -> Result<World> {
    let keys = Keys::new();
    let now = SystemClock::new().read().wall;
    let (mut store, _) = Store::open(folder, now)?;
    let trusted = enroll(&mut store, &keys, now)?;

    let mut random = Rng::with_seed(500);
    let ids: Vec<TicketId> = (0..tickets)
        .map(|_| TicketId::from_bytes(random.u128(..).to_be_bytes()))
        .collect();
    let mut rows = ids
        .iter()
        .map(|&ticket| Ok(encode_row(&row(ticket, ACCESS, TypeNumber::new(1)))?))
        .collect::<Result<Vec<_>>>()?;
    rows.sort_by_cached_key(|bytes| {
        Row::parse(bytes)
            .ok()
            .map(|row| (row.bucket(), row.head().key))
    });
    let mut digest = SnapshotDigest::default();
    let mut plain = Vec::new();
    for bytes in &rows {
        digest.push(&Row::parse(bytes)?)?;
        write_row(&mut plain, bytes);
    }
    let (digests, count) = digest.finish();
    let manifest = Manifest {
        table: TableId::Set(SESSION),
        version: Version {
            epoch: 1,
            number: 1,
        },
        rows: count,
        digest: digests.table_digest(),
        issued_at: now,
        expires_at: now.shifted(48 * HOUR_MS),
        terms: Some(terms(now)),
    };
    let bytes = sign(&manifest, &keys.set);
    let table = manifest.table;
    let accepted =
        accept_manifest(&bytes, table, &trusted, None, now, ClockTrust::Proved)?.into_accepted();
    let snapshot = zstd::bulk::compress(&plain, 3)?;
    store.begin_staging(&accepted, snapshot.len() as u64)?;
    store.stage_part(table, 0, &snapshot)?;
    let mut unpacking = store.unpack(&accepted)?;
    while unpacking.step(&mut store)? != usher_core::store::tables::Progress::Serving {}

    let codes = ids
        .iter()
        .take(codes)
        .map(|&ticket| {
            let code = TicketCode {
                ticket,
                access: ACCESS,
                issue: IssueNumber::new(1),
                type_number: TypeNumber::new(1),
                not_before: None,
                not_after: None,
            };
            Ok(usher::issue(&code, &keys.code).reveal().to_owned())
        })
        .collect::<Result<_>>()?;
    Ok(World { store, codes, keys })
}

fn enroll(store: &mut Store, keys: &Keys, now: UnixMillis) -> Result<TrustedKeys> {
    let delegation = |key: &SigningKey, purpose| Delegation {
        key: key.public(),
        purpose,
        not_before: now.shifted(-HOUR_MS),
        not_after: now.shifted(48 * HOUR_MS),
        revoked_at: None,
    };
    let all_codes = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let trust = Trust {
        organizer: ORGANIZER,
        version: Version {
            epoch: 1,
            number: 1,
        },
        issued_at: now,
        expires_at: now.shifted(48 * HOUR_MS),
        server: SERVER,
        delegations: vec![
            delegation(&keys.roster, Purpose::Roster),
            delegation(&keys.set, Purpose::Set),
            delegation(&keys.code, all_codes),
        ],
    };
    let signed = sign(&trust, &keys.root);
    let root = keys.root.public();
    let trusted = TrustedKeys::from(&verify_trust(&signed, &root, None)?);
    let accepted = accept_trust(&signed, &root, None, None, now, ClockTrust::Proved)?;
    let own = store.begin_enrollment(
        Seed::new([9; 32]),
        ServerPin {
            address: "http://127.0.0.1:1".to_owned(),
            root: Hash::of(&[root.as_bytes()]),
            spki: None,
        },
    )?;
    let own_key = own.signing_key().public();
    let enrollment = Enrollment {
        organizer: ORGANIZER,
        device: DeviceId::from_bytes([5; 16]),
        key: own_key,
        name: "bench".to_owned(),
        role: DeviceRole::Gate,
        gate: None,
        issued_at: now,
    };
    let enrollment = verify_enrollment(&sign(&enrollment, &keys.roster), &trusted, &own_key)?;
    store.finish_enrollment(root, &accepted.into_accepted(), &enrollment)?;
    Ok(trusted)
}

/// A ticket sold as a signed code.
pub(crate) const fn row(
    ticket: TicketId,
    access: AccessNumber,
    type_number: TypeNumber,
) -> TicketRow {
    TicketRow {
        ticket,
        revision: 1,
        state: TicketState::Valid,
        issue: IssueNumber::new(1),
        type_number,
        access,
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

fn terms(now: UnixMillis) -> SessionTerms {
    SessionTerms {
        organizer: ORGANIZER,
        event: EVENT,
        event_name: "Bench".to_owned(),
        session: SessionSummary {
            id: SESSION,
            name: "Now".to_owned(),
            doors: now.shifted(-HOUR_MS),
            starts: now,
            ends: now.shifted(6 * HOUR_MS),
            accepts: vec![ACCESS],
            event: EVENT,
        },
        scope: ScopeId::from_bytes([6; 16]),
        time_zone: "Europe/Berlin".to_owned(),
        rules: Rules::default(),
        types: vec![TypeName {
            number: TypeNumber::new(1),
            name: "Regular".to_owned(),
        }],
        zones: Vec::new(),
        gates: Vec::new(),
        others: Vec::new(),
        pretix: None,
        channels: vec!["bench".to_owned()],
        counts: Vec::new(),
        authority: None,
        notices: None,
        slugs: None,
    }
}
