//! `usher report`: what happened at a session.

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::progress;
use crate::shell::Shell;
use crate::values::{InEvent, local, word};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use usher_domain::api::reports::{ForbiddenBy, MinuteCount, Statistics};
use usher_domain::api::venue;
use usher_domain::verdict::Reason;

mod silent;

const QUARTER_SECONDS: i64 = 900;

/// Report what happened at a session: people inside, entries by gate and minute, refusals
#[derive(Debug, Args)]
pub struct Report {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// Write every scan to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: record, time, device, gate, ticket, type, direction, outcome, reason, counts, local_time (by the
    /// event's clock), number (the seller's), seat.
    #[arg(long, value_name = "FILE", conflicts_with = "attendance")]
    pub csv: Option<PathBuf>,
    /// Write every ticket with who came to this CSV file in place of the summary; - is standard output
    ///
    /// Columns: ticket, type, external, order, holder, state, entries, first_entry, first_gate, last_exit.
    /// Order numbers and names only with a token that may see them.
    #[arg(long, value_name = "FILE")]
    pub attendance: Option<PathBuf>,
    /// Show entries by minute in place of quarters of an hour
    #[arg(long)]
    pub minutes: bool,
    /// Begin the CSV file with a byte order mark, which some spreadsheets need to read letters beyond English
    #[arg(long)]
    pub bom: bool,
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
        let [events, event, sessions, session] = self.session.path("sessions");
        let path = [events, event, sessions, session, "statistics"];
        let found: Statistics = client.get(&path).await?;
        let zone = client
            .get::<venue::Event>(&["events", event])
            .await?
            .time_zone;
        let now = client.get(&[events, event, sessions, session]).await?;
        let silent = silent::devices(client, &now, shell.today()?).await?;
        shell.output.show(&found, |page| {
            page.field("tickets", found.tickets);
            page.field("inside", found.inside);
            page.field("arrived", found.arrived);
            page.field("not come", found.tickets.saturating_sub(found.arrived));
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
                page.line(format_args!("refused, {}: {count}", plain(reason)));
            }
            for (by, count) in &found.forbidden {
                page.line(format_args!("let in although {}: {count}", although(*by)));
            }
            for (kind, count) in &found.types {
                page.line(format_args!("entries, {kind}: {count}"));
            }
            let (title, counts) = if self.minutes {
                let minutes = found.minutes.iter();
                let minutes = minutes.map(|count| (count.minute, count.entries));
                ("minute", minutes.collect())
            } else {
                ("quarter of an hour", quarters(&found.minutes))
            };
            let counts: Vec<[String; 2]> = counts
                .into_iter()
                .map(|(at, entries)| [local(at, &zone), entries.to_string()])
                .collect();
            if !counts.is_empty() {
                page.line("");
                page.table([title, "entries"], &counts, "");
            }
            for device in &silent {
                page.line(device.sentence(&zone));
            }
        })?;
        Ok(())
    }
}

/// A reason in words: its name without the marks of programs.
fn plain(reason: &Reason) -> String {
    word(reason).replace('_', " ")
}

/// What a ticket was that was let in all the same.
const fn although(by: ForbiddenBy) -> &'static str {
    match by {
        ForbiddenBy::Cancelled => "the ticket was cancelled",
        ForbiddenBy::OtherSession => "the ticket was for another session",
        ForbiddenBy::Blocked => "the ticket was held back",
        ForbiddenBy::Superseded => "the ticket had a newer code",
        ForbiddenBy::RevokedKey => "the key of its code was revoked",
    }
}

/// Entries by quarter of an hour.
fn quarters(minutes: &[MinuteCount]) -> Vec<(Timestamp, u64)> {
    let mut quarters: BTreeMap<i64, u64> = BTreeMap::new();
    for count in minutes {
        let quarter = count.minute.as_second().div_euclid(QUARTER_SECONDS);
        *quarters.entry(quarter).or_default() += count.entries;
    }
    let quarters = quarters.into_iter();
    quarters
        .filter_map(|(quarter, entries)| {
            let at = Timestamp::from_second(quarter.saturating_mul(QUARTER_SECONDS)).ok()?;
            Some((at, entries))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_gathered_by_quarters_of_an_hour() {
        let count = |minute: &str, entries| MinuteCount {
            minute: minute.parse().unwrap(),
            entries,
        };
        let minutes = [
            count("2027-10-30T18:14:00Z", 2),
            count("2027-10-30T18:15:00Z", 3),
            count("2027-10-30T18:29:00Z", 4),
        ];
        let gathered = [("2027-10-30T18:00:00Z", 2), ("2027-10-30T18:15:00Z", 7)];
        let gathered = gathered.map(|(at, entries)| (at.parse().unwrap(), entries));
        assert_eq!(quarters(&minutes), gathered);
    }
}
