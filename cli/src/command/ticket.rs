//! `usher ticket`: the rights of persons to enter.

mod details;
mod list;
mod show;

pub use details::{Create, Details, Update};
pub use list::List;
pub use show::Which;
pub(super) use show::state;

use crate::error::CliError;
use crate::exit::Exit;
use crate::qr::{Qr, Surface};
use crate::shell::Shell;
use crate::values::{CANCEL_REASONS, InEvent, words};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use usher_domain::api::tickets::{self, TicketChange};
use usher_domain::secret::Private;
use usher_domain::table::rows::CancelReason;

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
        /// Why; without it a ticket that is cancelled already keeps its reason, and any other gets "other"
        #[arg(long, value_parser = words::<CancelReason>(CANCEL_REASONS))]
        reason: Option<CancelReason>,
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
    /// Let it enter again, after it was cancelled or held back
    ///
    /// Refused while the last list that was imported refuses it.
    Restore {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// Why, in a sentence; it stays with the ticket
        #[arg(long)]
        reason: String,
        /// Also if its money was given back or charged back, or another ticket took its place
        #[arg(long)]
        although_refunded: bool,
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
    /// List the tickets of an event or a session
    List(List),
    /// Show a ticket with its sessions and everything that opens it
    Show {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
    },
    /// Draw a ticket's code: in the terminal, or as a PNG file
    Qr {
        /// The ticket, as EVENT/TICKET: by its id, the seller's number, or its barcode
        ticket: InEvent,
        /// Which medium, by its number in `ticket show` or its kind: signed or barcode
        ///
        /// If left out, the signed code of ours; the barcode of a ticket that never had one.
        #[arg(long, value_name = "MEDIUM")]
        medium: Option<Which>,
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

impl Drawing {
    fn qr(&self, code: &str) -> Result<Qr, CliError> {
        let surface = if self.paper {
            Surface::Paper
        } else {
            Surface::Screen
        };
        Ok(Qr::new(code, surface)?)
    }

    /// The code as a PNG file, with lines for people under it.
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
                let (event, once, new) = create.request(shell, &client).await?;
                show::warn_of_weak(shell, &new.media)?;
                let made: tickets::Ticket = client
                    .post_once(&["events", &event, "tickets"], once.as_deref(), &new)
                    .await?;
                show::show(shell, &client, &event, &made).await?;
                return Ok(Exit::Done);
            }
            Self::List(list) => return list.run(shell, &client).await,
            Self::Show { ticket } => {
                let found = client.get(&ticket.path("tickets")).await?;
                show::show(shell, &client, &ticket.event, &found).await?;
                return Ok(Exit::Done);
            }
            Self::Qr {
                ticket,
                medium,
                drawing,
            } => {
                let found = client.get(&ticket.path("tickets")).await?;
                show::draw(shell, &found, medium, &drawing)?;
                return Ok(Exit::Done);
            }
            Self::Update(update) => update.request(shell, &client).await?,
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
            Self::Restore {
                ticket,
                reason,
                although_refunded,
                once,
            } => {
                let change = TicketChange::Restore {
                    reason,
                    although_refunded,
                };
                (ticket, change, once)
            }
            Self::Attach {
                ticket,
                medium,
                once,
            } => {
                let medium = Private::new(medium);
                (ticket, TicketChange::Attach { medium }, once)
            }
        };
        if let TicketChange::Reissue { media } = &change {
            show::warn_of_weak(shell, media)?;
        } else if let TicketChange::Attach { medium } = &change {
            show::warn_of_weak(shell, std::slice::from_ref(medium))?;
        }
        let [events, event, tickets, name] = ticket.path("tickets");
        let path = [events, event, tickets, name, "changes"];
        let changed: tickets::Ticket = client
            .post_once(&path, once.idempotency_key.as_deref(), &change)
            .await?;
        show::show(shell, &client, event, &changed).await?;
        Ok(Exit::Done)
    }
}
