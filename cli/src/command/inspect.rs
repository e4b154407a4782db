//! `usher search`, `usher status` and `usher doctor`: looking into a device.

use super::scan::find_session;
use super::sync::{ShownProgress, report};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use crate::values::word;
use crate::zone::Wall;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use usher_core::app::{PersonView, Status, TableHealth};
use usher_core::sync::TokioTimer;
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;

/// Find tickets by name or order number; only on devices whose role may search
#[derive(Debug, Args)]
pub struct Search {
    /// A part of a name, or an order number
    pub text: String,
    /// The session that is searched, by id or name, in place of the timetable's
    #[arg(long)]
    pub session: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// Look for damage, and repair it
#[derive(Debug, Subcommand)]
pub enum Doctor {
    /// Compare this device's tables with the server's, bucket by bucket
    Compare,
    /// Fetch what differs, and only that
    Repair,
}

impl Search {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let session = self
            .session
            .map(|named| find_session(&app, &named))
            .transpose()?;
        let found = app.search(session, &Private::new(self.text), self.limit as usize)?;
        shell.output.list(
            &found,
            ["name", "order", "ticket"],
            "Nobody found.",
            |one: &PersonView| {
                let text =
                    |text: &Option<Private>| text.as_ref().map_or("-", Private::reveal).to_owned();
                [text(&one.holder), text(&one.order), one.ticket.to_string()]
            },
        )?;
        Ok(Exit::Done)
    }
}

/// Shows how the device stands.
///
/// # Errors
/// [`CliError`].
pub fn status(shell: &mut Shell) -> Result<Exit, CliError> {
    let status = shell.folder()?.status()?;
    shell
        .output
        .show(&status, |page| status_page(page, &status))?;
    Ok(Exit::Done)
}

fn status_page(page: &mut Page, status: &Status) {
    let held = status
        .tables
        .iter()
        .filter_map(|table| table.session.as_ref());
    let wall = Wall::shared(held.map(|session| &session.time_zone));
    let time = |at| say(&wall, at);
    match &status.device {
        Some(device) => page.line(format_args!(
            "Device {} ({}), {}",
            device.name,
            word(&device.role),
            device.id
        )),
        None => match &status.waiting_digits {
            Some(digits) => page.line(format_args!(
                "Waiting to be confirmed: an organizer compares the digits {}",
                digits.reveal()
            )),
            None => page.line("Not enrolled yet"),
        },
    }
    if let Some(since) = status.revoked_since {
        page.line(format_args!(
            "REVOKED: told {}. Every scan is referred; enroll the device anew to use it again.",
            time(since)
        ));
    }
    if let Some(gate) = &status.gate {
        page.field(
            "gate",
            gate.name.clone().unwrap_or_else(|| gate.id.to_string()),
        );
    }
    match &status.serving {
        Some(session) => page.field(
            "serves",
            format_args!("{}, {}", session.name, session.event),
        ),
        None => page.field("serves", "no session now"),
    }
    if let Some(operator) = &status.operator {
        page.field(
            "signed in",
            format_args!("{} ({})", operator.name.reveal(), word(&operator.role)),
        );
    }
    page.field("unsent", format_args!("{} scans", status.unsent));
    if let Some(connection) = &status.connection {
        page.field("server", &connection.server);
        page.field(
            "peers as of",
            connection
                .peers_as_of
                .map_or_else(|| "never".to_owned(), time),
        );
        if let Some(since) = connection.lost_since {
            page.field("alone since", time(since));
        }
    }
    page.field(
        "clock",
        if status.clock.proved {
            "compared with the server's"
        } else {
            "not compared with the server's"
        },
    );
    for table in &status.tables {
        let what = table.session.as_ref().map_or_else(
            || table.table.clone(),
            |session| format!("{}, {}", session.name, session.event),
        );
        page.line(format_args!(
            "table {what}: {} rows, version {}, of {}",
            table.rows,
            table.version,
            time(table.issued_at)
        ));
    }
    for notice in &status.notices {
        page.line(format_args!(
            "notice of {}: {} ({})",
            time(notice.at),
            notice.message,
            notice.code
        ));
    }
}

/// A time as people read it; one beyond the calendar is a number.
fn say(wall: &Wall, at: UnixMillis) -> String {
    let ms = i64::try_from(at.get()).unwrap_or(i64::MAX);
    match Timestamp::from_millisecond(ms) {
        Ok(at) => wall.say(at),
        Err(_) => at.to_string(),
    }
}

impl Doctor {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        match self {
            Self::Compare => {
                let all = app.doctor_compare(&TokioTimer).await?;
                let same = all.iter().all(|table| table.differing_buckets == 0);
                let head = ["table", "state", "differing parts"];
                shell.output.list(
                    &all,
                    head,
                    "This device holds no tables.",
                    |one: &TableHealth| {
                        [
                            one.table.clone(),
                            word(&one.health),
                            one.differing_buckets.to_string(),
                        ]
                    },
                )?;
                Ok(if same { Exit::Done } else { Exit::Failed })
            }
            Self::Repair => {
                let bar = ShownProgress::new(&shell.output);
                let done = app
                    .doctor_repair(&TokioTimer, &|progress| bar.show(progress))
                    .await;
                bar.finish();
                report(shell, &done?)
            }
        }
    }
}
