//! Rights to the files of a device, on a system that knows rights.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The files in a folder that somebody else may do something with.
fn open_files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, UnixMillis::new(NOW)).unwrap().0
}

fn exposures(store: &Store) -> Vec<Exposure> {
    let notices = store.notices().unwrap().into_iter();
    notices
        .filter_map(|notice| match notice.body {
            NoticeBody::Exposed { exposure } => Some(exposure),
            NoticeBody::ClockJumped { .. }
            | NoticeBody::StoreRescued { .. }
            | NoticeBody::DocumentRejected { .. }
            | NoticeBody::TableDiffers { .. }
            | NoticeBody::RecordsParked { .. }
            | NoticeBody::LogForked
            | NoticeBody::DeviceRevoked
            | NoticeBody::DeviceCopied
            | NoticeBody::SignedOut { .. }
            | NoticeBody::RecordsWrittenAnew { .. } => None,
        })
        .collect()
}

#[test]
fn the_files_of_a_device_are_its_owners_alone_in_an_open_folder() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let mut store = enrolled(folder.path());
    append(&mut store, 3);
    store.suspect();
    for file in [
        "usher.db",
        "usher.db-wal",
        "usher.db-shm",
        "usher.lock",
        "usher.suspect",
    ] {
        assert!(folder.path().join(file).exists(), "{file}");
    }
    assert_eq!(open_files(folder.path()), Vec::<String>::new());
}

#[test]
fn files_that_others_could_read_are_made_private_and_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o700);
    drop(enrolled(folder.path()));
    let aside = folder.path().join("usher.damaged-1");
    fs::copy(folder.path().join("usher.db"), &aside).unwrap();
    let others = folder.path().join("notes.txt");
    fs::write(&others, "not ours").unwrap();
    for file in ["usher.db", "usher.lock", "usher.damaged-1", "notes.txt"] {
        set_mode(&folder.path().join(file), 0o644);
    }
    let store = open(folder.path());
    assert_eq!(open_files(folder.path()), ["notes.txt"]);
    assert_eq!(exposures(&store), [Exposure::FilesWereReadable]);
    drop(store);
    // It stays told until somebody heard of it.
    assert_eq!(
        exposures(&open(folder.path())),
        [Exposure::FilesWereReadable]
    );
}

#[test]
fn a_damaged_file_that_is_set_aside_is_private() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    drop(enrolled(folder.path()));
    let db = folder.path().join("usher.db");
    set_mode(&db, 0o644);
    fs::write(&db, [7; 8192]).unwrap();
    let (_store, opened) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    assert!(matches!(opened, Opened::Rescued(_)));
    assert_eq!(open_files(folder.path()), Vec::<String>::new());
}

#[test]
fn an_open_folder_is_told_as_long_as_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, told) in [
        (0o700, vec![]),
        (0o711, vec![]),
        (0o750, vec![Exposure::FolderIsReadable]),
        (0o777, vec![Exposure::FolderIsWritable]),
        (0o755, vec![Exposure::FolderIsReadable]),
        (0o700, vec![]),
    ] {
        set_mode(folder.path(), mode);
        assert_eq!(exposures(&open(folder.path())), told, "{mode:o}");
    }
}

#[test]
fn a_link_in_the_folder_changes_nothing_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    set_mode(elsewhere.path(), 0o644);
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("usher.damaged-1")).unwrap();
    let _store = open(folder.path());
    let mode = elsewhere.path().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}
