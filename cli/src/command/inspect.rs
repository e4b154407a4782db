//! `usher search`, `usher status` and `usher doctor`: looking into a device.

use super::scan::{choice, find_session};
use super::sync::{self, ShownProgress};
use super::ticket;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use crate::values::word;
use crate::zone::Wall;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use usher_core::app::{
    AboveView, ApiError, App, DAMAGED, DutyView, PersonView, Rescue, Status, SyncView, TableHealth,
};
use usher_core::claims::Line;
use usher_core::sync::{Progress, TokioTimer};
use usher_domain::ids::SessionId;
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;

/// Find tickets by name or order number, on a desk
///
/// Devices enrolled with a code of `usher enrollment create --role desk` hold names. Somebody with the badge
/// of the box office or of a supervisor must have signed in (`usher sign-in`).
#[derive(Debug, Args)]
pub struct Search {
    /// Parts of a name or of an order number, in any order; accents, apostrophes and case do not count, two letters at least, or one of a script in which a letter is a name
    pub text: String,
    /// The session that is searched, by its name or id in `usher status`, in place of the timetable's
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
        search(
            shell,
            &app,
            session,
            &Private::new(self.text),
            self.limit as usize,
        )?;
        Ok(Exit::Done)
    }
}

/// Searches people by name or order number, and lists whom it found.
///
/// # Errors
/// [`CliError`] if nobody is signed in who may search, or the device holds no names.
pub(super) fn search(
    shell: &mut Shell,
    app: &App,
    session: Option<SessionId>,
    text: &Private,
    limit: usize,
) -> Result<(), CliError> {
    let found = app.search(session, text, limit)?;
    let searched = match session {
        Some(id) => app.sessions()?.into_iter().find(|held| held.id == id),
        None => app.status()?.serving,
    };
    let place = searched.map_or_else(String::new, |session| {
        format!(" in {}, {}", session.name, session.event)
    });
    if !found.is_empty() {
        shell.output.note(format_args!("Found{place}:"))?;
    }
    shell.output.list(
        &found,
        ["name", "order", "type", "seat", "state", "ticket"],
        &format!("Nobody found{place}."),
        |one: &PersonView| {
            let private =
                |text: &Option<Private>| text.as_ref().map_or("-", Private::reveal).to_owned();
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            [
                private(&one.holder),
                private(&one.order),
                text(&one.type_name),
                text(&one.seat),
                text(&one.state.map(ticket::state)),
                one.ticket.to_string(),
            ]
        },
    )?;
    Ok(())
}

/// Show what this device is, holds and still has to send
#[derive(Debug, Args)]
pub struct ShowStatus {
    /// Say that a person has read the notices: they are not shown again
    #[arg(long)]
    pub heard: bool,
}

impl ShowStatus {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.folder()?;
        let status = app.status()?;
        shell
            .output
            .show(&status, |page| status_page(page, &status))?;
        if let (true, Some(last)) = (self.heard, status.notices.last()) {
            app.heard(last.number)?;
        }
        Ok(Exit::Done)
    }
}

/// What somebody in charge says and orders, and when the session is.
pub fn from_above(page: &mut Page, above: &AboveView) {
    if let Some(times) = &above.times {
        page.field("times", &times.message);
    }
    if let Some(copied) = &above.copied {
        page.line(&copied.message);
    }
    for order in &above.orders {
        page.line(&order.message);
    }
    for said in &above.said {
        page.line(&said.message);
    }
}

fn status_page(page: &mut Page, status: &Status) {
    let held = status
        .tables
        .iter()
        .filter_map(|table| table.session.as_ref());
    let zones = held.map(|session| &session.time_zone);
    let wall = Wall::shared(zones.chain(&status.last_zone));
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
    if status.damaged {
        page.line("DAMAGED: the store is damaged: run usher doctor repair");
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
    if let Some(choice) = choice(status.serving.as_ref(), &status.also_open) {
        page.line(choice);
    }
    if let Some(operator) = &status.operator {
        page.field(
            "signed in",
            format_args!("{} ({})", operator.name.reveal(), word(&operator.role)),
        );
    }
    from_above(page, &status.above);
    page.field("unsent", format_args!("{} scans", status.unsent));
    if let Some(connection) = &status.connection {
        page.field("server", &connection.server);
        page.field(
            "peers as of",
            connection
                .peers_as_of
                .map_or_else(|| "never".to_owned(), time),
        );
        if let Some(since) = connection.alone_since() {
            page.field("alone since", time(since));
        }
    }
    match &status.duty {
        Some(duty) => page.field("duty", duty_words(duty, time(duty.since))),
        None => page.field("duty", "off: no gate waits for this device's word"),
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
pub(super) fn say(wall: &Wall, at: UnixMillis) -> String {
    let ms = i64::try_from(at.get()).unwrap_or(i64::MAX);
    match Timestamp::from_millisecond(ms) {
        Ok(at) => wall.say(at),
        Err(_) => at.to_string(),
    }
}

/// A device's duty, and whether its scans can be confirmed.
fn duty_words(duty: &DutyView, since: String) -> String {
    let confirmed = match (&duty.authority, duty.line) {
        (None, _) => "nobody confirms its scans".to_owned(),
        (Some(authority), Line::Good) => format!(
            "scans are confirmed by server {}, term {}",
            authority.server, authority.term
        ),
        (Some(_), Line::Bad | Line::Trying) => {
            "the server did not answer a scan in time: this gate decides alone for now".to_owned()
        }
    };
    format!("on since {since}; {confirmed}")
}

impl Doctor {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        match self {
            Self::Compare => compare(shell).await,
            Self::Repair => repair(shell).await,
        }
    }
}

async fn compare(shell: &mut Shell) -> Result<Exit, CliError> {
    let all = shell.device()?.doctor_compare(&TokioTimer).await?;
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

/// What a repair did.
#[derive(Debug, Serialize)]
struct Repaired {
    /// What was rescued from a store that was set aside; none where it was sound.
    rescue: Option<Rescued>,
    /// Why the server's copies were not fetched; the next sync does it.
    sync_needed: Option<ApiError>,
    #[serde(flatten)]
    done: SyncView,
}

#[derive(Debug, Serialize)]
struct Rescued {
    file: String,
    identity: bool,
    records: u64,
    missing: u64,
}

impl From<Rescue> for Rescued {
    fn from(rescue: Rescue) -> Self {
        Self {
            file: rescue.file,
            identity: rescue.identity,
            records: rescue.records,
            missing: rescue.missing,
        }
    }
}

async fn repair(shell: &mut Shell) -> Result<Exit, CliError> {
    let bar = ShownProgress::new(&shell.output);
    let show = |progress| bar.show(progress);
    let (mut app, mut rescue) = shell.device_to_repair()?;
    let mut done = match rescue {
        None => app.doctor_repair(&TokioTimer, &show).await,
        Some(_) => rebuild(&app, &show).await,
    };
    // Damage that only the repair itself met: the store is set aside after all.
    if done.as_ref().is_err_and(|error| error.code == DAMAGED) {
        drop(app);
        (app, rescue) = shell.device_to_repair()?;
        done = rebuild(&app, &show).await;
    }
    bar.finish();
    let (done, sync_needed) = match done {
        Ok(view) => (view, None),
        // What is on the device is repaired; the rest comes with the network.
        Err(error) if rescue.is_some() => (SyncView::default(), Some(error)),
        Err(error) => return Err(error.into()),
    };
    let repaired = Repaired {
        rescue: rescue.map(Into::into),
        sync_needed,
        done,
    };
    shell
        .output
        .show(&repaired, |page| repair_page(page, &repaired))?;
    Ok(if repaired.done.troubles.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

/// Everything but identity and records comes from the server.
async fn rebuild(app: &App, show: &(dyn Fn(Progress) + Sync)) -> Result<SyncView, ApiError> {
    app.sync(&TokioTimer, show).await
}

fn repair_page(page: &mut Page, repaired: &Repaired) {
    match &repaired.rescue {
        None => page.line("The store is sound; its tables were compared with the server's."),
        Some(rescue) => {
            page.line(format_args!(
                "The store was damaged. It is set aside as {} and nothing of it is deleted.",
                rescue.file
            ));
            page.line(if rescue.identity {
                "Rescued: the enrollment."
            } else {
                "NOT rescued: the enrollment. Enroll the device anew."
            });
            page.line(format_args!(
                "Rescued: {} scans of this device.",
                rescue.records
            ));
            if rescue.missing > 0 {
                page.line(format_args!(
                    "NOT rescued: {} scans between those.",
                    rescue.missing
                ));
            }
            page.line("Whether later scans are lost is unknown; those that were sent come back.");
        }
    }
    match &repaired.sync_needed {
        Some(error) => page.line(format_args!(
            "The ticket lists are to come from the server: run usher sync ({})",
            error.message
        )),
        None => sync::page_of(page, &repaired.done),
    }
}
