//! Making badges: keys, picture and PIN, and adding the person they are for.

use crate::client::Client;
use crate::error::CliError;
use crate::files;
use crate::passphrase::first_line;
use crate::qr::{Qr, Surface};
use crate::shell::{new_seed, random};
use crate::values::word;
use serde::Serialize;
use std::path::{Path, PathBuf};
use usher_domain::api::access::{self, NewStaff};
use usher_domain::api::venue;
use usher_domain::document::badge::{Badge, Pin, PinLength, UnfitPin};
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;

/// Width of a badge's modules in pixels: printed at 300 dots an inch, the code is 4 cm wide.
const BADGE_MODULE_PX: u32 = 12;

/// A person to be added.
pub(super) struct Person {
    pub(super) name: Private,
    pub(super) role: StaffRole,
    /// By slug or id; all if empty.
    pub(super) gates: Vec<String>,
    pub(super) valid_from: Option<String>,
    pub(super) valid_until: Option<String>,
}

/// A person who was added, the file with the badge, and the PIN where it was made here.
#[derive(Serialize)]
pub(super) struct Added {
    #[serde(flatten)]
    pub(super) staff: access::Staff,
    pub(super) badge: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pin: Option<Private>,
}

/// A supervisor's PIN, and whether its owner knows it already.
pub(super) struct ChosenPin {
    pub(super) text: Private,
    pub(super) made_here: bool,
}

/// So many random digits. 2^64 is so much larger than 10^12 that none is likelier than another.
fn new_pin(least: PinLength) -> Result<Private, CliError> {
    let digits = usize::from(least.get());
    loop {
        let number = u64::from_be_bytes(random()?) % 10_u64.pow(least.get().into());
        let text = Private::new(format!("{number:0digits$}"));
        match Pin::choose(text.reveal(), least) {
            // One in fifty at most: the next is another.
            Err(UnfitPin::Guessable) => {}
            Err(error @ (UnfitPin::Invalid(_) | UnfitPin::TooShort(_))) => {
                return Err(CliError::invalid(error));
            }
            Ok(_) => return Ok(text),
        }
    }
}

/// Where badges are made: what stands on each of them besides a name.
pub(super) struct Workshop<'c> {
    client: &'c Client,
    organizer: String,
    pin_digits: PinLength,
    gates: Vec<venue::Gate>,
}

impl<'c> Workshop<'c> {
    /// The workshop of the organizer whose token is used.
    pub(super) async fn open(client: &'c Client) -> Result<Self, CliError> {
        let organizer: venue::Organizer = client.get(&["organizer"]).await?;
        Ok(Self {
            client,
            organizer: organizer.name,
            pin_digits: organizer.pin_digits,
            gates: client.list(&["gates"]).await?,
        })
    }

    /// Supervisors have a PIN: the file's, or a new one.
    pub(super) fn pin_for(
        &self,
        role: StaffRole,
        file: Option<&Path>,
    ) -> Result<Option<ChosenPin>, CliError> {
        if !role.may_override() {
            return match file {
                Some(_) => Err(CliError::Invalid("only a supervisor has a PIN".to_owned())),
                None => Ok(None),
            };
        }
        let pin = match file {
            Some(file) => {
                let text = first_line(file)?;
                Pin::choose(text.reveal(), self.pin_digits)
                    .map_err(|error| CliError::bad_file(file, error))?;
                ChosenPin {
                    text,
                    made_here: false,
                }
            }
            None => ChosenPin {
                text: new_pin(self.pin_digits)?,
                made_here: true,
            },
        };
        Ok(Some(pin))
    }

    /// The gate of this slug or id.
    pub(super) fn gate(&self, named: &str) -> Option<&venue::Gate> {
        let mut gates = self.gates.iter();
        gates.find(|gate| gate.slug == named || gate.id.to_string() == named)
    }

    /// The lines under a badge's code: who, as what and where, and for whom.
    fn caption(&self, person: &Person) -> String {
        let named = person.gates.iter().filter_map(|named| self.gate(named));
        let names: Vec<&str> = named.map(|gate| gate.name.as_str()).collect();
        let places = if names.is_empty() {
            "all gates".to_owned()
        } else {
            names.join(", ")
        };
        let role = word(&person.role).replace('_', " ");
        let name = person.name.reveal();
        format!("{name}\n{role}: {places}\n{}", self.organizer)
    }

    /// Makes the badge's keys and its picture, and adds the person. The picture is there before the server
    /// knows of the person, so that nobody gets a badge that nobody has.
    pub(super) async fn make(
        &self,
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
        files::create_private(out, &qr.png(BADGE_MODULE_PX, &self.caption(&person))?)?;
        let new = NewStaff {
            name: person.name,
            role: person.role,
            gates: person.gates,
            badge: badge.key().public(),
            override_key,
            valid_from: person.valid_from,
            valid_until: person.valid_until,
        };
        let answer = self.client.post(&["staff"], &new).await;
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
}
