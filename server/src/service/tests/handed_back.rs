//! Rows handed back under keys that their sender has: whose they are, how much they may change, and what
//! they cost.

use super::*;
use crate::service::Error;
use crate::service::devices::{self, StoredDevice};
use crate::service::things::{self, Loaded};
use crate::storage::{StoredRow, TableHead};
use usher_domain::api::access::{DeviceState, NewStaff, TokenRole};
use usher_domain::api::handed_back::{HandedBackDecision, HandedBackDone, HandedBackWord};
use usher_domain::api::reports::IncidentKind;
use usher_domain::api::tickets::TicketChange;
use usher_domain::ids::{DeviceId, StaffId, TicketId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::protocol::HandBack;
use usher_domain::secret::Private;
use usher_domain::table::rows::{
    CancelReason, DeviceEntry, DeviceRole, RosterEntry, RosterRow, StaffEntry, StaffRole,
    TicketRow, TicketState,
};
use usher_domain::table::{
    Bucket, Digests, Manifest, TableId, TableRow, bucket_digest, encode_row, write_row,
};

/// Another organizer on the same server, who has set and roster keys in hand besides the server's.
struct Neighbour {
    organizer: OrganizerId,
    device: DeviceId,
    key: SigningKey,
    set: TableId,
}

impl Neighbour {
    async fn of(house: &House) -> Self {
        let service = &house.service;
        let new = NewOrganizer {
            slug: "neighbour".to_owned(),
            name: "The Neighbour".to_owned(),
        };
        let organizer = service.create_organizer(new).await.unwrap();
        let key = SigningKey::from_seed(&Seed::new([66; 32]));
        let delegation = |key, purpose| Delegation {
            key,
            purpose,
            not_before: NOON.shifted(-DAY_MS),
            not_after: NOON.shifted(30 * DAY_MS),
            revoked_at: None,
        };
        let code = Purpose::Code {
            accesses: Limit::All,
            types: Limit::All,
        };
        let trust = Trust {
            organizer: organizer.id,
            version: Version {
                epoch: 1,
                number: 1,
            },
            issued_at: NOON,
            expires_at: NOON.shifted(30 * DAY_MS),
            server: organizer.server,
            delegations: vec![
                delegation(organizer.keys.roster, Purpose::Roster),
                delegation(organizer.keys.set, Purpose::Set),
                delegation(organizer.keys.code, code),
                delegation(key.public(), Purpose::Roster),
                delegation(key.public(), Purpose::Set),
            ],
        };
        let trust = NewTrust {
            root: root().public(),
            document: STANDARD.encode(sign(&trust, &root())),
        };
        service.take_trust(organizer.id, trust).await.unwrap();
        let event = NewEvent {
            slug: "show".to_owned(),
            name: "Another Show".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        service.create_event(organizer.id, event).await.unwrap();
        let session = new_session("first", "2027-10-30 18:00", "2027-10-30 22:00");
        let session = service
            .create_session(organizer.id, "show".to_owned(), session)
            .await
            .unwrap();
        let normal = new_type("normal", &[]);
        service
            .create_type(organizer.id, "show".to_owned(), normal)
            .await
            .unwrap();
        Self {
            organizer: organizer.id,
            device: device_of(house, organizer.id, 201).await,
            key,
            set: TableId::Set(session.id),
        }
    }

    /// Rows of a table, handed back under a manifest of the neighbour's own making.
    async fn hands_back(
        &self,
        house: &House,
        table: TableId,
        version: Version,
        rows: Vec<StoredRow>,
    ) -> HandBack {
        house.service.seal_now().await.unwrap();
        let head: TableHead = house
            .service
            .read(move |txn| Ok(txn.table_head(table)?.unwrap()))
            .await
            .unwrap();
        let served = crate::service::tables::manifest(&head).unwrap();
        forged(&self.key, &served, version, rows)
    }
}

/// A device that counts.
async fn device_of(house: &House, organizer: OrganizerId, seed: u8) -> DeviceId {
    let id = DeviceId::from_bytes([seed; 16]);
    let device = Loaded {
        id: *id.as_bytes(),
        parent: *organizer.as_bytes(),
        value: StoredDevice {
            organizer,
            key: SigningKey::from_seed(&Seed::new([seed; 32])).public(),
            name: format!("device {seed}"),
            role: DeviceRole::Desk,
            gate: None,
            state: DeviceState::Active,
            digits: None,
            events: Vec::new(),
            enrolled_at: NOON,
            first_gate: None,
            first_name: None,
            retired: false,
            nonce: None,
        },
    };
    house
        .service
        .write(move |txn, _| {
            things::put(txn, &device)?;
            devices::put_row(txn, &device, None)
        })
        .await
        .unwrap();
    id
}

/// Rows under a manifest like one that is served, but of another version and signed by another key.
fn forged(
    key: &SigningKey,
    like: &Manifest,
    version: Version,
    mut rows: Vec<StoredRow>,
) -> HandBack {
    rows.sort_unstable_by_key(|row| (row.bucket, row.key));
    let mut digests = Digests::empty();
    let mut stream = Vec::new();
    let mut buckets: Vec<u16> = rows.iter().map(|row| row.bucket).collect();
    buckets.dedup();
    for bucket in &buckets {
        let of_bucket = rows.iter().filter(|row| row.bucket == *bucket);
        let digest = bucket_digest(of_bucket.clone().map(|row| row.row.as_slice()));
        digests.set(Bucket::new(*bucket).unwrap(), digest);
        of_bucket.for_each(|row| write_row(&mut stream, &row.row));
    }
    let manifest = Manifest {
        version,
        rows: rows.len() as u64,
        digest: digests.table_digest(),
        ..like.clone()
    };
    HandBack {
        table: manifest.table,
        manifest: sign(&manifest, key).into(),
        digests: digests.hashes().to_vec(),
        buckets,
        rows: zstd::bulk::compress(&stream, 3).unwrap().into(),
    }
}

fn stored<R: TableRow>(row: &R) -> StoredRow {
    let head = row.head();
    StoredRow {
        bucket: Bucket::of(&head.key).get(),
        key: *head.key.as_bytes(),
        revision: head.revision,
        row: encode_row(row).unwrap(),
    }
}

fn ticket_row(id: TicketId, revision: u64, state: TicketState) -> TicketRow {
    TicketRow {
        ticket: id,
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
    }
}

fn device_row(id: [u8; 16], revision: u64, key: u8) -> StoredRow {
    let entry = DeviceEntry {
        device: DeviceId::from_bytes(id),
        key: SigningKey::from_seed(&Seed::new([key; 32])).public(),
        name: "stolen".to_owned(),
        role: DeviceRole::Gate,
        gate: None,
        revoked: None,
    };
    stored(&RosterRow {
        key: id.into(),
        revision,
        entry: RosterEntry::Device(entry),
    })
}

fn staff_row(id: [u8; 16], revision: u64) -> StoredRow {
    let entry = StaffEntry {
        staff: StaffId::from_bytes(id),
        name: Private::new("Mallory"),
        role: StaffRole::Supervisor,
        gates: Vec::new(),
        badge: SigningKey::from_seed(&Seed::new([9; 32])).public(),
        override_key: None,
        valid_from: None,
        valid_until: None,
        revoked_at: None,
    };
    stored(&RosterRow {
        key: id.into(),
        revision,
        entry: RosterEntry::Staff(entry),
    })
}

const CANCELLED: TicketState = TicketState::Cancelled(CancelReason::Refunded);

/// A version of a lost history, and one that nobody could have signed yet.
const LATER: Version = Version {
    epoch: 1,
    number: 1_000,
};

async fn kinds_of(house: &House, organizer: OrganizerId) -> Vec<IncidentKind> {
    let open = house.service.incidents(organizer, None, 99).await.unwrap();
    open.items.iter().map(|incident| incident.kind).collect()
}

async fn take_all(house: &House, organizer: OrganizerId, word: HandedBackWord) -> HandedBackDone {
    let decision = HandedBackDecision { word, table: None };
    let done = house.service.decide_handed_back(organizer, decision).await;
    done.unwrap()
}

/// Everything of the house that a neighbour could want to change.
async fn picture(house: &House) -> String {
    let (service, organizer) = (&house.service, house.organizer);
    let show = || "show".to_owned();
    let query = usher_domain::api::tickets::TicketQuery::default();
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        service.devices(organizer).await.unwrap(),
        service.staff(organizer).await.unwrap(),
        service.sessions(organizer, show()).await.unwrap(),
        service.event(organizer, show()).await.unwrap(),
        service.organizer(organizer.to_string()).await.unwrap(),
        service
            .tickets(organizer, show(), query, TokenRole::Organizer)
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn rows_that_bear_ids_of_another_organizers_things_change_nothing() {
    let house = House::open().await;
    house.kind("normal", &[]).await;
    let ticket: TicketId = house.new_ticket("A-1").await.parse().unwrap();
    let north = device_of(&house, house.organizer, 1).await;
    let staff = NewStaff {
        badge: SigningKey::from_seed(&Seed::new([8; 32])).public(),
        name: Private::new("Ada"),
        role: StaffRole::Steward,
        gates: Vec::new(),
        override_key: None,
        valid_from: None,
        valid_until: None,
    };
    let staff = house
        .service
        .add_staff(house.organizer, staff)
        .await
        .unwrap();
    let sessions = house.service.sessions(house.organizer, "show".to_owned());
    let session = sessions.await.unwrap().remove(0);
    let neighbour = Neighbour::of(&house).await;
    // The worst case: everything newer is taken, and a person says yes to the rest.
    house.service.raise_epoch().await.unwrap();
    house.service.seal_now().await.unwrap();
    let before = picture(&house).await;

    let ids = [
        *north.as_bytes(),
        *staff.id.as_bytes(),
        *session.event.as_bytes(),
        *session.id.as_bytes(),
        *house.organizer.as_bytes(),
        *neighbour.organizer.as_bytes(),
    ];
    let roster = TableId::Roster(neighbour.organizer);
    let rows = ids
        .iter()
        .flat_map(|id| [device_row(*id, 9, 7), staff_row(*id, 9)]);
    for row in rows {
        let request = neighbour.hands_back(&house, roster, LATER, vec![row]).await;
        let answer = house.service.hand_back(neighbour.device, request).await;
        assert_eq!(answer.unwrap().taken, 0);
    }
    let cancelled = stored(&ticket_row(ticket, 9, CANCELLED));
    let request = neighbour
        .hands_back(&house, neighbour.set, LATER, vec![cancelled.clone()])
        .await;
    let answer = house.service.hand_back(neighbour.device, request).await;
    assert_eq!(answer.unwrap().taken, 0);
    // Not under the neighbour's keys, and not in the other's tables.
    let set = TableId::Set(session.id);
    let request = neighbour
        .hands_back(&house, set, LATER, vec![cancelled])
        .await;
    let refused = house
        .service
        .hand_back(neighbour.device, request.clone())
        .await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let refused = house.service.hand_back(north, request).await;
    assert!(
        matches!(refused, Err(Error::NotAuthentic(_))),
        "{refused:?}"
    );

    take_all(&house, neighbour.organizer, HandedBackWord::Take).await;
    house.service.seal_now().await.unwrap();
    assert_eq!(picture(&house).await, before);
    let told = kinds_of(&house, neighbour.organizer).await;
    assert_eq!(told, [IncidentKind::HandedBack]);
    assert_eq!(kinds_of(&house, house.organizer).await, []);
}

#[tokio::test]
async fn a_ticket_can_be_changed_whatever_revision_is_handed_back() {
    let house = House::open().await;
    let neighbour = Neighbour::of(&house).await;
    house.service.raise_epoch().await.unwrap();
    let ticket = TicketId::from_bytes([9; 16]);
    for revision in [1, 10_002, 1 << 53, (1 << 63) - 1, 2] {
        let row = stored(&ticket_row(ticket, revision, TicketState::Valid));
        let request = neighbour
            .hands_back(&house, neighbour.set, LATER, vec![row])
            .await;
        house
            .service
            .hand_back(neighbour.device, request)
            .await
            .unwrap();
    }
    let cancel = TicketChange::Cancel { reason: None };
    let changed = house
        .service
        .change_ticket(
            neighbour.organizer,
            "show".to_owned(),
            ticket.to_string(),
            cancel,
            None,
        )
        .await
        .unwrap();
    assert_eq!(changed.revision, 3);
}

#[tokio::test]
async fn without_a_declared_restore_what_restricts_counts_and_the_rest_waits_for_a_person() {
    let house = House::open().await;
    let neighbour = Neighbour::of(&house).await;
    let (service, organizer) = (&house.service, neighbour.organizer);
    let [new, cancelled] = [9, 10].map(|id| TicketId::from_bytes([id; 16]));
    let hand_back = async |rows: Vec<StoredRow>| {
        let request = neighbour.hands_back(&house, neighbour.set, LATER, rows);
        let answer = service.hand_back(neighbour.device, request.await).await;
        answer.unwrap().taken
    };
    let rows = || {
        vec![
            stored(&ticket_row(new, 3, TicketState::Valid)),
            stored(&ticket_row(cancelled, 2, CANCELLED)),
        ]
    };
    assert_eq!(hand_back(rows()).await, 1);
    let waiting = service.handed_back(organizer, None, 9).await.unwrap().items;
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].revision, waiting[0].held), (3, None));
    assert_eq!(waiting[0].id, new.to_string());
    assert_eq!(
        kinds_of(&house, organizer).await,
        [IncidentKind::HandedBack]
    );
    let state = async |ticket: TicketId| {
        let (show, id) = ("show".to_owned(), ticket.to_string());
        let ticket = service.ticket(organizer, show, id, TokenRole::Viewer).await;
        ticket.ok().map(|ticket| ticket.state)
    };
    assert_eq!(state(new).await, None);
    assert_eq!(state(cancelled).await, Some(CANCELLED));

    // Refused, it is not asked about again; a newer one is.
    let refused = take_all(&house, organizer, HandedBackWord::Refuse).await;
    assert_eq!((refused.taken, refused.refused), (0, 1));
    assert_eq!(kinds_of(&house, organizer).await, []);
    hand_back(rows()).await;
    assert_eq!(kinds_of(&house, organizer).await, []);
    hand_back(vec![stored(&ticket_row(new, 4, TicketState::Valid))]).await;
    let taken = take_all(&house, organizer, HandedBackWord::Take).await;
    assert_eq!((taken.taken, taken.refused), (1, 0));
    assert_eq!(state(new).await, Some(TicketState::Valid));
    assert_eq!(kinds_of(&house, organizer).await, []);
}

#[tokio::test]
async fn no_restore_revives_a_cancelled_ticket_but_a_person_may() {
    let house = House::open().await;
    let neighbour = Neighbour::of(&house).await;
    let (service, organizer) = (&house.service, neighbour.organizer);
    service.raise_epoch().await.unwrap();
    let ticket = TicketId::from_bytes([9; 16]);
    let hand_back = async |revision, state| {
        let rows = vec![stored(&ticket_row(ticket, revision, state))];
        let request = neighbour.hands_back(&house, neighbour.set, LATER, rows);
        let answer = service.hand_back(neighbour.device, request.await).await;
        answer.unwrap().taken
    };
    let state = async || {
        let (show, id) = ("show".to_owned(), ticket.to_string());
        let ticket = service.ticket(organizer, show, id, TokenRole::Viewer).await;
        ticket.unwrap().state
    };
    // In a declared restore a ticket that was lost comes back.
    assert_eq!(hand_back(1, TicketState::Valid).await, 1);
    assert_eq!(hand_back(2, CANCELLED).await, 1);
    assert_eq!(hand_back(3, TicketState::Valid).await, 0);
    assert_eq!(state().await, CANCELLED);
    assert_eq!(
        kinds_of(&house, organizer).await,
        [IncidentKind::HandedBack]
    );
    take_all(&house, organizer, HandedBackWord::Take).await;
    assert_eq!(state().await, TicketState::Valid);
    // A fortnight later the restore is over.
    house.clock.advance(15 * DAY_MS.unsigned_abs());
    assert_eq!(hand_back(4, TicketState::Blocked).await, 1);
    assert_eq!(hand_back(5, TicketState::Valid).await, 0);
    assert_eq!(state().await, TicketState::Blocked);
}

#[tokio::test]
async fn six_kilobytes_that_unpack_to_67_million_are_refused_at_the_second_row() {
    let house = House::open().await;
    let neighbour = Neighbour::of(&house).await;
    let long = TicketRow {
        seat: Some("s".repeat(2_000)),
        ..ticket_row(TicketId::from_bytes([9; 16]), 1, CANCELLED)
    };
    let row = stored(&long);
    let mut stream = Vec::new();
    while stream.len() < 67_000_000 {
        write_row(&mut stream, &row.row);
    }
    let mut request = neighbour
        .hands_back(&house, neighbour.set, LATER, vec![row])
        .await;
    request.rows = zstd::bulk::compress(&stream, 19).unwrap().into();
    assert!(request.rows.len() < 10_000, "{}", request.rows.len());
    let refused = house.service.hand_back(neighbour.device, request).await;
    assert!(
        matches!(refused, Err(Error::NotAuthentic(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn many_rows_are_taken_in_short_steps() {
    let house = House::open().await;
    let neighbour = Neighbour::of(&house).await;
    house.service.raise_epoch().await.unwrap();
    let rows: Vec<StoredRow> = (0..1_000_u64)
        .map(|number| {
            let mut id = [7; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            stored(&ticket_row(TicketId::from_bytes(id), 1, TicketState::Valid))
        })
        .collect();
    let request = neighbour
        .hands_back(&house, neighbour.set, LATER, rows)
        .await;
    let answer = house.service.hand_back(neighbour.device, request).await;
    assert_eq!(answer.unwrap().taken, 1_000);
}

#[tokio::test]
async fn an_admission_is_told_once_a_row_is_handed_back_that_forbade_it_at_that_moment() {
    use super::records::{Gate, first};
    use usher_domain::record::Subject;

    let house = House::with_types().await;
    let session = first(&house).await;
    let ticket: TicketId = house.new_ticket("A-1").await.parse().unwrap();
    let mut north = Gate::enroll(&house, 1, &session).await;
    house.clock.advance(10_000);
    house.new_ticket("A-2").await;
    house.service.seal_now().await.unwrap();
    let set = TableId::Set(session.id);
    let organizer = house.organizer;
    let (head, key) = house
        .service
        .read(move |txn| {
            let key = crate::keys::load(txn, organizer, crate::keys::KeyUse::Set)?;
            Ok((txn.table_head(set)?.unwrap(), key))
        })
        .await
        .unwrap();
    let served = crate::service::tables::manifest(&head).unwrap();
    house.clock.advance(50_000);
    north.admit(NOON.shifted(9_000), &session, Subject::Ticket(ticket));
    let late = north.admit(NOON.shifted(11_000), &session, Subject::Ticket(ticket));
    house.service.push(north.id, north.all()).await.unwrap();
    let told = async || {
        let open = house.service.incidents(organizer, None, 99).await.unwrap();
        let forbidden = open.items.into_iter();
        let forbidden =
            forbidden.filter(|incident| incident.kind == IncidentKind::ForbiddenAdmission);
        let scans = forbidden.flat_map(|incident| incident.scans);
        scans.map(|scan| scan.record).collect::<Vec<_>>()
    };
    assert_eq!(told().await, Vec::<String>::new());

    // The server was put back, and had forgotten that the ticket was cancelled.
    house.service.raise_epoch().await.unwrap();
    let held = house.row("first", ticket).await.unwrap();
    let cancelled = stored(&TicketRow {
        revision: held.revision + 1,
        state: CANCELLED,
        ..held
    });
    let version = Version {
        epoch: 1,
        number: 50,
    };
    let request = forged(&key, &served, version, vec![cancelled]);
    let answer = house.service.hand_back(north.id, request).await.unwrap();
    assert_eq!(answer.waiting, Some(0));
    assert_eq!(told().await, [late.hash.to_string()]);
}
