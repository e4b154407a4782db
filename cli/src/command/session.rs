//! `usher session`: dated occurrences of an event, their rules, and orders to everyone inside.

mod orders;

use crate::ask::confirm_if_somebody_is_there;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::rules::{Names, RuleFlags, Written, in_words};
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{InEvent, local};
use clap::{Args, Subcommand};
use usher_domain::api::reports::{NewEveryoneOut, Statistics};
use usher_domain::api::venue::{self, NewSession, SessionChange};

/// Sessions: dated occurrences of an event
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Create a session
    ///
    /// Times are those of the event's clock, such as "2027-10-30 22:00", "tomorrow 19:00" or "sat 19:00";
    /// RFC 3339; "now"; or how long from now as "90m" or "6h".
    Create(Create),
    /// List the sessions of an event
    List {
        /// The event, by slug or id
        event: String,
    },
    /// Show a session with its rules and the version of its ticket set
    Show {
        /// The session, as EVENT/SESSION
        session: InEvent,
    },
    /// Change times, name or rules; what is left out stays as it is
    ///
    /// Of two who change different things at once, both are heard.
    Change(Change),
    /// Retire a session that was created by mistake: without scans, tickets and passes
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The session, as EVENT/SESSION
        session: InEvent,
    },
    /// Bring a retired session back
    Restore {
        /// The session, as EVENT/SESSION
        session: InEvent,
    },
    /// Say that everyone was sent out: each may come in once more
    EveryoneOut {
        /// The session, as EVENT/SESSION
        session: InEvent,
        /// Only this zone, by slug or id
        #[arg(long)]
        zone: Option<String>,
        /// Take back the last time that it was said: who has not come back is inside again
        #[arg(long)]
        take_back: bool,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Open a gate for a time: scans are counted and not checked
    ///
    /// Said again it holds until the new time.
    FreeFlow(orders::OpenGate),
    /// Say something to the gates for a time, or take it back
    Notice(orders::SayToGates),
    /// Let tickets of another session in for a time, each as often as at its own
    ///
    /// Both sessions must be of one event and share their scans, so that no ticket enters at both: connect
    /// them by a pass type before devices are given them.
    Honour(orders::HonourTickets),
    /// Move a session to later: gates go by the new times within a second where they have a network
    ///
    /// Doors, start and end move. Doors that are open stay open: then start and end move. If somebody else
    /// moved the session meanwhile, nothing is done, and the error says its times.
    Delay(orders::Postpone),
    /// List what was ordered, from the signed trail of records
    Orders {
        /// The session, as EVENT/SESSION
        session: InEvent,
    },
}

/// Create a session.
#[derive(Debug, Args)]
pub struct Create {
    /// The new session, as EVENT/SLUG
    pub session: InEvent,
    /// Name for people; the short name if left out
    #[arg(long)]
    pub name: Option<String>,
    /// When the doors open
    #[arg(long, value_name = "TIME")]
    pub doors: Time,
    /// When it starts; when the doors open if left out
    #[arg(long, value_name = "TIME")]
    pub starts: Option<Time>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub ends: Time,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleFlags,
}

/// Change a session.
#[derive(Debug, Args)]
pub struct Change {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// Short name for paths: a-z, 0-9 and -
    #[arg(long)]
    pub slug: Option<String>,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
    /// When the doors open
    #[arg(long, value_name = "TIME")]
    pub doors: Option<Time>,
    /// When it starts
    #[arg(long, value_name = "TIME")]
    pub starts: Option<Time>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub ends: Option<Time>,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleFlags,
}

impl Session {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create(create) => {
                let event = create.session.event;
                let calendar = Calendar::of_event(shell, &client, &event).await?;
                let time = |time| {
                    let read = calendar.read(time, Tense::Planned);
                    read.map(|at| at.to_string()).map_err(CliError::Invalid)
                };
                let new = NewSession {
                    name: create.name.unwrap_or_else(|| create.session.name.clone()),
                    slug: create.session.name,
                    doors: time(create.doors)?,
                    starts: create.starts.map(time).transpose()?,
                    ends: time(create.ends)?,
                    rules: Some(create.rules.change()?.rules),
                };
                let made = client.post(&["events", &event, "sessions"], &new).await?;
                show(shell, &client, &event, &made).await?;
            }
            Self::Change(change) => {
                let Written { rules, revision } = change.rules.change()?;
                let event = &change.session.event;
                let calendar = Calendar::of_event(shell, &client, event).await?;
                let time = |time| calendar.written(time, Tense::Planned);
                let what = SessionChange {
                    slug: change.slug,
                    name: change.name,
                    doors: time(change.doors)?,
                    starts: time(change.starts)?,
                    ends: time(change.ends)?,
                    rules: (!rules.is_empty()).then_some(rules),
                    revision,
                    expects: None,
                };
                let path = change.session.path("sessions");
                let changed = client.patch(&path, &what).await?;
                show(shell, &client, event, &changed).await?;
            }
            Self::List { event } => {
                let mut all: Vec<venue::Session> =
                    client.list(&["events", &event, "sessions"]).await?;
                all.retain(|session| !session.retired);
                let event: venue::Event = client.get(&["events", &event]).await?;
                shell
                    .output
                    .list_by(&all, |page| sessions_table(page, &all, &event.time_zone))?;
            }
            Self::Show { session } => {
                let found = client.get(&session.path("sessions")).await?;
                show(shell, &client, &session.event, &found).await?;
            }
            Self::Retire { session } => {
                let retired: venue::Session = client.delete(&session.path("sessions")).await?;
                shell.output.show(&retired, |page| {
                    page.line(format_args!(
                        "Session {} ({}) is retired.",
                        retired.name, retired.slug
                    ));
                })?;
            }
            Self::Restore { session } => {
                let [events, event, sessions, name] = session.path("sessions");
                let path = [events, event, sessions, name, "restore"];
                let back: venue::Session = client.post(&path, &()).await?;
                show(shell, &client, &session.event, &back).await?;
            }
            Self::Notice(notice) => return notice.run(shell, &client).await,
            Self::Honour(honour) => return honour.run(shell, &client).await,
            Self::Delay(delay) => return delay.run(shell, &client).await,
            Self::Orders { session } => return orders::list(&session, shell, &client).await,
            Self::FreeFlow(flow) => return flow.run(shell, &client).await,
            Self::EveryoneOut {
                session,
                zone,
                take_back: true,
                yes,
            } => orders::take_everyone_out_back(&session, zone, (shell, &client), yes).await?,
            Self::EveryoneOut {
                session, zone, yes, ..
            } => {
                let [events, event, sessions, name] = session.path("sessions");
                let path = [events, event, sessions, name, "statistics"];
                let now: Statistics = client.get(&path).await?;
                let whom = match &zone {
                    Some(zone) => format!("out of {zone} at {event}/{name}"),
                    None => format!("out of {event}/{name}"),
                };
                let question = format!(
                    "Say that everyone is {whom}? {} people are inside by the scans: each of them who is sent \
                     out may come in once more.",
                    now.inside
                );
                confirm_if_somebody_is_there(&question, yes)?;
                let new = NewEveryoneOut {
                    everyone: zone.is_none(),
                    zone,
                    at: None,
                };
                let path = [events, event, sessions, name, "everyone-out"];
                let () = client.post(&path, &new).await?;
                done(shell, "Everyone inside until now may come in once more.")?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Says that an order was given.
fn done(shell: &mut Shell, sentence: &str) -> Result<(), CliError> {
    shell
        .output
        .show(&serde_json::json!({ "done": true }), |page| {
            page.line(sentence)
        })?;
    Ok(())
}

async fn show(
    shell: &mut Shell,
    client: &Client,
    event: &str,
    session: &venue::Session,
) -> Result<(), CliError> {
    let names = Names {
        types: client.list(&["events", event, "types"]).await?,
        zones: client.list(&["zones"]).await?,
    };
    let event: venue::Event = client.get(&["events", event]).await?;
    shell.output.show(session, |page| {
        page.line(format_args!(
            "Session {} ({}) of {}",
            session.name, session.slug, event.name
        ));
        page.field("id", session.id);
        page.field("doors", local(session.doors, &event.time_zone));
        page.field("starts", local(session.starts, &event.time_zone));
        page.field("ends", local(session.ends, &event.time_zone));
        page.field("access", session.access);
        match &session.set {
            Some(set) => page.field(
                "ticket set",
                format_args!(
                    "{} tickets, version {}.{}",
                    set.tickets, set.epoch, set.number
                ),
            ),
            None => page.field("ticket set", "none yet"),
        }
        for (about, words) in in_words(&session.rules, &names) {
            page.field(about, words);
        }
    })?;
    Ok(())
}

/// Sessions for people.
pub fn sessions_table(page: &mut Page, sessions: &[venue::Session], time_zone: &str) {
    let rows: Vec<[String; 5]> = sessions
        .iter()
        .map(|session| {
            [
                session.slug.clone(),
                session.name.clone(),
                local(session.doors, time_zone),
                local(session.ends, time_zone),
                session
                    .set
                    .as_ref()
                    .map_or(0, |set| set.tickets)
                    .to_string(),
            ]
        })
        .collect();
    page.table(
        ["session", "name", "doors", "ends", "tickets"],
        &rows,
        "No sessions yet.",
    );
}
