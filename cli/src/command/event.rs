//! `usher event`: what is sold.

use super::kind::types_table;
use super::session::sessions_table;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Subcommand;
use serde::Serialize;
use usher_domain::api::venue::{self, NewEvent};

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
    /// Show an event with its sessions and ticket types
    Show {
        /// The event, by slug or id
        event: String,
    },
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
                let all: Vec<venue::Event> = client.list(&["events"]).await?;
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
            Self::Show { event } => {
                let shown = EventWithParts {
                    event: client.get(&["events", &event]).await?,
                    sessions: client.list(&["events", &event, "sessions"]).await?,
                    types: client.list(&["events", &event, "types"]).await?,
                };
                shell.output.show(&shown, |page| {
                    page.line(headline(&shown.event));
                    page.line("");
                    sessions_table(page, &shown.sessions, &shown.event.time_zone);
                    page.line("");
                    types_table(page, &shown.types);
                })?;
            }
        }
        Ok(Exit::Done)
    }
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
