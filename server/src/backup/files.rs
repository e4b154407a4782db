//! Folders and files that only their owner may read: they hold the keys by which all gates are told whom to
//! let in.

use super::error::{BackupError, Doing};
use crate::private;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use usher_domain::hash::Hash;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 1 << 18;

/// What the system said of a file that was to be read.
pub(super) fn reading(file: &Path) -> impl FnOnce(io::Error) -> BackupError {
    at(file, Doing::Read)
}

/// What the system said of a file that was to be written.
pub(super) fn writing(file: &Path) -> impl FnOnce(io::Error) -> BackupError {
    at(file, Doing::Write)
}

fn at(file: &Path, doing: Doing) -> impl FnOnce(io::Error) -> BackupError {
    let file = file.to_owned();
    move |source| BackupError::File {
        file,
        doing,
        source,
    }
}

/// Makes a folder, and those above it, for its owner alone. One that is there stays as it is.
pub(super) fn make_folder(folder: &Path) -> Result<(), BackupError> {
    private::make_folder(folder).map_err(writing(folder))
}

/// Makes a new file.
pub(super) fn create(file: &Path) -> Result<File, BackupError> {
    if let Some(folder) = file.parent() {
        make_folder(folder)?;
    }
    private::create_new(file).map_err(writing(file))
}

/// Writes a new file, durably.
pub(super) fn write(file: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut to = create(file)?;
    to.write_all(bytes)
        .and_then(|()| to.sync_all())
        .map_err(writing(file))
}

/// Copies a file into a new one, durably: its size and digest.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(u64, Hash), BackupError> {
    let mut source = File::open(from).map_err(reading(from))?;
    let mut target = create(to)?;
    let told = each_chunk(&mut source, from, |chunk| {
        target.write_all(chunk).map_err(writing(to))
    })?;
    target.sync_all().map_err(writing(to))?;
    to.parent().map_or(Ok(()), sync_folder)?;
    Ok(told)
}

/// Size and digest of a file.
pub(super) fn digest(file: &Path) -> Result<(u64, Hash), BackupError> {
    let mut source = File::open(file).map_err(reading(file))?;
    each_chunk(&mut source, file, |_| Ok(()))
}

fn each_chunk(
    source: &mut File,
    name: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(u64, Hash), BackupError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    loop {
        let read = source.read(&mut buffer).map_err(reading(name))?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() {
            return Ok((bytes, Hash::from_bytes(hasher.finalize().into())));
        }
        bytes += chunk.len() as u64;
        hasher.update(chunk);
        take(chunk)?;
    }
}

/// Makes what a folder lists durable: names that came, went or changed.
pub(super) fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(writing(folder))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Gives a file or folder another name on the same disk.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(writing(to))
}

/// Removes a folder that we made, with all that is in it.
pub(super) fn remove_folder(folder: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(writing(folder)(error)),
        _ => Ok(()),
    }
}

/// Whether a folder is not there, or nothing is in it.
pub(super) fn is_free(folder: &Path) -> Result<bool, BackupError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        // It is a file, or lies in one; then making it says so.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Ok(folder.symlink_metadata().is_err())
        }
        Err(error) => Err(reading(folder)(error)),
    }
}
