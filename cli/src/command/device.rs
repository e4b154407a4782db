//! `usher device`: enrolled installations.

use crate::ask::{confirm, confirm_if_somebody_is_there};
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::word;
use crate::zone::Wall;
use clap::Subcommand;
use usher_domain::api::access::{self, Arrived, DeviceChange, DeviceState};
use usher_domain::ids::DeviceId;

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
    /// Change what a device is called
    Rename {
        /// The device, by id or name
        device: String,
        /// What it is called from now on
        name: String,
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
    /// Say that a device died or is lost: nobody waits for its word, and what it may have admitted is told
    StandDown {
        /// The device, by id or name
        device: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
    /// Take a device out of use that is not on duty: it does not count any more, and lists leave it out
    ///
    /// What it recorded stays. One that has scans to send is not retired.
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The device, by id or name
        device: String,
    },
    /// Have a retired device in lists again; to admit it must be enrolled anew
    Restore {
        /// The device, by id or name
        device: String,
    },
    /// Stop trusting a device; scans it sends from then on wait for a ruling
    ///
    /// A device that is revoked already can be revoked since an earlier time: that only takes more away.
    Revoke {
        /// The device, by id or name
        device: String,
        /// It was in wrong hands since then, as 20m, 20:15 or "2027-05-01 20:15": what arrived of it since
        /// waits for a ruling, too
        #[arg(long, value_name = "TIME")]
        since: Option<Time>,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}

impl Device {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let all: Vec<access::Device> = client.list(&["devices"]).await?;
        let (device, change) = match self {
            Self::List => {
                let mut all = all;
                all.retain(|device| !device.retired);
                let wall = Wall::of_events(&client, &[]).await?;
                let row = |device: &access::Device| row(device, &wall);
                shell.output.list(
                    &all,
                    [
                        "name",
                        "gate",
                        "role",
                        "state",
                        "unsent",
                        "disk left",
                        "last heard",
                        "on duty",
                        "id",
                    ],
                    "No devices yet.",
                    row,
                )?;
                if all
                    .iter()
                    .any(|device| device.state == DeviceState::Waiting)
                {
                    shell.output.note(
                        "Compare the digits with those on the device's screen; if they match: \
                         usher device confirm NAME DIGITS",
                    )?;
                }
                return Ok(Exit::Done);
            }
            Self::Confirm { device, digits } => {
                // People read and type them in groups.
                let digits = digits.split_whitespace().collect();
                (device, DeviceChange::Confirm { digits })
            }
            Self::Rename { device, name } => (device, DeviceChange::Rename { name }),
            Self::Move {
                device,
                gate,
                spare: _,
            } => (device, DeviceChange::Move { gate }),
            Self::StandDown { device, yes } => {
                let question = format!(
                    "Stand {device} down? Nobody waits for its word any more: what it admits unheard is told \
                     when it is heard of again."
                );
                confirm_if_somebody_is_there(&question, yes)?;
                (device, DeviceChange::StandDown)
            }
            Self::Retire { device } => (device, DeviceChange::Retire),
            Self::Restore { device } => (device, DeviceChange::Restore),
            Self::Revoke { device, since, yes } => {
                let id = find(&all, &device)?.to_string();
                let change = revocation(shell, &client, (&device, &id), since, yes).await?;
                (id, change)
            }
        };
        let confirmed = match &change {
            DeviceChange::Confirm { digits } => format!(" is confirmed by {digits}"),
            DeviceChange::StandDown => " is off duty until it is heard of".to_owned(),
            DeviceChange::RevokeSince { since } => {
                let wall = Wall::of_events(&client, &[]).await?;
                format!(
                    " does not count any more, nor does what arrived of it since {} (usher incident list)",
                    wall.say(*since)
                )
            }
            DeviceChange::Retire => " is retired".to_owned(),
            DeviceChange::Restore => " is in lists again".to_owned(),
            DeviceChange::Rename { .. } | DeviceChange::Move { .. } | DeviceChange::Revoke => {
                String::new()
            }
        };
        let id = find(&all, &device)?.to_string();
        let changed: access::Device = client.patch(&["devices", &id], &change).await?;
        shell.output.show(&changed, |page| {
            let place = changed
                .gate_slug
                .as_deref()
                .map_or("spare".to_owned(), |gate| format!("gate {gate}"));
            page.line(format_args!(
                "Device {}{confirmed}: {}, {place}",
                changed.name,
                word(&changed.state)
            ));
        })?;
        Ok(Exit::Done)
    }
}

/// Says what revoking a device does and to how many scans, and asks.
async fn revocation(
    shell: &Shell,
    client: &Client,
    (name, id): (&str, &str),
    since: Option<Time>,
    yes: bool,
) -> Result<DeviceChange, CliError> {
    let Some(since) = since else {
        let question = format!(
            "Revoke {name}? It admits nobody any more and must be enrolled anew; what it sends from now on \
             waits for a ruling."
        );
        confirm_if_somebody_is_there(&question, yes)?;
        return Ok(DeviceChange::Revoke);
    };
    let wall = Wall::of_events(client, &[]).await?;
    let since = Calendar::by(shell, &wall)?
        .read(since, Tense::Passed)
        .map_err(CliError::Invalid)?;
    let query = serde_json::json!({ "since": since });
    let arrived: Arrived = client.get_with(&["devices", id, "arrived"], &query).await?;
    let question = format!(
        "Revoke {name} since {}? {} scans arrived of it since then, {} of them let somebody in or out: they \
         do not count until you accept them.",
        wall.say(since),
        arrived.scans,
        arrived.admitted
    );
    confirm(&question, yes)?;
    Ok(DeviceChange::RevokeSince { since })
}

/// The device of this id, or the only one of this name.
fn find(all: &[access::Device], named: &str) -> Result<DeviceId, CliError> {
    if let Some(device) = all.iter().find(|device| device.id.to_string() == named) {
        return Ok(device.id);
    }
    let of_name = || all.iter().filter(|device| device.name == named);
    // Revoked namesakes stand in nobody's way.
    let mut current = of_name().filter(|device| device.state != DeviceState::Revoked);
    if let (Some(device), None) = (current.next(), current.next()) {
        return Ok(device.id);
    }
    let mut of_any_state = of_name();
    match (of_any_state.next(), of_any_state.next()) {
        (Some(device), None) => Ok(device.id),
        (Some(_), Some(_)) => {
            let told = |device: &access::Device| {
                let gate = device.gate_slug.as_deref();
                let place = gate.map_or_else(|| "spare".to_owned(), |gate| format!("gate {gate}"));
                format!("{} ({place}, {})", device.id, word(&device.state))
            };
            let told: Vec<String> = of_name().map(told).collect();
            Err(CliError::Invalid(format!(
                "several devices are called {named}: give the id, one of {}",
                told.join(", ")
            )))
        }
        (None, _) => {
            let names: Vec<&str> = all.iter().map(|device| device.name.as_str()).collect();
            Err(CliError::Invalid(if names.is_empty() {
                format!("no device is called {named}: there are none yet")
            } else {
                format!(
                    "no device is called {named}: there are {}",
                    names.join(", ")
                )
            }))
        }
    }
}

/// The device that a person names, by id or name.
///
/// # Errors
/// [`CliError`] if there is none, or several; it says which there are.
pub(super) async fn named(client: &Client, named: &str) -> Result<DeviceId, CliError> {
    match named.parse() {
        Ok(id) => Ok(id),
        Err(_) => {
            let all: Vec<access::Device> = client.list(&["devices"]).await?;
            find(&all, named)
        }
    }
}

fn row(device: &access::Device, wall: &Wall) -> [String; 9] {
    let none = || "-".to_owned();
    let state = match &device.digits {
        Some(digits) => format!("to be confirmed: {digits}"),
        None => word(&device.state),
    };
    [
        device.name.clone(),
        device
            .gate_slug
            .clone()
            .unwrap_or_else(|| "spare".to_owned()),
        word(&device.role),
        state,
        device.unsent.map_or_else(none, |unsent| unsent.to_string()),
        device
            .storage_left
            .map_or_else(none, |bytes| indicatif::BinaryBytes(bytes).to_string()),
        device.seen.map_or_else(none, |seen| wall.say(seen)),
        match device.duty {
            None => "no".to_owned(),
            Some(_) if device.copied.is_some() => "copied".to_owned(),
            Some(access::Duty { known_until: None }) => "not heard of".to_owned(),
            Some(access::Duty {
                known_until: Some(at),
            }) => format!("known until {}", wall.say(at)),
        },
        device.id.to_string(),
    ]
}
