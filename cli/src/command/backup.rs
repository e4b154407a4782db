//! `usher backup`: a copy of a server's data folder, while the server runs.

use super::serve::Data;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use usher_server::backup::{Contents, make};
use usher_server::clock::SystemClock;
use usher_server::config::{Config, Settings};

/// Copy the server's folder into a new one, while the server runs or not
///
/// The copy holds the database as it is at one moment, settings, certificate and key, and is checked before
/// it counts. Tokens are not in it. Scans go on meanwhile. It is written as DIR.unfinished and then gets its
/// name, so a DIR that is there is whole. Whoever can read it can sign tickets and let people in: keep it as
/// safe as the server itself. What to do if one was stolen stands in docs/stolen-backup.md.
#[derive(Debug, Args)]
pub struct Backup {
    /// Where to: a folder that is not there yet, or an empty one
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// The server's folder.
    #[command(flatten)]
    pub data: Data,
}

#[derive(Serialize)]
struct Made {
    backup: PathBuf,
    made_at: String,
    bytes: u64,
    epoch: u32,
    #[serde(flatten)]
    contents: Contents,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<PathBuf>,
}

impl Backup {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`]; no backup is left then.
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let config = Config::load(&self.data.data, Settings::default(), std::env::vars())?;
        let made = make(&config, &self.to, &SystemClock)?;
        let made = Made {
            backup: self.to,
            made_at: made.manifest.made_at.to_string(),
            bytes: made.manifest.bytes(),
            epoch: made.manifest.epoch,
            contents: made.manifest.contents,
            left_out: made.left_out,
        };
        shell.output.show(&made, |page| {
            page.line(format_args!("The backup is in {}", made.backup.display()));
            page.field("size", size(made.bytes));
            page.field("holds", holds(&made.contents));
            page.field("epoch", made.epoch);
            for file in &made.left_out {
                page.field(
                    "not in it",
                    format_args!("{}: copy it yourself", file.display()),
                );
            }
        })?;
        shell.output.note(
            "It holds the keys that sign tickets: only its owner can read it. Keep it on another machine, as \
             safe as the server. Tokens are not in it: keep client.toml or a token where you work.",
        )?;
        shell.output.note(format_args!(
            "If the server is lost: usher restore {}",
            made.backup.display()
        ))?;
        Ok(Exit::Done)
    }
}

/// Bytes for people, as disks are sold.
fn size(bytes: u64) -> String {
    let (megabytes, rest) = (bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    format!("{megabytes}.{rest} MB")
}

/// What a database holds, in words.
pub(super) fn holds(contents: &Contents) -> String {
    let parts = [
        (contents.organizers, "organizer"),
        (contents.sessions, "session"),
        (contents.tickets, "ticket"),
        (contents.devices, "device"),
        (contents.records, "record"),
    ];
    let words = parts.map(|(number, word)| {
        let ending = if number == 1 { "" } else { "s" };
        format!("{number} {word}{ending}")
    });
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backup_holds_is_told_in_words() {
        let contents = Contents {
            organizers: 1,
            sessions: 2,
            tickets: 0,
            devices: 1,
            records: 7,
        };
        let said = "1 organizer, 2 sessions, 0 tickets, 1 device, 7 records";
        assert_eq!(holds(&contents), said);
        assert_eq!(size(81_960_000), "81.9 MB");
    }
}
