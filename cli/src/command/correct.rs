//! `usher undo` and `usher override`: what follows a scan.

use super::enroll::CodeSource;
use super::scan::{exchange, tell};
use crate::error::CliError;
use crate::exit::Exit;
use crate::passphrase::pin;
use crate::shell::Shell;
use crate::values::{SANCTION_REASONS, words};
use clap::{ArgGroup, Args};
use std::path::PathBuf;
use usher_core::app::{App, OverrideInput, UndoInput, UndoneView};
use usher_domain::document::sanction::SanctionReason;

/// Take a scan back; an undo is final
///
/// What another device recorded is taken back by a supervisor's badge and PIN alone; both are forgotten at
/// once.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("badge").args(["badge_file", "badge_image"])))]
pub struct Undo {
    /// Hash of the scan's record in hex, as the scan showed it
    pub record: String,
    /// Text file with the badge of the supervisor who has it taken back
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "badge_image",
        requires = "reason"
    )]
    pub badge_file: Option<PathBuf>,
    /// Picture of that badge (PNG, JPEG)
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub badge_image: Option<PathBuf>,
    /// Why the supervisor has it taken back
    #[arg(long, value_parser = words::<SanctionReason>(SANCTION_REASONS), requires = "badge")]
    pub reason: Option<SanctionReason>,
    /// File with the PIN; the variable USHER_STAFF_PIN, or a question if left out
    #[arg(long, value_name = "FILE", requires = "reason")]
    pub pin_file: Option<PathBuf>,
}

/// Let someone in whom a scan refused or referred, as a supervisor
///
/// Needs the supervisor's badge and PIN; both are forgotten at once. It counts at once, and is sent if the
/// server can be reached.
#[derive(Debug, Args)]
pub struct Override {
    /// Where the badge comes from.
    #[command(flatten)]
    pub badge: CodeSource,
    /// Why
    #[arg(long, value_parser = words::<SanctionReason>(SANCTION_REASONS))]
    pub reason: SanctionReason,
    /// Hash of the record of the refusal in hex, as the scan showed it
    #[arg(long, value_name = "HASH")]
    pub record: String,
    /// File with the PIN; the variable USHER_STAFF_PIN, or a question if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

impl Undo {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let Some(reason) = self.reason else {
            undo(shell, &app, &self.record)?;
            return Ok(Exit::Done);
        };
        let badge = CodeSource {
            code: None,
            file: self.badge_file,
            image: self.badge_image,
        };
        let undone = app.undo_approved(UndoInput {
            record: self.record,
            badge: badge.read()?,
            pin: pin(self.pin_file.as_deref())?,
            reason,
        })?;
        tell_undone(shell, &undone)?;
        Ok(Exit::Done)
    }
}

fn tell_undone(shell: &mut Shell, undone: &UndoneView) -> Result<(), CliError> {
    shell.output.show(undone, |page| {
        page.line("The scan is taken back.");
        page.field("record", &undone.record);
    })?;
    Ok(())
}

/// Takes a scan back, and says so.
///
/// # Errors
/// [`CliError`].
pub(super) fn undo(shell: &mut Shell, app: &App, record: &str) -> Result<(), CliError> {
    let undone = app.undo(record)?;
    tell_undone(shell, &undone)
}

impl Override {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let view = app.override_verdict(OverrideInput {
            record: self.record,
            badge: self.badge.read()?,
            pin: pin(self.pin_file.as_deref())?,
            reason: self.reason,
        })?;
        let exit = tell(&mut shell.output, &view)?;
        // Other gates may wait for how the attempt ended that it takes the place of.
        exchange(&app).await;
        Ok(exit)
    }
}
