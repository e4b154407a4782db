//! `usher report`: what happened at a session.

use crate::values::InEvent;
use clap::Args;
use std::path::PathBuf;

/// Report what happened at a session: people inside, entries by gate and minute, refusals
#[derive(Debug, Args)]
pub struct Report {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// Write every scan to this CSV file in place of the summary; - is standard output
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Show entries by minute as well
    #[arg(long)]
    pub minutes: bool,
}
