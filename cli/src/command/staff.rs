//! `usher staff`: people with badges. Their keys are made here; the server sees public keys alone.

mod import;
mod lines;
mod making;

pub use import::Import;

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{STAFF_ROLES, word, words};
use crate::zone::Wall;
use clap::{Args, Subcommand};
use making::{Added, Person, Workshop};
use std::path::PathBuf;
use usher_domain::api::access::{self, StaffChange};
use usher_domain::api::rules::Patch;
use usher_domain::api::venue;
use usher_domain::ids::GateId;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;

/// Columns of the list.
const HEAD: [&str; 5] = ["name", "role", "gates", "state", "id"];

/// People with badges
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// Add a person and make their badge
    ///
    /// The badge is a QR code as a PNG file. Whoever has it can sign in, so print it and delete the
    /// file. A supervisor gets a PIN besides, shown this once.
    Add(Add),
    /// Add the people of a CSV list: name, role, gates (separated by spaces), valid_from, valid_until
    ///
    /// Who is there already, by name and role, stays as they are, so that a list that grew, or an import
    /// that was cut off, is imported again. Nobody is added while a line is wrong.
    Import(Import),
    /// List people
    List,
    /// Change a person's name, gates or dates; the badge stays good
    Change(Change),
    /// End a person's badge at once
    Revoke {
        /// The person, by name or id
        person: String,
    },
    /// End a person's badge, and leave them out of lists
    #[command(aliases = ["delete", "remove"])]
    Retire {
        /// The person, by name or id
        person: String,
    },
    /// Have a retired person in lists again; usher staff badge makes them a new badge
    Restore {
        /// The person, by name or id
        person: String,
    },
    /// Make a new badge for a person; the old one ends
    Badge(NewBadge),
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
    /// Not valid before this time, as "2027-10-30 22:00", "tomorrow 19:00", now or 6h
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Time>,
    /// Not valid after this time, as "2027-10-30 22:00", "tomorrow 19:00" or 3d
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Time>,
    /// Where to write the badge
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
    /// File with a supervisor's PIN: at least 8 digits, or what usher organizer change says, and 12 at
    /// most; one is made if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// It is another person of the same name and role
    #[arg(long)]
    pub namesake: bool,
}

/// Change a person.
#[derive(Debug, Args)]
#[group(
    id = "details",
    required = true,
    multiple = true,
    args = ["name", "gates", "all_gates", "valid_from", "valid_until", "at_any_time"]
)]
pub struct Change {
    /// The person, by name or id
    pub person: String,
    /// Their name from now on
    #[arg(long)]
    pub name: Option<String>,
    /// The gates they may work at, by slug or id; repeat it for each
    #[arg(long = "gate", value_name = "GATE")]
    pub gates: Vec<String>,
    /// They may work at all gates
    #[arg(long, conflicts_with = "gates")]
    pub all_gates: bool,
    /// Not valid before this time, as "2027-10-30 22:00", "tomorrow 19:00", now or 6h
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<Time>,
    /// Not valid after this time, as "2027-10-30 22:00", "tomorrow 19:00" or 3d
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<Time>,
    /// Valid at any time
    #[arg(long, conflicts_with_all = ["valid_from", "valid_until"])]
    pub at_any_time: bool,
}

/// Make a new badge.
#[derive(Debug, Args)]
pub struct NewBadge {
    /// The person, by name or id
    pub person: String,
    /// Where to write the badge
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
    /// File with a supervisor's PIN: at least 8 digits, or what usher organizer change says, and 12 at
    /// most; one is made if left out
    #[arg(long, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

impl Staff {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Add(add) => {
                if !add.namesake {
                    add.check_is_new(&client).await?;
                }
                let calendar = Calendar::of_all(shell, &client).await?;
                let person = Person {
                    name: Private::new(add.name),
                    role: add.role,
                    gates: add.gates,
                    valid_from: calendar.written(add.valid_from, Tense::ToCome)?,
                    valid_until: calendar.written(add.valid_until, Tense::ToCome)?,
                };
                let workshop = Workshop::open(&client).await?;
                let pin = workshop.pin_for(person.role, add.pin_file.as_deref())?;
                let added = workshop.make(person, &add.out, pin).await?;
                show(shell, &added)?;
            }
            Self::Import(import) => import.run(shell, &client).await?,
            Self::List => {
                let mut all: Vec<access::Staff> = client.list(&["staff"]).await?;
                all.retain(|staff| !staff.retired);
                let gates: Vec<venue::Gate> = client.list(&["gates"]).await?;
                let wall = Wall::of_events(&client, &[]).await?;
                let row = |one: &access::Staff| row(one, &gates, &wall);
                shell.output.list(&all, HEAD, "Nobody yet.", row)?;
            }
            Self::Revoke { person } => {
                let all: Vec<access::Staff> = client.list(&["staff"]).await?;
                let id = named(&all, &person)?.id.to_string();
                let revoked: access::Staff = client.delete(&["staff", &id]).await?;
                shell.output.show(&revoked, |page| {
                    page.line(format_args!(
                        "{}: the badge is revoked",
                        revoked.name.reveal()
                    ));
                })?;
            }
            Self::Retire { person } => {
                let retired = said_of(&client, &person, "retire").await?;
                shell.output.show(&retired, |page| {
                    let name = retired.name.reveal();
                    page.line(format_args!("{name} is retired: the badge is revoked"));
                })?;
            }
            Self::Restore { person } => {
                let back = said_of(&client, &person, "restore").await?;
                shell.output.show(&back, |page| {
                    let name = back.name.reveal();
                    page.line(format_args!("{name} is in lists again, without a badge"));
                })?;
            }
            Self::Change(change) => change.run(shell, &client).await?,
            Self::Badge(badge) => badge.run(shell, &client).await?,
        }
        Ok(Exit::Done)
    }
}

/// Says something of a person that needs no more words.
async fn said_of(client: &Client, person: &str, verb: &str) -> Result<access::Staff, CliError> {
    let all: Vec<access::Staff> = client.list(&["staff"]).await?;
    let id = named(&all, person)?.id.to_string();
    client.post(&["staff", &id, verb], &()).await
}

/// The person of this id, or the only one of this name whose badge is not revoked; of several only the id
/// tells which.
fn named<'a>(all: &'a [access::Staff], person: &str) -> Result<&'a access::Staff, CliError> {
    if let Some(staff) = all.iter().find(|staff| staff.id.to_string() == person) {
        return Ok(staff);
    }
    let of_name: Vec<&access::Staff> = all
        .iter()
        .filter(|staff| staff.name.reveal() == person)
        .collect();
    let current: Vec<&access::Staff> = of_name
        .iter()
        .filter(|staff| !staff.revoked)
        .copied()
        .collect();
    match (of_name.as_slice(), current.as_slice()) {
        ([only], _) | (_, [only]) => Ok(only),
        ([], _) => Err(CliError::Invalid(format!(
            "nobody is called {person}: usher staff list shows all"
        ))),
        (several, _) => {
            let told = several
                .iter()
                .map(|staff| format!("{} ({})", staff.id, word(&staff.role)));
            let told: Vec<String> = told.collect();
            Err(CliError::Invalid(format!(
                "several people are called {person}: give the id, one of {}",
                told.join(", ")
            )))
        }
    }
}

fn show(shell: &mut Shell, added: &Added) -> Result<(), CliError> {
    shell.output.show(added, |page| {
        let staff = &added.staff;
        page.line(format_args!(
            "{}, {}",
            staff.name.reveal(),
            word(&staff.role)
        ));
        page.field("id", staff.id);
        page.field("badge", added.badge.display());
        if let Some(pin) = &added.pin {
            page.field("PIN", pin.reveal());
        }
    })?;
    Ok(())
}

fn row(staff: &access::Staff, gates: &[venue::Gate], wall: &Wall) -> [String; 5] {
    let slug = |id: &GateId| {
        gates
            .iter()
            .find(|gate| gate.id == *id)
            .map(|gate| gate.slug.clone())
    };
    let places: Vec<String> = staff.gates.iter().filter_map(slug).collect();
    let state = if staff.revoked {
        "revoked".to_owned()
    } else {
        match (staff.valid_from, staff.valid_until) {
            (None, None) => "valid".to_owned(),
            (Some(from), None) => format!("from {}", wall.say(from)),
            (None, Some(until)) => format!("until {}", wall.say(until)),
            (Some(from), Some(until)) => {
                format!("from {} until {}", wall.say(from), wall.say(until))
            }
        }
    };
    [
        staff.name.reveal().to_owned(),
        word(&staff.role),
        if staff.gates.is_empty() {
            "all".to_owned()
        } else {
            places.join(" ")
        },
        state,
        staff.id.to_string(),
    ]
}

impl Add {
    /// A person who is there already needs a badge, and not to be there twice.
    async fn check_is_new(&self, client: &Client) -> Result<(), CliError> {
        let all: Vec<access::Staff> = client.list(&["staff"]).await?;
        let is_same = |staff: &&access::Staff| {
            !staff.revoked && staff.role == self.role && staff.name.reveal() == self.name
        };
        match all.iter().find(is_same) {
            None => Ok(()),
            Some(there) => Err(CliError::Invalid(format!(
                "{name} is there already as {role}: usher staff badge makes a new badge, usher staff change \
                 changes gates and dates, and --namesake adds another person of this name",
                name = self.name,
                role = word(&there.role)
            ))),
        }
    }
}

impl Change {
    async fn run(self, shell: &mut Shell, client: &Client) -> Result<(), CliError> {
        let all: Vec<access::Staff> = client.list(&["staff"]).await?;
        let id = named(&all, &self.person)?.id.to_string();
        let calendar = Calendar::of_all(shell, client).await?;
        let time = |time: Option<Time>| -> Result<Patch<String>, CliError> {
            Ok(match calendar.written(time, Tense::ToCome)? {
                Some(at) => Patch::Set(at),
                None if self.at_any_time => Patch::Remove,
                None => Patch::Keep,
            })
        };
        let change = StaffChange {
            valid_from: time(self.valid_from)?,
            valid_until: time(self.valid_until)?,
            name: self.name.map(Private::new),
            gates: (self.all_gates || !self.gates.is_empty()).then_some(self.gates),
        };
        let changed: access::Staff = client.patch(&["staff", &id], &change).await?;
        let gates: Vec<venue::Gate> = client.list(&["gates"]).await?;
        let wall = Wall::of_events(client, &[]).await?;
        shell.output.show(&changed, |page| {
            page.table(HEAD, &[row(&changed, &gates, &wall)], "");
        })?;
        Ok(())
    }
}

impl NewBadge {
    async fn run(self, shell: &mut Shell, client: &Client) -> Result<(), CliError> {
        let all: Vec<access::Staff> = client.list(&["staff"]).await?;
        let old = named(&all, &self.person)?.clone();
        let person = Person {
            name: old.name,
            role: old.role,
            gates: old.gates.iter().map(GateId::to_string).collect(),
            valid_from: old.valid_from.map(|from| from.to_string()),
            valid_until: old.valid_until.map(|until| until.to_string()),
        };
        let workshop = Workshop::open(client).await?;
        let pin = workshop.pin_for(person.role, self.pin_file.as_deref())?;
        let added = workshop.make(person, &self.out, pin).await?;
        let _: access::Staff = client.delete(&["staff", &old.id.to_string()]).await?;
        show(shell, &added)
    }
}
