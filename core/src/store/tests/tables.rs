//! Copies of tables: staged, swapped in, changed, repaired, swept.

use super::super::tables::Progress;
use super::*;
use usher_domain::table::rows::TicketRow;
use usher_domain::table::{Bucket, TableId, encode_row};

const SET: TableId = TableId::Set(EVENING);

fn seen(store: &Store, number: u64) -> Option<TicketRow> {
    let copy = store.serving(SET).unwrap()?;
    store.ticket(copy, ticket_id(number)).unwrap()
}

fn by_medium(store: &Store, text: &str) -> usize {
    let copy = store.serving(SET).unwrap().unwrap();
    store.tickets_of_medium(copy, medium(text)).unwrap().len()
}

#[test]
fn a_snapshot_serves_after_its_last_step_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let table = Table::set(EVENING, 0..3_000);
    let (manifest, bytes) = (table.manifest(), table.snapshot());
    store.begin_staging(&manifest, bytes.len() as u64).unwrap();
    store.stage_part(SET, 0, &bytes).unwrap();
    let mut unpacking = store.unpack(&manifest).unwrap();
    while unpacking.step(&mut store).unwrap() != Progress::Serving {
        assert_eq!(store.serving(SET).unwrap(), None);
    }
    assert_eq!(seen(&store, 17), Some(row(17, EVENING)));
    assert_eq!(by_medium(&store, &barcode(17)), 1);
    let copy = store.serving(SET).unwrap().unwrap();
    let order = row(17, EVENING).order.unwrap();
    assert_eq!(store.tickets_of_order(copy, order).unwrap().len(), 3);
    assert_eq!(store.digests(SET).unwrap(), table.digests());
    assert_eq!(store.computed_digests(SET).unwrap(), table.digests());
    assert_eq!(store.tables().unwrap().len(), 1);
}

#[test]
fn a_program_that_ends_after_the_last_row_and_before_the_index_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::set(EVENING, 0..30);
    let (manifest, bytes) = (table.manifest(), table.snapshot());
    {
        let mut store = enrolled(folder.path());
        store.begin_staging(&manifest, bytes.len() as u64).unwrap();
        store.stage_part(SET, 0, &bytes).unwrap();
        let mut unpacking = store.unpack(&manifest).unwrap();
        assert_ne!(unpacking.step(&mut store).unwrap(), Progress::Serving);
    }
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let mut unpacking = store.unpack(&manifest).unwrap();
    while unpacking.step(&mut store).unwrap() != Progress::Serving {}
    assert_eq!(store.computed_digests(SET).unwrap(), table.digests());
}

#[test]
fn a_download_goes_on_where_it_was_cut_by_byte_and_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let table = Table::set(EVENING, 0..40_000);
    let (manifest, bytes) = (table.manifest(), table.snapshot());
    let middle = bytes.len() / 2;
    {
        let mut store = enrolled(folder.path());
        store.begin_staging(&manifest, bytes.len() as u64).unwrap();
        store.stage_part(SET, 0, &bytes[..middle]).unwrap();
        assert!(matches!(
            store.stage_part(SET, 3, &bytes[3..]),
            Err(StoreError::PartMissing { expected }) if expected == middle as u64
        ));
        assert!(store.unpack(&manifest).is_err());
    }
    {
        let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
        assert_eq!(store.staging(SET).unwrap().unwrap().received, middle as u64);
        store
            .stage_part(SET, middle as u64, &bytes[middle..])
            .unwrap();
        let mut unpacking = store.unpack(&manifest).unwrap();
        assert!(matches!(
            unpacking.step(&mut store).unwrap(),
            Progress::Rows { done, of: 40_000 } if done > 0
        ));
    }
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let mut unpacking = store.unpack(&manifest).unwrap();
    while unpacking.step(&mut store).unwrap() != Progress::Serving {}
    assert_eq!(store.computed_digests(SET).unwrap(), table.digests());
    assert_eq!(by_medium(&store, &barcode(39_999)), 1);
}

#[test]
fn a_snapshot_that_does_not_fit_its_digest_leaves_the_old_one_serving() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let old = Table::set(EVENING, 0..100);
    old.install(&mut store).unwrap();
    let mut new = Table::set(EVENING, 0..200);
    new.version = 2;
    let wrong = Table::set(EVENING, 0..199).snapshot();
    store
        .begin_staging(&new.manifest(), wrong.len() as u64)
        .unwrap();
    store.stage_part(SET, 0, &wrong).unwrap();
    let mut unpacking = store.unpack(&new.manifest()).unwrap();
    let failed = loop {
        match unpacking.step(&mut store) {
            Ok(Progress::Serving) => break None,
            Ok(Progress::Rows { .. }) => {}
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(failed, Some(StoreError::DigestMismatch { .. })));
    assert_eq!(store.manifest(SET).unwrap().unwrap().version, version(1));
    assert_eq!(seen(&store, 150), None);
    assert_eq!(store.staging(SET).unwrap(), None);
}

#[test]
fn garbage_in_place_of_a_snapshot_is_told_and_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let manifest = Table::set(EVENING, 0..10).manifest();
    store.begin_staging(&manifest, 500).unwrap();
    store.stage_part(SET, 0, &[0xab; 500]).unwrap();
    let mut unpacking = store.unpack(&manifest).unwrap();
    assert!(matches!(
        unpacking.step(&mut store),
        Err(StoreError::BadRows { .. })
    ));
    assert_eq!(store.staging(SET).unwrap(), None);
}

#[test]
fn a_segment_changes_rows_media_and_digests_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let mut table = Table::set(EVENING, 0..500);
    table.install(&mut store).unwrap();
    table.version = 2;
    let reissued = TicketRow {
        revision: 2,
        media: vec![medium("NEW-1"), medium(&barcode(7))],
        order: None,
        ..row(7, EVENING)
    };
    table.put(&reissued);
    table.put(&row(900, EVENING));
    let rows = [reissued.clone(), row(900, EVENING)].map(|row| encode_row(&row).unwrap());
    let segment = packed(rows.iter().map(Vec::as_slice));
    let applied = store.apply_segment(&table.manifest(), &segment).unwrap();
    assert_eq!(applied.rows, 2);
    assert_eq!(seen(&store, 7), Some(reissued));
    assert_eq!(
        (by_medium(&store, "NEW-1"), by_medium(&store, &barcode(900))),
        (1, 1)
    );
    assert_eq!(store.digests(SET).unwrap(), table.digests());
    assert_eq!(store.manifest(SET).unwrap().unwrap().version, version(2));
}

#[test]
fn a_segment_that_does_not_fit_changes_nothing_and_buckets_repair_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    Table::set(EVENING, 0..500).install(&mut store).unwrap();
    let mut table = Table::set(EVENING, 0..502);
    table.version = 2;
    // Half of the change is missing.
    let part = encode_row(&row(500, EVENING)).unwrap();
    assert!(matches!(
        store.apply_segment(&table.manifest(), &packed([part.as_slice()])),
        Err(StoreError::DigestMismatch { table: SET })
    ));
    assert_eq!(seen(&store, 500), None);
    let differing: Vec<Bucket> = store.digests(SET).unwrap().differing(&table.digests());
    assert!((1..=2).contains(&differing.len()));
    let rows = table.packed_buckets(&differing);
    store
        .replace_buckets(&table.manifest(), &differing, &rows)
        .unwrap();
    assert_eq!(seen(&store, 500), Some(row(500, EVENING)));
    assert_eq!(store.computed_digests(SET).unwrap(), table.digests());
    // Rows of buckets that were not asked for are refused.
    assert!(matches!(
        store.replace_buckets(&table.manifest(), &[], &rows),
        Err(StoreError::BadRows { .. })
    ));
}

#[test]
fn old_generations_are_swept_away_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    let mut table = Table::set(EVENING, 0..2_000);
    table.install(&mut store).unwrap();
    table.version = 2;
    table.install(&mut store).unwrap();
    let mut steps = 0;
    while store.sweep().unwrap() {
        steps += 1;
    }
    assert!(steps > 10);
    for (name, expected) in [
        ("rows", 2_000),
        ("media", 2_000),
        ("parts", 0),
        ("generations", 1),
    ] {
        let sql = format!("SELECT count(*) FROM {name}");
        let count: i64 = store.conn.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert_eq!(count, expected, "{name}");
    }
    assert!(seen(&store, 5).is_some());
}

#[test]
fn wiping_leaves_no_tables_and_keeps_unsent_records() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = enrolled(folder.path());
    Table::set(EVENING, 0..50).install(&mut store).unwrap();
    append(&mut store, 4);
    store.wipe_tables().unwrap();
    assert_eq!(store.tables().unwrap(), []);
    assert_eq!(store.own_logs().unwrap()[0].unsent(), 4);
    let needle = *ticket_id(5).as_bytes();
    let file = std::fs::read(folder.path().join("usher.db")).unwrap();
    // The record of an undo names the ticket; its row does not.
    let row = encode_row(&row(5, EVENING)).unwrap();
    assert!(!file.windows(row.len()).any(|window| window == row));
    assert!(!needle.is_empty());
}
