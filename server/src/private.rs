//! Files and folders of a server that only their owner may read, whatever rights the data folder gives.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Opens a file for writing, emptied; one that is missing is made for its owner alone.
///
/// # Errors
/// What the system says.
pub(crate) fn create_private(file: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(file)
}

/// Makes a new file for its owner alone, and fails if one is there.
///
/// # Errors
/// What the system says.
pub(crate) fn create_new(file: &Path) -> io::Result<File> {
    options().create_new(true).open(file)
}

/// Makes sure that a file is there, made for its owner alone, and leaves its content as it is.
///
/// # Errors
/// What the system says.
pub(crate) fn ensure_private(file: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(file)
}

fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a folder, and those above it, for its owner alone. One that is there keeps its rights.
///
/// # Errors
/// What the system says.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What other users of the machine could do with a file before their rights to it were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Nothing, or there is no such file.
    OwnerOnly,
    /// They could read or write it until now.
    Taken,
    /// They can read or write it, and that cannot be changed.
    Left,
}

/// Takes the rights of others from a file that an older program or a careless copy left open to them.
#[cfg(unix)]
pub fn take_rights_of_others(file: &Path) -> Rights {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = || {
        // A link stays what it is: it leads to a file that somebody put elsewhere on purpose.
        fs::symlink_metadata(file)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o077 != 0)
    };
    if !is_open() {
        return Rights::OwnerOnly;
    }
    let _unless_it_is_anothers = fs::set_permissions(file, fs::Permissions::from_mode(0o600));
    if is_open() {
        Rights::Left
    } else {
        Rights::Taken
    }
}

/// Elsewhere the folder decides who may read.
#[cfg(not(unix))]
pub fn take_rights_of_others(_: &Path) -> Rights {
    Rights::OwnerOnly
}

/// Takes the rights of others from secret files in a data folder, and warns of what they could read.
pub(crate) fn check_files(data: &Path, names: &[&str]) {
    for name in names {
        match take_rights_of_others(&data.join(name)) {
            Rights::OwnerOnly => {}
            Rights::Taken => tracing::warn!(
                file = name,
                "other users of this machine could open this file until now, it is private from here on: \
                 if one of them may have read keys or tokens, renew them"
            ),
            Rights::Left => tracing::warn!(
                file = name,
                "other users of this machine can open this file: make it the server's own, with chmod 600"
            ),
        }
    }
}

/// Warns of a data folder in which other users can replace files.
pub(crate) fn check_folder(data: &Path) {
    #[cfg(unix)]
    if let Ok(found) = fs::metadata(data) {
        use std::os::unix::fs::PermissionsExt as _;
        if found.permissions().mode() & 0o022 != 0 {
            tracing::warn!(
                folder = %data.display(),
                "other users of this machine can replace the server's files: make its folder private (chmod 700)"
            );
        }
    }
    #[cfg(not(unix))]
    let _ = data;
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn rights_of_others_are_taken_from_files_and_never_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        drop(create_private(&file).unwrap());
        assert_eq!(
            (mode(&file), take_rights_of_others(&file)),
            (0o600, Rights::OwnerOnly)
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(take_rights_of_others(&link), Rights::OwnerOnly);
        assert_eq!(mode(&file), 0o644);
        assert_eq!(take_rights_of_others(&file), Rights::Taken);
        assert_eq!(mode(&file), 0o600);
        assert_eq!(
            take_rights_of_others(&folder.path().join("none")),
            Rights::OwnerOnly
        );
    }
}
