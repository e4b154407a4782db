//! `usher demo`: everything at once, on this machine, in a temporary folder.

use crate::demo::expect::Expectations;
use crate::demo::play::{Size, play};
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Args;
use std::path::{Path, PathBuf};

/// See it work: a server, a shop's list, two gates, no network, forged tickets, a power failure
///
/// Everything happens on this machine, in a temporary folder and on free ports of the loopback, and ends
/// with a table of what was expected and what was seen. Exit code 1 if anything else was seen.
#[derive(Debug, Args)]
pub struct Demo {
    /// How many tickets the shop sold
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub tickets: u32,
    /// Which names, people and pictures: the same number tells the same story
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Work in this new folder and keep it, to look into it afterwards
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

impl Demo {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] if there is no folder to work in, or nothing can be written. What goes wrong in the
    /// story is an expectation that does not hold.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let size = Size {
            tickets: self.tickets,
            seed: self.seed,
        };
        match &self.keep {
            Some(folder) => {
                std::fs::create_dir(folder).map_err(|error| CliError::writing(folder, error))?;
                let folder = folder
                    .canonicalize()
                    .map_err(|error| CliError::reading(folder, error))?;
                let exit = Box::pin(perform(&folder, size, shell)).await?;
                say_where(&folder, shell)?;
                Ok(exit)
            }
            None => {
                let folder = tempfile::Builder::new().prefix("usher-demo-").tempdir()?;
                Box::pin(perform(folder.path(), size, shell)).await
            }
        }
    }
}

async fn perform(folder: &Path, size: Size, shell: &mut Shell) -> Result<Exit, CliError> {
    let mut expectations = Expectations::default();
    let played = tokio::select! {
        played = play(folder, size, shell, &mut expectations) => Some(played),
        () = terminated() => None,
    };
    let ended = match played {
        Some(Err(error)) if error.is_nobody_reading() => return Err(error),
        Some(Ok(())) => "to its end".to_owned(),
        Some(Err(error)) => format!("{error} ({})", error.code()),
        None => "until it was told to stop".to_owned(),
    };
    expectations.compare("the_story_was_played", ended, "to its end");
    let outcome = expectations.outcome();
    let exit = if outcome.ok { Exit::Done } else { Exit::Failed };
    shell.output.show(&outcome, |page| {
        page.line("");
        outcome.fill(page);
    })?;
    Ok(exit)
}

/// Says how to look into what stays.
fn say_where(folder: &Path, shell: &mut Shell) -> Result<(), CliError> {
    let folder = folder.display();
    shell.output.note(format_args!(
        "\nEverything is in {folder}. To look into it:\n  \
         usher status --home {folder}/north\n  \
         usher audit --offline --home {folder}/south\n  \
         usher serve --data {folder}/server --listen 127.0.0.1:8443 &\n  \
         usher incident list --profile {folder}/server/client.toml --server https://127.0.0.1:8443 --server-pin $(grep -o '[0-9a-f]\\{{64\\}}' {folder}/server/client.toml | head -n 1)"
    ))?;
    Ok(())
}

/// Ends when the process is told to stop, so that it does not leave a server behind. Ctrl-C is heard
/// where commands are run.
#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut told) => drop(told.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
