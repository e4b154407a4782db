//! `usher search`, `usher status`, `usher audit` and `usher doctor`: looking into a device.

use clap::{Args, Subcommand};

/// Find tickets by name or order number; only on devices whose role may search
#[derive(Debug, Args)]
pub struct Search {
    /// A part of a name, or an order number
    pub text: String,
    /// The session that is searched, by id or name, in place of the timetable's
    #[arg(long)]
    pub session: Option<String>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// Look for damage, and repair it
#[derive(Debug, Subcommand)]
pub enum Doctor {
    /// Compare this device's tables with the server's, bucket by bucket
    Compare,
    /// Fetch what differs, and only that
    Repair,
}
