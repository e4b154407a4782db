//! `usher ticket list`: tickets of an event or a session, as a table or as JSON.

use super::show::state;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use crate::values::{TICKET_STATES, words};
use clap::Args;
use serde::Serialize;
use usher_domain::api::Page;
use usher_domain::api::tickets::{StateWord, Ticket, TicketQuery};
use usher_domain::secret::Private;

/// Tickets on one page of the server at most.
const PAGE_MAX: u32 = 500;

/// List the tickets of an event or a session.
#[derive(Debug, Args)]
pub struct List {
    /// The event, or one of its sessions as EVENT/SESSION
    #[arg(value_name = "EVENT[/SESSION]")]
    pub place: String,
    /// Only those in this state
    #[arg(long, value_parser = words::<StateWord>(TICKET_STATES))]
    pub state: Option<StateWord>,
    /// Only those of this type, by slug or number
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Only those whose number, order number, name or seat contains this text, or whose barcode it is
    #[arg(long)]
    pub text: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "all")]
    pub limit: u32,
    /// Go on after this ticket, as the list before said
    #[arg(long, value_name = "TICKET")]
    pub after: Option<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
}

/// A list that may go on.
#[derive(Serialize)]
struct Listed {
    items: Vec<Ticket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl List {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<Exit, CliError> {
        let (event, session) = match self.place.split_once('/') {
            Some((event, session)) => (event, Some(session.to_owned())),
            None => (self.place.as_str(), None),
        };
        let query = TicketQuery {
            after: self.after.clone(),
            limit: None,
            session,
            state: self.state,
            kind: self.kind.clone(),
            text: self.text.clone().map(Private::new),
        };
        let wanted = if self.all {
            usize::MAX
        } else {
            self.limit as usize
        };
        let listed = read(client, event, query, wanted).await?;
        shell.output.show(&listed, |page| {
            let rows: Vec<[String; 7]> = listed.items.iter().map(row).collect();
            let head = [
                "number", "type", "sessions", "state", "holder", "seat", "id",
            ];
            page.table(head, &rows, "No such tickets.");
        })?;
        if let Some(next) = &listed.next {
            shell
                .output
                .note(format_args!("There are more: add --after {next}, or --all"))?;
        }
        Ok(Exit::Done)
    }
}

/// Reads pages until there are enough. Each begins after the one before, so that they end.
async fn read(
    client: &Client,
    event: &str,
    mut query: TicketQuery,
    wanted: usize,
) -> Result<Listed, CliError> {
    let mut items: Vec<Ticket> = Vec::new();
    loop {
        let missing = u32::try_from(wanted.saturating_sub(items.len())).unwrap_or(PAGE_MAX);
        query.limit = Some(missing.min(PAGE_MAX));
        let page: Page<Ticket> = client.page(&["events", event, "tickets"], &query).await?;
        items.extend(page.items);
        let is_new = page.next.is_some() && page.next != query.after;
        if !is_new || items.len() >= wanted {
            let next = page.next;
            return Ok(Listed { items, next });
        }
        query.after = page.next;
    }
}

fn row(ticket: &Ticket) -> [String; 7] {
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    [
        or_none(ticket.external.as_deref()),
        ticket.kind.clone(),
        ticket.sessions.join(" "),
        state(ticket.state),
        or_none(ticket.holder.as_ref().map(Private::reveal)),
        or_none(ticket.seat.as_deref()),
        ticket.id.to_string(),
    ]
}
