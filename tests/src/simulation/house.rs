//! The house as it stands before anybody comes: a server with an organizer, and enrolled devices. It is
//! built once in a process, always the same, and every seed begins on a copy of its disks.

use super::sessions::{self, Sessions};
use crate::clock::{Dice, at};
use crate::venue::{BEGIN, EVENT, SESSION, signed_trust};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use usher_core::clock::Entropy as _;
use usher_core::store::{ServerPin, Store};
use usher_domain::api::access::{Confirmation, NewEnrollment, NewStaff};
use usher_domain::api::rules::{RulesChange, TypeRuleChange};
use usher_domain::api::venue::{
    NewEvent, NewGate, NewOrganizer, NewSession, NewType, NewZone, Organizer, Session,
    SessionChange,
};
use usher_domain::challenge::prove_enrollment;
use usher_domain::document::badge::{Badge, Pin};
use usher_domain::document::enrollment::EnrollmentCode;
use usher_domain::document::{TrustedKeys, accept_trust, pinned_root, verify_enrollment};
use usher_domain::ids::{DeviceId, GateId, ZoneId};
use usher_domain::protocol::{EnrollAnswer, EnrollRequest};
use usher_domain::rules::{EntryMode, EntryRule, TypeRule};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::{DeviceRole, StaffRole};
use usher_domain::time::ClockTrust;
use usher_server::clock::ManualClock;
use usher_server::keys::simulated;
use usher_server::service::{ServerAddress, Service, Settings};
use usher_server::storage::sqlite::Inline;
use usher_vfs::{Disk, Image};

/// Gates, each with one device.
pub const GATES: [&str; 4] = ["north", "south", "east", "west"];
/// The zone that most gates lead to.
pub const HALL: &str = "hall";
/// The gate that leads to the whole venue.
const WHOLE: &str = "west";
/// The type whose tickets enter once.
pub const ONCE: &str = "once";
/// The type whose tickets may come and go.
pub const AGAIN: &str = "again";

/// The house before anybody comes.
#[derive(Debug)]
pub struct House {
    /// How many sessions it has in an evening.
    pub sessions: Sessions,
    /// The server's disk.
    pub server: Image,
    /// The devices' disks.
    pub devices: Vec<(DeviceId, Image)>,
    /// The organizer.
    pub organizer: Organizer,
    /// The session `evening`.
    pub session: Session,
    /// The other session of that evening, in the same scope.
    pub late: Option<Session>,
    /// The zone that most gates lead to.
    pub hall: ZoneId,
    /// Those gates.
    pub hall_gates: Vec<GateId>,
    /// A supervisor's badge.
    pub badge: Private,
    /// Their PIN.
    pub pin: Private,
}

impl House {
    /// The sessions of the evening, the first one first.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        std::iter::once(&self.session).chain(&self.late)
    }

    /// Whether the gate of this name leads to the hall.
    #[must_use]
    pub fn leads_to_hall(gate: &str) -> bool {
        gate != WHOLE
    }
}

/// The house with so many sessions in an evening.
pub fn house(sessions: Sessions) -> &'static House {
    static ONE: OnceLock<House> = OnceLock::new();
    static TWO: OnceLock<House> = OnceLock::new();
    let house = match sessions {
        Sessions::One => &ONE,
        Sessions::Two => &TWO,
    };
    house.get_or_init(|| {
        usher_vfs::install();
        let dice = Dice::of_seed(1);
        simulated::draw_from(Some(Box::new(move |bytes| dice.fill(bytes).unwrap())));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let house = runtime.block_on(build(sessions));
        simulated::draw_from(None);
        house
    })
}

/// A folder for a disk: in memory where the system has one there, for it holds markers only.
#[must_use]
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::new_in(memory).unwrap()
    } else {
        TempDir::new().unwrap()
    }
}

async fn build(sessions: Sessions) -> House {
    let (place, snapshots) = (folder(), folder());
    let disk = Disk::empty(place.path());
    let clock = Arc::new(ManualClock::at(at(BEGIN)));
    let service = Service::new(
        Inline::store(place.path()).unwrap(),
        clock,
        Settings::new(snapshots.path()),
    );
    let organizer = service
        .create_organizer(NewOrganizer {
            slug: "house".to_owned(),
            name: "The House".to_owned(),
        })
        .await
        .unwrap();
    let trust = signed_trust(&organizer, &[&organizer.keys], 1, service.now());
    let organizer = service.take_trust(organizer.id, trust).await.unwrap();
    let session = venue(&service, &organizer).await;
    let (session, late) = match sessions {
        Sessions::One => (session, None),
        Sessions::Two => {
            let (session, late) = sessions::join(&service, &organizer).await;
            (session, Some(late))
        }
    };
    let (badge, pin) = supervisor(&service, &organizer).await;
    let new = NewZone {
        slug: HALL.to_owned(),
        name: "the hall".to_owned(),
    };
    let hall = service.create_zone(organizer.id, new).await.unwrap().id;
    let mut devices = Vec::new();
    for (number, name) in (0_u8..).zip(GATES) {
        devices.push(device(&service, &organizer, number, name).await);
    }
    let gates = service.gates(organizer.id).await.unwrap().into_iter();
    let to_hall = gates.filter(|gate| gate.zone == Some(hall));
    let hall_gates = to_hall.map(|gate| gate.id).collect();
    service.seal_now().await.unwrap();
    drop(service);
    House {
        sessions,
        server: disk.image().unwrap(),
        devices,
        organizer,
        session,
        late,
        hall,
        hall_gates,
        badge,
        pin,
    }
}

async fn venue(service: &Service, organizer: &Organizer) -> Session {
    let event = NewEvent {
        slug: EVENT.to_owned(),
        name: "The Show".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    };
    service.create_event(organizer.id, event).await.unwrap();
    let session = NewSession {
        slug: SESSION.to_owned(),
        name: "the evening".to_owned(),
        doors: "2027-10-30 18:00".to_owned(),
        starts: None,
        ends: "2027-10-30 22:00".to_owned(),
        rules: None,
    };
    let created = service.create_session(organizer.id, EVENT.to_owned(), session);
    created.await.unwrap();
    let mut types = Vec::new();
    for slug in [ONCE, AGAIN] {
        let new = NewType {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            sessions: Vec::new(),
        };
        let created = service.create_type(organizer.id, EVENT.to_owned(), new);
        types.push(created.await.unwrap());
    }
    let again = types.into_iter().map(|made| TypeRule {
        number: made.number,
        entry: (made.slug == AGAIN).then(|| EntryRule {
            mode: EntryMode::Reentry,
            ..EntryRule::default()
        }),
        zones: Vec::new(),
        instruction: None,
    });
    let change = SessionChange {
        rules: Some(RulesChange {
            types: again.map(TypeRuleChange::from).collect(),
            ..RulesChange::default()
        }),
        ..SessionChange::default()
    };
    let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
    let changed = service.change_session(organizer.id, event, session, change);
    changed.await.unwrap()
}

async fn supervisor(service: &Service, organizer: &Organizer) -> (Private, Private) {
    let badge = Badge::new(Seed::new([3; 32]));
    let pin = "271828";
    let key = badge.override_key(&Pin::new(pin).unwrap()).unwrap();
    let new = NewStaff {
        name: Private::new("Ada"),
        role: StaffRole::Supervisor,
        gates: Vec::new(),
        badge: badge.key().public(),
        override_key: Some(key.public()),
        valid_from: None,
        valid_until: None,
    };
    service.add_staff(organizer.id, new).await.unwrap();
    (badge.text(), Private::new(pin))
}

/// Enrolls a device as the façade does, without the way over HTTP.
async fn device(
    service: &Service,
    organizer: &Organizer,
    number: u8,
    name: &str,
) -> (DeviceId, Image) {
    let gate = NewGate {
        slug: name.to_owned(),
        name: format!("gate {name}"),
        zone: House::leads_to_hall(name).then(|| HALL.to_owned()),
    };
    service.create_gate(organizer.id, gate).await.unwrap();
    let new = NewEnrollment {
        gate: Some(name.to_owned()),
        role: DeviceRole::Gate,
        uses: 1,
        until: None,
        confirmation: Confirmation::None,
        events: Vec::new(),
        server: None,
    };
    let address = ServerAddress {
        url: "http://127.0.0.1:1".to_owned(),
        spki: None,
    };
    let issued = service.create_enrollment(organizer.id, new, address);
    let code = EnrollmentCode::parse(issued.await.unwrap().code.reveal()).unwrap();
    let place = folder();
    let disk = Disk::empty(place.path());
    let (mut store, _) = Store::open(place.path(), service.now()).unwrap();
    let pin = ServerPin {
        address: code.server.clone(),
        root: code.root,
        spki: code.spki,
    };
    let seed = Seed::new([100 + number; 32]);
    let key = store.begin_enrollment(seed, pin).unwrap().signing_key();
    let request = EnrollRequest {
        token: code.token.clone(),
        key: key.public(),
        name: name.to_owned(),
        proof: prove_enrollment(&code.token, &key),
    };
    let EnrollAnswer::Enrolled {
        document,
        trust,
        root,
    } = service.enroll(request).await.unwrap()
    else {
        panic!("nobody must confirm the device");
    };
    let root = pinned_root(root, &code.root).unwrap();
    let now = service.now();
    let trust = accept_trust(&trust, &root, None, None, now, ClockTrust::Proved).unwrap();
    let trust = trust.into_accepted();
    let keys = TrustedKeys::from(trust.document());
    let enrollment = verify_enrollment(&document, &keys, &key.public()).unwrap();
    store.finish_enrollment(root, &trust, &enrollment).unwrap();
    store.set_gate(enrollment.value().gate).unwrap();
    drop(store);
    (enrollment.value().device, disk.image().unwrap())
}
