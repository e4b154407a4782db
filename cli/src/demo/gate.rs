//! A gate of the demo: a device's folder, and `usher scan --stdin` in it as a process of its own.

use super::camera::Camera;
use super::process::Process;
use crate::error::CliError;
use serde::Deserialize;
use serde_json::Value;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;
use usher_core::app::{ApiError, App, EnrollInput, SyncView};
use usher_core::clock::{SystemClock, SystemEntropy};
use usher_core::http::PlainHttp;
use usher_core::sync::{Timer, TokioTimer};
use usher_domain::ids::TicketId;
use usher_domain::record::{Certainty, Outcome};
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

/// What a gate answered to one code, as its process said it.
#[derive(Debug, Clone, Deserialize)]
pub struct Seen {
    /// Admit, refuse or refer.
    pub outcome: Outcome,
    /// Why, as a stable code.
    pub reason: Reason,
    /// Why, as a sentence.
    pub message: String,
    /// The ticket, where one is known.
    pub ticket: Option<TicketId>,
    /// How sure the gate was.
    pub certainty: Certainty,
    /// The same in words.
    pub known: String,
    /// The record that was durable before the answer came.
    pub record: Option<String>,
}

/// A gate.
#[derive(Debug)]
pub struct DemoGate {
    /// Its short name.
    pub name: &'static str,
    /// What it sees codes with.
    pub camera: Camera,
    /// Every answer it gave.
    pub seen: Vec<Seen>,
    home: PathBuf,
    log: PathBuf,
    scanning: Option<Process>,
}

#[derive(Deserialize)]
struct Ready {
    ready: bool,
}

/// Does not wait: whoever knows that nobody is there need not ask four times with pauses between.
struct Impatient;

impl Timer for Impatient {
    async fn sleep(&self, _: Duration) {}
}

impl DemoGate {
    /// A gate whose device will have a folder of its own in `folder`.
    #[must_use]
    pub fn new(name: &'static str, folder: &Path, seed: u64) -> Self {
        Self {
            name,
            camera: Camera::new(seed),
            seen: Vec::new(),
            home: folder.join(name),
            log: folder.join(format!("{name}.log")),
            scanning: None,
        }
    }

    /// The device itself, while its process does not run.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn device(&self) -> Result<App, CliError> {
        let clock = Arc::new(SystemClock::new());
        Ok(App::open(&self.home, clock, Arc::new(SystemEntropy))?)
    }

    /// Enrolls the device.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn enroll(&self, code: Private) -> Result<(), CliError> {
        let input = EnrollInput {
            code,
            name: format!("{}-1", self.name),
            plain: PlainHttp::OnLoopback,
            patience: std::time::Duration::ZERO,
        };
        self.device()?.enroll(&input, &TokioTimer, &|_| {}).await?;
        Ok(())
    }

    /// One exchange with the server.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn sync(&self) -> Result<SyncView, CliError> {
        Ok(self.device()?.sync(&TokioTimer, &|_| {}).await?)
    }

    /// Tries an exchange and says what came of it.
    ///
    /// # Errors
    /// [`CliError`] if the device does not open.
    pub async fn try_sync(&self) -> Result<&'static str, CliError> {
        let tried: Result<_, ApiError> = self.device()?.sync(&Impatient, &|_| {}).await;
        Ok(tried.map_or_else(|error| error.code, |_| "reached"))
    }

    /// Starts scanning.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn open(&mut self) -> Result<(), CliError> {
        let line: [OsString; 4] = [
            "--home".into(),
            self.home.clone().into(),
            "scan".into(),
            "--stdin".into(),
        ];
        let mut process = Process::start(line, &self.log)?;
        let Ready { ready } = process.hear().await?;
        if !ready {
            return Err(CliError::Missing("the gate is not ready"));
        }
        self.scanning = Some(process);
        Ok(())
    }

    /// Holds a code up to the camera, and gives what the camera reads to the gate.
    ///
    /// # Errors
    /// [`CliError`] if no picture is readable or the process does not answer.
    pub async fn show(&mut self, code: &Private) -> Result<Seen, CliError> {
        let text = self.camera.read(code)?;
        let process = self
            .scanning
            .as_mut()
            .ok_or(CliError::Missing("the gate is closed"))?;
        process.type_line(text.reveal()).await?;
        loop {
            let said: Value = process.hear().await?;
            // Between verdicts a gate says what is ordered from above.
            if said.get("outcome").is_none() {
                continue;
            }
            let seen: Seen = serde_json::from_value(said)
                .map_err(|error| CliError::Invalid(format!("a gate said: {error}")))?;
            self.seen.push(seen.clone());
            return Ok(seen);
        }
    }

    /// Kills the process in the middle of its work.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn kill(&mut self) -> Result<ExitStatus, CliError> {
        self.take()?.kill().await
    }

    /// Stops scanning in order.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn close(&mut self) -> Result<(), CliError> {
        self.take()?.finish().await.map(drop)
    }

    fn take(&mut self) -> Result<Process, CliError> {
        self.scanning
            .take()
            .ok_or(CliError::Missing("the gate is closed"))
    }

    /// Tickets it let in for the first time.
    pub fn admitted(&self) -> impl Iterator<Item = TicketId> {
        self.let_in(|reason| reason != Reason::BackAfterEveryoneOut)
    }

    /// Tickets it let in again after everyone was sent out.
    pub fn back(&self) -> impl Iterator<Item = TicketId> {
        self.let_in(|reason| reason == Reason::BackAfterEveryoneOut)
    }

    fn let_in(&self, why: impl Fn(Reason) -> bool) -> impl Iterator<Item = TicketId> {
        let let_in = move |seen: &&Seen| seen.outcome == Outcome::Admit && why(seen.reason);
        let seen = self.seen.iter().filter(let_in);
        seen.filter_map(|seen| seen.ticket)
    }
}
