//! `usher zone` and `usher gate`: areas of the venue and the places where devices stand.

use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use clap::{Args, Subcommand};
use usher_domain::api::rules::Patch;
use usher_domain::api::venue::{self, GateChange, NamesChange, NewGate, NewZone};

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
    /// Change what a zone is called
    Change {
        /// The zone, by slug or id
        zone: String,
        /// What it is called from now on.
        #[command(flatten)]
        names: Names,
    },
    /// Retire a zone to which no gate leads and that no rules name
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The zone, by slug or id
        zone: String,
    },
    /// Bring a retired zone back
    Restore {
        /// The zone, by slug or id
        zone: String,
    },
}

/// What a thing is called from now on.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Names {
    /// Short name for paths: a-z, 0-9 and -
    #[arg(long)]
    pub slug: Option<String>,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
}

impl From<Names> for NamesChange {
    fn from(names: Names) -> Self {
        Self {
            slug: names.slug,
            name: names.name,
        }
    }
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
    /// Change a gate: what it is called, and where it leads
    Change(GateDetails),
    /// Retire a gate at which no device stands: it is recommended to nobody any more
    ///
    /// It stays named where it was recorded. Its short name is free for another one.
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The gate, by slug or id
        gate: String,
    },
    /// Bring a retired gate back
    Restore {
        /// The gate, by slug or id
        gate: String,
    },
}

/// Change a gate.
#[derive(Debug, Args)]
#[group(id = "details", required = true, multiple = true, args = ["slug", "name", "zone", "whole_venue"])]
pub struct GateDetails {
    /// The gate, by slug or id
    pub gate: String,
    /// Short name for paths: a-z, 0-9 and -
    #[arg(long)]
    pub slug: Option<String>,
    /// Name for people
    #[arg(long)]
    pub name: Option<String>,
    /// The zone it leads to, by slug or id
    #[arg(long)]
    pub zone: Option<String>,
    /// It leads to the whole venue
    #[arg(long, conflicts_with = "zone")]
    pub whole_venue: bool,
}

impl GateDetails {
    fn change(self) -> (String, GateChange) {
        let zone = match (self.zone, self.whole_venue) {
            (Some(zone), _) => Patch::Set(zone),
            (None, true) => Patch::Remove,
            (None, false) => Patch::Keep,
        };
        let change = GateChange {
            slug: self.slug,
            name: self.name,
            zone,
        };
        (self.gate, change)
    }
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
                let mut all: Vec<venue::Zone> = client.list(&["zones"]).await?;
                all.retain(|zone| !zone.retired);
                shell
                    .output
                    .list(&all, ["slug", "name", "id"], "No zones yet.", |zone| {
                        [zone.slug.clone(), zone.name.clone(), zone.id.to_string()]
                    })?;
            }
            Self::Change { zone, names } => {
                let change = NamesChange::from(names);
                let zone: venue::Zone = client.patch(&["zones", &zone], &change).await?;
                shell.output.show(&zone, |page| {
                    page.line(format_args!("Zone {} ({})", zone.name, zone.slug));
                })?;
            }
            Self::Restore { zone } => {
                let path = ["zones", &zone, "restore"];
                let zone: venue::Zone = client.post(&path, &()).await?;
                shell.output.show(&zone, |page| {
                    page.line(format_args!("Zone {} ({})", zone.name, zone.slug));
                })?;
            }
            Self::Retire { zone } => {
                let zone: venue::Zone = client.delete(&["zones", &zone]).await?;
                shell.output.show(&zone, |page| {
                    page.line(format_args!(
                        "Zone {} ({}) is retired.",
                        zone.name, zone.slug
                    ));
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
                let mut all: Vec<venue::Gate> = client.list(&["gates"]).await?;
                all.retain(|gate| !gate.retired);
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
            Self::Change(details) => {
                let (gate, change) = details.change();
                let gate: venue::Gate = client.patch(&["gates", &gate], &change).await?;
                shell.output.show(&gate, |page| {
                    page.line(format_args!("Gate {} ({})", gate.name, gate.slug));
                })?;
            }
            Self::Restore { gate } => {
                let path = ["gates", &gate, "restore"];
                let gate: venue::Gate = client.post(&path, &()).await?;
                shell.output.show(&gate, |page| {
                    page.line(format_args!("Gate {} ({})", gate.name, gate.slug));
                })?;
            }
            Self::Retire { gate } => {
                let gate: venue::Gate = client.delete(&["gates", &gate]).await?;
                shell.output.show(&gate, |page| {
                    page.line(format_args!(
                        "Gate {} ({}) is retired.",
                        gate.name, gate.slug
                    ));
                })?;
            }
        }
        Ok(Exit::Done)
    }
}
