//! `usher session`: dated occurrences of an event, their rules, and orders to everyone inside.

use crate::rules::RuleFlags;
use crate::values::{InEvent, Until};
use clap::{Args, Subcommand};

/// Sessions: dated occurrences of an event
#[derive(Debug, Subcommand)]
pub enum Session {
    /// Create a session
    ///
    /// Times are local times of the event's time zone, such as "2027-10-30 22:00", or RFC 3339.
    Create(Create),
    /// List the sessions of an event
    List {
        /// The event, by slug or id
        event: String,
    },
    /// Show a session with its rules and the version of its ticket set
    Show {
        /// The session, as EVENT/SESSION
        session: InEvent,
    },
    /// Change times, name or rules; what is left out stays as it is
    Change(Change),
    /// Say that everyone was sent out: each may come in once more
    EveryoneOut {
        /// The session, as EVENT/SESSION
        session: InEvent,
        /// Only this zone, by slug or id
        #[arg(long)]
        zone: Option<String>,
    },
    /// Open a gate for a time: scans are counted and not checked
    FreeFlow {
        /// The session, as EVENT/SESSION
        session: InEvent,
        /// The gate, by slug or id
        #[arg(long)]
        gate: String,
        /// Until when: a time (RFC 3339), or how long as 15m or 1h
        #[arg(long)]
        until: Until,
    },
}

/// Create a session.
#[derive(Debug, Args)]
pub struct Create {
    /// The new session, as EVENT/SLUG
    pub session: InEvent,
    /// Name for people; the short name if left out
    #[arg(long)]
    pub name: Option<String>,
    /// When the doors open
    #[arg(long, value_name = "TIME")]
    pub doors: String,
    /// When it starts; when the doors open if left out
    #[arg(long, value_name = "TIME")]
    pub starts: Option<String>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub ends: String,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleFlags,
}

/// Change a session.
#[derive(Debug, Args)]
pub struct Change {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
    /// When the doors open
    #[arg(long, value_name = "TIME")]
    pub doors: Option<String>,
    /// When it starts
    #[arg(long, value_name = "TIME")]
    pub starts: Option<String>,
    /// When it ends
    #[arg(long, value_name = "TIME")]
    pub ends: Option<String>,
    /// Its rules.
    #[command(flatten)]
    pub rules: RuleFlags,
}
