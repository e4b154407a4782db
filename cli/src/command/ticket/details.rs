//! What can be said of a ticket when it is created, and changed later.

use super::Once;
use crate::client::Client;
use crate::command::device;
use crate::error::CliError;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{InEvent, TICKET_DETAILS, words};
use clap::Args;
use usher_domain::api::tickets::{NewTicket, TicketChange, TicketDetail, TicketDetails};
use usher_domain::secret::Private;

/// Create a ticket.
#[derive(Debug, Args)]
pub struct Create {
    /// The event, by slug or id
    pub event: String,
    /// Type, by slug or number
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: String,
    /// Session, by slug or id; none for a pass
    #[arg(long)]
    pub session: Option<String>,
    /// The seller's number of the ticket, unique in the event
    #[arg(long, value_name = "NUMBER")]
    pub external: Option<String>,
    /// The seller's order number
    #[arg(long, value_name = "NUMBER")]
    pub order: Option<String>,
    /// Sales channel
    #[arg(long)]
    pub channel: Option<String>,
    /// A barcode or wristband that opens it; repeat it for each
    #[arg(long = "medium", value_name = "CODE")]
    pub media: Vec<String>,
    /// What can be changed later.
    #[command(flatten)]
    pub details: Details,
    /// Makes the request safe to repeat.
    #[command(flatten)]
    pub once: Once,
}

/// Change a ticket's details.
#[derive(Debug, Args)]
pub struct Update {
    /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
    pub ticket: InEvent,
    /// Type, by slug or number
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Move it to this session, by slug or id; a signed code is a new one then
    #[arg(long)]
    pub session: Option<String>,
    /// What changes.
    #[command(flatten)]
    pub details: Details,
    /// Take a detail away; repeat it for each
    #[arg(long, value_name = "DETAIL", value_parser = words::<TicketDetail>(TICKET_DETAILS))]
    pub clear: Vec<TicketDetail>,
    /// Makes the request safe to repeat.
    #[command(flatten)]
    pub once: Once,
}

/// What can be said of a ticket at any time.
#[derive(Debug, Args)]
pub struct Details {
    /// The holder's name
    #[arg(long, value_name = "NAME")]
    pub holder: Option<String>,
    /// Seat
    #[arg(long)]
    pub seat: Option<String>,
    /// The only zone it opens, by slug or id
    #[arg(long)]
    pub zone: Option<String>,
    /// Not valid before this time, as 20:15, "tomorrow 19:00", now or 6h
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Time>,
    /// Not valid after this time, as 20:15, "tomorrow 19:00", now or 6h
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Time>,
    /// What staff must check
    #[arg(long, value_name = "TEXT")]
    pub instruction: Option<String>,
    /// Entries, in place of the type's
    #[arg(long, value_name = "COUNT")]
    pub entries: Option<u16>,
    /// Its home: the device that is asked before others let it in, and that alone does without a network where
    /// the session has `--isolated home-only`; by name or id
    #[arg(long, value_name = "DEVICE")]
    pub home_device: Option<String>,
}

impl Details {
    /// As a request says it.
    async fn written(
        self,
        kind: Option<String>,
        event: &str,
        shell: &Shell,
        client: &Client,
    ) -> Result<TicketDetails, CliError> {
        let home = match &self.home_device {
            Some(named) => Some(device::named(client, named).await?),
            None => None,
        };
        let calendar = Calendar::of_event(shell, client, event).await?;
        Ok(TicketDetails {
            holder: self.holder.map(Private::new),
            seat: self.seat,
            kind,
            session: None,
            zone: self.zone,
            valid_from: calendar.written(self.valid_from, Tense::ToCome)?,
            valid_until: calendar.written(self.valid_until, Tense::ToCome)?,
            instruction: self.instruction,
            entries: self.entries,
            home,
            clear: Vec::new(),
        })
    }
}

impl Create {
    /// The event, the key that makes the request safe to repeat, and the request.
    pub(super) async fn request(
        self,
        shell: &Shell,
        client: &Client,
    ) -> Result<(String, Option<String>, NewTicket), CliError> {
        let details = self
            .details
            .written(None, &self.event, shell, client)
            .await?;
        let new = NewTicket {
            kind: self.kind,
            session: self.session,
            external: self.external,
            order: self.order.map(Private::new),
            channel: self.channel,
            holder: details.holder,
            media: self.media.into_iter().map(Private::new).collect(),
            seat: details.seat,
            zone: details.zone,
            valid_from: details.valid_from,
            valid_until: details.valid_until,
            instruction: details.instruction,
            entries: details.entries,
            home: details.home,
        };
        Ok((self.event, self.once.idempotency_key, new))
    }
}

impl Update {
    /// The ticket, the change, and what makes it safe to repeat.
    pub(super) async fn request(
        self,
        shell: &Shell,
        client: &Client,
    ) -> Result<(InEvent, TicketChange, Once), CliError> {
        let event = &self.ticket.event;
        let details = self.details.written(self.kind, event, shell, client);
        let details = TicketDetails {
            clear: self.clear,
            session: self.session,
            ..details.await?
        };
        Ok((self.ticket, TicketChange::Update(details), self.once))
    }
}
