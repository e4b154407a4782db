//! `usher incident`: what a person must look at.

use crate::ask::confirm;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{InEvent, word};
use crate::zone::Wall;
use clap::Subcommand;
use usher_core::app::words;
use usher_domain::api::handed_back::{
    HandedBackDecision, HandedBackDone, HandedBackRow, HandedBackWord,
};
use usher_domain::api::reports::{
    self, IncidentKind, IncidentState, NewIncidentNote, NewRulings, QuarantinedRecord, ScanLine,
};
use usher_domain::api::{access, venue};
use usher_domain::record::{Outcome, RulingWord};

/// Records that one request rules on.
const RULINGS_AT_ONCE: usize = 1_000;

/// What waits of a device, by when it arrived.
#[derive(Debug, clap::Args)]
pub struct Range {
    /// Everything that waits of this device, by id or name
    #[arg(long)]
    device: Option<String>,
    /// Only what arrived then or later, as 20m, 20:15 or "2027-05-01 20:15"
    #[arg(long, value_name = "TIME", requires = "device")]
    from: Option<Time>,
    /// Only what arrived before this time
    #[arg(long, value_name = "TIME", requires = "device")]
    until: Option<Time>,
    /// Do it without asking
    #[arg(long, requires = "device")]
    yes: bool,
}

impl Range {
    /// The records that are named, or those of the range, after it was shown how many those are.
    async fn or_named(
        self,
        shell: &Shell,
        client: &Client,
        session: &InEvent,
        named: Vec<String>,
    ) -> Result<Vec<String>, CliError> {
        let Some(device) = self.device else {
            return Ok(named);
        };
        let id = super::device::named(client, &device).await?.to_string();
        let wall = Wall::of_events(client, &[]).await?;
        let calendar = Calendar::by(shell, &wall)?;
        let from = calendar.maybe(self.from, Tense::Passed)?;
        let until = calendar.maybe(self.until, Tense::Nearest)?;
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            let why = "--from is not before --until: write the dates besides the times";
            return Err(CliError::Invalid(why.to_owned()));
        }
        let mut query = serde_json::json!({ "device": id });
        for (name, at) in [("from", from), ("until", until)] {
            if let (Some(at), Some(query)) = (at, query.as_object_mut()) {
                query.insert(name.to_owned(), serde_json::json!(at));
            }
        }
        let waiting = waiting(client, session, query).await?;
        if waiting.is_empty() {
            let when = match (from, until) {
                (None, None) => String::new(),
                (Some(from), None) => format!(" that arrived since {}", wall.say(from)),
                (None, Some(until)) => format!(" that arrived before {}", wall.say(until)),
                (Some(from), Some(until)) => format!(
                    " that arrived from {} to {}",
                    wall.say(from),
                    wall.say(until)
                ),
            };
            return Err(CliError::Invalid(format!(
                "nothing of {device}{when} waits in this session"
            )));
        }
        let scans: Vec<&ScanLine> = waiting.iter().filter_map(|one| one.scan.as_ref()).collect();
        let admitted = scans.iter().filter(|scan| scan.outcome == Outcome::Admit);
        let dated = match (
            scans.iter().map(|scan| scan.at).min(),
            scans.iter().map(|scan| scan.at).max(),
        ) {
            (Some(first), Some(last)) => {
                format!(", dated {} to {}", wall.say(first), wall.say(last))
            }
            _ => String::new(),
        };
        let question = format!(
            "{} records of {device} wait: {} scans, {} of which let somebody in or out{dated}. Rule on all of \
             them?",
            waiting.len(),
            scans.len(),
            admitted.count()
        );
        confirm(&question, self.yes)?;
        Ok(waiting.into_iter().map(|one| one.record).collect())
    }
}

/// Everything that waits, page by page; a page may be empty where others follow.
async fn waiting(
    client: &Client,
    session: &InEvent,
    mut query: serde_json::Value,
) -> Result<Vec<QuarantinedRecord>, CliError> {
    let [events, event, sessions, name] = session.path("sessions");
    let path = [events, event, sessions, name, "quarantined"];
    let mut all = Vec::new();
    loop {
        let page: usher_domain::api::Page<QuarantinedRecord> = client.page(&path, &query).await?;
        all.extend(page.items);
        let (Some(next), Some(query)) = (page.next, query.as_object_mut()) else {
            return Ok(all);
        };
        query.insert("after".to_owned(), serde_json::json!(next));
    }
}

/// What a person must look at
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// List incidents
    List {
        /// Those that were closed and did not come back, the last one first
        #[arg(long)]
        closed: bool,
    },
    /// Close incidents that somebody has looked at; they come back if there is something new to them
    Close {
        /// Numbers of incidents, as the list shows them
        #[arg(required = true)]
        incidents: Vec<String>,
    },
    /// Write something down about an incident, open or closed
    Note {
        /// The incident's number, as the list shows it
        incident: String,
        /// The words: one line
        text: String,
    },
    /// Let quarantined scans count
    Accept {
        /// The session, as EVENT/SESSION
        session: InEvent,
        /// Hashes of the records in hex, as the list shows them
        #[arg(required_unless_present = "device", conflicts_with = "device")]
        records: Vec<String>,
        /// Which of what waits, in place of hashes.
        #[command(flatten)]
        range: Range,
    },
    /// Let scans not count
    Void {
        /// The session, as EVENT/SESSION
        session: InEvent,
        /// Hashes of the records in hex, as the list shows them
        #[arg(required_unless_present = "device", conflicts_with = "device")]
        records: Vec<String>,
        /// Which of what waits, in place of hashes.
        #[command(flatten)]
        range: Range,
    },
    /// List rows that devices handed back and that wait for your word
    Rows,
    /// Take rows that devices handed back: the server was put back from a backup and lost them
    TakeRows {
        /// Only rows of this table, as the list shows it; all of them without
        #[arg(long)]
        table: Option<String>,
    },
    /// Refuse rows that devices handed back; they are not asked about again
    RefuseRows {
        /// Only rows of this table, as the list shows it; all of them without
        #[arg(long)]
        table: Option<String>,
    },
}

impl Incident {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::List { closed } => {
                let all: Vec<reports::Incident> = if closed {
                    let query = serde_json::json!({ "state": IncidentState::Closed });
                    client.list_where(&["incidents"], &query).await?
                } else {
                    client.list(&["incidents"]).await?
                };
                let names = Names::read(&client).await?;
                shell
                    .output
                    .list_by(&all, |page| incidents_page(page, &all, &names))?;
            }
            Self::Close { incidents } => {
                for incident in &incidents {
                    let nothing = serde_json::json!({});
                    let path = ["incidents", incident, "close"];
                    let () = client.post(&path, &nothing).await?;
                }
                shell.output.show(&incidents, |page| page.line("Closed."))?;
            }
            Self::Note { incident, text } => {
                let new = NewIncidentNote { text };
                let () = client
                    .post(&["incidents", &incident, "notes"], &new)
                    .await?;
                shell.output.show(&new, |page| page.line("Written down."))?;
            }
            Self::Accept {
                session,
                records,
                range,
            } => {
                let records = range.or_named(shell, &client, &session, records).await?;
                rule(shell, &client, &session, records, RulingWord::Accept).await?;
            }
            Self::Void {
                session,
                records,
                range,
            } => {
                let records = range.or_named(shell, &client, &session, records).await?;
                rule(shell, &client, &session, records, RulingWord::Void).await?;
            }
            Self::Rows => {
                let all: Vec<HandedBackRow> = client.list(&["handed-back"]).await?;
                let wall = Wall::of_events(&client, &[]).await?;
                shell
                    .output
                    .list_by(&all, |page| rows_page(page, &all, &wall))?;
            }
            Self::TakeRows { table } => {
                decide(shell, &client, HandedBackWord::Take, table).await?;
            }
            Self::RefuseRows { table } => {
                decide(shell, &client, HandedBackWord::Refuse, table).await?;
            }
        }
        Ok(Exit::Done)
    }
}

async fn rule(
    shell: &mut Shell,
    client: &Client,
    session: &InEvent,
    records: Vec<String>,
    word: RulingWord,
) -> Result<(), CliError> {
    let sentence = match word {
        RulingWord::Accept => "They count.",
        RulingWord::Void => "They do not count.",
    };
    let [events, event, sessions, name] = session.path("sessions");
    let path = [events, event, sessions, name, "rulings"];
    for records in records.chunks(RULINGS_AT_ONCE) {
        let rulings = NewRulings {
            records: records.to_vec(),
            word,
        };
        let () = client.post(&path, &rulings).await?;
    }
    let rulings = NewRulings { records, word };
    shell.output.show(&rulings, |page| page.line(sentence))?;
    Ok(())
}

async fn decide(
    shell: &mut Shell,
    client: &Client,
    word: HandedBackWord,
    table: Option<String>,
) -> Result<(), CliError> {
    let decision = HandedBackDecision { word, table };
    let done: HandedBackDone = client.post(&["handed-back", "decision"], &decision).await?;
    shell.output.show(&done, |page| {
        page.line(format_args!(
            "{} taken, {} refused, {} changed here meanwhile.",
            done.taken, done.refused, done.outdated
        ));
    })?;
    Ok(())
}

fn rows_page(page: &mut Page, rows: &[HandedBackRow], wall: &Wall) {
    if rows.is_empty() {
        page.line("No rows wait.");
    }
    for row in rows {
        let held = row
            .held
            .map_or_else(|| "none here".to_owned(), |held| format!("{held} here"));
        page.line(format_args!(
            "{}  table {}, id {}, change {} ({held}), handed back by device {}",
            wall.say(row.at),
            row.table,
            row.id,
            row.revision,
            row.device
        ));
    }
}

/// What people call the places and devices of scans.
struct Names {
    wall: Wall,
    devices: Vec<access::Device>,
    gates: Vec<venue::Gate>,
}

impl Names {
    async fn read(client: &Client) -> Result<Self, CliError> {
        Ok(Self {
            wall: Wall::of_events(client, &[]).await?,
            devices: client.list(&["devices"]).await?,
            gates: client.list(&["gates"]).await?,
        })
    }

    /// Where and by which device a scan was made; by id where nobody knows the name any more.
    fn place(&self, scan: &ScanLine) -> String {
        let mut devices = self.devices.iter();
        let device = devices
            .find(|device| device.id == scan.device)
            .map_or_else(|| scan.device.to_string(), |device| device.name.clone());
        let gate = scan.gate.map(|id| {
            let mut gates = self.gates.iter();
            gates
                .find(|gate| gate.id == id)
                .map_or_else(|| id.to_string(), |gate| gate.name.clone())
        });
        match gate {
            Some(gate) => format!("gate {gate}, device {device}"),
            None => format!("device {device}"),
        }
    }
}

/// A kind in words.
const fn kind(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::ExcessAdmission => "too many admissions",
        IncidentKind::ForkedLog => "log in two ways",
        IncidentKind::ClockJump => "wrong clock",
        IncidentKind::SetDiffers => "table differs",
        IncidentKind::Unreadable => "unreadable records",
        IncidentKind::Quarantined => "records of a revoked device",
        IncidentKind::DocumentMismatch => "document differs",
        IncidentKind::BadgeTwice => "badge in two places",
        IncidentKind::ServerBehind => "server behind",
        IncidentKind::TooManyRecords => "too many records",
        IncidentKind::HandedBack => "rows handed back",
        IncidentKind::FalseClaims => "false claims",
        IncidentKind::UnprovedOverride => "unproved override",
        IncidentKind::UnprovedUndo => "unproved undo",
        IncidentKind::OverrideNotAllowed => "override not allowed",
        IncidentKind::UnknownCodes => "unknown codes",
        IncidentKind::CopiedDevice => "copied device",
        IncidentKind::TrustHandedBack => "trust documents handed back",
        IncidentKind::ForbiddenAdmission => "forbidden admission",
    }
}

/// What an incident is about, as people call it; by id where it has no name.
fn about(incident: &reports::Incident) -> Option<String> {
    let named = |word: &str, name: &Option<String>, id: Option<String>| {
        let name = name.clone().or(id)?;
        Some(format!("{word} {name}"))
    };
    let parts = [
        named(
            "session",
            &incident.session_name,
            incident.session.map(|id| id.to_string()),
        ),
        named(
            "device",
            &incident.device_name,
            incident.device.map(|id| id.to_string()),
        ),
        named(
            "ticket",
            &incident.ticket_number,
            incident.ticket.map(|id| id.to_string()),
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn incidents_page(page: &mut Page, incidents: &[reports::Incident], names: &Names) {
    if incidents.is_empty() {
        page.line("No incidents.");
    }
    for incident in incidents {
        page.line(format_args!(
            "incident {}  {}  {}: {}",
            incident.number,
            names.wall.say(incident.at),
            kind(incident.kind),
            incident.detail
        ));
        if let Some(about) = about(incident) {
            page.line(format_args!("  {about}"));
        }
        for note in &incident.notes {
            page.line(format_args!(
                "  note {} ({}): {}",
                names.wall.say(note.at),
                note.by,
                note.text
            ));
        }
        if let Some(at) = incident.closed_at {
            page.line(format_args!("  closed {}", names.wall.say(at)));
        }
        // What came too often is of no use without what it came on top of.
        let (before, concerned) = if incident.allowed.is_empty() {
            ("", "")
        } else {
            ("allowed  ", "too many ")
        };
        let allowed = incident.allowed.iter().map(|scan| (before, scan));
        let scans = incident.scans.iter().map(|scan| (concerned, scan));
        for (mark, scan) in allowed.chain(scans) {
            page.line(format_args!(
                "  {mark}{}  {}  {} ({}), {}{}, record {}",
                names.wall.say(scan.at),
                words::direction(scan.direction),
                words::outcome(scan.outcome),
                word(&scan.reason),
                names.place(scan),
                scan.ticket_number
                    .as_ref()
                    .map_or_else(String::new, |number| format!(", ticket {number}")),
                scan.record
            ));
        }
    }
}
