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
use usher_domain::api::access;
use usher_domain::api::venue;
use usher_domain::ids::GateId;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;

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
    /// End a person's badge at once
    Revoke {
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
                let all: Vec<access::Staff> = client.list(&["staff"]).await?;
                let gates: Vec<venue::Gate> = client.list(&["gates"]).await?;
                let wall = Wall::of_events(&client, &[]).await?;
                let row = |one: &access::Staff| row(one, &gates, &wall);
                let head = ["name", "role", "gates", "state", "id"];
                shell.output.list(&all, head, "Nobody yet.", row)?;
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
            Self::Badge(badge) => badge.run(shell, &client).await?,
        }
        Ok(Exit::Done)
    }
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
