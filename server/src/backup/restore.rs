//! Putting a backup in the place of a server that is gone.

use super::error::BackupError;
use super::files;
use super::make::apart;
use super::manifest::{Contents, Manifest};
use super::place::{self, COPYING, Plan};
use crate::clock::Clock;
use crate::config;
use crate::init::{TOKEN_FILE, TOKEN_NAME};
use crate::serve::SNAPSHOTS;
use crate::service::{self, Service};
use crate::storage::StorageError;
use crate::storage::sqlite::{self, BESIDE, FILE, LOCK, Look, Sqlite};
use jiff::Timestamp;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use usher_domain::hash::Hash;

/// The file in a backup with the highest epoch that it was restored in. One backup that is restored twice
/// must not serve twice in one epoch: devices know other content by the same versions.
const RESTORED: &str = "restored-in-epoch";
/// Beginning of the name under which what was in a data folder is kept.
const ASIDE: &str = "before-restore-";

/// A backup that took the place of a server.
#[derive(Debug)]
pub struct Restored {
    /// What the backup is of; none if this run completed an earlier one, and the backup is gone.
    pub manifest: Option<Manifest>,
    /// The epoch that the server is in now.
    pub epoch: u32,
    /// Where what was in the data folder is kept; none if nothing was there.
    pub aside: Option<PathBuf>,
    /// What was there.
    pub present: Present,
}

/// What is known of the server that a backup took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// There was none.
    Nothing,
    /// Its database was read.
    Read {
        /// The epoch that it was in.
        epoch: u32,
        /// What it held.
        contents: Contents,
    },
    /// Its database is not readable. It may have been in a higher epoch than anybody can tell.
    Unreadable,
    /// An earlier run set it aside; this one completed that.
    SetAsideBefore,
}

/// A server that was told that its files are a backup's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The epoch that it is in now.
    pub epoch: u32,
}

/// Puts the backup in `from` in the place of the server in `data`, which must not run, in an epoch that is
/// higher than every one known here. A new administrator's token is put beside it, and those of before are
/// revoked; every other token counts as it did in the backup.
///
/// What was there is kept in a folder within `data` that is named by the time. A run that broke off is
/// completed by the next one.
///
/// # Errors
/// [`BackupError`]. Whatever is wrong with the backup is found before anything changes.
pub async fn restore(
    from: &Path,
    data: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Restored, BackupError> {
    apart(from, data)?;
    let backup = Manifest::read(from);
    let is_new = !data.exists();
    if is_new && let Err(error) = backup {
        return Err(error);
    }
    files::make_folder(data)?;
    let lock = sqlite::lock(data).map_err(|error| held(error, data))?;
    let restored = within_lock(from, backup, data, clock).await;
    if restored.is_err() && is_new {
        // A folder that is not empty any more stays.
        let _lock_too = fs::remove_file(data.join(LOCK));
        let _if_empty = fs::remove_dir(data);
    }
    drop(lock);
    restored
}

/// Says that somebody put the files of a backup into `data` himself, as an older state of a whole machine
/// does: the epoch is raised, enrollment codes of before are withdrawn and devices sign in anew.
///
/// # Errors
/// [`BackupError`].
pub async fn declare(data: &Path, clock: Arc<dyn Clock>) -> Result<Declared, BackupError> {
    if sqlite::is_restore_unfinished(data) {
        let folder = data.to_owned();
        return Err(StorageError::RestoreUnfinished { folder }.into());
    }
    if !data.join(config::FILE).exists() || !data.join(FILE).exists() {
        return Err(BackupError::NotThere(data.to_owned()));
    }
    let service = open(data, clock).map_err(|error| held(error, data))?;
    let epoch = service.raise_epoch().await?;
    Ok(Declared { epoch })
}

/// A data folder that another program holds is a running server's.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other errors stay what they are"
)]
fn held(error: StorageError, data: &Path) -> BackupError {
    match error {
        StorageError::InUse => BackupError::Running(data.to_owned()),
        StorageError::Io { source, .. } => files::writing(data)(source),
        other => other.into(),
    }
}

async fn within_lock(
    from: &Path,
    backup: Result<(Manifest, Hash), BackupError>,
    data: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Restored, BackupError> {
    if let Some(placed) = place::go_on(data)? {
        let another =
            matches!(&backup, Ok((_, digest)) if digest.to_string() != placed.plan.backup);
        if !another {
            return Ok(Restored {
                manifest: backup.ok().map(|(manifest, _)| manifest),
                epoch: placed.plan.epoch,
                aside: placed.aside,
                present: Present::SetAsideBefore,
            });
        }
    }
    let (manifest, digest) = backup?;
    place::clear(data)?;
    let present = present(data);
    let now = clock.now().get();
    let copied = copy(
        from,
        &manifest,
        data,
        above(from, &manifest, &present),
        clock,
    )
    .await;
    if copied.is_err() {
        // Why there is no copy is told; the next run removes what could not be removed now.
        let _best_effort = place::clear(data);
    }
    let (epoch, files) = copied?;
    note(from, epoch);
    let plan = Plan {
        backup: digest.to_string(),
        aside: free_name(data, now),
        epoch,
        files,
    };
    place::ready(data, &plan)?;
    let placed = place::go_on(data)?;
    Ok(Restored {
        manifest: Some(manifest),
        epoch,
        aside: placed.and_then(|placed| placed.aside),
        present,
    })
}

/// What the server in a data folder was, as far as its database can be read.
fn present(data: &Path) -> Present {
    let file = data.join(FILE);
    if !file.exists() {
        return Present::Nothing;
    }
    let read = Look::at(&file).and_then(|look| {
        Ok(Present::Read {
            epoch: look.read(service::epoch)?,
            contents: look.totals()?.into(),
        })
    });
    read.unwrap_or(Present::Unreadable)
}

/// The highest epoch that is known to have been served in.
fn above(backup: &Path, manifest: &Manifest, present: &Present) -> u32 {
    let here = match present {
        Present::Read { epoch, .. } => *epoch,
        Present::Nothing | Present::Unreadable | Present::SetAsideBefore => 0,
    };
    let noted = fs::read_to_string(backup.join(RESTORED)).ok();
    let noted = noted.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    manifest.epoch.max(here).max(noted)
}

/// Notes in the backup in which epoch it serves. On a medium that cannot be written there is no note.
fn note(backup: &Path, epoch: u32) {
    let (file, new) = (
        backup.join(RESTORED),
        backup.join(format!("{RESTORED}.new")),
    );
    let _gone = fs::remove_file(&new);
    let _best_effort = files::write(&new, format!("{epoch}\n").as_bytes())
        .and_then(|()| files::rename(&new, &file));
}

/// Copies a backup into the data folder, checks it, raises its epoch and makes a token: the epoch, and the
/// copy's files.
pub(super) async fn copy(
    from: &Path,
    manifest: &Manifest,
    data: &Path,
    above: u32,
    clock: Arc<dyn Clock>,
) -> Result<(u32, Vec<String>), BackupError> {
    let folder = data.join(COPYING);
    files::make_folder(&folder)?;
    for listed in &manifest.files {
        let copied = files::copy(&from.join(&listed.name), &folder.join(&listed.name));
        let differs = match copied {
            Ok(copied) => listed.differs(copied),
            Err(BackupError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Some("is missing")
            }
            Err(error) => return Err(error),
        };
        if let Some(what) = differs {
            return Err(damaged(&listed.name, what));
        }
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all other errors stay what they are"
    )]
    let _facts = super::facts(&folder.join(FILE)).map_err(|error| match error {
        StorageError::NewerSchema { .. } => BackupError::Newer,
        StorageError::NoDatabase { .. } => damaged(FILE, "is no database of Usher"),
        StorageError::Damaged { .. } => damaged(FILE, "does not pass SQLite's integrity check"),
        other => other.into(),
    })?;
    let service = open(&folder, clock)?;
    let epoch = service.raise_epoch_above(above).await?;
    let token = service.renew_admin_token(TOKEN_NAME.to_owned()).await?;
    drop(service);
    // Older backups hold the file.
    let token_file = folder.join(TOKEN_FILE);
    let _if_there = fs::remove_file(&token_file);
    let text = format!("{}\n", token.secret.reveal());
    files::write(&token_file, text.as_bytes())?;
    let lock = folder.join(LOCK);
    fs::remove_file(&lock).map_err(files::writing(&lock))?;
    // A database that was closed has no journal; one that has goes nowhere without it.
    let journals = BESIDE.iter().map(|ending| format!("{FILE}{ending}"));
    let journals = journals.filter(|name| folder.join(name).exists());
    let listed = manifest.files.iter().map(|file| file.name.clone());
    let listed = listed.filter(|name| name != TOKEN_FILE);
    let made = std::iter::once(TOKEN_FILE.to_owned());
    Ok((epoch, listed.chain(made).chain(journals).collect()))
}

fn damaged(file: &str, what: &'static str) -> BackupError {
    BackupError::Damaged {
        file: file.to_owned(),
        what,
    }
}

/// The services over the database in a folder.
fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Service, StorageError> {
    let settings = service::Settings::new(folder.join(SNAPSHOTS));
    Ok(Service::new(Sqlite::store(folder)?, clock, settings))
}

/// A name by the time for what was in the data folder, which nothing there has.
fn free_name(data: &Path, now_ms: u64) -> String {
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let now = Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX);
    let name = format!("{ASIDE}{}", now.strftime("%Y-%m-%dT%H-%M-%SZ"));
    let others = (2_u32..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.clone())
        .chain(others)
        .find(|name| !data.join(name).exists())
        .unwrap_or(name)
}
