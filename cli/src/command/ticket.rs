//! `usher ticket`: the rights of persons to enter.

use crate::values::{CANCEL_REASONS, InEvent, words};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::PathBuf;
use usher_domain::ids::DeviceId;
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
        /// The ticket, as EVENT/TICKET
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
        /// The ticket, as EVENT/TICKET
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
        /// The ticket, as EVENT/TICKET
        ticket: InEvent,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Hold it back no longer
    Unblock {
        /// The ticket, as EVENT/TICKET
        ticket: InEvent,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Let one more barcode or wristband open it
    Attach {
        /// The ticket, as EVENT/TICKET
        ticket: InEvent,
        /// The barcode's text
        medium: String,
        /// Makes the request safe to repeat.
        #[command(flatten)]
        once: Once,
    },
    /// Show a ticket
    Show {
        /// The ticket, as EVENT/TICKET
        ticket: InEvent,
    },
    /// Draw a ticket's code: in the terminal, or as a PNG file
    Qr {
        /// The ticket, as EVENT/TICKET
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
    /// The ticket, as EVENT/TICKET
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
