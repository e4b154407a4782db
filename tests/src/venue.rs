//! The venue: one server, one organizer, one event `show` in Berlin with its session `evening`, and gates.

use crate::clock::{DeviceClock, at};
use crate::gate::{DeviceCopy, Gate, copy_folder};
use crate::network::Network;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::cell::{Cell, Ref, RefCell};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;
use usher_domain::api::access::{Confirmation, DeviceChange, IssuedEnrollment, NewEnrollment};
use usher_domain::api::rules::RulesChange;
use usher_domain::api::venue::{
    NewEvent, NewGate, NewOrganizer, NewSession, NewTrust, NewType, NewZone, Organizer,
    OrganizerKeys, Session, TicketType,
};
use usher_domain::code::Limit;
use usher_domain::cose::SigningKey;
use usher_domain::document::sign;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::rules::Rules;
use usher_domain::secret::{Private, Seed};
use usher_domain::table::Version;
use usher_domain::table::rows::DeviceRole;
use usher_domain::time::UnixMillis;
use usher_server::clock::{Clock, ManualClock};
use usher_server::config::{Config, LimitSettings, Settings, TransportKind};
use usher_server::init::{NewServer, init};
use usher_server::serve::{ServeError, Server};
use usher_server::service::{ServerAddress, Service};
use usher_server::storage::StorageError;

/// The event that every venue has.
pub const EVENT: &str = "show";
/// Its session, of 2027-10-30 from 18:00 to 22:00 in Berlin.
pub const SESSION: &str = "evening";
/// Its type of ticket.
pub const TYPE: &str = "regular";
/// When a venue begins: half an hour after the doors opened.
pub const BEGIN: &str = "2027-10-30T18:30:00+02:00";

/// Turns of the runtime that a stopped server's last request gets to end.
const RELEASE_TURNS: u32 = 100_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// A venue.
pub struct Venue {
    folder: TempDir,
    /// The one clock; a test moves it.
    pub clock: Arc<ManualClock>,
    server: RefCell<Option<Server>>,
    /// The organizer.
    pub organizer: Organizer,
    /// The token of the server's first administrator.
    pub admin_token: Private,
    gates: RefCell<Vec<Rc<Gate>>>,
    transport: TransportKind,
    seed: u64,
    /// Devices made so far: each draws its own chance.
    devices: Cell<u64>,
}

/// A copy of the server's folder.
#[derive(Debug)]
pub struct Backup(TempDir);

impl Venue {
    /// A venue without protection of its loopback connections.
    pub async fn new() -> Self {
        Self::with(TransportKind::Plain, 1).await
    }

    /// A venue whose server speaks TLS.
    pub async fn with_tls() -> Self {
        Self::with(TransportKind::Tls, 1).await
    }

    /// A venue whose server lets nobody listen.
    pub async fn that_is_asked() -> Self {
        let venue = Self::new().await;
        venue.stop_server().await;
        let file = venue.folder.path().join(usher_server::config::FILE);
        let mut written = std::fs::read_to_string(&file).unwrap();
        written.push_str("\n[limits]\nlive_listeners = 0\n");
        std::fs::write(&file, written).unwrap();
        venue.start_server().await;
        venue
    }

    /// A venue whose devices draw their chance from `seed`.
    pub async fn of_seed(seed: u64) -> Self {
        Self::with(TransportKind::Plain, seed).await
    }

    async fn with(transport: TransportKind, seed: u64) -> Self {
        let (folder, clock, admin_token) = make_server(transport).await;
        let server = serve(folder.path(), &clock).await;
        let service = server.service();
        let organizer = service
            .create_organizer(NewOrganizer {
                slug: "house".to_owned(),
                name: "The House".to_owned(),
            })
            .await
            .unwrap();
        let venue = Self {
            folder,
            server: RefCell::new(Some(server)),
            organizer,
            admin_token,
            gates: RefCell::default(),
            clock,
            transport,
            seed,
            devices: Cell::new(0),
        };
        venue.trust(1).await;
        let event = NewEvent {
            slug: EVENT.to_owned(),
            name: "The Show".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        let service = venue.service();
        service
            .create_event(venue.organizer.id, event)
            .await
            .unwrap();
        venue
            .session(SESSION, "2027-10-30 18:00", "2027-10-30 22:00")
            .await;
        venue.kind(TYPE, &[]).await;
        venue
    }

    /// A venue that goes on with the database that an earlier server left.
    pub async fn left_with(file: &str, database: &[u8]) -> Self {
        let transport = TransportKind::Plain;
        let (folder, clock, admin_token) = make_server(transport).await;
        put_database(folder.path(), file, database);
        let server = serve(folder.path(), &clock).await;
        let organizer = server.service().organizers().await.unwrap().remove(0);
        Self {
            folder,
            server: RefCell::new(Some(server)),
            organizer,
            admin_token,
            gates: RefCell::default(),
            clock,
            transport,
            seed: 2,
            devices: Cell::new(0),
        }
    }

    /// A gate that goes on with the database that an earlier device left.
    pub async fn left_gate(&self, name: &str, file: &str, database: &[u8]) -> Rc<Gate> {
        let gate = self.fresh_device(name).await;
        gate.stop();
        put_database(&gate.folder(), file, database);
        gate.start();
        let address = format!("http://{}", gate.network.address());
        gate.store(|store| store.move_server(&address, None).unwrap());
        gate.restart();
        let gate = Rc::new(gate);
        self.gates.borrow_mut().push(Rc::clone(&gate));
        gate
    }

    /// The services of the running server.
    #[must_use]
    pub fn service(&self) -> Service {
        self.server().service().clone()
    }

    fn server(&self) -> Ref<'_, Server> {
        Ref::map(self.server.borrow(), |server| {
            server
                .as_ref()
                .unwrap_or_else(|| panic!("the server is off"))
        })
    }

    /// The server's address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        *self.server().addresses().first().unwrap()
    }

    /// The root key, which stays with the organizer.
    #[must_use]
    pub fn root() -> SigningKey {
        SigningKey::from_seed(&Seed::new([77; 32]))
    }

    /// Signs a trust document of version `number` for the server's keys and hands it in.
    pub async fn trust(&self, number: u64) {
        self.trust_keys(&[&self.organizer.keys], number).await;
    }

    /// The same for these keys.
    pub async fn trust_keys(&self, keys: &[&OrganizerKeys], number: u64) {
        let trust = signed_trust(&self.organizer, keys, number, self.clock.now());
        let service = self.service();
        let taken = service.take_trust(self.organizer.id, trust);
        taken.await.unwrap();
    }

    /// Creates another event.
    pub async fn event(&self, slug: &str) {
        let new = NewEvent {
            slug: slug.to_owned(),
            name: format!("The {slug}"),
            time_zone: "Europe/Berlin".to_owned(),
        };
        self.service()
            .create_event(self.organizer.id, new)
            .await
            .unwrap();
    }

    /// Creates a session of the event with the usual rules.
    pub async fn session(&self, slug: &str, doors: &str, ends: &str) -> Session {
        self.session_of(EVENT, slug, doors, ends, None).await
    }

    /// Creates a session of an event.
    pub async fn session_of(
        &self,
        event: &str,
        slug: &str,
        doors: &str,
        ends: &str,
        rules: Option<Rules>,
    ) -> Session {
        let new = NewSession {
            slug: slug.to_owned(),
            name: format!("the {slug}"),
            doors: doors.to_owned(),
            starts: None,
            ends: ends.to_owned(),
            rules: rules.map(RulesChange::from),
        };
        let service = self.service();
        let created = service.create_session(self.organizer.id, event.to_owned(), new);
        created.await.unwrap()
    }

    /// Gives the session `evening` other rules.
    pub async fn rules(&self, rules: Rules) {
        let change = usher_domain::api::venue::SessionChange {
            rules: Some(rules.into()),
            ..Default::default()
        };
        let service = self.service();
        let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
        let changed = service.change_session(self.organizer.id, event, session, change);
        changed.await.unwrap();
    }

    /// A session as the organizer sees it.
    pub async fn show_session(&self, slug: &str) -> Session {
        let service = self.service();
        let session = service.session(self.organizer.id, EVENT.to_owned(), slug.to_owned());
        session.await.unwrap()
    }

    /// Creates a type of ticket of the event; with sessions a pass.
    pub async fn kind(&self, slug: &str, sessions: &[&str]) -> TicketType {
        self.kind_of(EVENT, slug, sessions).await
    }

    /// Creates a type of ticket of an event.
    pub async fn kind_of(&self, event: &str, slug: &str, sessions: &[&str]) -> TicketType {
        let new = NewType {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            sessions: sessions.iter().map(|&session| session.to_owned()).collect(),
        };
        let service = self.service();
        let created = service.create_type(self.organizer.id, event.to_owned(), new);
        created.await.unwrap()
    }

    /// Creates a zone.
    pub async fn zone(&self, slug: &str) -> usher_domain::api::venue::Zone {
        let new = NewZone {
            slug: slug.to_owned(),
            name: format!("the {slug}"),
        };
        self.service()
            .create_zone(self.organizer.id, new)
            .await
            .unwrap()
    }

    /// Creates a gate, to a zone or to the whole venue.
    pub async fn place(&self, slug: &str, zone: Option<&str>) -> usher_domain::api::venue::Gate {
        let new = NewGate {
            slug: slug.to_owned(),
            name: format!("gate {slug}"),
            zone: zone.map(str::to_owned),
        };
        self.service()
            .create_gate(self.organizer.id, new)
            .await
            .unwrap()
    }

    /// A code that enrolls `uses` devices at a gate, which reach the server at `address`.
    pub async fn enrollment(
        &self,
        gate: &str,
        uses: u32,
        confirmation: Confirmation,
        address: SocketAddr,
    ) -> IssuedEnrollment {
        let new = NewEnrollment {
            gate: Some(gate.to_owned()),
            role: DeviceRole::Gate,
            uses,
            until: None,
            confirmation,
            events: Vec::new(),
            server: None,
        };
        let scheme = match self.transport {
            TransportKind::Tls => "https",
            TransportKind::Plain | TransportKind::BehindProxy => "http",
        };
        let address = ServerAddress {
            url: format!("{scheme}://{address}"),
            spki: self.server().spki(),
        };
        let service = self.service();
        let created = service.create_enrollment(self.organizer.id, new, address);
        created.await.unwrap()
    }

    /// A device with its way to the server, not enrolled.
    pub async fn fresh_device(&self, name: &str) -> Gate {
        let network = Network::to(self.address()).await;
        let clock = DeviceClock::following(Arc::clone(&self.clock));
        let number = self.devices.get();
        self.devices.set(number + 1);
        Gate::fresh(name, network, clock, self.seed.wrapping_mul(1_000) + number)
    }

    /// The device of a copied folder, switched on; it reaches the server by a way of its own once it is
    /// enrolled anew.
    pub async fn beside(&self, copied: &Gate, copy: DeviceCopy) -> Gate {
        let network = Network::to(self.address()).await;
        let clock = DeviceClock::following(Arc::clone(&self.clock));
        let number = self.devices.get();
        self.devices.set(number + 1);
        let seed = self.seed.wrapping_mul(1_000) + number;
        Gate::beside(copied.name(), copy, network, clock, seed)
    }

    /// A device at the gate of this name, enrolled and in step.
    pub async fn gate(&self, name: &str) -> Rc<Gate> {
        self.gate_to(name, None).await
    }

    /// A device at a gate that leads to a zone, enrolled and in step.
    pub async fn gate_to(&self, name: &str, zone: Option<&str>) -> Rc<Gate> {
        self.place(name, zone).await;
        let gate = self.fresh_device(name).await;
        let address = gate.network.address();
        let code = self.enrollment(name, 1, Confirmation::None, address).await;
        gate.enroll(&code.code).await.unwrap();
        self.keep(gate).await
    }

    /// Counts an enrolled device among the gates and brings it into step.
    pub async fn keep(&self, gate: Gate) -> Rc<Gate> {
        let gate = Rc::new(gate);
        self.gates.borrow_mut().push(Rc::clone(&gate));
        self.seal().await;
        gate.sync().await;
        gate
    }

    /// All gates, in the order in which they came.
    #[must_use]
    pub fn gates(&self) -> Vec<Rc<Gate>> {
        self.gates.borrow().clone()
    }

    /// Confirms, moves or revokes a device.
    pub async fn change_device(&self, gate: &Gate, change: DeviceChange) {
        let service = self.service();
        let changed = service.change_device(self.organizer.id, gate.id().to_string(), change);
        changed.await.unwrap();
    }

    /// Seals all that changed, as the server does by itself within its 200 ms.
    pub async fn seal(&self) {
        self.service().seal_now().await.unwrap();
    }

    /// Seals, and brings all gates that can reach the server into step. Twice, so that what one told the
    /// others know too.
    pub async fn sync_all(&self) {
        for _ in 0..2 {
            self.seal().await;
            for gate in self.gates() {
                gate.sync().await;
            }
        }
    }

    /// Cuts all gates off.
    pub fn cut_all(&self) {
        self.gates().iter().for_each(|gate| gate.network.cut());
    }

    /// Ends the isolation of all gates.
    pub fn heal_all(&self) {
        self.gates().iter().for_each(|gate| gate.network.heal());
    }

    /// Moves the clock of everybody on.
    pub fn wait_ms(&self, ms: u64) {
        self.clock.advance(ms);
    }

    /// Sets the clock of everybody to an instant.
    pub fn go_to(&self, instant: &str) {
        self.clock.set(at(instant));
    }

    /// The server's folder.
    #[must_use]
    pub fn server_folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Stops the server in order.
    pub async fn stop_server(&self) {
        let server = self.server.borrow_mut().take();
        server
            .unwrap_or_else(|| panic!("the server is off"))
            .stop()
            .await;
    }

    /// Starts the server on its folder.
    pub async fn start_server(&self) {
        let server = serve(self.folder.path(), &self.clock).await;
        *self.server.borrow_mut() = Some(server);
        for gate in self.gates() {
            gate.network.lead_to(self.address());
        }
    }

    /// Stops and starts the server.
    pub async fn restart_server(&self) {
        self.stop_server().await;
        self.start_server().await;
    }

    /// A backup of the server as it stands.
    pub async fn backup_server(&self) -> Backup {
        self.stop_server().await;
        let backup = Backup(TempDir::new().unwrap());
        copy_folder(self.folder.path(), backup.0.path());
        self.start_server().await;
        backup
    }

    /// Puts a backup in the server's place, as a thief or a careless person would: nobody tells it.
    pub async fn put_back_server(&self, backup: &Backup) {
        self.stop_server().await;
        std::fs::remove_dir_all(self.folder.path()).unwrap();
        copy_folder(backup.0.path(), self.folder.path());
        self.start_server().await;
    }

    /// Restores the server from a backup, as it is documented: with a new epoch.
    pub async fn restore_server_from(&self, backup: &Backup) {
        self.put_back_server(backup).await;
        self.service().raise_epoch().await.unwrap();
    }

    /// Runs a second server on a backup, beside the real one.
    pub async fn run_beside(&self, backup: &Backup) -> Server {
        serve(backup.0.path(), &self.clock).await
    }
}

/// A trust document of version `number` for keys that the server has for an organizer, signed by
/// [`Venue::root`].
#[must_use]
pub fn signed_trust(
    organizer: &Organizer,
    keys: &[&OrganizerKeys],
    number: u64,
    now: UnixMillis,
) -> NewTrust {
    signed_trust_of(organizer, keys, (1, number), now)
}

/// The same of an epoch.
#[must_use]
pub fn signed_trust_of(
    organizer: &Organizer,
    keys: &[&OrganizerKeys],
    (epoch, number): (u32, u64),
    now: UnixMillis,
) -> NewTrust {
    let delegation = |key, purpose| Delegation {
        key,
        purpose,
        not_before: now.shifted(-DAY_MS),
        not_after: now.shifted(60 * DAY_MS),
        revoked_at: None,
    };
    let code = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let delegations = keys.iter().flat_map(|keys| {
        [
            delegation(keys.roster, Purpose::Roster),
            delegation(keys.set, Purpose::Set),
            delegation(keys.code, code.clone()),
        ]
    });
    let trust = Trust {
        organizer: organizer.id,
        version: Version { epoch, number },
        issued_at: now,
        expires_at: now.shifted(60 * DAY_MS),
        server: organizer.server,
        delegations: delegations.collect(),
    };
    NewTrust {
        root: Venue::root().public(),
        document: STANDARD.encode(sign(&trust, &Venue::root())),
    }
}

/// Puts a database in the place of the one that is there, with nothing left of that.
fn put_database(folder: &Path, file: &str, bytes: &[u8]) {
    for rest in ["-wal", "-shm"] {
        let _none = std::fs::remove_file(folder.join(format!("{file}{rest}")));
    }
    std::fs::write(folder.join(file), bytes).unwrap();
}

/// Makes a server's folder as `usher init` does.
async fn make_server(transport: TransportKind) -> (TempDir, Arc<ManualClock>, Private) {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::at(at(BEGIN)));
    let new = NewServer {
        listen: Some(vec!["127.0.0.1:0".parse().unwrap()]),
        transport: Some(transport),
        ..NewServer::default()
    };
    let made = init(folder.path(), new, Arc::<ManualClock>::clone(&clock) as _)
        .await
        .unwrap();
    (folder, clock, made.token)
}

/// Runs a server on a folder, with limits that no test meets by chance.
pub async fn serve<C: Clock>(folder: &Path, clock: &Arc<C>) -> Server {
    let many = NonZeroU32::new(1_000_000);
    let flags = Settings {
        limits: LimitSettings {
            device_per_minute: many,
            token_per_minute: many,
            ..LimitSettings::default()
        },
        stop_within_s: Some(0),
        ..Settings::default()
    };
    let config = Config::load(folder, flags, []).unwrap();
    // A request that was cut off when the server before stopped may hold the database a moment longer.
    for _ in 0..RELEASE_TURNS {
        let started = Server::start(&config, Arc::<C>::clone(clock) as _).await;
        match started {
            Err(ServeError::Storage(StorageError::InUse)) => tokio::task::yield_now().await,
            started => return started.unwrap(),
        }
    }
    panic!("the server before never let go of its database")
}
