//! `usher type`: kinds of tickets, and passes.

use crate::values::InEvent;
use clap::Subcommand;

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
    /// List the types of an event
    List {
        /// The event, by slug or id
        event: String,
    },
}
