//! `usher sync`: exchange with the server.

use super::scan::choice;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Page};
use crate::progress;
use crate::shell::Shell;
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use std::ops::ControlFlow;
use std::time::Duration;
use usher_core::app::{ApiError, SyncView, words};
use usher_core::sync::{Progress, TokioTimer};

/// Pause between exchanges of `--watch`.
const EVERY: Duration = Duration::from_secs(2);

/// Exchange with the server: ticket sets, staff, scans of all gates
#[derive(Debug, Args)]
pub struct Sync {
    /// Go on until Ctrl-C: listen to the server, or ask it every two seconds
    #[arg(long)]
    pub watch: bool,
}

impl Sync {
    /// Does it. What failed while the rest went on makes it fail.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let bar = ShownProgress::new(&shell.output);
        let progress = |progress| bar.show(progress);
        if !self.watch {
            let done = app.sync(&TokioTimer, &progress).await;
            bar.finish();
            let exit = report(shell, &done?)?;
            let status = app.status()?;
            if let Some(choice) = choice(status.serving.as_ref(), &status.also_open) {
                shell.output.note(choice)?;
            }
            return Ok(exit);
        }
        let mut written = Ok(());
        let mut tell = |told: Result<SyncView, ApiError>| {
            written = match told {
                Ok(view) => shell.output.show(&view, |page| {
                    page_of(page, &view);
                    page.line(format_args!("  {}", words::line(view.line)));
                }),
                Err(error) => shell.output.failure(&error.into()),
            };
            if written.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        tokio::select! {
            ended = app.watch(&TokioTimer, EVERY, &progress, &mut tell) => ended?,
            _ = tokio::signal::ctrl_c() => {}
        }
        written?;
        Ok(Exit::Done)
    }
}

/// Take this device off duty: send its scans, and let nobody wait for its word
///
/// A device is on duty from its first exchange that brings a session. What other gates admit is confirmed
/// only if every device on duty was heard of, so one that is put away should say so. The next exchange puts
/// it on duty again.
#[derive(Debug, Args)]
pub struct OffDuty {}

#[derive(Serialize)]
struct Signed {
    on_duty: bool,
}

impl OffDuty {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`]; then the device is still on duty.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        shell.device()?.sign_off(&TokioTimer).await?;
        shell.output.show(&Signed { on_duty: false }, |page| {
            page.line(
                "This device is off duty. It has nothing left to send. Scan nothing more before it has synced \
                 again: no gate waits for its word.",
            );
        })?;
        Ok(Exit::Done)
    }
}

/// Shows what an exchange did.
///
/// # Errors
/// [`CliError`].
pub fn report(shell: &mut Shell, view: &SyncView) -> Result<Exit, CliError> {
    shell.output.show(view, |page| page_of(page, view))?;
    Ok(if view.troubles.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// What an exchange did, for people.
pub fn page_of(page: &mut Page, view: &SyncView) {
    page.line(format_args!(
        "{} records sent, {} received (scans, corrections, orders of the organizer); {} ticket rows new or changed",
        view.sent, view.received, view.rows
    ));
    if view.parked > 0 {
        page.line(format_args!(
            "{} batches of scans wait for a newer list of devices",
            view.parked
        ));
    }
    for trouble in &view.troubles {
        page.line(format_args!(
            "Trouble: {} ({})",
            trouble.message, trouble.code
        ));
    }
}

/// A bar for the progress of an exchange.
pub struct ShownProgress(ProgressBar);

impl ShownProgress {
    /// A bar where a person looks on.
    #[must_use]
    pub fn new(output: &Output) -> Self {
        Self(progress::exchange(output))
    }

    /// Takes it away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }

    /// Shows how far it is.
    pub fn show(&self, progress: Progress) {
        let (what, counted) = match progress {
            Progress::Connected => ("connected", None),
            Progress::Sending { done, of } => ("sending scans", Some((done, of))),
            Progress::Downloading { done, of, .. } => ("downloading tickets", Some((done, of))),
            Progress::Storing { done, of, .. } => ("storing tickets", Some((done, of))),
            Progress::Updated { .. } => ("up to date", None),
            Progress::Listening => ("listening", None),
            Progress::Reading { done, of, .. } => ("reading scans", Some((done, of))),
            Progress::Waiting { .. } => ("no answer, asking again", None),
        };
        progress::show(&self.0, what, counted);
    }
}
