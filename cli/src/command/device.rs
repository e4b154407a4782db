//! `usher device`: enrolled installations.

use clap::Subcommand;

/// Enrolled devices
#[derive(Debug, Subcommand)]
pub enum Device {
    /// List devices
    List,
    /// Say that the six digits on the device match
    Confirm {
        /// The device, by id or name
        device: String,
        /// The digits as the device shows them
        digits: String,
    },
    /// Say that a device stands elsewhere now
    Move {
        /// The device, by id or name
        device: String,
        /// The gate, by slug or id
        #[arg(long, required_unless_present = "spare")]
        gate: Option<String>,
        /// It stands nowhere: it is a spare
        #[arg(long, conflicts_with = "gate")]
        spare: bool,
    },
    /// Stop trusting a device; scans it sends from then on wait for a ruling
    Revoke {
        /// The device, by id or name
        device: String,
    },
}
