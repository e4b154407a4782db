//! Files that hold secrets: readable by their owner alone, and written whole or not at all.

use crate::error::CliError;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a new file that only its owner may read; one that is there stays.
///
/// # Errors
/// [`CliError::FileExists`], or [`CliError::File`].
pub fn create_private(file: &Path, content: &[u8]) -> Result<(), CliError> {
    let write = || {
        let mut to = private(OpenOptions::new().write(true).create_new(true), file)?;
        to.write_all(content)?;
        to.sync_all()
    };
    write().map_err(|error| CliError::writing(file, error))
}

/// Writes a file that only its owner may read in the place of the one that is there.
///
/// # Errors
/// [`CliError::File`].
pub fn replace_private(file: &Path, content: &[u8]) -> Result<(), CliError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = file.with_file_name(name);
    let write = || {
        let mut to = private(
            OpenOptions::new().write(true).create(true).truncate(true),
            &beside,
        )?;
        to.write_all(content)?;
        to.sync_all()?;
        std::fs::rename(&beside, file)
    };
    write().map_err(|error| CliError::writing(file, error))
}

/// Writes a file that anybody may read.
///
/// # Errors
/// [`CliError::File`].
pub fn write(file: &Path, content: &[u8]) -> Result<(), CliError> {
    std::fs::write(file, content).map_err(|error| CliError::writing(file, error))
}

#[cfg(unix)]
fn private(options: &mut OpenOptions, file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600).open(file)
}

/// Elsewhere the folder decides who may read.
#[cfg(not(unix))]
fn private(options: &mut OpenOptions, file: &Path) -> io::Result<File> {
    options.open(file)
}
