//! The server: its real services on a disk in memory, which are killed and started again.

use super::clock::VirtualTime;
use super::copies;
use super::duty::Duties;
use super::house::{House, folder};
use super::promises::Promises;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::watch;
use usher_server::service::{Service, Settings};
use usher_server::storage::StorageError;
use usher_server::storage::sqlite::Inline;
use usher_vfs::{Disk, Faults, Image};

/// Turns of the runtime that calls under way get to let go of a killed server's database.
const RELEASE_TURNS: u32 = 10_000;

/// The server.
pub struct Server {
    /// The house it serves.
    pub(super) house: &'static House,
    /// Its disk.
    pub disk: Disk,
    place: TempDir,
    snapshots: TempDir,
    time: Arc<VirtualTime>,
    service: RefCell<Option<Service>>,
    /// Counts the programs; calls under way end when it changes.
    program: watch::Sender<u64>,
    /// What it said it stored.
    pub(super) promises: Promises,
    /// How many people the hall may hold, if that matters.
    pub(super) room: Cell<Option<u32>>,
    /// How much a device may write in an hour, if that is not the usual.
    pub(super) device_bytes_per_hour: Cell<Option<u64>>,
    /// Who is copied, by what it took in.
    pub(super) copies: copies::Known,
    /// Whom it has on duty.
    pub(super) duties: Duties,
}

impl Server {
    /// The server of a house, switched off.
    #[must_use]
    pub fn of(house: &'static House, time: Arc<VirtualTime>) -> Self {
        let place = folder();
        Self {
            house,
            disk: Disk::of(&house.server, place.path()).unwrap(),
            place,
            snapshots: folder(),
            time,
            service: RefCell::new(None),
            program: watch::Sender::new(0),
            promises: Promises::default(),
            copies: copies::Known::default(),
            duties: Duties::default(),
            room: Cell::new(None),
            device_bytes_per_hour: Cell::new(None),
        }
    }

    /// The services, while it runs.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        self.service.borrow().clone()
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.service.borrow().is_some()
    }

    /// Hears when the program that runs now ends.
    #[must_use]
    pub fn end(&self) -> watch::Receiver<u64> {
        self.program.subscribe()
    }

    /// Starts the program on its disk, as `usher serve` does.
    pub async fn start(&self) -> Service {
        self.disk.set_faults(Faults::default());
        let store = self.open().await;
        let usual = Settings::new(self.snapshots.path());
        let bytes = self.device_bytes_per_hour.get();
        let settings = Settings {
            device_bytes_per_hour: bytes.unwrap_or(usual.device_bytes_per_hour),
            ..usual
        };
        let service = Service::new(store, Arc::<VirtualTime>::clone(&self.time), settings);
        service.interpret_pending().await.unwrap();
        *self.service.borrow_mut() = Some(service.clone());
        service
    }

    async fn open(&self) -> usher_server::storage::Store {
        for _ in 0..RELEASE_TURNS {
            match Inline::store(self.place.path()) {
                Err(StorageError::InUse) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
        panic!("a call of the server before never let go of its database");
    }

    /// Kills the program. What it wrote is in the system's memory.
    pub fn kill(&self) {
        self.disk.kill();
        self.end_program();
    }

    /// The power is lost.
    pub fn lose_power(&self, dice: &mut fastrand::Rng) {
        self.disk.lose_power(dice).unwrap();
        self.end_program();
    }

    fn end_program(&self) {
        self.service.borrow_mut().take();
        self.program.send_modify(|program| *program += 1);
    }

    /// Puts a backup in the place of what is there; the program must be off.
    pub fn restore(&self, backup: &Image) {
        self.end_program();
        self.promises.forget();
        self.duties.forget();
        self.copies.forget();
        self.disk.restore(backup).unwrap();
    }
}
