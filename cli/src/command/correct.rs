//! `usher undo` and `usher override`: what follows a scan.

use super::enroll::CodeSource;
use super::scan::{exchange, note_shown, tell};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Ids;
use crate::passphrase::pin;
use crate::shell::Shell;
use crate::values::{SANCTION_REASONS, words};
use clap::{ArgGroup, Args};
use serde::Serialize;
use std::path::PathBuf;
use usher_core::app::{App, OverrideInput, RecordedView, UndoInput, UndoneView};
use usher_domain::document::sanction::SanctionReason;
use usher_domain::record::Direction;
use usher_domain::secret::Private;

/// Take a scan back; an undo is final
///
/// What another device recorded is taken back by a supervisor's badge and PIN alone; both are forgotten at
/// once.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("badge").args(["badge_file", "badge_image"])))]
pub struct Undo {
    /// The scan's record, or its first digits (four at least), as `usher --verbose scan` shows it; the last scan of
    /// this device that let somebody in if left out
    pub record: Option<String>,
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
    /// Record of the refusal, or its first digits (four at least), as `usher --verbose scan` shows it; the last scan
    /// of this device if left out
    #[arg(long, value_name = "RECORD")]
    pub record: Option<String>,
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
        let record = match self.record {
            Some(record) => record,
            None => {
                let last = app.last_admission()?.map(|last| last.record);
                let nobody = "which scan? Nobody was let in here lately";
                last.ok_or(CliError::Missing(nobody))?
            }
        };
        let Some(reason) = self.reason else {
            undo(shell, &app, &record, None)?;
            return Ok(Exit::Done);
        };
        let badge = CodeSource {
            code: None,
            file: self.badge_file,
            image: self.badge_image,
        };
        let of = app.recorded(&record)?;
        let undone = app.undo_approved(UndoInput {
            record,
            badge: supervisor(&app, &badge)?,
            pin: pin(self.pin_file.as_deref())?,
            reason,
        })?;
        tell_undone(shell, &undone, of.as_ref(), None)?;
        Ok(Exit::Done)
    }
}

/// A supervisor's badge: before anybody is asked for a PIN.
fn supervisor(app: &App, badge: &CodeSource) -> Result<Private, CliError> {
    let badge = badge.read()?;
    app.check_supervisor(&badge)?;
    Ok(badge)
}

/// The record that a person named, or that of this device's last scan.
fn named_or_last(app: &App, record: Option<String>) -> Result<String, CliError> {
    if let Some(record) = record {
        return Ok(record);
    }
    let last = app.last_scan()?.map(|last| last.record);
    last.ok_or(CliError::Missing("which scan? This device has none yet"))
}

/// What was taken back.
#[derive(Serialize)]
struct Undone<'a> {
    #[serde(flatten)]
    undone: &'a UndoneView,
    /// The scan that counts no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<&'a RecordedView>,
}

fn tell_undone(
    shell: &mut Shell,
    undone: &UndoneView,
    of: Option<&RecordedView>,
    holder: Option<&Private>,
) -> Result<(), CliError> {
    let ids = shell.output.ids();
    shell.output.show(&Undone { undone, of }, |page| {
        match of {
            Some(of) => {
                let holder = holder.map_or_else(String::new, |name| format!("{}, ", name.reveal()));
                let way = match of.direction {
                    Direction::Entry => "let in",
                    Direction::Exit => "let out",
                };
                page.line(format_args!(
                    "Taken back: {holder}{}. Whoever was {way} by it was not, from now on.",
                    of.message
                ));
            }
            None => page.line("The scan is taken back."),
        }
        if ids == Ids::Shown {
            page.field("record", &undone.record);
        }
    })?;
    Ok(())
}

/// Takes a scan back, and says whom and of when; the holder's name where it is known.
///
/// # Errors
/// [`CliError`].
pub(super) fn undo(
    shell: &mut Shell,
    app: &App,
    record: &str,
    holder: Option<&Private>,
) -> Result<(), CliError> {
    let of = app.recorded(record)?;
    let undone = app.undo(record)?;
    tell_undone(shell, &undone, of.as_ref(), holder)
}

impl Override {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let record = named_or_last(&app, self.record)?;
        if let Some(of) = app.recorded(&record)? {
            shell
                .output
                .note(format_args!("To let in: {}.", of.message))?;
        }
        let view = app.override_verdict(OverrideInput {
            record,
            badge: supervisor(&app, &self.badge)?,
            pin: pin(self.pin_file.as_deref())?,
            reason: self.reason,
        })?;
        let exit = tell(&mut shell.output, &view)?;
        note_shown(&app, &view);
        // Other gates may wait for how the attempt ended that it takes the place of.
        exchange(&app).await;
        Ok(exit)
    }
}
