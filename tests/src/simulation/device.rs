//! A device: the real store, gate and exchange on a disk in memory. It is killed, loses power, and goes
//! back to old copies.

use super::clock::{SkewedClock, VirtualTime};
use super::documents::Documents;
use super::house::folder;
use super::line::Line;
use super::server::Server;
use super::story::Story;
use crate::clock::Dice;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use usher_core::claims::Claims;
use usher_core::gate::{Answer, Asking, AtGate, Gate, Means, Party, ScanRequest, ask};
use usher_core::http::Channel;
use usher_core::store::{Opened, Store, StoreError};
use usher_core::sync::{Memory, Parts, Report, SyncError, TokioTimer, run, sign_off};
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::time::UnixMillis;
use usher_vfs::{Disk, Faults, Image};

/// Turns of the runtime that a killed program gets to let go of its folder.
const RELEASE_TURNS: u32 = 10_000;

/// A device.
pub struct Device {
    /// Its name.
    pub name: &'static str,
    /// The gate it stands at.
    pub gate: &'static str,
    /// Its id.
    pub id: DeviceId,
    /// Its disk.
    pub disk: Disk,
    place: TempDir,
    /// Its clocks.
    pub clock: Arc<SkewedClock>,
    dice: Arc<Dice>,
    /// Its way to the server.
    pub line: Rc<Line>,
    story: Story,
    program: RefCell<Option<Rc<Program>>>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
    /// The exchanges that the program makes by itself.
    exchanges: RefCell<Option<JoinHandle<()>>>,
    /// Records that it showed or took in and whose loss would be noticed.
    pub on_disk: RefCell<BTreeSet<Hash>>,
    /// Starts of its program, counted with those of its copies.
    starts: Rc<Cell<u64>>,
    /// Since when it knows that it was revoked.
    pub revoked: Cell<bool>,
    /// A copy that somebody made of its folder, with the records that were in it.
    pub copy: RefCell<Option<(Image, BTreeSet<Hash>)>>,
    documents: Documents,
}

/// The program of a device while it runs.
pub struct Program {
    /// Its store.
    pub store: Mutex<Store>,
    gate: RefCell<Gate>,
    memory: tokio::sync::Mutex<Memory>,
    claims: Claims,
    instance: u64,
}

/// What a device needs of the world.
pub struct Surroundings {
    /// The true time.
    pub time: Arc<VirtualTime>,
    /// The server.
    pub server: Rc<Server>,
    /// Where it tells.
    pub story: Story,
}

impl Device {
    /// A device of the house, switched off. Its clock is off, and its chance drawn, by `dice`.
    #[must_use]
    pub fn of(
        name: &'static str,
        (id, image): &(DeviceId, Image),
        around: &Surroundings,
        dice: &mut fastrand::Rng,
    ) -> Self {
        let place = folder();
        let offset = match dice.u8(..4) {
            0 => dice.i64(-90_000..90_000),
            1 => dice.i64(-3_600_000..3_600_000),
            _ => dice.i64(-300..300),
        };
        let clock = SkewedClock::new(Arc::clone(&around.time), offset, dice.i64(-200..200));
        let line = Line::new(
            *id,
            name,
            Rc::clone(&around.server),
            around.story.clone(),
            dice.fork(),
        );
        around.story.tell(
            name,
            format_args!("is there; its clock is off by {offset} ms"),
        );
        Self {
            name,
            gate: name,
            id: *id,
            disk: Disk::of(image, place.path()).unwrap(),
            place,
            clock: Arc::new(clock),
            dice: Arc::new(Dice::of_seed(dice.u64(..))),
            line: Rc::new(line),
            story: around.story.clone(),
            program: RefCell::new(None),
            tasks: RefCell::default(),
            exchanges: RefCell::default(),
            on_disk: RefCell::default(),
            starts: Rc::new(Cell::new(1)),
            revoked: Cell::new(false),
            copy: RefCell::new(None),
            documents: Documents::default(),
        }
    }

    /// The same as a copy of another device: it stands at the same gate, and the starts of both are counted
    /// together.
    #[must_use]
    pub fn beside(self, original: &Self) -> Self {
        Self {
            gate: original.gate,
            line: Rc::new(self.line.of_copy(&original.line)),
            starts: Rc::clone(&original.starts),
            ..self
        }
    }

    /// The same at another gate than the one that it is called after.
    #[must_use]
    pub fn standing_at(self, gate: &'static str) -> Self {
        Self { gate, ..self }
    }

    /// The program, while it runs.
    #[must_use]
    pub fn program(&self) -> Option<Rc<Program>> {
        self.program.borrow().clone()
    }

    /// Whether the program runs.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.program.borrow().is_some()
    }

    /// Starts the program on its disk, and looks whether everything that it showed is still there.
    pub async fn start(&self, now: UnixMillis) {
        self.disk.set_faults(Faults::default());
        let (store, opened) = self.open(now).await;
        if let Opened::Rescued(rescue) = &opened {
            self.story.broken(
                "a device's file is whole after every crash",
                format_args!("{}: {} records were rescued", self.name, rescue.records),
            );
        }
        for record in self.on_disk.borrow().iter() {
            let found = store.record(*record).unwrap();
            self.story.check(
                "what was shown is on the disk",
                found.is_some(),
                format_args!("{} lost {}", self.name, self.story.called(record)),
            );
        }
        *self.program.borrow_mut() = Some(Rc::new(Program {
            store: Mutex::new(store),
            gate: RefCell::default(),
            memory: tokio::sync::Mutex::default(),
            claims: Claims::default(),
            instance: self.starts.replace(self.starts.get() + 1),
        }));
    }

    async fn open(&self, now: UnixMillis) -> (Store, Opened) {
        for _ in 0..RELEASE_TURNS {
            match Store::open(self.place.path(), now) {
                Err(StoreError::InUse { .. }) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
        panic!("a task of {} never let go of its store", self.name);
    }

    /// Keeps a task of the program, which ends with it.
    pub fn keep(&self, task: JoinHandle<()>) {
        let mut tasks = self.tasks.borrow_mut();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Ends the program wherever it is. What it wrote is in the system's memory.
    pub async fn kill(&self) {
        self.disk.kill();
        self.end().await;
    }

    /// The power is lost, and the clock begins anew.
    pub async fn lose_power(&self, dice: &mut fastrand::Rng) {
        self.disk.lose_power(dice).unwrap();
        self.clock.boot();
        self.end().await;
    }

    /// Goes back to a copy; the program must be off.
    pub fn restore(&self, image: &Image) {
        self.disk.restore(image).unwrap();
        self.documents.forget();
    }

    async fn end(&self) {
        self.rest().await;
        self.program.borrow_mut().take();
    }

    /// Keeps the exchanges that the program makes by itself, in the place of those before.
    pub fn keep_exchanges(&self, task: JoinHandle<()>) {
        if let Some(before) = self.exchanges.borrow_mut().replace(task) {
            before.abort();
        }
    }

    /// The program makes no exchanges by itself any more.
    pub fn stop_exchanging(&self) {
        if let Some(task) = &*self.exchanges.borrow() {
            task.abort();
        }
    }

    /// Ends what the program does by itself; the program goes on.
    pub async fn rest(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.extend(self.exchanges.borrow_mut().take());
        for task in tasks {
            task.abort();
            let _cut = task.await;
        }
    }
}

impl Program {
    /// Works on the store.
    pub fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.store.lock().unwrap())
    }

    /// Works at the gate.
    pub fn at_gate<T>(
        &self,
        device: &Device,
        work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T,
    ) -> T {
        let mut gate = self.gate.borrow_mut();
        self.with(|store| {
            let mut means = Means {
                store,
                clock: &*device.clock,
                entropy: &*device.dice,
            };
            work(&mut gate, &mut means)
        })
    }

    /// Answers one showing, after asking the authority where that can matter.
    pub async fn ask(&self, device: &Device, request: ScanRequest) -> Option<Answer> {
        let asking = Asking {
            api: &*device.line,
            channel: Channel::Authentic,
            gate: &Counter {
                program: self,
                device,
            },
            timer: &TokioTimer,
            clock: &*device.clock,
            entropy: &*device.dice,
            claims: &self.claims,
        };
        ask(&asking, request, Party::One).await.pop()
    }

    /// One exchange with the server; nothing if one is under way.
    ///
    /// # Errors
    /// What ends it.
    pub async fn exchange(&self, device: &Device) -> Option<Result<Report, SyncError>> {
        let mut memory = self.memory.try_lock().ok()?;
        let done = run(&self.parts(device), &mut memory).await;
        device.documents.check(device.name, &device.story, self);
        Some(done)
    }

    /// Signs off after a last exchange; nothing if one is under way.
    ///
    /// # Errors
    /// What ends it.
    pub async fn sign_off(&self, device: &Device) -> Option<Result<(), SyncError>> {
        let mut memory = self.memory.try_lock().ok()?;
        Some(sign_off(&self.parts(device), &mut memory).await)
    }

    fn parts<'p>(&'p self, device: &'p Device) -> Parts<'p, Line, Mutex<Store>, TokioTimer> {
        Parts {
            api: &*device.line,
            channel: Channel::Authentic,
            store: &self.store,
            timer: &TokioTimer,
            clock: &*device.clock,
            entropy: &*device.dice,
            claims: &self.claims,
            instance: Some(self.instance),
            progress: &|_| {},
        }
    }
}

/// The gate of a program, reached for a moment.
struct Counter<'a> {
    program: &'a Program,
    device: &'a Device,
}

impl AtGate for Counter<'_> {
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        self.program.at_gate(self.device, work)
    }
}
