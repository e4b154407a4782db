//! `usher event`: what is sold.

use super::kind::types_table;
use super::session::sessions_table;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::{Args, Subcommand};
use serde::Serialize;
use usher_domain::api::venue::{self, EventChange, NewEvent};

/// Events: what is sold
#[derive(Debug, Subcommand)]
pub enum Event {
    /// Create an event
    Create {
        /// Short name for paths: a-z, 0-9 and -
        slug: String,
        /// Name for people; the short name if left out
        #[arg(long)]
        name: Option<String>,
        /// IANA time zone of the venue, such as Europe/Berlin
        #[arg(long, value_name = "ZONE")]
        time_zone: String,
    },
    /// List events
    List,
    /// Change what an event is called, and by which clock
    ///
    /// Sessions stay at their moments: with another time zone, look at their times.
    Change(Change),
    /// Retire an event whose sessions were retired
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The event, by slug or id
        event: String,
    },
    /// Bring a retired event back; its sessions are brought back one by one
    Restore {
        /// The event, by slug or id
        event: String,
    },
    /// Show an event with its sessions and ticket types
    Show {
        /// The event, by slug or id
        event: String,
    },
}

/// Change an event.
#[derive(Debug, Args)]
#[group(id = "details", required = true, multiple = true, args = ["slug", "name", "time_zone"])]
pub struct Change {
    /// The event, by slug or id
    pub event: String,
    /// Short name for paths: a-z, 0-9 and -
    #[arg(long)]
    pub slug: Option<String>,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
    /// IANA time zone of the venue, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

impl Event {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create {
                slug,
                name,
                time_zone,
            } => {
                let name = name.unwrap_or_else(|| slug.clone());
                let new = NewEvent {
                    slug,
                    name,
                    time_zone,
                };
                let event: venue::Event = client.post(&["events"], &new).await?;
                shell
                    .output
                    .show(&event, |page| page.line(headline(&event)))?;
            }
            Self::List => {
                let mut all: Vec<venue::Event> = client.list(&["events"]).await?;
                all.retain(|event| !event.retired);
                shell.output.list(
                    &all,
                    ["slug", "name", "time zone", "id"],
                    "No events yet.",
                    |one| {
                        [
                            one.slug.clone(),
                            one.name.clone(),
                            one.time_zone.clone(),
                            one.id.to_string(),
                        ]
                    },
                )?;
            }
            Self::Change(Change {
                event,
                slug,
                name,
                time_zone,
            }) => {
                let change = EventChange {
                    slug,
                    name,
                    time_zone,
                };
                let changed: venue::Event = client.patch(&["events", &event], &change).await?;
                show(shell, &client, &changed.id.to_string()).await?;
            }
            Self::Retire { event } => {
                let retired: venue::Event = client.delete(&["events", &event]).await?;
                shell.output.show(&retired, |page| {
                    page.line(format_args!("{} is retired.", headline(&retired)));
                })?;
            }
            Self::Restore { event } => {
                let back: venue::Event = client.post(&["events", &event, "restore"], &()).await?;
                show(shell, &client, &back.id.to_string()).await?;
            }
            Self::Show { event } => show(shell, &client, &event).await?,
        }
        Ok(Exit::Done)
    }
}

async fn show(shell: &mut Shell, client: &Client, event: &str) -> Result<(), CliError> {
    let mut shown = EventWithParts {
        event: client.get(&["events", event]).await?,
        sessions: client.list(&["events", event, "sessions"]).await?,
        types: client.list(&["events", event, "types"]).await?,
    };
    shown.sessions.retain(|session| !session.retired);
    shown.types.retain(|kind| !kind.retired);
    shell.output.show(&shown, |page| {
        page.line(headline(&shown.event));
        page.line("");
        sessions_table(page, &shown.sessions, &shown.event.time_zone);
        page.line("");
        types_table(page, &shown.types);
    })?;
    Ok(())
}

/// An event with what belongs to it.
#[derive(Serialize)]
struct EventWithParts {
    #[serde(flatten)]
    event: venue::Event,
    sessions: Vec<venue::Session>,
    types: Vec<venue::TicketType>,
}

fn headline(event: &venue::Event) -> String {
    format!("Event {} ({}), {}", event.name, event.slug, event.time_zone)
}
