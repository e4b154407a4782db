//! `usher type`: kinds of tickets, and passes.

use super::venue::Names;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use crate::values::InEvent;
use clap::Subcommand;
use usher_domain::api::venue::{NamesChange, NewType, TicketType};

/// Ticket types, and passes for several sessions
#[derive(Debug, Subcommand)]
pub enum Kind {
    /// Create a ticket type; with several sessions it is a pass
    ///
    /// A pass connects its sessions: they share one state from then on. Create passes before the first
    /// scan.
    Create {
        /// The new type, as EVENT/SLUG
        kind: InEvent,
        /// Name for people; the short name if left out
        #[arg(long)]
        name: Option<String>,
        /// A session of a pass, by slug or id; repeat it for each
        #[arg(long = "session", value_name = "SESSION")]
        sessions: Vec<String>,
    },
    /// Let a type that came with a list open every zone
    ///
    /// Where a session's rules name zones, a type that an import created opens none of them until somebody
    /// allows it or names its zones in the rules.
    Allow {
        /// The type, as EVENT/TYPE
        kind: InEvent,
    },
    /// Change what a type is called; lists name types by these names
    Change {
        /// The type, as EVENT/TYPE
        kind: InEvent,
        /// What it is called from now on.
        #[command(flatten)]
        names: Names,
    },
    /// Retire a type without tickets, such as a list's typing error, with what rules say of it
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The type, as EVENT/TYPE
        kind: InEvent,
    },
    /// Bring a retired type back, without what rules had said of it
    Restore {
        /// The type, as EVENT/TYPE
        kind: InEvent,
    },
    /// List the types of an event
    List {
        /// The event, by slug or id
        event: String,
    },
}

impl Kind {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create {
                kind,
                name,
                sessions,
            } => {
                let new = NewType {
                    name: name.unwrap_or_else(|| kind.name.clone()),
                    slug: kind.name,
                    sessions,
                };
                let made: TicketType = client.post(&["events", &kind.event, "types"], &new).await?;
                shell
                    .output
                    .show(&made, |page| types_table(page, std::slice::from_ref(&made)))?;
            }
            Self::Allow { kind } => {
                let [events, event, types, name] = kind.path("types");
                let path = [events, event, types, name, "allow"];
                let allowed: TicketType = client.post(&path, &()).await?;
                shell.output.show(&allowed, |page| {
                    types_table(page, std::slice::from_ref(&allowed));
                })?;
            }
            Self::Change { kind, names } => {
                let change = NamesChange::from(names);
                let changed: TicketType = client.patch(&kind.path("types"), &change).await?;
                shell.output.show(&changed, |page| {
                    types_table(page, std::slice::from_ref(&changed));
                })?;
            }
            Self::Retire { kind } => {
                let retired: TicketType = client.delete(&kind.path("types")).await?;
                shell.output.show(&retired, |page| {
                    page.line(format_args!(
                        "Ticket type {} ({}) is retired.",
                        retired.name, retired.slug
                    ));
                })?;
            }
            Self::Restore { kind } => {
                let [events, event, types, name] = kind.path("types");
                let path = [events, event, types, name, "restore"];
                let back: TicketType = client.post(&path, &()).await?;
                shell.output.show(&back, |page| {
                    types_table(page, std::slice::from_ref(&back));
                })?;
            }
            Self::List { event } => {
                let mut all: Vec<TicketType> = client.list(&["events", &event, "types"]).await?;
                all.retain(|kind| !kind.retired);
                shell.output.list_by(&all, |page| types_table(page, &all))?;
            }
        }
        Ok(Exit::Done)
    }
}

/// Ticket types for people.
pub fn types_table(page: &mut Page, types: &[TicketType]) {
    let rows: Vec<[String; 4]> = types
        .iter()
        .map(|kind| {
            let sessions = match kind.sessions.len() {
                0 => "single session".to_owned(),
                many => format!("pass for {many} sessions"),
            };
            let sessions = if kind.restricted {
                format!("{sessions}; new: opens no zone where rules name zones")
            } else {
                sessions
            };
            [
                kind.slug.clone(),
                kind.name.clone(),
                kind.number.to_string(),
                sessions,
            ]
        })
        .collect();
    page.table(
        ["type", "name", "number", "valid for"],
        &rows,
        "No ticket types yet.",
    );
}
