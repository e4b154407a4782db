//! Real files in temporary folders.

mod damage;
#[cfg(unix)]
mod private;
mod tables;
mod wiping;

use super::*;
use crate::fixture::*;
use usher_domain::cose::SigningKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, ScopeId};
use usher_domain::log::{Entry, LogEnd, sign_batch, verify_batch};
use usher_domain::record::{Body, Correction, LogRef, Subject, Undo};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;

fn undo(number: u8) -> Body {
    Body::Undo(Undo {
        of: Hash::of(&[&[number]]),
        session: EVENING,
        subject: Subject::Ticket(ticket_id(number.into())),
        operator: None,
        approval: None,
    })
}

/// Appends records to the device's log.
fn append(store: &mut Store, count: u8) -> Vec<Entry> {
    let mut end = store
        .log_end(SCOPE, DEVICE, &TestEntropy::default())
        .unwrap();
    let entries: Vec<Entry> = (0..count)
        .map(|number| end.append(UnixMillis::new(NOW), undo(number)))
        .collect();
    store.append(SCOPE, &entries).unwrap();
    entries
}

#[test]
fn a_new_store_knows_nothing_and_a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, opened) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    assert_eq!(opened, Opened::New);
    assert_eq!(store.identity().unwrap(), None);
    assert!(matches!(
        Store::open(folder.path(), UnixMillis::new(NOW)),
        Err(StoreError::InUse { .. })
    ));
    drop(store);
    let (_, opened) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    assert_eq!(opened, Opened::Known { was: schema::KNOWN });
}

#[cfg(unix)]
#[test]
fn a_new_device_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("venue").join("till-1");
    let _store = Store::open(&folder, UnixMillis::new(NOW)).unwrap();
    let mode = folder.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    store.conn.pragma_update(None, "user_version", 900).unwrap();
    drop(store);
    assert!(matches!(
        Store::open(folder.path(), UnixMillis::new(NOW)),
        Err(StoreError::NewerSchema { found: 900, .. })
    ));
    assert!(folder.path().join("usher.db").exists());
}

#[test]
fn the_database_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usher.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE replica (name BLOB); PRAGMA user_version = 1;")
        .unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        Store::open(folder.path(), UnixMillis::new(NOW)),
        Err(StoreError::Foreign { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_that_is_no_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    assert!(Store::open(&file, UnixMillis::new(NOW)).is_err());
}

#[test]
fn an_enrolled_device_knows_itself_and_its_server() {
    let folder = tempfile::tempdir().unwrap();
    drop(enrolled(folder.path()));
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let (identity, enrollment) = store.enrolled().unwrap();
    assert_eq!(enrollment.device, DEVICE);
    assert_eq!(enrollment.key, identity.signing_key().public());
    assert_eq!(store.trusted_keys().unwrap().server(), SERVER);
    // Another organizer's code does not take it over.
    let other = ServerPin {
        root: usher_domain::hash::Hash::ZERO,
        ..identity.server
    };
    assert!(matches!(
        store.begin_enrollment(usher_domain::secret::Seed::new([9; 32]), other),
        Err(StoreError::EnrolledElsewhere)
    ));
}

#[test]
fn a_log_goes_on_after_a_restart_and_a_record_that_does_not_follow_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let first = append(&mut store, 3);
    drop(store);
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let end = store
        .log_end(SCOPE, DEVICE, &TestEntropy::default())
        .unwrap();
    assert_eq!(end.head, first[2].head());
    let mut stray = LogEnd::empty(end.head.log, SCOPE);
    let entry = stray.append(UnixMillis::new(NOW), undo(7));
    assert!(matches!(
        store.append(SCOPE, &[entry]),
        Err(StoreError::BrokenChain)
    ));
    assert_eq!(store.own_logs().unwrap()[0].unsent(), 3);
    store.server_has(end.head.log, 2).unwrap();
    assert_eq!(store.own_logs().unwrap()[0].unsent(), 1);
}

#[test]
fn the_feed_brings_each_record_once_and_remembers_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let log = LogRef {
        device: usher_domain::ids::DeviceId::from_bytes([77; 16]),
        log: usher_domain::ids::LogId::from_bytes([78; 16]),
    };
    let mut end = LogEnd::empty(log, SCOPE);
    let records: Vec<Vec<u8>> = (0..4)
        .map(|number| end.append(UnixMillis::new(NOW), undo(number)).encoded)
        .collect();
    let batch = sign_batch(&key(77), records).unwrap();
    let verified = verify_batch(&batch, &key(77).public()).unwrap();
    let place = FeedPlace {
        last: None,
        epoch: 1,
        position: 9,
        read_at: UnixMillis::new(NOW),
    };
    let entries = [FeedEntry::Verified(verified), FeedEntry::Parked(batch)];
    let taken = store.take_feed(SCOPE, &entries, place).unwrap();
    assert_eq!((taken.records, taken.parked), (4, 1));
    let again = store.take_feed(SCOPE, &entries[..1], place).unwrap();
    assert_eq!(again.records, 0);
    assert_eq!(store.feed_place(SCOPE).unwrap(), place);
    assert_eq!(store.parked(SCOPE).unwrap().len(), 1);
    assert_eq!(store.heads(SCOPE).unwrap().heads, [end.head]);
    let about = store
        .records_about(SCOPE, &Subject::Ticket(ticket_id(2)))
        .unwrap();
    assert_eq!(about.len(), 1);
    assert!(store.record(about[0].hash).unwrap().is_some());
    assert_eq!(
        store.feed_place(ScopeId::from_bytes([0; 16])).unwrap(),
        FeedPlace::default()
    );
}

#[test]
fn a_full_disk_loses_nothing_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    append(&mut store, 2);
    let pages: i64 = store
        .conn
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    store
        .conn
        .pragma_update(None, "max_page_count", pages)
        .unwrap();
    let mut failed = None;
    for _ in 0..200 {
        let mut end = store
            .log_end(SCOPE, DEVICE, &TestEntropy::default())
            .unwrap();
        let entry = end.append(UnixMillis::new(NOW), undo(1));
        if let Err(error) = store.append(SCOPE, &[entry]) {
            failed = Some(error);
            break;
        }
    }
    assert!(matches!(failed, Some(StoreError::Full { .. })));
    assert!(store.own_logs().unwrap()[0].end.head.sequence >= 2);
}

#[test]
fn records_that_the_server_lacks_are_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let entries = append(&mut store, 3);
    assert!(!store.forget_scope(SCOPE).unwrap());
    store.server_has(entries[0].frame.log, 3).unwrap();
    assert!(store.forget_scope(SCOPE).unwrap());
    assert_eq!(store.last_place().unwrap(), 0);
}

#[test]
fn a_notice_is_told_once_until_it_is_heard() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(&folder.path().join("device"));
    for _ in 0..2 {
        store
            .notice(UnixMillis::new(NOW), &NoticeBody::LogForked)
            .unwrap();
    }
    let notices = store.notices().unwrap();
    assert_eq!(notices.len(), 1);
    store.heard(notices[0].number).unwrap();
    assert_eq!(store.notices().unwrap(), []);
}

#[test]
fn a_page_of_records_of_unknown_kinds_is_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let key = SigningKey::from_seed(&Seed::new([8; 32]));
    let log = LogRef {
        device: DeviceId::from_bytes([8; 16]),
        log: LogId::from_bytes([8; 16]),
    };
    let mut end = LogEnd::empty(log, SCOPE);
    let mut records = Vec::new();
    for number in 1..=5 {
        let mut bytes = Vec::new();
        let mut encoder = minicbor::Encoder::new(&mut bytes);
        encoder.array(6).unwrap().encode(log).unwrap();
        encoder.u64(number).unwrap().encode(end.head.hash).unwrap();
        encoder.encode(SCOPE).unwrap().u64(NOW).unwrap();
        encoder.array(1).unwrap().u32(200).unwrap();
        end.head.sequence = number;
        end.head.hash = Hash::of(&[&bytes]);
        records.push(bytes);
    }
    records.push(end.append(UnixMillis::new(NOW), undo(1)).encoded);
    let batch = verify_batch(&sign_batch(&key, records).unwrap(), &key.public()).unwrap();
    store
        .take_feed(SCOPE, &[FeedEntry::Verified(batch)], FeedPlace::default())
        .unwrap();
    let (mut place, mut found, mut pages) = (0, Vec::new(), 0);
    while let RecordPage {
        read_to: Some(read_to),
        lines,
    } = store.records_after(SCOPE, place, 2).unwrap()
    {
        assert!(read_to > place);
        place = read_to;
        found.extend(lines);
        pages += 1;
    }
    assert_eq!((found.len(), pages), (1, 3));
}

fn correction() -> Body {
    Body::Correction(Correction {
        of: Hash::of(&[&[1]]),
        session: EVENING,
        subject: Subject::Ticket(ticket_id(2)),
        type_number: None,
        access: None,
        entries: Some(1),
        honours: None,
    })
}

#[test]
fn what_the_server_corrected_of_a_ticket_is_found_by_the_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let mut end = store
        .log_end(SCOPE, DEVICE, &TestEntropy::default())
        .unwrap();
    let corrected = end.append(UnixMillis::new(NOW), correction());
    store
        .append(SCOPE, std::slice::from_ref(&corrected))
        .unwrap();
    let found = |store: &Store| {
        let about = store.records_about(SCOPE, &Subject::Ticket(ticket_id(2)));
        let hashes = about.unwrap().into_iter().map(|line| line.hash);
        hashes.collect::<Vec<_>>()
    };
    assert_eq!(found(&store), [corrected.hash]);
    // An older program put it under the whole scope.
    store
        .conn
        .execute_batch("UPDATE records SET subject = x''; PRAGMA user_version = 4;")
        .unwrap();
    assert_eq!(found(&store), []);
    drop(store);
    let (store, opened) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    assert_eq!(opened, Opened::Known { was: 4 });
    assert_eq!(found(&store), [corrected.hash]);
}
