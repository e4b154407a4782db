//! `usher organizer`: who sells, and the root key that everything is trusted by.

use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::passphrase::{Asking, PassphraseSource};
use crate::shell::Shell;
use crate::trust::{
    Signing, is_any_revoked, make_or_open_root, open_document, open_handed_back, open_root,
};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::PathBuf;
use usher_domain::api::access::{IssuedToken, NewToken, TokenRole};
use usher_domain::api::venue;

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
    /// Show the organizer of the token, its keys and how long they are trusted
    Show,
    /// Sign a new trust document, so that the server's keys stay trusted
    Renew(Renew),
    /// Change the organizer's rules
    ///
    /// A PIN keeps a badge that was lost or photographed from being a supervisor. Whoever has the badge, and
    /// the roster of a stolen device, can try PINs on machines of their own: six digits take some sixty hours
    /// of a processor's core or ten minutes of a graphics card, eight a hundred times as long, ten ten
    /// thousand times.
    Change(Change),
}

/// Change the organizer's rules.
#[derive(Debug, Args)]
pub struct Change {
    /// How many digits a new PIN has at least; 8 if never changed. PINs that were chosen before stay good
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(6..=12))]
    pub pin_digits: u8,
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
    /// The encrypted root key
    #[arg(long, value_name = "FILE")]
    pub root_key: PathBuf,
    /// How many days the server's keys are trusted
    #[arg(long, value_name = "DAYS", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Let the server make new keys, which happens by itself where one in use was revoked; those in use are
    /// withdrawn, and tickets that they signed count where the ticket set lists them
    #[arg(long)]
    pub rotate: bool,
    /// Where the passphrase comes from.
    #[command(flatten)]
    pub passphrase: PassphraseSource,
}

impl Organizer {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        match self {
            Self::Create(create) => create.run(shell).await,
            Self::Renew(renew) => renew.run(shell).await,
            Self::Change(change) => change.run(shell).await,
            Self::List => {
                let all: Vec<venue::Organizer> = shell.admin()?.list(&["organizers"]).await?;
                let today = shell.today()?;
                shell.output.list(
                    &all,
                    ["slug", "name", "trusted until", "id"],
                    "No organizers yet.",
                    |one| {
                        [
                            one.slug.clone(),
                            one.name.clone(),
                            trusted_until(one, today),
                            one.id.to_string(),
                        ]
                    },
                )?;
                Ok(Exit::Done)
            }
            Self::Show => {
                let organizer: venue::Organizer = shell.client()?.get(&["organizer"]).await?;
                shell.show_organizer(&organizer)?;
                Ok(Exit::Done)
            }
        }
    }
}

impl Change {
    async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let change = venue::OrganizerChange {
            pin_digits: Some(self.pin_digits.try_into().map_err(CliError::invalid)?),
        };
        let changed: venue::Organizer = shell.client()?.patch(&["organizer"], &change).await?;
        shell.output.show(&changed, |page| {
            page.line(format_args!(
                "New PINs have at least {} digits. Make new badges for supervisors whose PIN is shorter: usher staff badge.",
                changed.pin_digits.get()
            ));
        })?;
        Ok(Exit::Done)
    }
}

impl Create {
    /// Everything can be repeated: the root key's file, the organizer and the profile's token are made
    /// where they are missing.
    async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let admin = shell.admin()?;
        let root_key = self
            .root_key
            .unwrap_or_else(|| format!("{}.root", self.slug).into());
        let asking = if root_key.exists() {
            Asking::Existing
        } else {
            Asking::New
        };
        let root = make_or_open_root(&root_key, &self.passphrase.read(asking)?)?;
        let new = venue::NewOrganizer {
            name: self.name.unwrap_or_else(|| self.slug.clone()),
            slug: self.slug,
        };
        let organizer: venue::Organizer = admin.post(&["organizers"], &new).await?;
        let client = organizers_client(shell, &admin, &organizer).await?;
        let organizer = match organizer.trust {
            Some(_) => organizer,
            None => {
                let signing = Signing {
                    root: &root,
                    now: shell.now(),
                    days: self.days,
                };
                let document = signing.next_document(&organizer, &[], None, 1);
                client.put(&["organizer", "trust"], &document).await?
            }
        };
        shell.show_organizer(&organizer)?;
        shell.output.note(format_args!(
            "The root key is in {}, encrypted. Keep it and its passphrase apart from the server, and a copy of both.",
            root_key.display()
        ))?;
        Ok(Exit::Done)
    }
}

/// A connection with the organizer's own token; it is made and kept in the profile if there is none.
async fn organizers_client(
    shell: &Shell,
    admin: &Client,
    organizer: &venue::Organizer,
) -> Result<Client, CliError> {
    let mut profile = shell.profile()?;
    if let Some(token) = profile.tokens.get(&organizer.slug) {
        return shell.connect(&profile, token.clone());
    }
    let new = NewToken {
        name: "command line".to_owned(),
        role: TokenRole::Organizer,
        until: None,
    };
    let path = ["organizers", &organizer.slug, "tokens"];
    let issued: IssuedToken = admin.post(&path, &new).await?;
    profile
        .tokens
        .insert(organizer.slug.clone(), issued.secret.clone());
    profile
        .organizer
        .get_or_insert_with(|| organizer.slug.clone());
    if profile.server.is_none() {
        profile.server = Some(admin.server().to_string());
        profile.pin.clone_from(&shell.globals.server_pin);
    }
    profile.write(&shell.profile_file())?;
    shell.connect(&profile, issued.secret)
}

impl Renew {
    async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let root = open_root(&self.root_key, &self.passphrase.read(Asking::Existing)?)?;
        let organizer: venue::Organizer = client.get(&["organizer"]).await?;
        let mut held = Vec::new();
        if organizer.trust.is_some() {
            let in_force: venue::NewTrust = client.get(&["organizer", "trust"]).await?;
            held.push(open_document(&in_force, &organizer, &root)?);
        }
        let path = ["organizer", "trust", "handed-back"];
        let handed_back: venue::TrustHandedBack = match client.get(&path).await {
            // An older server keeps none.
            Err(error) if error.code() == "not_found" => venue::TrustHandedBack::default(),
            handed_back => handed_back?,
        };
        held.extend(open_handed_back(&handed_back, &organizer, &root));
        // What a restored server signs with may have been revoked since its backup was made.
        let rotates = self.rotate || is_any_revoked(&organizer.keys, &held);
        let next: Option<venue::OrganizerKeys> = if rotates {
            let nothing = serde_json::json!({});
            Some(client.post(&["organizer", "keys"], &nothing).await?)
        } else {
            None
        };
        let signing = Signing {
            root: &root,
            now: shell.now(),
            days: self.days,
        };
        let document = signing.next_document(&organizer, &held, next.as_ref(), handed_back.epoch);
        let organizer: venue::Organizer = client.put(&["organizer", "trust"], &document).await?;
        shell.show_organizer(&organizer)?;
        Ok(Exit::Done)
    }
}

impl Shell {
    fn show_organizer(&mut self, organizer: &venue::Organizer) -> Result<(), CliError> {
        let today = self.today()?;
        self.output.show(organizer, |page| {
            page.line(format_args!(
                "Organizer {} ({})",
                organizer.name, organizer.slug
            ));
            page.field("id", organizer.id);
            page.field("trusted", trusted_until(organizer, today));
            if let Some(trust) = &organizer.trust {
                page.field("root key", &trust.root);
            }
            page.field("code key", organizer.keys.code.kid());
            page.field("set key", organizer.keys.set.kid());
            page.field("roster key", organizer.keys.roster.kid());
        })?;
        Ok(())
    }
}

/// Until when the server's keys are trusted, in words.
fn trusted_until(organizer: &venue::Organizer, today: Timestamp) -> String {
    match &organizer.trust {
        None => "no trust document yet: devices cannot enroll".to_owned(),
        Some(trust) => {
            let until = trust.expires_at.strftime("%Y-%m-%d");
            if trust.expires_at <= today {
                format!("until {until}: EXPIRED, renew it")
            } else {
                format!("until {until}")
            }
        }
    }
}
