//! How a copy takes the place of what is in a data folder.
//!
//! The folder itself stays: it may be a disk of its own, or lie where its owner may not make folders. What
//! is in it changes places by renaming, and three names of a folder in it say how far that is:
//!
//! | name | what it holds | what a run does that finds it |
//! | --- | --- | --- |
//! | `restore.copying` | a copy in the making | removes it and begins anew |
//! | `restore.ready` | a whole copy in its new epoch | sets aside what is in the data folder |
//! | `restore.placing` | the rest of it | puts its files in place, `server.toml` last |
//!
//! Each name is given by one rename of a folder that is on the disk as a whole. While one of the last two is
//! there, no server opens the database ([`sqlite::UNFINISHED`]).

use super::error::BackupError;
use super::files::{self, reading, rename, sync_folder, writing};
use super::manifest::is_within;
use crate::config;
use crate::serve::SNAPSHOTS;
use crate::storage::sqlite::{self, BESIDE, FILE};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A copy in the making.
pub(super) const COPYING: &str = "restore.copying";
const READY: &str = sqlite::UNFINISHED[0];
const PLACING: &str = sqlite::UNFINISHED[1];
/// What is left once all is in place, until it is removed.
const DONE: &str = "restore.done";
/// The plan, within the folder.
const PLAN: &str = "restore.json";

/// What is to be put in place of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The digest of the backup's manifest, in hex: which backup it is.
    pub(super) backup: String,
    /// Name of the folder in the data folder in which what was there is kept.
    pub(super) aside: String,
    /// The epoch that the copy is in.
    pub(super) epoch: u32,
    /// The files of the copy.
    pub(super) files: Vec<String>,
}

/// What a copy took the place of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) plan: Plan,
    /// Where what was there is kept; none if nothing was there.
    pub(super) aside: Option<PathBuf>,
}

/// Clears a copy that broke off, and what the last run left.
pub(super) fn clear(data: &Path) -> Result<(), BackupError> {
    files::remove_folder(&data.join(COPYING))?;
    files::remove_folder(&data.join(DONE))
}

/// Says that the copy is whole. From here on there is only a way forward.
pub(super) fn ready(data: &Path, plan: &Plan) -> Result<(), BackupError> {
    let copying = data.join(COPYING);
    let file = copying.join(PLAN);
    let text = serde_json::to_vec_pretty(plan)
        .map_err(|error| writing(&file)(std::io::Error::other(error)))?;
    files::write(&file, &text)?;
    sync_folder(&copying)?;
    rename(&copying, &data.join(READY))?;
    sync_folder(data)
}

/// Goes on from wherever it stands; `None` if there is nothing to be put in place.
pub(super) fn go_on(data: &Path) -> Result<Option<Placed>, BackupError> {
    let (ready, placing) = (data.join(READY), data.join(PLACING));
    if ready.is_dir() {
        set_aside(data, &read(&ready)?)?;
        rename(&ready, &placing)?;
        sync_folder(data)?;
    }
    if !placing.is_dir() {
        return Ok(None);
    }
    let plan = read(&placing)?;
    put_in_place(data, &placing, &plan)?;
    rename(&placing, &data.join(DONE))?;
    sync_folder(data)?;
    files::remove_folder(&data.join(DONE))?;
    let aside = data.join(&plan.aside);
    Ok(Some(Placed {
        aside: aside.is_dir().then_some(aside),
        plan,
    }))
}

fn read(folder: &Path) -> Result<Plan, BackupError> {
    let file = folder.join(PLAN);
    let text = fs::read(&file).map_err(reading(&file))?;
    let plan: Plan = serde_json::from_slice(&text)
        .map_err(|error| reading(&file)(std::io::Error::other(error)))?;
    if is_within(&plan.aside) && plan.files.iter().all(|name| is_within(name)) {
        Ok(plan)
    } else {
        let outside = std::io::Error::other("it names a file outside of the folder");
        Err(reading(&file)(outside))
    }
}

/// The names of what a copy takes the place of, in the order in which they move away: the settings first,
/// for without them nothing serves, and every journal with its database, for SQLite would write it into the
/// other one.
pub(super) fn replaced(plan: &Plan) -> impl Iterator<Item = String> {
    let journals = BESIDE.iter().map(|ending| format!("{FILE}{ending}"));
    let settings_and_database = [config::FILE, FILE].into_iter().map(str::to_owned);
    settings_and_database
        .chain(journals)
        .chain([SNAPSHOTS.to_owned()])
        .chain(plan.files.iter().cloned())
}

fn set_aside(data: &Path, plan: &Plan) -> Result<(), BackupError> {
    let aside = data.join(&plan.aside);
    for name in replaced(plan) {
        let from = data.join(&name);
        // What is a link moves as a link.
        if from.symlink_metadata().is_ok() {
            move_to(&from, &aside.join(&name))?;
        }
    }
    if aside.is_dir() {
        sync_folder(&aside)?;
    }
    sync_folder(data)
}

fn put_in_place(data: &Path, placing: &Path, plan: &Plan) -> Result<(), BackupError> {
    let (last, others): (Vec<&String>, Vec<&String>) =
        plan.files.iter().partition(|name| *name == config::FILE);
    for name in others.into_iter().chain(last) {
        let from = placing.join(name);
        if from.symlink_metadata().is_ok() {
            move_to(&from, &data.join(name))?;
        }
    }
    sync_folder(data)
}

fn move_to(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(folder) = to.parent() {
        files::make_folder(folder)?;
    }
    rename(from, to)
}
