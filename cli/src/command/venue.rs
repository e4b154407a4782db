//! `usher zone` and `usher gate`: areas of the venue and the places where devices stand.

use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::Subcommand;
use usher_domain::api::venue::{self, NewGate, NewZone};

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

impl Zone {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create { slug, name } => {
                let name = name.unwrap_or_else(|| slug.clone());
                let zone: venue::Zone = client.post(&["zones"], &NewZone { slug, name }).await?;
                shell.output.show(&zone, |page| {
                    page.line(format_args!("Zone {} ({})", zone.name, zone.slug));
                })?;
            }
            Self::List => {
                let all: Vec<venue::Zone> = client.list(&["zones"]).await?;
                shell
                    .output
                    .list(&all, ["slug", "name", "id"], "No zones yet.", |zone| {
                        [zone.slug.clone(), zone.name.clone(), zone.id.to_string()]
                    })?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Gate {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create { slug, name, zone } => {
                let name = name.unwrap_or_else(|| slug.clone());
                let new = NewGate { slug, name, zone };
                let gate: venue::Gate = client.post(&["gates"], &new).await?;
                shell.output.show(&gate, |page| {
                    page.line(format_args!("Gate {} ({})", gate.name, gate.slug));
                })?;
            }
            Self::List => {
                let all: Vec<venue::Gate> = client.list(&["gates"]).await?;
                let zones: Vec<venue::Zone> = client.list(&["zones"]).await?;
                let zone_of = |gate: &venue::Gate| {
                    let zone = zones.iter().find(|zone| Some(zone.id) == gate.zone);
                    zone.map_or_else(|| "whole venue".to_owned(), |zone| zone.slug.clone())
                };
                shell.output.list(
                    &all,
                    ["slug", "name", "leads to", "id"],
                    "No gates yet.",
                    |gate| {
                        [
                            gate.slug.clone(),
                            gate.name.clone(),
                            zone_of(gate),
                            gate.id.to_string(),
                        ]
                    },
                )?;
            }
        }
        Ok(Exit::Done)
    }
}
