//! What is left on the disk of a device that was wiped.

use super::*;
use std::fs;
use std::path::Path;
use usher_domain::secret::Private;
use usher_domain::table::rows::DirectoryRow;
use usher_domain::table::{TableId, encode_row};

const NAME: &str = "Griselda Quackenbush";
const DIRECTORY: TableId = TableId::Directory(EVENING);

fn directory(version: u64, numbers: std::ops::Range<u64>) -> Table {
    let mut table = Table::new(DIRECTORY);
    table.version = version;
    for number in numbers {
        table.put(&DirectoryRow {
            ticket: ticket_id(number),
            revision: version,
            holder: Some(Private::new(format!("{NAME} {number}"))),
            order: None,
        });
    }
    table
}

fn open(folder: &Path) -> Store {
    Store::open(folder, UnixMillis::new(NOW)).unwrap().0
}

/// The files of a folder in which a text stands.
fn files_with(folder: &Path, needle: &[u8]) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let mut files: Vec<String> = entries
        .filter(|entry| {
            let bytes = fs::read(entry.path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// A desk that took a directory in, a smaller one after it, and a copy of it once by a program that let
/// deleted rows stand; a damaged file lies beside it.
fn desk(folder: &Path) -> Store {
    let mut store = enrolled(folder);
    roster().install(&mut store).unwrap();
    Table::set(EVENING, 0..300).install(&mut store).unwrap();
    directory(1, 0..300).install(&mut store).unwrap();
    let set = store.conn.pragma_update(None, "secure_delete", "OFF");
    set.unwrap();
    directory(2, 0..200).install(&mut store).unwrap();
    while store.sweep().unwrap() {}
    store
        .conn
        .pragma_update(None, "secure_delete", "ON")
        .unwrap();
    fs::write(folder.join("usher.damaged-1"), format!("page {NAME} page")).unwrap();
    append(&mut store, 4);
    store
}

/// What stands in the files that could tell of tickets, people or the venue.
fn traces(folder: &Path) -> Vec<(String, Vec<String>)> {
    let row = encode_row(&row(5, EVENING)).unwrap();
    let terms = terms(EVENING);
    [
        ("names", NAME.as_bytes()),
        ("a ticket's row", row.as_slice()),
        ("the session", terms.session.name.as_bytes()),
        ("staff", badge(SUPERVISOR).key().public().as_bytes()),
    ]
    .into_iter()
    .map(|(what, needle)| (what.to_owned(), files_with(folder, needle)))
    .filter(|(_, files)| !files.is_empty())
    .collect()
}

#[test]
fn no_file_of_a_wiped_device_has_a_name_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = desk(folder.path());
    assert_eq!(traces(folder.path()).len(), 4);
    store.wipe_tables().unwrap();
    assert_eq!(traces(folder.path()), []);
    assert_eq!(store.tables().unwrap(), []);
    assert_eq!(store.own_logs().unwrap()[0].unsent(), 4);
    // It takes in what a server gives to new devices.
    assert_eq!(store.held_manifest(DIRECTORY).unwrap(), None);
    directory(2, 0..200).install(&mut store).unwrap();
    assert_eq!(
        store.search(EVENING, "griselda", 3).unwrap().unwrap().len(),
        3
    );
}

#[test]
fn wiping_that_was_cut_off_goes_on_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = desk(folder.path());
    store.begin_wiping().unwrap();
    store.sweep().unwrap();
    assert_eq!(store.search(EVENING, "griselda", 3).unwrap(), None);
    drop(store);
    assert!(!traces(folder.path()).is_empty());
    let store = open(folder.path());
    assert_eq!(traces(folder.path()), []);
    assert!(!store.is_wiping().unwrap());
}

#[test]
fn a_device_that_learns_of_its_revocation_holds_no_tables_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = desk(folder.path());
    store.note_revoked(UnixMillis::new(NOW)).unwrap();
    assert_eq!(store.tables().unwrap(), []);
    assert!(store.is_wiping().unwrap());
    store.finish_wiping().unwrap();
    assert_eq!(traces(folder.path()), []);
    assert_eq!(store.revoked().unwrap(), Some(UnixMillis::new(NOW)));
    // Nothing older than what it held is taken in later.
    let held = store.held_manifest(DIRECTORY).unwrap().unwrap();
    assert_eq!(held.version, version(2));
    assert_eq!(store.manifest(DIRECTORY).unwrap(), None);
    assert_eq!(store.own_logs().unwrap()[0].unsent(), 4);
}

#[test]
fn a_table_that_is_not_held_any_more_is_gone_from_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    directory(1, 0..300).install(&mut store).unwrap();
    assert_ne!(
        files_with(folder.path(), NAME.as_bytes()),
        Vec::<String>::new()
    );
    store.drop_table(DIRECTORY).unwrap();
    store.sweep_to_the_end().unwrap();
    assert_eq!(
        files_with(folder.path(), NAME.as_bytes()),
        Vec::<String>::new()
    );
}
