//! `usher restore`: a backup in the place of a server that is gone.

use super::backup::holds;
use super::serve::Data;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::passphrase::first_line;
use crate::profile::{self, Profile};
use crate::shell::Shell;
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use usher_server::backup::{Contents, Present, Restored, declare, restore};
use usher_server::clock::SystemClock;
use usher_server::init::TOKEN_FILE;

/// Put a backup in the place of a stopped server
///
/// The backup is checked first. What is in the server's folder is set aside in it, under a name with the
/// time, and never deleted. The restored server counts in a new epoch, by which devices know that it may
/// have lost something: at their next exchange they hand back scans and changed tickets that the backup
/// lacks. If something breaks off, run it again.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup, as `usher backup` wrote it
    #[arg(
        value_name = "DIR",
        required_unless_present = "in_place",
        conflicts_with = "in_place"
    )]
    pub from: Option<PathBuf>,
    /// The files were put back already, by a snapshot of the whole machine for example: only tell the
    /// server's database that it was restored
    #[arg(long)]
    pub in_place: bool,
    /// The server's folder.
    #[command(flatten)]
    pub data: Data,
}

/// A server that was restored.
#[derive(Serialize)]
struct Done {
    data: PathBuf,
    epoch: u32,
    /// When the backup was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    holds: Option<Contents>,
    /// What was there before held.
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<Contents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_aside: Option<PathBuf>,
    /// Whether an earlier run was completed.
    completed: bool,
    /// Whether what was there could not be read.
    unreadable: bool,
    next: Vec<String>,
}

impl Restore {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let (data, clock) = (self.data.data, Arc::new(SystemClock));
        let done = match &self.from {
            Some(from) => Done::of(restore(from, &data, clock).await?, &data),
            None => Done::nothing_but(declare(&data, clock).await?.epoch, &data, None),
        };
        if self.from.is_some()
            && let Err(error) = renew_profile(&data)
        {
            shell.output.note(format_args!(
                "The new administrator's token is not in the profile: {error}"
            ))?;
        }
        shell.output.show(&done, |page| done.fill(page))?;
        Ok(Exit::Done)
    }
}

impl Done {
    fn nothing_but(epoch: u32, data: &Path, tokens: Option<String>) -> Self {
        Self {
            data: data.to_owned(),
            epoch,
            made_at: None,
            holds: None,
            held: None,
            set_aside: None,
            completed: false,
            unreadable: false,
            next: next(data, tokens),
        }
    }

    fn of(restored: Restored, data: &Path) -> Self {
        let held = match restored.present {
            Present::Read { contents, .. } => Some(contents),
            Present::Nothing | Present::Unreadable | Present::SetAsideBefore => None,
        };
        let manifest = restored.manifest.as_ref();
        Self {
            made_at: manifest.map(|manifest| manifest.made_at.to_string()),
            holds: manifest.map(|manifest| manifest.contents),
            held,
            set_aside: restored.aside,
            completed: restored.present == Present::SetAsideBefore,
            unreadable: restored.present == Present::Unreadable,
            ..Self::nothing_but(restored.epoch, data, Some(tokens(data)))
        }
    }

    fn fill(&self, page: &mut Page) {
        let data = self.data.display();
        match (&self.made_at, self.completed) {
            (Some(at), false) => page.line(format_args!("The backup of {at} is now in {data}")),
            (_, true) => page.line(format_args!(
                "The restore that was begun before is complete: the backup is now in {data}"
            )),
            (None, false) => page.line(format_args!(
                "The server in {data} knows that it was restored"
            )),
        }
        page.field("epoch", self.epoch);
        if let Some(holds_now) = &self.holds {
            page.field("holds", holds(holds_now));
        }
        if let Some(held) = &self.held {
            page.field("held before", holds(held));
        }
        if let Some(aside) = &self.set_aside {
            page.field("set aside", aside.display());
        }
        if self.unreadable {
            page.line("");
            page.line(
                "The database that was there cannot be read. If that server had been restored before, from \
                 another copy of the backup, watch for server_behind in usher incident list, and run \
                 usher restore --in-place if it appears.",
            );
        }
        page.line("");
        page.line("What happens next:");
        for (number, step) in (1..).zip(&self.next) {
            page.line(format_args!("{number}. {step}"));
        }
    }
}

/// Puts the administrator's token that the restore made into the profile beside it; what else stands there
/// stays.
fn renew_profile(data: &Path) -> Result<(), CliError> {
    let file = data.join(profile::FILE);
    let mut profile = if file.exists() {
        Profile::read(&file)?
    } else {
        Profile::default()
    };
    profile.admin_token = Some(first_line(&data.join(TOKEN_FILE))?);
    profile.write(&file)
}

/// Where tokens are after a restore: none is in a backup.
fn tokens(data: &Path) -> String {
    format!(
        "Tokens are not in a backup. A new administrator's token is in {}, and in {} beside it, where organizers' \
         tokens stay as they were; administrators' tokens of before are revoked. If an organizer has none any \
         more: usher organizer create SLUG --root-key FILE makes one.",
        data.join(TOKEN_FILE).display(),
        profile::FILE
    )
}

/// What a person does after a restore, in this order.
fn next(data: &Path, tokens: Option<String>) -> Vec<String> {
    let serve = format!("Start the server: usher serve --data {}", data.display());
    let rest = [
        "Keep every device online until it was in step once: at its next exchange it hands back the scans and \
         the changed tickets that the backup lacks. Devices that are put away hold some, too: switch them on.",
        "Watch usher readiness --session EVENT/SESSION until every device is in step, and usher incident list.",
        "Enrollment codes of before count no more: make new ones. Tokens that were revoked after the backup was \
         made count again: look through usher token list, and revoke them again with usher token revoke.",
        "What no device holds is as old as the backup. Look at usher session orders EVENT/SESSION, and give \
         notices and orders again that are missing. Create events, sessions, gates and tokens again that are \
         newer, import ticket lists again, and enroll devices again that are newer: usher enroll.",
        "The trust document may be older than the one that devices hold, and keys that were revoked since may \
         count here. Devices hand theirs back: once usher incident list says so (trust_handed_back), run usher \
         organizer renew --root-key FILE. It unites what all of them revoke.",
    ];
    std::iter::once(serve)
        .chain(tokens)
        .chain(rest.map(str::to_owned))
        .collect()
}
