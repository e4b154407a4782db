//! Gates that listen while a test goes on. Nothing sleeps: a test waits for what a gate is told, and says
//! itself when a gate has waited long enough.

use crate::gate::Gate;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use usher_core::sync::{Progress, Report, SyncError, Timer};

/// A pause that no test waits for.
pub(crate) const NEVER: Duration = Duration::from_secs(1_000 * 24 * 3_600);
/// Longer than any pause that is passed over.
const LONG: Duration = Duration::from_secs(24 * 3_600);

/// What a gate that listens tells.
#[derive(Debug)]
pub enum Event {
    /// How far it is.
    Progress(Progress),
    /// An exchange did something.
    Done(Report),
    /// An exchange failed.
    Failed(SyncError),
}

/// Passes over every pause but the endless one, and bounds nothing until patience is lost.
pub(crate) struct Patience(Rc<Notify>);

impl Timer for Patience {
    async fn sleep(&self, pause: Duration) {
        if pause > LONG {
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    async fn within<V>(&self, _: Duration, work: impl Future<Output = V>) -> Option<V> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.0.notified() => None,
        }
    }
}

/// A gate that listens; it stops when this is dropped.
pub struct Ears {
    events: UnboundedReceiver<Event>,
    lost: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Ears {
    /// Lets a gate listen, within [`while_listening`].
    #[must_use]
    pub fn of(gate: &Rc<Gate>) -> Self {
        let (tell, events): (UnboundedSender<Event>, _) = unbounded_channel();
        let lost = Rc::new(Notify::new());
        let (gate, patience) = (Rc::clone(gate), Patience(Rc::clone(&lost)));
        let task = spawn_local(async move { gate.follow(&patience, tell).await });
        Self { events, lost, task }
    }

    /// The same, once the server told that it listens.
    pub async fn listening(gate: &Rc<Gate>) -> Self {
        let mut ears = Self::of(gate);
        ears.hears_hello().await;
        ears
    }

    /// Waits until it listens.
    pub async fn hears_hello(&mut self) {
        self.until(|event| matches!(event, Event::Progress(Progress::Listening)))
            .await;
    }

    /// Waits for an event.
    pub async fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.events.recv().await;
            let event = event.unwrap_or_else(|| panic!("the gate listens no more"));
            if is_it(&event) {
                return event;
            }
        }
    }

    /// Waits until what it was told makes this true; it is asked after every event.
    pub async fn hears(&mut self, is_so: impl Fn() -> bool) {
        while !is_so() {
            self.until(|_| true).await;
        }
    }

    /// The gate heard nothing for as long as it waits.
    pub fn lose_patience(&self) {
        self.lost.notify_one();
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Plays a test in which gates listen.
pub async fn while_listening<T>(play: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(play).await
}
