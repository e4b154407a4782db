//! `usher staff`: people with badges. Their keys are made here; the server sees public keys alone.

use crate::values::{STAFF_ROLES, Until, words};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use usher_domain::table::rows::StaffRole;

/// People with badges
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// Add a person and make their badge
    ///
    /// The badge is a QR code as a PNG file. Whoever has it can sign in, so print it and delete the
    /// file. A supervisor gets a PIN besides, shown this once.
    Add(Add),
    /// Add people from a CSV list: name, role, gates (separated by spaces), valid_from, valid_until
    Import(Import),
    /// List people
    List,
    /// End a person's badge at once
    Revoke {
        /// Their id
        id: String,
    },
    /// Make a new badge for a person; the old one ends
    Badge(Badge),
}

/// Add a person.
#[derive(Debug, Args)]
pub struct Add {
    /// Name as the badge shows it
    pub name: String,
    /// What they may do
    #[arg(long, default_value = "steward", value_parser = words::<StaffRole>(STAFF_ROLES))]
    pub role: StaffRole,
    /// A gate they may work at, by slug or id; repeat it for each; all if left out
    #[arg(long = "gate", value_name = "GATE")]
    pub gates: Vec<String>,
    /// Not valid before: a time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<jiff::Timestamp>,
    /// Not valid after: a time (RFC 3339), or how long as 3d
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Until>,
    /// Where to write the badge
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
    /// File with a supervisor's PIN of 6 to 12 digits; one is made if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

/// Add people from a list.
#[derive(Debug, Args)]
pub struct Import {
    /// The list
    pub file: PathBuf,
    /// Folder for the badges, and for supervisors' PINs in pins.csv
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Make a new badge.
#[derive(Debug, Args)]
pub struct Badge {
    /// The person's id
    pub id: String,
    /// Where to write the badge
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
    /// File with a supervisor's PIN of 6 to 12 digits; one is made if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}
