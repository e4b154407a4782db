//! A named gate of a venue: a real device, which may be cut off, killed, restored and set wrong.

mod door;
mod exchange;

pub use door::{Failing, Patient, Said};

use crate::clock::{DeviceClock, Dice, Impatient};
use crate::network::Network;
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::Notify;
use usher_core::app::{ApiError, App, EnrollInput, EnrollStep, EnrolledView};
use usher_core::claims::Claims;
use usher_core::clock::Clock as _;
use usher_core::gate::{self, AtGate, Means};
use usher_core::http::{Caller, Endpoint, HttpSync, PlainHttp};
use usher_core::store::{Notice, ServerPin, Store};
use usher_core::sync::Memory;
use usher_domain::ids::DeviceId;
use usher_domain::secret::Private;

/// Counts the starts of programs.
static INSTANCES: AtomicU64 = AtomicU64::new(1);

/// A gate of a venue.
pub struct Gate {
    name: String,
    folder: RefCell<TempDir>,
    /// Its way to the server.
    pub network: Network,
    /// Its clocks.
    pub clock: Arc<DeviceClock>,
    dice: Arc<Dice>,
    running: RefCell<Option<Rc<Running>>>,
}

/// The device's program while it runs.
struct Running {
    store: Mutex<Store>,
    gate: RefCell<gate::Gate>,
    memory: tokio::sync::Mutex<Memory>,
    claims: Claims,
    /// Another one at each start of any gate.
    instance: u64,
    api: Option<HttpSync>,
    /// Rings when the gate did something.
    recorded: Notify,
}

impl Running {
    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.store.lock().unwrap())
    }
}

/// A copy of a device's folder.
#[derive(Debug)]
pub struct DeviceCopy(TempDir);

impl Gate {
    /// A device that is switched on and not enrolled.
    #[must_use]
    pub fn fresh(name: &str, network: Network, clock: DeviceClock, seed: u64) -> Self {
        let gate = Self {
            name: name.to_owned(),
            folder: RefCell::new(TempDir::new().unwrap()),
            network,
            clock: Arc::new(clock),
            dice: Arc::new(Dice::of_seed(seed)),
            running: RefCell::new(None),
        };
        gate.start();
        gate
    }

    /// The device of a copied folder, switched on beside the one that was copied.
    #[must_use]
    pub fn beside(
        name: &str,
        copy: DeviceCopy,
        network: Network,
        clock: DeviceClock,
        seed: u64,
    ) -> Self {
        let gate = Self {
            name: name.to_owned(),
            folder: RefCell::new(copy.0),
            network,
            clock: Arc::new(clock),
            dice: Arc::new(Dice::of_seed(seed)),
            running: RefCell::new(None),
        };
        gate.start();
        gate
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Enrolls with a code, as every shell of a device does.
    ///
    /// # Errors
    /// What the façade says.
    pub async fn enroll(&self, code: &Private) -> Result<EnrolledView, ApiError> {
        self.enroll_telling(code, &|_| {}).await
    }

    /// Enrolls with a code and shows what a person should see meanwhile.
    ///
    /// # Errors
    /// What the façade says.
    pub async fn enroll_telling(
        &self,
        code: &Private,
        tell: &(dyn Fn(EnrollStep) + Sync),
    ) -> Result<EnrolledView, ApiError> {
        let input = EnrollInput {
            code: code.clone(),
            name: self.name.clone(),
            plain: PlainHttp::OnLoopback,
            patience: std::time::Duration::from_secs(3_600),
        };
        self.as_app(async |app| app.enroll(&input, &Impatient, tell).await)
            .await
    }

    /// Looks for damage on the disk and mends it from the server; tells how many rows were written.
    pub async fn mend(&self) -> u64 {
        let mended = self.as_app(async |app| app.doctor_repair(&Impatient, &|_| {}).await);
        mended.await.unwrap().rows
    }

    /// Does something as every shell of a device does it.
    async fn as_app<T>(&self, work: impl AsyncFnOnce(&App) -> T) -> T {
        self.stop();
        let app = App::open(
            &self.folder(),
            Arc::clone(&self.clock) as _,
            Arc::clone(&self.dice) as _,
        )
        .unwrap();
        let done = work(&app).await;
        drop(app);
        self.start();
        done
    }

    fn connect(&self, server: &ServerPin, caller: Option<Caller>) -> HttpSync {
        let endpoint = Endpoint::new(&server.address, server.spki, PlainHttp::OnLoopback).unwrap();
        HttpSync::new(
            endpoint,
            caller,
            Arc::clone(&self.clock) as _,
            Arc::clone(&self.dice) as _,
        )
        .unwrap()
    }

    fn running(&self) -> Rc<Running> {
        let running = self.running.borrow();
        Rc::clone(
            running
                .as_ref()
                .unwrap_or_else(|| panic!("{} is off", self.name)),
        )
    }

    /// Works on the device's store.
    pub fn store<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        self.running().with(work)
    }

    /// The device's folder.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.borrow().path().to_owned()
    }

    /// Its id, once it is enrolled.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        self.store(|store| store.enrolled().unwrap().1.device)
    }

    /// Starts the program on its folder.
    pub fn start(&self) {
        let now = self.clock.read().wall;
        let (store, _) = Store::open(&self.folder(), now).unwrap();
        let api = store.enrolled().ok().map(|(identity, enrollment)| {
            let caller = Caller {
                device: enrollment.device,
                key: Arc::new(identity.signing_key()),
            };
            self.connect(&identity.server, Some(caller))
        });
        *self.running.borrow_mut() = Some(Rc::new(Running {
            store: Mutex::new(store),
            gate: RefCell::default(),
            memory: tokio::sync::Mutex::default(),
            claims: Claims::default(),
            instance: INSTANCES.fetch_add(1, Ordering::Relaxed),
            api,
            recorded: Notify::new(),
        }));
    }

    /// Ends the program in order.
    pub fn stop(&self) {
        self.running.borrow_mut().take();
    }

    /// Ends the program in order and starts it.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Kills the program: what is on the disk at this moment is all that stays, with the log of the
    /// database not yet worked in.
    pub fn kill(&self) {
        let image = self.copy();
        self.stop();
        self.folder.replace(image.0);
    }

    /// A copy of the folder as it is on the disk now.
    #[must_use]
    pub fn copy(&self) -> DeviceCopy {
        let copy = TempDir::new().unwrap();
        copy_folder(&self.folder(), copy.path());
        DeviceCopy(copy)
    }

    /// Goes back to an old copy.
    pub fn restore_from(&self, copy: DeviceCopy) {
        self.stop();
        self.folder.replace(copy.0);
        self.start();
    }

    /// Does something with the gate and all it needs.
    pub fn at_work<T>(&self, work: impl FnOnce(&mut gate::Gate, &mut Means<'_>) -> T) -> T {
        let running = self.running();
        let mut gate = running.gate.borrow_mut();
        let done = running.with(|store| {
            let mut means = Means {
                store,
                clock: &*self.clock,
                entropy: &*self.dice,
            };
            work(&mut gate, &mut means)
        });
        running.recorded.notify_one();
        done
    }

    /// What the device wants to tell a person.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        self.store(|store| store.notices().unwrap())
    }
}

impl AtGate for Gate {
    fn at_gate<T>(&self, work: impl FnOnce(&mut gate::Gate, &mut Means<'_>) -> T) -> T {
        self.at_work(work)
    }
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
