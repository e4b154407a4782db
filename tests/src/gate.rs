//! A named gate of a venue: a real device, which may be cut off, killed, restored and set wrong.

use crate::clock::{DeviceClock, Dice, Impatient};
use crate::listening::{Event, NEVER, Patience};
use crate::network::Network;
use std::cell::RefCell;
use std::fs;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use usher_core::app::{ApiError, App, EnrollInput, EnrollStep, EnrolledView};
use usher_core::claims::Claims;
use usher_core::clock::Clock as _;
use usher_core::gate::{
    self, Answer, Asking, AtGate, Means, OverrideRequest, Party, ScanRequest, ask,
};
use usher_core::http::{Caller, Endpoint, HttpSync, PlainHttp};
use usher_core::store::{Notice, ServerPin, Store};
use usher_core::sync::{
    Memory, Pace, Parts, Progress, Report, SyncError, Timer, Watched, follow, run, sign_off,
};
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::record::{Confirmed, Outcome};
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

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
    api: Option<HttpSync>,
    /// Rings when the gate did something.
    recorded: Notify,
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

    /// Somebody shows this at the entrance.
    pub fn scan(&self, code: &Private) -> Answer {
        self.answer(&ScanRequest::entry(code.reveal()))
    }

    /// Somebody shows this at the exit.
    pub fn leave(&self, code: &Private) -> Answer {
        self.answer(&ScanRequest::exit(code.reveal()))
    }

    /// Staff checked what the answer before asked for.
    pub fn confirm(&self, code: &Private, before: &Answer) -> Answer {
        self.answer(&ScanRequest {
            attempt: Some(before.attempt),
            confirmed: Some(Confirmed::Instruction),
            ..ScanRequest::entry(code.reveal())
        })
    }

    /// Answers any request.
    pub fn answer(&self, request: &ScanRequest) -> Answer {
        self.at_work(|gate, means| gate.scan(means, request))
    }

    /// Somebody shows this at the entrance, and the gate asks the authority for as long as it takes.
    pub async fn claim(&self, code: &Private) -> Answer {
        let request = ScanRequest::entry(code.reveal());
        let mut answers = self.claim_all(request, Party::One, &Patient).await;
        answers.remove(0)
    }

    /// The same, until the network fails: then the budget is over.
    pub async fn claim_in_vain(&self, code: &Private) -> Answer {
        let request = ScanRequest::entry(code.reveal());
        let timer = Failing(&self.network);
        self.claim_all(request, Party::One, &timer).await.remove(0)
    }

    /// Answers any request as a gate that asks.
    pub async fn claim_all(
        &self,
        request: ScanRequest,
        party: Party,
        timer: &impl Timer,
    ) -> Vec<Answer> {
        let running = self.running();
        let api = running
            .api
            .as_ref()
            .unwrap_or_else(|| panic!("{} is not enrolled", self.name));
        let asking = Asking {
            api,
            channel: api.channel(),
            gate: self,
            timer,
            clock: &*self.clock,
            entropy: &*self.dice,
            claims: &running.claims,
        };
        ask(&asking, request, party).await
    }

    /// Takes the device off duty.
    ///
    /// # Errors
    /// What ends it.
    pub async fn sign_off(&self) -> Result<(), SyncError> {
        let running = self.running();
        let api = running
            .api
            .as_ref()
            .unwrap_or_else(|| panic!("{} is not enrolled", self.name));
        let mut memory = running.memory.lock().await;
        let parts = Parts {
            api,
            channel: api.channel(),
            store: &running.store,
            timer: &Impatient,
            clock: &*self.clock,
            entropy: &*self.dice,
            claims: &running.claims,
            progress: &|_| {},
        };
        sign_off(&parts, &mut memory).await
    }

    /// Somebody comes with all tickets of an order and shows one.
    pub fn scan_order(&self, code: &Private) -> Vec<Answer> {
        let request = ScanRequest::entry(code.reveal());
        self.at_work(|gate, means| gate.scan_order(means, &request))
    }

    /// The operator takes the scan of an answer back.
    ///
    /// # Errors
    /// What the gate says.
    pub fn undo(&self, answer: &Answer) -> Result<Hash, gate::GateError> {
        let of = answer.record.unwrap();
        self.at_work(|gate, means| gate.undo(means, of))
    }

    /// A supervisor lets somebody in against an answer.
    ///
    /// # Errors
    /// What the gate says.
    pub fn override_verdict(&self, request: &OverrideRequest) -> Result<Answer, gate::GateError> {
        self.at_work(|gate, means| gate.override_verdict(means, request))
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

    /// Listens to the server and tells what it hears, until it is dropped.
    pub(crate) async fn follow(&self, patience: &Patience, tell: UnboundedSender<Event>) {
        let running = self.running();
        let api = running.api.as_ref();
        let api = api.unwrap_or_else(|| panic!("{} is not enrolled", self.name));
        let mut memory = running.memory.lock().await;
        let progress = |progress| {
            let _nobody = tell.send(Event::Progress(progress));
        };
        let parts = Parts {
            api,
            channel: api.channel(),
            store: &running.store,
            timer: patience,
            clock: &*self.clock,
            entropy: &*self.dice,
            claims: &running.claims,
            progress: &progress,
        };
        let pace = Pace {
            asking: Duration::from_millis(1),
            listening: NEVER,
        };
        let mut watched = |watched| {
            let _nobody = tell.send(match watched {
                Watched::Done(report) => Event::Done(report),
                Watched::Failed(error) => Event::Failed(error),
            });
            ControlFlow::Continue(())
        };
        follow(&parts, &mut memory, pace, &running.recorded, &mut watched).await;
    }

    /// One exchange with the server.
    ///
    /// # Errors
    /// What ends it.
    pub async fn try_sync(&self) -> Result<Report, SyncError> {
        self.sync_telling(&|_| {}).await
    }

    /// One exchange that tells how far it is.
    ///
    /// # Errors
    /// What ends it.
    pub async fn sync_telling(
        &self,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Report, SyncError> {
        let running = self.running();
        let api = running
            .api
            .as_ref()
            .unwrap_or_else(|| panic!("{} is not enrolled", self.name));
        let mut memory = running.memory.lock().await;
        let parts = Parts {
            api,
            channel: api.channel(),
            store: &running.store,
            timer: &Impatient,
            clock: &*self.clock,
            entropy: &*self.dice,
            claims: &running.claims,
            progress,
        };
        run(&parts, &mut memory).await
    }

    /// One exchange that must go well.
    pub async fn sync(&self) -> Report {
        let report = self.try_sync().await;
        let report = report.unwrap_or_else(|error| panic!("{}: {error:?}", self.name));
        assert!(report.is_clean(), "{}: {report:?}", self.name);
        report
    }

    /// One exchange during which the program is killed as soon as `moment` comes; true if it came.
    pub async fn killed_while_syncing(&self, moment: impl Future<Output = ()>) -> bool {
        let killed = tokio::select! {
            biased;
            () = moment => true,
            _ = self.try_sync() => false,
        };
        self.kill();
        self.start();
        killed
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

/// Waits for ever.
#[derive(Debug)]
pub struct Patient;

impl Timer for Patient {
    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// Waits until the network fails as it was told to.
#[derive(Debug)]
pub struct Failing<'n>(pub &'n Network);

impl Timer for Failing<'_> {
    async fn sleep(&self, _: Duration) {
        self.0.failed().await;
    }
}

impl Running {
    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.store.lock().unwrap())
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

/// What a gate said, short enough to compare.
pub trait Said {
    /// Outcome and reason.
    fn said(&self) -> (Outcome, Reason);

    /// Whether the person goes through.
    fn is_admitted(&self) -> bool {
        self.said().0 == Outcome::Admit
    }
}

impl Said for Answer {
    fn said(&self) -> (Outcome, Reason) {
        (self.verdict.outcome(), self.verdict.reason())
    }
}
