//! `usher ticket`: the rights of persons to enter.

use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::qr::{Qr, Surface};
use crate::say;
use crate::shell::Shell;
use crate::values::{CANCEL_REASONS, InEvent, words};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::PathBuf;
use usher_domain::api::tickets::{self, NewTicket, TicketChange, TicketDetails};
use usher_domain::ids::DeviceId;
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, TicketState};

/// Tickets
#[derive(Debug, Subcommand)]
pub enum Ticket {
    /// Create a ticket; without --medium it gets a signed code
    Create(Create),
    /// Change details; what is left out stays as it is
    Update(Update),
    /// Make a new code; the old one is refused from now on
    Reissue {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// A barcode of the new issue in place of a signed code; repeat it for each
        #[arg(long = "medium", value_name = "CODE")]
        media: Vec<String>,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Let it not enter any more
    Cancel {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// Why
        #[arg(long, default_value = "other", value_parser = words::<CancelReason>(CANCEL_REASONS))]
        reason: CancelReason,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Hold it back
    Block {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Hold it back no longer
    Unblock {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Let one more barcode or wristband open it
    Attach {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// The barcode's text
        medium: String,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Show a ticket
    Show {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
    },
    /// Draw a ticket's code: in the terminal, or as a PNG file
    Qr {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// How it is drawn.
        #[command(flatten)]
        drawing: Drawing,
    },
}

/// Makes a request safe to repeat.
#[derive(Debug, Clone, Args)]
pub struct Once {
    /// Repeating the command with the same key changes nothing
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

/// How a code is drawn.
#[derive(Debug, Clone, Args)]
pub struct Drawing {
    /// Write a PNG file in place of drawing in the terminal
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,
    /// Draw for paper, which gets folded and wet, not for a screen
    #[arg(long)]
    pub paper: bool,
    /// Width of a module in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=i64::from(crate::qr::MAX_MODULE_PX)))]
    pub module: u32,
}

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
    /// The holder's name
    #[arg(long, value_name = "NAME")]
    pub holder: Option<String>,
    /// A barcode or wristband that opens it; repeat it for each
    #[arg(long = "medium", value_name = "CODE")]
    pub media: Vec<String>,
    /// Seat
    #[arg(long)]
    pub seat: Option<String>,
    /// The only zone it opens, by slug or id
    #[arg(long)]
    pub zone: Option<String>,
    /// Not valid before: a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Timestamp>,
    /// Not valid after: a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Timestamp>,
    /// What staff must check
    #[arg(long, value_name = "TEXT")]
    pub instruction: Option<String>,
    /// Entries, in place of the type's
    #[arg(long, value_name = "COUNT")]
    pub entries: Option<u16>,
    /// The one device that may admit it without a network, by id
    #[arg(long, value_name = "DEVICE")]
    pub home_device: Option<DeviceId>,
    /// Makes the request safe to repeat.
    #[command(flatten)]
    pub once: Once,
}

/// Change a ticket's details.
#[derive(Debug, Args)]
pub struct Update {
    /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
    pub ticket: InEvent,
    /// The holder's name
    #[arg(long, value_name = "NAME")]
    pub holder: Option<String>,
    /// Seat
    #[arg(long)]
    pub seat: Option<String>,
    /// Type, by slug or number
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// Zone, by slug or id
    #[arg(long)]
    pub zone: Option<String>,
    /// Not valid before: a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Timestamp>,
    /// Not valid after: a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Timestamp>,
    /// What staff must check
    #[arg(long, value_name = "TEXT")]
    pub instruction: Option<String>,
    /// Entries, in place of the type's
    #[arg(long, value_name = "COUNT")]
    pub entries: Option<u16>,
    /// The one device that may admit it without a network, by id
    #[arg(long, value_name = "DEVICE")]
    pub home_device: Option<DeviceId>,
    /// Makes the request safe to repeat.
    #[command(flatten)]
    pub once: Once,
}

impl Drawing {
    fn qr(&self, code: &str) -> Result<Qr, CliError> {
        let surface = if self.paper {
            Surface::Paper
        } else {
            Surface::Screen
        };
        Ok(Qr::new(code, surface)?)
    }

    /// The code as a PNG file, with a line for people under it.
    ///
    /// # Errors
    /// [`CliError::Qr`].
    pub fn png(&self, code: &str, caption: &str) -> Result<Vec<u8>, CliError> {
        Ok(self.qr(code)?.png(self.module, caption)?)
    }

    /// The code for a terminal.
    ///
    /// # Errors
    /// [`CliError::Qr`].
    pub fn terminal(&self, code: &str) -> Result<String, CliError> {
        Ok(self.qr(code)?.terminal())
    }
}

impl Ticket {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let (ticket, change, once) = match self {
            Self::Create(create) => {
                let (event, once, new) = create.request();
                let made = client
                    .post_once(&["events", &event, "tickets"], once.as_deref(), &new)
                    .await?;
                show(shell, &made)?;
                return Ok(Exit::Done);
            }
            Self::Show { ticket } => {
                let found = client.get(&ticket.path("tickets")).await?;
                show(shell, &found)?;
                return Ok(Exit::Done);
            }
            Self::Qr { ticket, drawing } => {
                let found = client.get(&ticket.path("tickets")).await?;
                draw(shell, &found, &drawing)?;
                return Ok(Exit::Done);
            }
            Self::Update(update) => update.request(),
            Self::Reissue {
                ticket,
                media,
                once,
            } => {
                let media = media.into_iter().map(Private::new).collect();
                (ticket, TicketChange::Reissue { media }, once)
            }
            Self::Cancel {
                ticket,
                reason,
                once,
            } => (ticket, TicketChange::Cancel { reason }, once),
            Self::Block { ticket, once } => (ticket, TicketChange::Block, once),
            Self::Unblock { ticket, once } => (ticket, TicketChange::Unblock, once),
            Self::Attach {
                ticket,
                medium,
                once,
            } => {
                let medium = Private::new(medium);
                (ticket, TicketChange::Attach { medium }, once)
            }
        };
        let [events, event, tickets, name] = ticket.path("tickets");
        let path = [events, event, tickets, name, "changes"];
        let changed = client
            .post_once(&path, once.idempotency_key.as_deref(), &change)
            .await?;
        show(shell, &changed)?;
        Ok(Exit::Done)
    }
}

impl Create {
    fn request(self) -> (String, Option<String>, NewTicket) {
        let new = NewTicket {
            kind: self.kind,
            session: self.session,
            external: self.external,
            order: self.order.map(Private::new),
            channel: self.channel,
            holder: self.holder.map(Private::new),
            media: self.media.into_iter().map(Private::new).collect(),
            seat: self.seat,
            zone: self.zone,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            instruction: self.instruction,
            entries: self.entries,
            home: self.home_device,
        };
        (self.event, self.once.idempotency_key, new)
    }
}

impl Update {
    fn request(self) -> (InEvent, TicketChange, Once) {
        let details = TicketDetails {
            holder: self.holder.map(Private::new),
            seat: self.seat,
            kind: self.kind,
            zone: self.zone,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            instruction: self.instruction,
            entries: self.entries,
            home: self.home_device,
        };
        (self.ticket, TicketChange::Update(details), self.once)
    }
}

fn show(shell: &mut Shell, ticket: &tickets::Ticket) -> Result<(), CliError> {
    shell.output.show(ticket, |page| {
        page.line(format_args!("Ticket {}", ticket.id));
        page.field("type", &ticket.kind);
        let state = match ticket.state {
            TicketState::Cancelled(reason) => format!("cancelled: {}", say::cancelled(reason)),
            TicketState::Valid => "valid".to_owned(),
            TicketState::Blocked => "held back".to_owned(),
        };
        page.field("state", state);
        page.field("issue", ticket.issue);
        page.field("channel", &ticket.channel);
        let optional = [
            ("number", ticket.external.as_deref()),
            ("order", ticket.order.as_ref().map(Private::reveal)),
            ("holder", ticket.holder.as_ref().map(Private::reveal)),
            ("seat", ticket.seat.as_deref()),
            ("instruction", ticket.instruction.as_deref()),
            ("code", ticket.code.as_ref().map(Private::reveal)),
        ];
        for (label, value) in optional {
            if let Some(value) = value {
                page.field(label, value);
            }
        }
    })?;
    Ok(())
}

fn draw(shell: &mut Shell, ticket: &tickets::Ticket, drawing: &Drawing) -> Result<(), CliError> {
    let code = ticket
        .code
        .as_ref()
        .map(Private::reveal)
        .ok_or(CliError::Missing(
            "the server does not show this ticket's code to this token",
        ))?;
    match &drawing.out {
        Some(file) => {
            let caption = ticket.external.as_deref().unwrap_or_default();
            files::create_private(file, &drawing.png(code, caption)?)?;
            shell
                .output
                .show(&serde_json::json!({ "file": file }), |page| {
                    page.line(format_args!("Drawn in {}", file.display()));
                })?;
        }
        None => {
            let drawn = drawing.terminal(code)?;
            shell
                .output
                .show(&serde_json::json!({ "code": code }), |page| {
                    page.block(&drawn)
                })?;
        }
    }
    Ok(())
}
