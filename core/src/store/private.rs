//! Rights to a device's files: only their owner may read them, whatever rights its folder gives.
//!
//! The files hold the device's key. Whoever can read them has a second copy of the gate. SQLite gives the
//! write-ahead log and its index the rights of the database, so it is enough to make the database private
//! before SQLite opens it.

use super::notices::{self, NoticeBody};
use super::{Store, StoreError};
use minicbor::{Decode, Encode};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use usher_domain::time::UnixMillis;

/// How the names of all of a device's files begin.
const NAME_START: &str = "usher.";

/// What other users of the computer may do to a device's files, or could do before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Exposure {
    /// Files could be read until the store was opened. They are private now; copies may exist.
    #[n(0)]
    FilesWereReadable,
    /// Files can be read, and their rights cannot be changed.
    #[n(1)]
    FilesAreReadable,
    /// The folder can be written: files in it can be replaced.
    #[n(2)]
    FolderIsWritable,
    /// The folder can be listed; its files cannot be read.
    #[n(3)]
    FolderIsReadable,
}

impl Exposure {
    const ALL: [Self; 4] = [
        Self::FilesWereReadable,
        Self::FilesAreReadable,
        Self::FolderIsWritable,
        Self::FolderIsReadable,
    ];

    /// Whether it lasts; if not, it is over and a person should hear of it all the same.
    const fn lasts(self) -> bool {
        match self {
            Self::FilesAreReadable | Self::FolderIsWritable | Self::FolderIsReadable => true,
            Self::FilesWereReadable => false,
        }
    }
}

/// Opens a file for writing; one that is missing is made for its owner alone.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes the rights of others from all files of the device in `folder`, those that older programs made and
/// those that were set aside. Says what others could or can do.
pub(super) fn take_rights_of_others(folder: &Path) -> Result<Vec<Exposure>, StoreError> {
    let doing = "looking at the rights to the device folder";
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(StoreError::io(doing))? {
        let entry = entry.map_err(StoreError::io(doing))?;
        // A file that vanishes meanwhile, or a link to something else, is none of the device's.
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file
            && entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(NAME_START.as_bytes())
        {
            found.extend(take_rights(&entry.path()));
        }
    }
    found.extend(folder_exposure(folder));
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(path).map_or(0, |found| found.permissions().mode())
}

#[cfg(unix)]
fn take_rights(file: &Path) -> Option<Exposure> {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    if mode(file) & OTHERS == 0 {
        return None;
    }
    // Another user's file keeps its rights, and some file systems know no rights.
    let _unless_it_is_anothers = fs::set_permissions(file, fs::Permissions::from_mode(0o600));
    if mode(file) & OTHERS == 0 {
        Some(Exposure::FilesWereReadable)
    } else {
        Some(Exposure::FilesAreReadable)
    }
}

#[cfg(unix)]
fn folder_exposure(folder: &Path) -> Option<Exposure> {
    let mode = fs::metadata(folder).map_or(0, |found| {
        std::os::unix::fs::PermissionsExt::mode(&found.permissions())
    });
    if mode & 0o022 != 0 {
        Some(Exposure::FolderIsWritable)
    } else if mode & 0o044 != 0 {
        Some(Exposure::FolderIsReadable)
    } else {
        None
    }
}

/// Elsewhere the folder decides who may read.
#[cfg(not(unix))]
fn take_rights(_: &Path) -> Option<Exposure> {
    None
}

#[cfg(not(unix))]
fn folder_exposure(_: &Path) -> Option<Exposure> {
    None
}

impl Store {
    /// Notes what others can do to the files, and takes back what they cannot do any more.
    pub(super) fn note_exposures(
        &mut self,
        now: UnixMillis,
        found: &[Exposure],
    ) -> Result<(), StoreError> {
        for exposure in Exposure::ALL {
            let body = NoticeBody::Exposed { exposure };
            if found.contains(&exposure) {
                self.notice(now, &body)?;
            } else if exposure.lasts() && self.notices()?.iter().any(|held| held.body == body) {
                notices::forget(&self.conn, &body)?;
            }
        }
        Ok(())
    }
}
