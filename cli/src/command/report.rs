//! `usher report`: what happened at a session.

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::progress;
use crate::shell::Shell;
use crate::values::{InEvent, local, word};
use clap::Args;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use usher_domain::api::reports::Statistics;
use usher_domain::api::venue;

/// Report what happened at a session: people inside, entries by gate and minute, refusals
#[derive(Debug, Args)]
pub struct Report {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// Write every scan to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: record, time, device, gate, ticket, type, direction, outcome, reason, counts.
    #[arg(long, value_name = "FILE", conflicts_with = "attendance")]
    pub csv: Option<PathBuf>,
    /// Write every ticket with who came to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: ticket, type, external, order, holder, state, entries, first_entry, first_gate, last_exit.
    /// Order numbers and names only with a token that may see them.
    #[arg(long, value_name = "FILE")]
    pub attendance: Option<PathBuf>,
    /// Show entries by minute as well
    #[arg(long)]
    pub minutes: bool,
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
        let [events, event, sessions, session] = self.session.path("sessions");
        let mut answer = client
            .download(&[events, event, sessions, session, export])
            .await?;
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
        let [events, event, sessions, session] = self.session.path("sessions");
        let path = [events, event, sessions, session, "statistics"];
        let found: Statistics = client.get(&path).await?;
        let event: venue::Event = client.get(&["events", event]).await?;
        shell.output.show(&found, |page| {
            page.field("tickets", found.tickets);
            page.field("inside", found.inside);
            page.field("arrived", found.arrived);
            page.field("entries", found.entries);
            page.field("exits", found.exits);
            // With gates to the whole venue alone, the zones say nothing new.
            let zoned = found.zones.iter().any(|count| count.zone.is_some());
            for count in found.zones.iter().filter(|_| zoned) {
                page.line(format_args!(
                    "inside {}: {}",
                    count.zone.as_deref().unwrap_or("no zone"),
                    count.inside
                ));
            }
            page.line("");
            let gates: Vec<[String; 3]> = found
                .gates
                .iter()
                .map(|gate| {
                    [
                        gate.gate.clone(),
                        gate.entries.to_string(),
                        gate.refused.to_string(),
                    ]
                })
                .collect();
            page.table(["gate", "entries", "refused"], &gates, "No scans yet.");
            for (reason, count) in &found.refused {
                page.line(format_args!("refused, {}: {count}", word(reason)));
            }
            for (kind, count) in &found.types {
                page.line(format_args!("entries, {kind}: {count}"));
            }
            if self.minutes {
                let minutes: Vec<[String; 2]> = found
                    .minutes
                    .iter()
                    .map(|count| {
                        [
                            local(count.minute, &event.time_zone),
                            count.entries.to_string(),
                        ]
                    })
                    .collect();
                page.table(["minute", "entries"], &minutes, "No entries yet.");
            }
        })?;
        Ok(())
    }
}
