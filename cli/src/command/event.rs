//! `usher event`: what is sold.

use clap::Subcommand;

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
