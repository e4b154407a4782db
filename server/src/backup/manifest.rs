//! What a backup is of, and what it consists of.

use super::error::BackupError;
use super::files;
use crate::storage::sqlite::{FILE, Totals};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path};
use usher_domain::hash::Hash;

/// Name of the manifest in a backup.
pub const MANIFEST: &str = "backup.json";
/// The form of manifests that this program writes.
const FORMAT: u32 = 1;

/// What a backup is of, and what it consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file; another one is a newer program's.
    format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The epoch that the server was in.
    pub epoch: u32,
    /// What the database holds.
    pub contents: Contents,
    /// Its files, by their names in the data folder.
    pub files: Vec<Listed>,
}

/// What a server's database holds, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Organizers.
    pub organizers: u64,
    /// Sessions of all events.
    pub sessions: u64,
    /// Tickets of all events.
    pub tickets: u64,
    /// Devices, those that were revoked among them.
    pub devices: u64,
    /// Records of all logs.
    pub records: u64,
}

impl From<Totals> for Contents {
    fn from(totals: Totals) -> Self {
        let Totals {
            organizers,
            sessions,
            tickets,
            devices,
            records,
        } = totals;
        Self {
            organizers,
            sessions,
            tickets,
            devices,
            records,
        }
    }
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name in the data folder, with `/` between folders.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl Listed {
    pub(super) fn new(name: &str, (bytes, digest): (u64, Hash)) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
            sha256: digest.to_string(),
        }
    }

    /// Why a file of this size and digest is not the one listed.
    pub(super) fn differs(&self, (bytes, digest): (u64, Hash)) -> Option<&'static str> {
        if bytes != self.bytes {
            Some("has another size than it was written with")
        } else if digest.to_string() != self.sha256 {
            Some("has another content than it was written with")
        } else {
            None
        }
    }
}

/// Whether a name stays within the folder it is joined to.
pub(super) fn is_within(name: &str) -> bool {
    let mut parts = Path::new(name).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

impl Manifest {
    pub(super) fn new(made_at: Timestamp, facts: &super::Facts, files: Vec<Listed>) -> Self {
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at,
            epoch: facts.epoch,
            contents: facts.contents,
            files,
        }
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Reads the manifest of a backup, and tells its digest, which no other backup has.
    ///
    /// # Errors
    /// [`BackupError::NoBackup`], [`BackupError::Newer`], [`BackupError::Damaged`].
    pub fn read(backup: &Path) -> Result<(Self, Hash), BackupError> {
        let no_backup = || BackupError::NoBackup(backup.to_owned());
        let text = std::fs::read(backup.join(MANIFEST)).map_err(|_| no_backup())?;
        let form: Form = serde_json::from_slice(&text).map_err(|_| no_backup())?;
        if form.format != FORMAT {
            return Err(BackupError::Newer);
        }
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| no_backup())?;
        let damaged = |what| BackupError::Damaged {
            file: MANIFEST.to_owned(),
            what,
        };
        if !manifest.files.iter().all(|file| is_within(&file.name)) {
            return Err(damaged("names a file outside of the backup"));
        }
        let has = |name| manifest.files.iter().any(|file| file.name == name);
        if !has(FILE) || !has(crate::config::FILE) {
            return Err(damaged("lists no database or no settings"));
        }
        Ok((manifest, Hash::of(&[&text])))
    }

    pub(super) fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let file = backup.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| files::writing(&file)(std::io::Error::other(error)))?;
        files::write(&file, &text)
    }
}

/// The one field that every form has.
#[derive(Deserialize)]
struct Form {
    format: u32,
}
