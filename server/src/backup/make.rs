//! Making a backup, beside a server that may run.

use super::error::BackupError;
use super::files;
use super::manifest::{Listed, Manifest, is_within};
use crate::clock::Clock;
use crate::config::{self, Config, Transport};
use crate::storage::sqlite::{self, FILE, LOCK};
use crate::storage::{StorageError, sqlite::is_restore_unfinished};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A backup that was made.
#[derive(Debug)]
pub struct Made {
    /// What it is of, and what it consists of.
    pub manifest: Manifest,
    /// Files that the server needs and that are not in it, because they lie outside of the data folder.
    pub left_out: Vec<PathBuf>,
}

/// Makes a backup of the server of `config` in the folder `to`, which is new or empty. Tokens that stand in
/// files beside the database are left out: a backup must not be its owner.
///
/// It is written as `to` with `.unfinished` at its end and then gets its name, so that a folder of that name
/// is whole. What an earlier attempt left is removed.
///
/// # Errors
/// [`BackupError`]; nothing is left then.
pub fn make(config: &Config, to: &Path, clock: &dyn Clock) -> Result<Made, BackupError> {
    let data = &config.data;
    if is_restore_unfinished(data) {
        return Err(StorageError::RestoreUnfinished {
            folder: data.clone(),
        }
        .into());
    }
    if !data.join(config::FILE).exists() || !data.join(FILE).exists() {
        return Err(BackupError::NotThere(data.clone()));
    }
    if !files::is_free(to)? {
        return Err(BackupError::Taken(to.to_owned()));
    }
    apart(to, data)?;
    let unfinished = Unfinished::begin(to)?;
    let (names, left_out) = wanted(config);
    let manifest = fill(data, &unfinished.folder, &names, clock)?;
    manifest.write(&unfinished.folder)?;
    unfinished.finish(to)?;
    Ok(Made { manifest, left_out })
}

/// Refuses a backup within the data folder, which a restore would set aside, and the other way round.
pub(super) fn apart(backup: &Path, data: &Path) -> Result<(), BackupError> {
    let whole = |path: &Path| {
        let known = path.ancestors().find_map(|above| {
            // Of a relative path, the last one above is empty and means here.
            let here = if above.as_os_str().is_empty() {
                Path::new(".")
            } else {
                above
            };
            let rest = path.strip_prefix(above).ok()?;
            here.canonicalize().ok().map(|known| known.join(rest))
        });
        known.unwrap_or_else(|| path.to_owned())
    };
    let (one, other) = (whole(backup), whole(data));
    if one.starts_with(&other) || other.starts_with(&one) {
        return Err(BackupError::Within {
            backup: backup.to_owned(),
            data: data.to_owned(),
        });
    }
    Ok(())
}

/// The names of files beside the database that belong into a backup, and files that cannot be in it.
fn wanted(config: &Config) -> (BTreeSet<String>, Vec<PathBuf>) {
    let usual = [config::FILE, config::CERTIFICATE, config::KEY];
    let mut names: BTreeSet<String> = usual.map(str::to_owned).into();
    let mut left_out = Vec::new();
    if let Transport::Tls { certificate, key } = &config.transport {
        for file in [certificate, key] {
            let name = file.strip_prefix(&config.data).ok();
            match name.and_then(Path::to_str).filter(|name| is_within(name)) {
                Some(name) => _ = names.insert(name.to_owned()),
                None => left_out.push(file.clone()),
            }
        }
    }
    (names, left_out)
}

fn fill(
    data: &Path,
    folder: &Path,
    names: &BTreeSet<String>,
    clock: &dyn Clock,
) -> Result<Manifest, BackupError> {
    let now = i64::try_from(clock.now().get()).unwrap_or(i64::MAX);
    let made_at = Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX);
    let database = folder.join(FILE);
    drop(files::create(&database)?);
    // Between the steps the processor is others': those who are let in now go before.
    sqlite::copy(data, &database, std::thread::yield_now)?;
    let written = File::options().append(true).open(&database);
    written
        .and_then(|file| file.sync_all())
        .map_err(files::writing(&database))?;
    // What cannot be read back is no backup.
    let facts = super::facts(&database)?;
    let mut listed = vec![Listed::new(FILE, files::digest(&database)?)];
    for name in names.iter().filter(|name| data.join(name).is_file()) {
        let copied = files::copy(&data.join(name), &folder.join(name))?;
        listed.push(Listed::new(name, copied));
    }
    Ok(Manifest::new(made_at, &facts, listed))
}

/// A backup in the making. It is removed if it does not come to its end.
struct Unfinished {
    folder: PathBuf,
    /// Held, so that two programs do not write one backup.
    lock: Option<File>,
}

impl Unfinished {
    fn begin(to: &Path) -> Result<Self, BackupError> {
        let mut name = to.file_name().unwrap_or_default().to_owned();
        name.push(".unfinished");
        let folder = to.with_file_name(name);
        if !files::is_free(&folder)? && !folder.join(LOCK).exists() {
            return Err(BackupError::Taken(folder));
        }
        files::make_folder(&folder)?;
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all other errors stay what they are"
        )]
        let lock = sqlite::lock(&folder).map_err(|error| match error {
            StorageError::InUse => BackupError::BeingWritten(to.to_owned()),
            StorageError::Io { source, .. } => files::writing(&folder)(source),
            other => other.into(),
        })?;
        let begun = Self {
            folder,
            lock: Some(lock),
        };
        begun.clear()?;
        Ok(begun)
    }

    /// Removes what an attempt that broke off left: all but the lock.
    fn clear(&self) -> Result<(), BackupError> {
        let entries = fs::read_dir(&self.folder).map_err(files::reading(&self.folder))?;
        for entry in entries {
            let path = entry.map_err(files::reading(&self.folder))?.path();
            if path.ends_with(LOCK) {
                continue;
            }
            if path.is_dir() {
                files::remove_folder(&path)?;
            } else {
                fs::remove_file(&path).map_err(files::writing(&path))?;
            }
        }
        Ok(())
    }

    fn finish(mut self, to: &Path) -> Result<(), BackupError> {
        let lock = self.folder.join(LOCK);
        fs::remove_file(&lock).map_err(files::writing(&lock))?;
        files::sync_folder(&self.folder)?;
        // Over an empty folder Unix renames by itself; elsewhere it must go first.
        #[cfg(not(unix))]
        let _none = fs::remove_dir(to);
        files::rename(&self.folder, to)?;
        drop(self.lock.take());
        files::sync_folder(above(to))
    }
}

/// The folder that a path lies in.
fn above(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // Why it did not come to its end is told; that something is left could not be helped.
            let _best_effort = fs::remove_dir_all(&self.folder);
        }
    }
}
