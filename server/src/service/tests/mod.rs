//! The services over a real database file, with a clock that is moved by hand.

mod approvals;
mod claims;
mod devices;
mod handed_back;
mod imports;
mod lists;
mod live;
mod readiness;
mod records;
mod restore;
mod retire;
mod rotation;
mod rules;
mod tickets;
mod venue;

use super::{Service, Settings};
use crate::clock::ManualClock;
use crate::storage::sqlite::Sqlite;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use tempfile::TempDir;
use usher_domain::api::venue::{
    NewEvent, NewGate, NewOrganizer, NewSession, NewTrust, NewType, NewZone, Organizer, Session,
};
use usher_domain::code::Limit;
use usher_domain::cose::SigningKey;
use usher_domain::document::sign;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::ids::OrganizerId;
use usher_domain::secret::Seed;
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

const DAY_MS: i64 = 24 * 3_600_000;

/// A server with one organizer `house`, one event `show` and its session `first` on the same day.
pub(super) struct House {
    pub(super) service: Service,
    pub(super) clock: Arc<ManualClock>,
    pub(super) organizer: OrganizerId,
    pub(super) folder: TempDir,
}

/// 2027-10-30T12:00:00Z: the day before summer time ends.
pub(super) const NOON: UnixMillis = UnixMillis::new(1_824_897_600_000);

pub(super) fn root() -> SigningKey {
    SigningKey::from_seed(&Seed::new([77; 32]))
}

/// A trust document of version `number` that lets the server's keys sign for a month.
pub(super) fn trust_for(organizer: &Organizer, number: u64, now: UnixMillis) -> NewTrust {
    let delegation = |key, purpose| Delegation {
        key,
        purpose,
        not_before: now.shifted(-DAY_MS),
        not_after: now.shifted(30 * DAY_MS),
        revoked_at: None,
    };
    let code = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let trust = Trust {
        organizer: organizer.id,
        version: Version { epoch: 1, number },
        issued_at: now,
        expires_at: now.shifted(30 * DAY_MS),
        server: organizer.server,
        delegations: vec![
            delegation(organizer.keys.roster, Purpose::Roster),
            delegation(organizer.keys.set, Purpose::Set),
            delegation(organizer.keys.code, code),
        ],
    };
    NewTrust {
        root: root().public(),
        document: STANDARD.encode(sign(&trust, &root())),
    }
}

pub(super) fn new_session(slug: &str, doors: &str, ends: &str) -> NewSession {
    NewSession {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        doors: doors.to_owned(),
        starts: None,
        ends: ends.to_owned(),
        rules: None,
    }
}

pub(super) fn new_type(slug: &str, sessions: &[&str]) -> NewType {
    NewType {
        slug: slug.to_owned(),
        name: slug.to_owned(),
        sessions: sessions.iter().map(|&s| s.to_owned()).collect(),
    }
}

impl House {
    pub(super) async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let service = service_in(&folder, &clock);
        let organizer = service
            .create_organizer(NewOrganizer {
                slug: "house".to_owned(),
                name: "The House".to_owned(),
            })
            .await
            .unwrap();
        let trust = trust_for(&organizer, 1, NOON);
        service.take_trust(organizer.id, trust).await.unwrap();
        let house = Self {
            service,
            clock,
            organizer: organizer.id,
            folder,
        };
        let event = NewEvent {
            slug: "show".to_owned(),
            name: "The Show".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        house
            .service
            .create_event(house.organizer, event)
            .await
            .unwrap();
        house
            .session("first", "2027-10-30 18:00", "2027-10-30 22:00")
            .await;
        house
    }

    pub(super) async fn session(&self, slug: &str, doors: &str, ends: &str) -> Session {
        self.service
            .create_session(
                self.organizer,
                "show".to_owned(),
                new_session(slug, doors, ends),
            )
            .await
            .unwrap()
    }

    pub(super) async fn kind(&self, slug: &str, sessions: &[&str]) {
        self.service
            .create_type(self.organizer, "show".to_owned(), new_type(slug, sessions))
            .await
            .unwrap();
    }

    pub(super) async fn gate(&self, slug: &str, zone: Option<&str>) {
        if let Some(zone) = zone {
            let zone = NewZone {
                slug: zone.to_owned(),
                name: zone.to_owned(),
            };
            self.service
                .create_zone(self.organizer, zone)
                .await
                .unwrap();
        }
        let gate = NewGate {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            zone: zone.map(str::to_owned),
        };
        self.service
            .create_gate(self.organizer, gate)
            .await
            .unwrap();
    }
}

fn service_in(folder: &TempDir, clock: &Arc<ManualClock>) -> Service {
    let store = Sqlite::store(folder.path()).unwrap();
    let settings = Settings::new(folder.path().join("snapshots"));
    Service::new(store, Arc::<ManualClock>::clone(clock), settings)
}
