//! `usher organizer`: who sells, and the root key that everything is trusted by.

use crate::passphrase::PassphraseSource;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Organizers and their root keys
#[derive(Debug, Subcommand)]
pub enum Organizer {
    /// Create an organizer, its root key and its first trust document
    ///
    /// The root key is made on this machine, encrypted under a passphrase and written to a file; it is
    /// never sent. Keep the file and the passphrase apart from the server, and a copy of both: without
    /// them no key can be renewed.
    Create(Create),
    /// List organizers
    List,
    /// Show an organizer, its keys and how long they are trusted
    Show {
        /// The organizer, by slug or id; the one of the token if left out
        organizer: Option<String>,
    },
    /// Sign a new trust document, so that the server's keys stay trusted
    ///
    /// Where the server made new keys, they replace the old ones from now on.
    Renew(Renew),
}

/// Create an organizer.
#[derive(Debug, Args)]
pub struct Create {
    /// Short name for paths: a-z, 0-9 and -
    pub slug: String,
    /// Name for people; the short name if left out
    #[arg(long)]
    pub name: Option<String>,
    /// Where to write the encrypted root key; SLUG.root if left out
    #[arg(long, value_name = "FILE")]
    pub root_key: Option<PathBuf>,
    /// How many days the server's keys are trusted
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseSource,
}

/// Sign a new trust document.
#[derive(Debug, Args)]
pub struct Renew {
    /// The organizer, by slug or id; the one of the token if left out
    pub organizer: Option<String>,
    /// The encrypted root key
    #[arg(long, value_name = "FILE")]
    pub root_key: PathBuf,
    /// How many days the server's keys are trusted
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Let the server make new keys first; those in use are withdrawn from then on
    #[arg(long)]
    pub rotate: bool,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseSource,
}
