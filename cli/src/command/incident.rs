//! `usher incident`: what a person must look at.

use clap::Subcommand;

/// What a person must look at
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// List incidents
    List,
    /// Let a quarantined scan count
    Accept {
        /// Hash of its record in hex, as the list shows it
        record: String,
    },
    /// Let a quarantined scan not count
    Void {
        /// Hash of its record in hex, as the list shows it
        record: String,
    },
}
