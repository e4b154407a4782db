//! A server's folder for measuring: an organizer, an event and a session whose doors are open, tickets sold
//! as signed codes, and enrolled devices.

use crate::figure::now;
use crate::world::row;
use anyhow::{Context as _, Result};
use fastrand::Rng;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use usher_domain::api::access::{Confirmation, NewEnrollment};
use usher_domain::api::venue::{Gate, NewEvent, NewGate, NewOrganizer, NewSession, NewType};
use usher_domain::api::venue::{Organizer, Session, TicketType};
use usher_domain::challenge::prove_enrollment;
use usher_domain::cose::{SigningKey, parse};
use usher_domain::document::enrollment::{Enrollment, EnrollmentCode};
use usher_domain::ids::{DeviceId, TicketId};
use usher_domain::protocol::{EnrollAnswer, EnrollRequest};
use usher_domain::secret::Seed;
use usher_domain::table::rows::{DeviceRole, TicketState};
use usher_domain::table::{Bucket, TableId, TableRow as _, encode_row};
use usher_domain::time::UnixMillis;
use usher_server::clock::{Clock as _, SystemClock};
use usher_server::config::TransportKind;
use usher_server::init::{NewServer, init};
use usher_server::serve::SNAPSHOTS;
use usher_server::service::{ServerAddress, Service, Settings};
use usher_server::storage::sqlite::Sqlite;
use usher_server::storage::{StorageError, StoredRow};
use usher_tests::venue::signed_trust;

/// Rows that are written in one transaction.
const CHUNK: usize = 20_000;
const HOUR_MS: i64 = 3_600_000;

/// A prepared folder and what is known of it.
pub(crate) struct Hall {
    folder: TempDir,
    pub(crate) organizer: Organizer,
    pub(crate) session: Session,
    pub(crate) gate: Gate,
    pub(crate) kind: TicketType,
    /// All tickets, in random order.
    pub(crate) tickets: Vec<TicketId>,
    /// Devices at the gate.
    pub(crate) devices: Vec<Enrolled>,
    /// Enrolls more devices. It names no address, because the server has none yet.
    pub(crate) code: EnrollmentCode,
}

/// A device that the server knows.
#[derive(Clone)]
pub(crate) struct Enrolled {
    pub(crate) id: DeviceId,
    pub(crate) key: Arc<SigningKey>,
}

impl Hall {
    /// A hall with so many tickets and devices, everything sealed.
    pub(crate) async fn of(tickets: usize, devices: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let new = NewServer {
            listen: Some(vec!["127.0.0.1:0".parse()?]),
            transport: Some(TransportKind::Plain),
            ..NewServer::default()
        };
        init(folder.path(), new, Arc::new(SystemClock)).await?;
        let service = service(folder.path())?;
        let mut hall = furnish(folder, &service).await?;
        hall.sell(&service, tickets).await?;
        hall.admit_devices(&service, devices).await?;
        service.seal_now().await?;
        Ok(hall)
    }

    /// The server's folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ticket set.
    pub(crate) const fn set(&self) -> TableId {
        TableId::Set(self.session.id)
    }

    async fn sell(&mut self, service: &Service, tickets: usize) -> Result<()> {
        let mut random = Rng::with_seed(tickets as u64);
        let sold = (0..tickets).map(|_| TicketId::from_bytes(random.u128(..).to_be_bytes()));
        self.tickets = sold.collect();
        let mut sorted = self.tickets.clone();
        // In the order in which they lie on the disk.
        sorted.sort_by_cached_key(|ticket| {
            let key = row(*ticket, self.session.access, self.kind.number)
                .head()
                .key;
            (Bucket::of(&key), key)
        });
        for chunk in sorted.chunks(CHUNK) {
            self.put(service, chunk, 1, TicketState::Valid).await?;
        }
        Ok(())
    }

    /// Lets the next images of some tickets wait for sealing.
    async fn put(
        &self,
        service: &Service,
        tickets: &[TicketId],
        revision: u64,
        state: TicketState,
    ) -> Result<()> {
        let mut rows = Vec::with_capacity(tickets.len());
        for &ticket in tickets {
            let mut row = row(ticket, self.session.access, self.kind.number);
            (row.revision, row.state) = (revision, state);
            let key = row.head().key;
            rows.push(StoredRow {
                bucket: Bucket::of(&key).get(),
                key: *key.as_bytes(),
                revision,
                row: encode_row(&row)?,
            });
        }
        let set = self.set();
        let store = service.store();
        store
            .write(move |txn| rows.iter().try_for_each(|row| txn.put_row(set, row)))
            .await
            .map_err(|error: StorageError| error.into())
    }

    /// Blocks the last `count` tickets in their next revision and tells how long sealing that takes.
    pub(crate) async fn block(&self, count: usize, revision: u64) -> Result<Duration> {
        let service = service(self.folder())?;
        let from = self.tickets.len().saturating_sub(count);
        let changed = self.tickets.get(from..).unwrap_or_default();
        self.put(&service, changed, revision, TicketState::Blocked)
            .await?;
        let begun = now();
        service.seal_now().await?;
        Ok(begun.elapsed())
    }

    async fn admit_devices(&mut self, service: &Service, devices: usize) -> Result<()> {
        let asked = (0..devices).map(|number| {
            let mut seed = [1; 32];
            let (place, _) = seed.split_at_mut(8);
            place.copy_from_slice(&(number as u64).to_be_bytes());
            let key = Arc::new(SigningKey::from_seed(&Seed::new(seed)));
            let request = EnrollRequest {
                token: self.code.token.clone(),
                key: key.public(),
                name: format!("device-{number}"),
                proof: prove_enrollment(&self.code.token, &key),
            };
            async move {
                let EnrollAnswer::Enrolled { document, .. } = service.enroll(request).await? else {
                    anyhow::bail!("not enrolled");
                };
                let document = parse(&document).ok().context("no envelope")?;
                let enrollment: Enrollment =
                    usher_domain::cbor::decode(document.unverified_payload())?;
                let id = enrollment.device;
                Ok(Enrolled { id, key })
            }
        });
        self.devices = try_join_all(asked).await?;
        Ok(())
    }
}

/// The services over a folder, sealing all that waits in one version.
fn service(folder: &Path) -> Result<Service> {
    let settings = Settings {
        seal_rows_max: u32::MAX,
        ..Settings::new(folder.join(SNAPSHOTS))
    };
    let store = Sqlite::store(folder)?;
    Ok(Service::new(store, Arc::new(SystemClock), settings))
}

/// Everything but tickets and devices.
async fn furnish(folder: TempDir, service: &Service) -> Result<Hall> {
    let now = SystemClock.now();
    let organizer = service
        .create_organizer(NewOrganizer {
            slug: "house".to_owned(),
            name: "The House".to_owned(),
        })
        .await?;
    let of = organizer.id;
    let trust = signed_trust(&organizer, &[&organizer.keys], 1, now);
    service.take_trust(of, trust).await?;
    let event = NewEvent {
        slug: "show".to_owned(),
        name: "The Show".to_owned(),
        time_zone: "UTC".to_owned(),
    };
    service.create_event(of, event).await?;
    let session = NewSession {
        slug: "evening".to_owned(),
        name: "the evening".to_owned(),
        doors: local(now.shifted(-HOUR_MS))?,
        starts: None,
        ends: local(now.shifted(6 * HOUR_MS))?,
        rules: None,
    };
    let session = service
        .create_session(of, "show".to_owned(), session)
        .await?;
    let kind = NewType {
        slug: "regular".to_owned(),
        name: "Regular".to_owned(),
        sessions: Vec::new(),
    };
    let kind = service.create_type(of, "show".to_owned(), kind).await?;
    let gate = NewGate {
        slug: "north".to_owned(),
        name: "Gate North".to_owned(),
        zone: None,
    };
    let gate = service.create_gate(of, gate).await?;
    let enrollment = NewEnrollment {
        gate: Some(gate.slug.clone()),
        role: DeviceRole::Gate,
        uses: 1_000,
        until: None,
        confirmation: Confirmation::None,
        events: Vec::new(),
        server: None,
    };
    let nowhere = ServerAddress {
        url: "http://127.0.0.1:1".to_owned(),
        spki: None,
    };
    let issued = service.create_enrollment(of, enrollment, nowhere).await?;
    Ok(Hall {
        folder,
        organizer,
        session,
        gate,
        kind,
        tickets: Vec::new(),
        devices: Vec::new(),
        code: EnrollmentCode::parse(issued.code.reveal())?,
    })
}

/// A time as a request writes it, in the event's time zone.
fn local(time: UnixMillis) -> Result<String> {
    let time = Timestamp::from_millisecond(i64::try_from(time.get())?)?;
    let time = time.to_zoned(TimeZone::UTC);
    Ok(time.strftime("%Y-%m-%d %H:%M").to_string())
}
