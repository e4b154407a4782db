//! `usher staff`: people with badges. Their keys are made here; the server sees public keys alone.

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::passphrase::first_line;
use crate::progress;
use crate::qr::{Qr, Surface};
use crate::shell::{Shell, new_seed, random};
use crate::values::{STAFF_ROLES, When, word, words};
use crate::zone::Wall;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use usher_domain::api::access::{self, NewStaff};
use usher_domain::api::venue;
use usher_domain::document::badge::{Badge, Pin};
use usher_domain::ids::GateId;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;

/// Width of a badge's modules in pixels: printed at 300 dots an inch, the code is 4 cm wide.
const BADGE_MODULE_PX: u32 = 12;

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
    /// Not valid before: a time of the events' clock as "2027-10-30 22:00", RFC 3339, now or +6h
    #[arg(long, value_name = "TIME")]
    pub valid_from: Option<When>,
    /// Not valid after: a time of the events' clock as "2027-10-30 22:00", RFC 3339, now or +3d
    #[arg(long, value_name = "TIME")]
    pub valid_until: Option<When>,
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
pub struct NewBadge {
    /// The person's id
    pub id: String,
    /// Where to write the badge
    #[arg(long, value_name = "FILE.png")]
    pub out: PathBuf,
    /// File with a supervisor's PIN of 6 to 12 digits; one is made if left out
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
                let person = Person {
                    name: Private::new(add.name),
                    role: add.role,
                    gates: add.gates,
                    valid_from: shell.written(add.valid_from)?,
                    valid_until: shell.written(add.valid_until)?,
                };
                let pin = pin_for(person.role, add.pin_file.as_deref())?;
                let added = make(&client, person, &add.out, pin).await?;
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
            Self::Revoke { id } => {
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

/// A person to be added.
struct Person {
    name: Private,
    role: StaffRole,
    gates: Vec<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

/// A person who was added, the file with the badge, and the PIN where it was made here.
#[derive(Serialize)]
struct Added {
    #[serde(flatten)]
    staff: access::Staff,
    badge: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<Private>,
}

/// A supervisor's PIN, and whether its owner knows it already.
struct ChosenPin {
    text: Private,
    made_here: bool,
}

/// Supervisors have a PIN: the file's, or a new one.
fn pin_for(role: StaffRole, file: Option<&Path>) -> Result<Option<ChosenPin>, CliError> {
    if !role.may_override() {
        return match file {
            Some(_) => Err(CliError::Invalid("only a supervisor has a PIN".to_owned())),
            None => Ok(None),
        };
    }
    let pin = match file {
        Some(file) => ChosenPin {
            text: first_line(file)?,
            made_here: false,
        },
        None => ChosenPin {
            text: new_pin()?,
            made_here: true,
        },
    };
    Ok(Some(pin))
}

/// Six random digits. 2^64 is so much larger than a million that none is likelier than another.
fn new_pin() -> Result<Private, CliError> {
    let number = u64::from_be_bytes(random()?) % 1_000_000;
    Ok(Private::new(format!("{number:06}")))
}

/// Makes the badge's keys and its picture, and adds the person. The picture is there before the server
/// knows of the person, so that nobody gets a badge that nobody has.
async fn make(
    client: &Client,
    person: Person,
    out: &Path,
    pin: Option<ChosenPin>,
) -> Result<Added, CliError> {
    let badge = Badge::new(new_seed()?);
    let override_key = match &pin {
        Some(pin) => {
            let pin = Pin::new(pin.text.reveal()).map_err(CliError::invalid)?;
            Some(
                badge
                    .override_key(&pin)
                    .map_err(CliError::invalid)?
                    .public(),
            )
        }
        None => None,
    };
    let qr = Qr::new(badge.text().reveal(), Surface::Paper)?;
    files::create_private(out, &qr.png(BADGE_MODULE_PX, person.name.reveal())?)?;
    let new = NewStaff {
        name: person.name,
        role: person.role,
        gates: person.gates,
        badge: badge.key().public(),
        override_key,
        valid_from: person.valid_from,
        valid_until: person.valid_until,
    };
    let answer = client.post(&["staff"], &new).await;
    if answer.is_err() {
        // The badge of nobody is of no use; if it stays, it opens nothing.
        let _ = std::fs::remove_file(out);
    }
    Ok(Added {
        staff: answer?,
        badge: out.to_owned(),
        pin: pin.filter(|pin| pin.made_here).map(|pin| pin.text),
    })
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
    let state = match (staff.revoked, staff.valid_until) {
        (true, _) => "revoked".to_owned(),
        (false, Some(until)) => format!("until {}", wall.say(until)),
        (false, None) => "valid".to_owned(),
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
        let old = all
            .into_iter()
            .find(|staff| staff.id.to_string() == self.id)
            .ok_or_else(|| CliError::Invalid(format!("there is nobody with the id {}", self.id)))?;
        let person = Person {
            name: old.name,
            role: old.role,
            gates: old.gates.iter().map(GateId::to_string).collect(),
            valid_from: None,
            valid_until: old.valid_until.map(|until| until.to_string()),
        };
        let pin = pin_for(person.role, self.pin_file.as_deref())?;
        let added = make(client, person, &self.out, pin).await?;
        let _: access::Staff = client.delete(&["staff", &self.id]).await?;
        show(shell, &added)
    }
}

/// A line of a list of staff.
#[derive(Deserialize)]
struct Line {
    name: Private,
    #[serde(default)]
    role: Option<StaffRole>,
    #[serde(default)]
    gates: String,
    #[serde(default)]
    valid_from: Option<When>,
    #[serde(default)]
    valid_until: Option<When>,
}

impl Import {
    /// All lines are read before the first person is added.
    async fn run(self, shell: &mut Shell, client: &Client) -> Result<(), CliError> {
        let people = self.read(shell)?;
        std::fs::create_dir_all(&self.out).map_err(|error| CliError::writing(&self.out, error))?;
        let bar = progress::steps(&shell.output, "making badges");
        let mut all = Vec::new();
        let mut pins = String::from("name,pin\n");
        for (number, person) in people.into_iter().enumerate() {
            let file = self.out.join(format!("badge-{:04}.png", number + 1));
            let pin = pin_for(person.role, None)?;
            let mut added = make(client, person, &file, pin).await?;
            if let Some(pin) = added.pin.take() {
                let name = added.staff.name.reveal().replace('"', "\"\"");
                pins.push_str(&format!("\"{name}\",{}\n", pin.reveal()));
            }
            all.push(added);
            bar.inc(1);
        }
        bar.finish_and_clear();
        files::create_private(&self.out.join("pins.csv"), pins.as_bytes())?;
        shell.output.list(
            &all,
            ["name", "role", "badge"],
            "The list is empty.",
            |added| {
                let staff = &added.staff;
                [
                    staff.name.reveal().to_owned(),
                    word(&staff.role),
                    added.badge.display().to_string(),
                ]
            },
        )?;
        Ok(())
    }

    fn read(&self, shell: &Shell) -> Result<Vec<Person>, CliError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(&self.file)
            .map_err(|error| CliError::bad_file(&self.file, error))?;
        let mut people = Vec::new();
        for (number, line) in reader.deserialize::<Line>().enumerate() {
            // The reader's own sentence could show a name.
            let line = line.map_err(|_| {
                let sentence = format!("line {} is no person with a name and a role", number + 2);
                CliError::bad_file(&self.file, sentence)
            })?;
            people.push(Person {
                name: line.name,
                role: line.role.unwrap_or(StaffRole::Steward),
                gates: line.gates.split_whitespace().map(str::to_owned).collect(),
                valid_from: shell.written(line.valid_from)?,
                valid_until: shell.written(line.valid_until)?,
            });
        }
        Ok(people)
    }
}
