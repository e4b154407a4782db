//! `usher man`: manual pages.

use super::Usher;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Args;
use std::path::PathBuf;

/// Write a manual page for every command
#[derive(Debug, Args)]
pub struct Man {
    /// The folder to write them to, which is made if it is not there
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
}

impl Man {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] if they cannot be written.
    pub fn run(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let writing = |error| CliError::writing(&self.to, error);
        std::fs::create_dir_all(&self.to).map_err(writing)?;
        clap_mangen::generate_to(Usher::for_manual(), &self.to).map_err(writing)?;
        let to = self.to.display();
        shell
            .output
            .show(&serde_json::json!({ "folder": self.to }), |page| {
                page.line(format_args!(
                    "The manual pages are in {to}: man {to}/usher.1"
                ));
            })?;
        Ok(Exit::Done)
    }
}
