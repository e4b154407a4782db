//! A device at a gate, with a clock and an entropy of its own.

use super::super::{Memory, Parts, Report, SyncError, Timer, run};
use super::line::Line;
use super::server::Server;
use super::things::*;
use crate::claims::Claims;
use crate::clock::{Clock, Entropy, Era, NoEntropy, Reading};
use crate::http::Channel;
use crate::store::{ServerPin, Store};
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tempfile::TempDir;
use usher_domain::document::{Acceptance, TrustedKeys, accept_trust, verify_enrollment};
use usher_domain::ids::AttemptId;
use usher_domain::protocol::Heads;
use usher_domain::record::{Body, Certainty, Direction, Outcome, Scan, Subject};
use usher_domain::time::{ClockTrust, UnixMillis};
use usher_domain::verdict::Reason;

/// A clock that moves when told, an hour slow.
pub(super) struct Hands(AtomicU64);

impl Hands {
    pub(super) fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Relaxed);
    }
}

impl Clock for Hands {
    fn read(&self) -> Reading {
        let monotonic_ms = self.0.load(Relaxed);
        Reading {
            wall: UnixMillis::new(NOW - 3_600_000 + monotonic_ms),
            monotonic_ms,
            era: Era(1),
        }
    }
}

pub(super) struct Dice(Mutex<fastrand::Rng>);

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.lock().unwrap().fill(bytes);
        Ok(())
    }
}

/// Waits by moving the hands of the clock.
pub(super) struct Skip<'c>(&'c Hands);

impl Timer for Skip<'_> {
    async fn sleep(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap();
        self.0.0.fetch_add(ms, Relaxed);
    }
}

pub(super) struct Gate {
    pub(super) folder: TempDir,
    number: u8,
    store: Mutex<Store>,
    pub(super) clock: Hands,
    dice: Dice,
    memory: RefCell<Memory>,
    pub(super) claims: Claims,
}

impl Gate {
    pub(super) fn new(server: &Server, number: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
        let (enrollment, trust) = server.enroll_device(number);
        let root = Server::root_key();
        let pin = ServerPin {
            address: "https://usher.test".into(),
            root: usher_domain::hash::Hash::of(&[root.as_bytes()]),
            spki: None,
        };
        let identity = store.begin_enrollment(device_key(number), pin).unwrap();
        let now = UnixMillis::new(NOW);
        let trust = match accept_trust(&trust, &root, None, None, now, ClockTrust::Unproved) {
            Ok(Acceptance::New(trust)) => trust,
            other => panic!("{other:?}"),
        };
        let keys = TrustedKeys::from(trust.document());
        let own = identity.signing_key().public();
        let enrollment = verify_enrollment(&enrollment, &keys, &own).unwrap();
        store.finish_enrollment(root, &trust, &enrollment).unwrap();
        Self {
            folder,
            number,
            store: Mutex::new(store),
            clock: Hands(AtomicU64::new(0)),
            dice: Dice(Mutex::new(fastrand::Rng::with_seed(number.into()))),
            memory: RefCell::new(Memory::default()),
            claims: Claims::default(),
        }
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.store.lock().unwrap())
    }

    /// The time by its best knowledge.
    pub(super) fn now(&self) -> UnixMillis {
        let reading = self.clock.read();
        let state = self.with(|store| store.observe_clock(reading).unwrap());
        state.corrected(reading)
    }

    pub(super) fn scan(&self, ticket: u32) {
        let device = device_id(self.number);
        self.with(|store| {
            let mut end = store.log_end(SCOPE, device, &self.dice).unwrap();
            let scan = Scan {
                session: SESSION,
                gate: None,
                operator: None,
                subject: Subject::Ticket(ticket_id(ticket)),
                direction: Direction::Entry,
                outcome: Outcome::Admit,
                reason: Reason::Listed,
                certainty: Certainty::Isolated {
                    since: UnixMillis::default(),
                },
                attempt: AttemptId::from_bytes([8; 16]),
                issue: None,
                type_number: None,
                access: None,
                zone: None,
                entries: None,
                sanction: None,
                confirmed: None,
                takes_over: None,
                honours: None,
                key: None,
            };
            let entry = end.append(self.clock.read().wall, Body::Scan(scan));
            store.append(SCOPE, &[entry]).unwrap();
        });
    }

    /// One exchange; none if the plug was pulled before its end.
    pub(super) fn exchange(&self, server: &Server) -> Option<Result<Report, SyncError>> {
        server.cut.set(false);
        let line = Line {
            server,
            device: device_id(self.number),
        };
        let parts = Parts {
            api: &line,
            channel: Channel::Authentic,
            store: &self.store,
            timer: &Skip(&self.clock),
            clock: &self.clock,
            entropy: &self.dice,
            claims: &self.claims,
            instance: None,
            progress: &|_| {},
        };
        let mut memory = self.memory.borrow_mut();
        let mut future = pin!(run(&parts, &mut memory));
        loop {
            self.clock.0.fetch_add(1, Relaxed);
            match future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(result) => return Some(result),
                Poll::Pending if server.cut.get() => return None,
                Poll::Pending => {}
            }
        }
    }

    /// The store was damaged: a record of the open log is gone, and the log is closed.
    pub(super) fn lose(&self, sequence: u64) {
        self.with(|store| {
            let end = store.log_end(SCOPE, device_id(self.number), &self.dice);
            store.lose_record(end.unwrap().head.log, sequence);
            store
                .start_log(SCOPE, device_id(self.number), &self.dice)
                .unwrap();
        });
    }

    /// The process dies and starts again.
    pub(super) fn restart(&mut self) {
        self.memory.take();
        self.claims = Claims::default();
    }

    pub(super) fn sync(&self, server: &Server) -> Report {
        self.exchange(server).unwrap().unwrap()
    }

    pub(super) fn heads(&self) -> Heads {
        self.with(|store| store.heads(SCOPE).unwrap())
    }

    /// That this gate holds everything that the server holds, and the server everything of it.
    pub(super) fn assert_in_step(&self, server: &Server) {
        self.with(|store| {
            for table in [SET, ROSTER] {
                let held = store.held_manifest(table).unwrap().unwrap();
                assert_eq!(held.version, server.version(table));
                let digests = store.computed_digests(table).unwrap();
                assert_eq!(digests.table_digest(), server.digest(table));
            }
            assert!(
                store
                    .own_logs()
                    .unwrap()
                    .iter()
                    .all(|log| log.unsent() == 0)
            );
            for (_, _, hash) in server.records() {
                assert!(store.record(hash).unwrap().is_some(), "a record is missing");
            }
            let held = store.records_after(SCOPE, 0, u32::MAX).unwrap().lines.len();
            assert_eq!(
                held,
                server.records().len(),
                "a record is not on the server"
            );
        });
    }

    /// A copy of the whole store as it stands.
    pub(super) fn backup(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }

    pub(super) fn restore(&mut self, copy: TempDir) {
        let (store, _) = Store::open(copy.path(), UnixMillis::new(NOW)).unwrap();
        self.store = Mutex::new(store);
        self.folder = copy;
        self.restart();
    }
}
