//! A gate and the server: exchanges, listening, signing off.

use super::Gate;
use crate::clock::Impatient;
use crate::listening::{Event, NEVER, Patience};
use std::future::Future;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use usher_core::sync::{Pace, Parts, Progress, Report, SyncError, Watched, follow, run, sign_off};

impl Gate {
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
            instance: Some(running.instance),
            progress: &|_| {},
        };
        sign_off(&parts, &mut memory).await
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
            instance: Some(running.instance),
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
            instance: Some(running.instance),
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
}
