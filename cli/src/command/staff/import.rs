//! Adding people from a list.

use super::lines::{self, Known, Line};
use super::making::{Added, ChosenPin, Person, Workshop};
use crate::client::Client;
use crate::error::CliError;
use crate::files;
use crate::progress;
use crate::shell::Shell;
use crate::times::Calendar;
use crate::values::word;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use usher_domain::api::access::Staff;
use usher_domain::secret::Private;

/// The head of the list of PINs.
const PINS_HEAD: &str = "name,pin\n";

/// Add people from a list.
#[derive(Debug, Args)]
pub struct Import {
    /// The list: CSV with the columns name, role, gates (separated by spaces), valid_from, valid_until
    pub file: PathBuf,
    /// Folder for the badges, and for supervisors' PINs in pins.csv
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What became of a line.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    /// A person was added.
    Added {
        line: u64,
        #[serde(flatten)]
        added: Added,
    },
    /// The person was there before.
    There {
        line: u64,
        there: bool,
        #[serde(flatten)]
        staff: Staff,
    },
}

impl Outcome {
    const fn staff(&self) -> &Staff {
        match self {
            Self::Added { added, .. } => &added.staff,
            Self::There { staff, .. } => staff,
        }
    }
}

impl Import {
    /// Adds whoever is not there yet: a person is the same if name and role are. All lines are checked
    /// before the first person is added; an import that was cut off is completed by importing again.
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<(), CliError> {
        let workshop = Workshop::open(client).await?;
        let known = Known {
            workshop: &workshop,
            calendar: Calendar::of_all(shell, client).await?,
        };
        let lines = lines::read(&self.file, &known)?;
        let mut there: Vec<Staff> = client.list(&["staff"]).await?;
        there.retain(|staff| !staff.revoked);
        self.check_files(&lines, &there)?;
        files::make_private_folder(&self.out)?;
        let mut pins = Pins::of(&self.out);
        let bar = progress::steps(&shell.output, "making badges");
        let mut all = Vec::new();
        for Line { number, person } in lines {
            let outcome = if let Some(staff) = find(&there, &person) {
                Outcome::There {
                    line: number,
                    there: true,
                    staff: staff.clone(),
                }
            } else {
                let added = self.add(&workshop, &mut pins, number, person).await?;
                there.push(added.staff.clone());
                Outcome::Added {
                    line: number,
                    added,
                }
            };
            all.push(outcome);
            bar.inc(1);
        }
        bar.finish_and_clear();
        shell.output.list(
            &all,
            ["name", "role", "badge"],
            "The list is empty.",
            |outcome| {
                let staff = outcome.staff();
                let badge = match outcome {
                    Outcome::Added { added, .. } => added.badge.display().to_string(),
                    Outcome::There { .. } => "already there".to_owned(),
                };
                [staff.name.reveal().to_owned(), word(&staff.role), badge]
            },
        )?;
        if pins.written {
            shell.output.note(format_args!(
                "Supervisors' PINs are in {}: hand them out and delete the file.",
                pins.file.display()
            ))?;
        }
        if all.iter().any(|one| matches!(one, Outcome::There { .. })) {
            shell.output.note(
                "Who was already there stays as they are; usher staff badge makes a lost badge anew.",
            )?;
        }
        Ok(())
    }

    /// Where the badge of a line is written.
    fn badge(&self, line: u64) -> PathBuf {
        // The first line is the head.
        self.out
            .join(format!("badge-{:04}.png", line.saturating_sub(1)))
    }

    /// No badge is written over, and that is found out before anybody is added.
    fn check_files(&self, lines: &[Line], there: &[Staff]) -> Result<(), CliError> {
        let new = lines
            .iter()
            .filter(|line| find(there, &line.person).is_none());
        let mut files = new.map(|line| self.badge(line.number));
        match files.find(|file| file.exists()) {
            Some(file) => Err(CliError::FileExists(file)),
            None => Ok(()),
        }
    }

    async fn add(
        &self,
        workshop: &Workshop<'_>,
        pins: &mut Pins,
        line: u64,
        person: Person,
    ) -> Result<Added, CliError> {
        let pin = workshop.pin_for(person.role, None)?;
        if let Some(pin) = &pin {
            pins.add(&person.name, pin)?;
        }
        let has_pin = pin.is_some();
        let made = workshop.make(person, &self.badge(line), pin).await;
        match made {
            Ok(mut added) => {
                added.pin = None;
                Ok(added)
            }
            Err(error) => {
                if has_pin {
                    pins.take_back()?;
                }
                if let CliError::Server(mut problem) = error {
                    problem.detail = format!("line {line}: {}", problem.detail);
                    return Err(CliError::Server(problem));
                }
                Err(error)
            }
        }
    }
}

/// The person of this name and role, if they are there.
fn find<'s>(there: &'s [Staff], person: &Person) -> Option<&'s Staff> {
    let name = person.name.reveal();
    there
        .iter()
        .find(|staff| staff.name.reveal() == name && staff.role == person.role)
}

/// The list of PINs: each stands in the file before its owner is added, so that none is lost.
struct Pins {
    file: PathBuf,
    /// The file before the last PIN.
    before: Option<Private>,
    written: bool,
}

impl Pins {
    fn of(folder: &Path) -> Self {
        Self {
            file: folder.join("pins.csv"),
            before: None,
            written: false,
        }
    }

    fn add(&mut self, name: &Private, pin: &ChosenPin) -> Result<(), CliError> {
        let before = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => PINS_HEAD.to_owned(),
            Err(error) => return Err(CliError::reading(&self.file, error)),
        };
        let name = name.reveal().replace('"', "\"\"");
        let line = format!("\"{name}\",{}\n", pin.text.reveal());
        files::replace_private(&self.file, format!("{before}{line}").as_bytes())?;
        self.before = Some(Private::new(before));
        self.written = true;
        Ok(())
    }

    /// The owner of the last PIN was not added.
    fn take_back(&mut self) -> Result<(), CliError> {
        match self.before.take() {
            Some(before) => files::replace_private(&self.file, before.reveal().as_bytes()),
            None => Ok(()),
        }
    }
}
