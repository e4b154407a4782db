//! `usher undo` and `usher override`: what follows a scan.

use super::enroll::CodeSource;
use crate::values::{SANCTION_REASONS, words};
use clap::Args;
use std::path::PathBuf;
use usher_domain::document::sanction::SanctionReason;

/// Take a scan back; an undo is final
#[derive(Debug, Args)]
pub struct Undo {
    /// Hash of the scan's record in hex; the device's last admission if left out
    pub record: Option<String>,
}

/// Let someone in whom the last scan refused or referred, as a supervisor
///
/// Needs the supervisor's badge and PIN; both are forgotten at once.
#[derive(Debug, Args)]
pub struct Override {
    /// Where the badge comes from.
    #[command(flatten)]
    pub badge: CodeSource,
    /// Why
    #[arg(long, value_parser = words::<SanctionReason>(SANCTION_REASONS))]
    pub reason: SanctionReason,
    /// Hash of the record of the refusal in hex; the device's last one if left out
    #[arg(long, value_name = "HASH")]
    pub record: Option<String>,
    /// File with the PIN; the variable USHER_STAFF_PIN, or a question if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}
