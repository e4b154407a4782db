//! `usher sync`: exchange with the server.

use clap::Args;

/// Exchange with the server: ticket sets, staff, scans of all gates
#[derive(Debug, Args)]
pub struct Sync {
    /// Go on until told to stop, every few seconds
    #[arg(long)]
    pub watch: bool,
}
