//! Tables that devices copy: rows that wait, sealed rows, changes.

use super::*;
use crate::storage::{HandedRow, Judged};

const TABLE: TableId = TableId::Set(SessionId::from_bytes([4; 16]));

fn row(key: u8, revision: u64) -> StoredRow {
    StoredRow {
        bucket: u16::from(key) * 100,
        key: [key; 16],
        revision,
        row: vec![key, u8::try_from(revision).unwrap()],
    }
}

fn seal(txn: &mut dyn Transaction, number: u64) -> Result<()> {
    txn.seal_pending(TABLE, number, 100)?;
    put_head(txn, number)
}

fn put_head(txn: &mut dyn Transaction, number: u64) -> Result<()> {
    let head = TableHead {
        version: Version { epoch: 1, number },
        manifest: vec![1],
        digests: vec![2],
        counts: vec![3],
        sealed_at: UnixMillis::new(number * 10),
    };
    txn.put_table_head(TABLE, &head)
}

fn sealed(txn: &dyn Transaction) -> Result<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    txn.sealed_rows(TABLE, 0..=1023, &mut |_, row| {
        rows.push(row.to_vec());
        Ok(())
    })?;
    Ok(rows)
}

pub(crate) async fn readers_see_sealed_rows_until_the_next_sealing(store: Store) {
    write(&store, |txn| {
        txn.put_row(TABLE, &row(2, 1))?;
        txn.put_row(TABLE, &row(1, 1))?;
        seal(txn, 1)?;
        txn.put_row(TABLE, &row(1, 2))
    })
    .await
    .unwrap();
    let (rows, newest, dirty) = read(&store, |txn| {
        let newest = txn.newest_row(TABLE, 100, &[1; 16])?;
        Ok((sealed(txn)?, newest, txn.dirty_tables()?))
    })
    .await;
    assert_eq!(rows, [[1, 1], [2, 1]]);
    assert_eq!(newest, Some(row(1, 2)));
    assert_eq!(dirty, [TABLE]);
    let waiting = write(&store, |txn| {
        let mut waiting = Vec::new();
        txn.pending_rows(TABLE, 100, &mut |pending| {
            waiting.push((
                pending.bucket,
                pending.new.to_vec(),
                pending.old.map(<[u8]>::to_vec),
            ));
            Ok(())
        })?;
        seal(txn, 2)?;
        Ok(waiting)
    })
    .await
    .unwrap();
    assert_eq!(waiting, [(100, vec![1, 2], Some(vec![1, 1]))]);
    let (rows, dirty, aged) = read(&store, |txn| {
        let aged = txn.aged_tables(UnixMillis::new(20), 1)?.len();
        let other_epoch = txn.aged_tables(UnixMillis::new(0), 2)?.len();
        Ok((sealed(txn)?, txn.dirty_tables()?, (aged, other_epoch)))
    })
    .await;
    assert_eq!(rows, [[1, 2], [2, 1]]);
    assert!(dirty.is_empty());
    assert_eq!(aged, (0, 1));
}

pub(crate) async fn a_table_sealed_in_parts_stays_dirty_until_the_last(store: Store) {
    let counted = write(&store, |txn| {
        (1..=3).try_for_each(|key| txn.put_row(TABLE, &row(key, 1)))?;
        let mut counted = Vec::new();
        for number in 1..=2 {
            txn.seal_pending(TABLE, number, 2)?;
            put_head(txn, number)?;
            counted.push((sealed(txn)?.len(), txn.dirty_tables()?.len()));
        }
        Ok(counted)
    })
    .await
    .unwrap();
    assert_eq!(counted, [(2, 1), (3, 0)]);
}

pub(crate) async fn a_row_of_lower_revision_changes_nothing(store: Store) {
    write(&store, |txn| {
        txn.put_row(TABLE, &row(1, 3))?;
        txn.put_row(TABLE, &row(1, 2))?;
        seal(txn, 1)?;
        txn.put_row(TABLE, &row(1, 1))
    })
    .await
    .unwrap();
    let newest = read(&store, |txn| txn.newest_row(TABLE, 100, &[1; 16])).await;
    assert_eq!(newest, Some(row(1, 3)));
}

pub(crate) async fn changes_are_the_latest_images_after_a_version(store: Store) {
    write(&store, |txn| {
        (1..=3).try_for_each(|key| txn.put_row(TABLE, &row(key, 1)))?;
        seal(txn, 1)?;
        txn.put_row(TABLE, &row(3, 2))?;
        seal(txn, 2)?;
        txn.put_row(TABLE, &row(3, 3))?;
        txn.put_row(TABLE, &row(1, 2))?;
        seal(txn, 3)
    })
    .await
    .unwrap();
    let changed = read(&store, |txn| {
        let mut changed = Vec::new();
        txn.changed_rows(TABLE, 1, &mut |row| {
            changed.push(row.to_vec());
            Ok(())
        })?;
        Ok(changed)
    })
    .await;
    assert_eq!(changed, [[1, 2], [3, 3]]);
}

pub(crate) async fn the_newest_image_of_a_row_waits_or_is_sealed(store: Store) {
    let image =
        |txn: &dyn Transaction, key: u8| txn.newest_image(TABLE, u16::from(key) * 100, &[key; 16]);
    let found = write(&store, move |txn| {
        let nowhere = image(txn, 1)?;
        txn.put_row(TABLE, &row(1, 1))?;
        let waits = (image(txn, 1)?, txn.table_version(TABLE)?);
        seal(txn, 4)?;
        let sealed = (image(txn, 1)?, txn.table_version(TABLE)?);
        txn.put_row(TABLE, &row(1, 2))?;
        Ok((nowhere, waits, sealed, image(txn, 1)?, image(txn, 2)?))
    });
    let four = Version {
        epoch: 1,
        number: 4,
    };
    let waits = (Some(vec![1, 1]), None);
    let sealed = (Some(vec![1, 1]), Some(four));
    assert_eq!(
        found.await.unwrap(),
        (None, waits, sealed, Some(vec![1, 2]), None)
    );
}

pub(crate) async fn a_revision_beyond_all_bounds_is_refused(store: Store) {
    use usher_domain::table::REVISION_MAX;
    let with = |revision| StoredRow {
        revision,
        ..row(1, 1)
    };
    write(&store, move |txn| txn.put_row(TABLE, &with(REVISION_MAX)))
        .await
        .unwrap();
    for revision in [REVISION_MAX + 1, i64::MAX as u64, u64::MAX] {
        let refused = write(&store, move |txn| txn.put_row(TABLE, &with(revision))).await;
        assert!(matches!(refused, Err(StorageError::OutOfRange { .. })));
    }
}

fn handed(key: u8, revision: u64) -> HandedRow {
    HandedRow {
        table: TABLE,
        row: row(key, revision),
        device: DeviceId::from_bytes([5; 16]),
        at: UnixMillis::new(revision),
    }
}

pub(crate) async fn of_a_row_handed_back_the_highest_revision_waits_until_it_is_judged(
    store: Store,
) {
    write(&store, |txn| {
        for (key, revision) in [(1, 3), (1, 2), (2, 1), (3, 1)] {
            txn.keep_handed(ORGANIZER, &handed(key, revision))?;
        }
        txn.refuse_handed(TABLE, &[2; 16])?;
        // The same again is not asked about again.
        txn.keep_handed(ORGANIZER, &handed(2, 1))?;
        txn.forget_handed(TABLE, &[3; 16])
    })
    .await
    .unwrap();
    let waiting = read(&store, |txn| txn.handed(ORGANIZER, None, 9)).await;
    assert_eq!(waiting, [handed(1, 3)]);
    let waits = read(&store, |txn| {
        let keys = [[1; 16], [2; 16], [3; 16]];
        let found = keys.iter().map(|key| txn.handed_row(TABLE, key));
        found.collect()
    });
    let waits: Vec<Option<(Vec<u8>, Judged)>> = waits.await;
    let of = |key, revision, judged| Some((row(key, revision).row, judged));
    assert_eq!(
        waits,
        [of(1, 3, Judged::Waits), of(2, 1, Judged::Refused), None]
    );
    let nobody = OrganizerId::from_bytes([8; 16]);
    assert_eq!(
        read(&store, move |txn| txn.handed(nobody, None, 9)).await,
        []
    );
    let after = Some((TABLE, [1; 16]));
    assert_eq!(
        read(&store, move |txn| txn.handed(ORGANIZER, after, 9)).await,
        []
    );
    let newer = handed(2, 2);
    write(&store, move |txn| txn.keep_handed(ORGANIZER, &newer))
        .await
        .unwrap();
    assert_eq!(read(&store, |txn| txn.count_handed(TABLE)).await, 2);
}
