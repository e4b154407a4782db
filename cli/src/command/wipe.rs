//! `usher wipe`: removing tickets and names from a device.

use crate::ask::confirm;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Args;

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
        confirm(
            "Remove all tickets, names and staff from this device?",
            self.yes,
        )?;
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
