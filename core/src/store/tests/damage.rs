//! Damaged files: set aside, rescued as far as readable, never deleted.

use super::*;
use std::fs;
use std::path::Path;

fn open(folder: &Path) -> (Store, Opened) {
    Store::open(folder, UnixMillis::new(NOW)).unwrap()
}

/// A store with records, closed in order.
fn filled(folder: &Path) -> Vec<Entry> {
    let mut store = enrolled(folder);
    Table::set(EVENING, 0..50).install(&mut store).unwrap();
    append(&mut store, 60)
}

fn all_there(store: &Store, entries: &[Entry]) -> bool {
    entries
        .iter()
        .all(|entry| store.record(entry.hash).unwrap().is_some())
}

#[test]
fn a_file_without_its_header_is_set_aside_and_its_records_are_rescued() {
    let folder = tempfile::tempdir().unwrap();
    let entries = filled(folder.path());
    let path = folder.path().join("usher.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..100].fill(0xee);
    fs::write(&path, bytes).unwrap();
    let (mut store, opened) = open(folder.path());
    let Opened::Rescued(rescue) = opened else {
        panic!("{opened:?}")
    };
    assert!(rescue.identity);
    assert_eq!(rescue.records, 60);
    assert!(folder.path().join(&rescue.file).exists());
    assert!(all_there(&store, &entries));
    assert_eq!(store.enrolled().unwrap().1.device, DEVICE);
    // The old log is closed and unsent; scans go on in a new one.
    let logs = store.own_logs().unwrap();
    assert_eq!(
        (logs[0].standing, logs[0].unsent()),
        (LogStanding::Closed, 60)
    );
    let entropy = TestEntropy::default();
    crate::clock::random::<16>(&entropy).unwrap();
    let end = store.log_end(SCOPE, DEVICE, &entropy).unwrap();
    assert_eq!(end.head.sequence, 0);
}

#[test]
fn records_around_a_broken_page_are_rescued() {
    let folder = tempfile::tempdir().unwrap();
    let entries = filled(folder.path());
    let path = folder.path().join("usher.db");
    let mut bytes = fs::read(&path).unwrap();
    // The page that holds the tenth record.
    let needle = &entries[9].encoded;
    let at = bytes
        .windows(needle.len())
        .position(|window| window == needle.as_slice())
        .unwrap();
    let page = at / 4096 * 4096;
    let lost: Vec<bool> = entries
        .iter()
        .map(|entry| {
            let found = bytes
                .windows(entry.encoded.len())
                .position(|window| window == entry.encoded.as_slice());
            found.is_some_and(|at| at / 4096 * 4096 == page)
        })
        .collect();
    bytes[page..page + 4096].fill(0x55);
    fs::write(&path, bytes).unwrap();
    fs::write(folder.path().join("usher.suspect"), []).unwrap();
    // A gate goes on with what it can read, and says so, until it is repaired.
    let (store, opened) = open(folder.path());
    assert!(matches!(opened, Opened::Known { .. }), "{opened:?}");
    assert!(store.is_suspect());
    drop(store);
    let now = UnixMillis::new(NOW);
    let (store, opened) = Store::open_to_repair(folder.path(), now).unwrap();
    let gone = lost.iter().filter(|lost| **lost).count();
    assert!(gone > 5);
    let Opened::Rescued(rescue) = opened else {
        panic!("{opened:?}")
    };
    // Some are found elsewhere in the file, where they stood before.
    assert!(rescue.records >= 60 - gone as u64);
    assert_eq!(rescue.records + rescue.missing, 60);
    assert!(!store.is_suspect() && store.trust().unwrap().is_some());
    for (entry, lost) in entries.iter().zip(lost) {
        assert!(lost || store.record(entry.hash).unwrap().is_some());
    }
}

#[test]
fn a_torn_write_ahead_log_loses_only_what_was_never_committed() {
    let folder = tempfile::tempdir().unwrap();
    let entries = filled(folder.path());
    // A crash: the files as they stand, with the log still there.
    let copy = tempfile::tempdir().unwrap();
    let (mut store, _) = open(folder.path());
    let later = append(&mut store, 5);
    for name in ["usher.db", "usher.db-wal"] {
        fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
    }
    let wal = copy.path().join("usher.db-wal");
    let length = fs::metadata(&wal).unwrap().len();
    assert!(length > 0);
    fs::File::options()
        .write(true)
        .open(&wal)
        .unwrap()
        .set_len(length - 100)
        .unwrap();
    let (store, opened) = open(copy.path());
    assert!(matches!(opened, Opened::Known { .. }), "{opened:?}");
    assert!(all_there(&store, &entries));
    assert!(!all_there(&store, &later));
}

#[test]
fn a_file_that_was_never_a_store_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("usher.db"), vec![7; 10_000]).unwrap();
    let (_, opened) = open(folder.path());
    let Opened::Rescued(rescue) = opened else {
        panic!("{opened:?}")
    };
    assert_eq!((rescue.identity, rescue.records), (false, 0));
    assert_eq!(
        fs::read(folder.path().join(rescue.file)).unwrap().len(),
        10_000
    );
}
