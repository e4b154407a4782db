//! Files that hold secrets: readable by their owner alone, and written whole or not at all.

use crate::error::CliError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
pub use usher_server::private::{Rights, take_rights_of_others};

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
        // A file that a broken attempt left has whatever rights; a new one is private.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) | Ok(()) => {}
        }
        let mut to = private(OpenOptions::new().write(true).create_new(true), &beside)?;
        to.write_all(content)?;
        to.sync_all()?;
        fs::rename(&beside, file)
    };
    write().map_err(|error| CliError::writing(file, error))
}

/// Empties a file, or makes it, for what only its owner may read.
///
/// # Errors
/// What the system says.
pub fn overwrite_private(file: &Path) -> io::Result<File> {
    let to = private(
        OpenOptions::new().write(true).create(true).truncate(true),
        file,
    )?;
    take_rights_of_others(file);
    Ok(to)
}

/// Makes a folder, and those above it, that only its owner may look into. One that is there keeps its
/// rights.
///
/// # Errors
/// [`CliError::File`].
pub fn make_private_folder(folder: &Path) -> Result<(), CliError> {
    let made = usher_server::private::make_folder(folder);
    made.map_err(|error| CliError::writing(folder, error))
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_its_owners_alone_whatever_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pins.csv");
        for old in [&file, &folder.path().join("pins.csv.new")] {
            fs::write(old, "old").unwrap();
            fs::set_permissions(old, fs::Permissions::from_mode(0o644)).unwrap();
        }
        replace_private(&file, b"new").unwrap();
        assert_eq!(
            (mode(&file), fs::read(&file).unwrap()),
            (0o600, b"new".to_vec())
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        drop(overwrite_private(&file).unwrap());
        assert_eq!((mode(&file), fs::read(&file).unwrap()), (0o600, Vec::new()));
        let inner = folder.path().join("a/b");
        make_private_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        assert!(matches!(
            create_private(&file, b"x"),
            Err(CliError::FileExists(_))
        ));
    }
}
