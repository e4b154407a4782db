//! `usher report`: what happened at a session, or at all sessions of an event.

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::pdf;
use crate::progress;
use crate::shell::Shell;
use crate::values::InEvent;
use clap::Args;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

mod night;
mod sections;
mod silent;

use night::Night;

/// Report what happened at a session or a whole event: people inside, entries by gate and time, refusals
#[derive(Debug, Args)]
pub struct Report {
    /// The session, as EVENT/SESSION; or EVENT for all its sessions, with totals
    #[arg(value_name = "EVENT[/SESSION]")]
    pub about: About,
    /// Write every scan to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: record, time, device, gate, ticket, type, direction, outcome, reason, counts, local_time (by the
    /// event's clock), number (the seller's), seat, operator (the name with a token that may list staff, else the
    /// id).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["attendance", "pdf"])]
    pub csv: Option<PathBuf>,
    /// Write every ticket with who came to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: ticket, type, external, order, holder, state, entries, first_entry, first_gate, last_exit.
    /// Order numbers and names only with a token that may see them.
    #[arg(long, value_name = "FILE", conflicts_with = "pdf")]
    pub attendance: Option<PathBuf>,
    /// Write the summary to this PDF file, A4, to be printed; - is standard output
    ///
    /// Names can be in any script: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew and Arabic letters are those
    /// of DejaVu Sans; words in other scripts are drawn from the dots of GNU Unifont, letter by letter.
    #[arg(long, value_name = "FILE")]
    pub pdf: Option<PathBuf>,
    /// Show entries by minute in place of quarters of an hour and gates
    #[arg(long)]
    pub minutes: bool,
    /// Begin the CSV file with a byte order mark, which some spreadsheets need to read letters beyond English
    #[arg(long)]
    pub bom: bool,
}

/// What a report is about.
#[derive(Debug, Clone)]
pub enum About {
    /// All sessions of an event.
    Event(String),
    /// One session.
    Session(InEvent),
}

impl FromStr for About {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            text.parse().map(Self::Session)
        } else if text.is_empty() {
            Err("write EVENT, or EVENT/SESSION".to_owned())
        } else {
            Ok(Self::Event(text.to_owned()))
        }
    }
}

impl Report {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match (&self.csv, &self.attendance) {
            (Some(file), _) => self.export(shell, &client, "scans.csv", file).await?,
            (None, Some(file)) => {
                self.export(shell, &client, "attendance.csv", file).await?;
            }
            (None, None) => self.summary(shell, &client).await?,
        }
        Ok(Exit::Done)
    }

    async fn export(
        &self,
        shell: &mut Shell,
        client: &Client,
        export: &str,
        file: &Path,
    ) -> Result<(), CliError> {
        let About::Session(session) = &self.about else {
            return Err(CliError::Usage(
                "a CSV file is of one session: write EVENT/SESSION".to_owned(),
            ));
        };
        let [events, event, sessions, session] = session.path("sessions");
        let query: &[(&str, &str)] = if self.bom {
            &[("mark", "present")]
        } else {
            &[]
        };
        let path = [events, event, sessions, session, export];
        let mut answer = client.download(&path, query).await?;
        if file == Path::new("-") {
            while let Some(part) = answer.next().await? {
                shell.output.bytes(&part)?;
            }
            return Ok(());
        }
        let writing = |error| CliError::writing(file, error);
        let mut to = files::overwrite_private(file).map_err(writing)?;
        let bar = progress::bytes(&shell.output, "exporting", answer.size_bytes());
        let mut bytes = 0;
        while let Some(part) = answer.next().await? {
            to.write_all(&part).map_err(writing)?;
            bytes += part.len() as u64;
            bar.set_position(bytes);
        }
        to.sync_all().map_err(writing)?;
        bar.finish_and_clear();
        shell.output.show(
            &serde_json::json!({ "file": file, "bytes": bytes }),
            |page| {
                page.line(format_args!("{bytes} bytes written to {}", file.display()));
            },
        )?;
        Ok(())
    }

    async fn summary(&self, shell: &mut Shell, client: &Client) -> Result<(), CliError> {
        let night = Night::read(client, &self.about, shell.today()?).await?;
        let by = if self.minutes {
            sections::By::Minutes
        } else {
            sections::By::QuartersAndGates
        };
        let document = sections::document(&night, by);
        let Some(file) = &self.pdf else {
            return match &self.about {
                About::Event(_) => Ok(shell.output.show(&night, |page| document.show(page))?),
                About::Session(_) => {
                    let told = night.sessions.first();
                    Ok(shell.output.show(&told, |page| document.show(page))?)
                }
            };
        };
        let bytes = pdf::file(&document)?;
        if file == Path::new("-") {
            return Ok(shell.output.bytes(&bytes)?);
        }
        files::replace_private(file, &bytes)?;
        let told = serde_json::json!({ "file": file, "bytes": bytes.len() });
        Ok(shell.output.show(&told, |page| {
            let count = bytes.len();
            page.line(format_args!("{count} bytes written to {}", file.display()));
        })?)
    }
}
