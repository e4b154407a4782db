//! `usher zone` and `usher gate`: areas of the venue and the places where devices stand.

use clap::Subcommand;

/// Zones: areas of the venue
#[derive(Debug, Subcommand)]
pub enum Zone {
    /// Create a zone
    Create {
        /// Short name for paths: a-z, 0-9 and -
        slug: String,
        /// Name for people; the short name if left out
        #[arg(long)]
        name: Option<String>,
    },
    /// List zones
    List,
}

/// Gates: places where devices stand
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Create a gate
    Create {
        /// Short name for paths: a-z, 0-9 and -
        slug: String,
        /// Name for people; the short name if left out
        #[arg(long)]
        name: Option<String>,
        /// The zone it leads to, by slug or id; the whole venue if left out
        #[arg(long)]
        zone: Option<String>,
    },
    /// List gates
    List,
}
