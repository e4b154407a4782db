//! `usher wipe`: removing tickets and names from a device.

use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Args;
use std::io::{IsTerminal as _, Write as _};

/// Remove tickets, names and staff from this device, so that nobody who gets hold of it finds any
///
/// Scans that the server lacks stay until usher sync has sent them, and so does the device's key. A device
/// that still counts downloads again what it needs with the next usher sync; to take it out of service, say
/// usher device revoke. A device that learns of its revocation wipes itself.
#[derive(Debug, Args)]
pub struct Wipe {
    /// Do it without asking
    #[arg(long)]
    pub yes: bool,
}

impl Wipe {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] if nobody confirms it, or the device cannot be written.
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.folder()?;
        if !self.yes {
            confirm()?;
        }
        let wiped = app.wipe()?;
        shell.output.show(&wiped, |page| {
            page.line("The device holds no tickets, names and staff any more.");
            if wiped.unsent > 0 {
                page.line(format_args!(
                    "It still has {} scans that the server lacks: send them by usher sync.",
                    wiped.unsent
                ));
            }
        })?;
        Ok(Exit::Done)
    }
}

/// Asks the person at the terminal.
fn confirm() -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Missing(
            "somebody to ask: to wipe the device without asking, say --yes",
        ));
    }
    let mut errors = std::io::stderr();
    write!(
        errors,
        "Remove all tickets, names and staff from this device? [y/N] "
    )?;
    errors.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Stopped),
    }
}
