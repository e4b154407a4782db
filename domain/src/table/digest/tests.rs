use super::*;
use crate::cbor;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A table as a device keeps it: rows clustered by bucket and key.
type Table = BTreeMap<(Bucket, RowKey), Vec<u8>>;

fn row(key: RowKey, revision: u64) -> Vec<u8> {
    cbor::encode(&(minicbor::bytes::ByteArray::from(*key.as_bytes()), revision))
}

fn put(table: &mut Table, key: RowKey, revision: u64) {
    table.insert((Bucket::of(&key), key), row(key, revision));
}

/// The digests of all rows at once, bucket by bucket.
fn full(table: &Table) -> Digests {
    let mut digests = Digests::empty();
    for bucket in Bucket::all() {
        digests.set(bucket, of_bucket(table, bucket));
    }
    digests
}

fn of_bucket(table: &Table, bucket: Bucket) -> Hash {
    let rows = table.iter().filter(|((b, _), _)| *b == bucket);
    bucket_digest(rows.map(|(_, row)| row.as_slice()))
}

fn key() -> impl Strategy<Value = RowKey> {
    // Few enough that some change twice and some buckets hold several.
    (0..4000_u128).prop_map(|n| RowKey::from_bytes(n.to_be_bytes()))
}

#[test]
fn the_documented_examples_hold() {
    // SHA-256 of sixteen zero bytes begins 374708ff: 0x3747 >> 6 is 221.
    assert_eq!(Bucket::of(&RowKey::from_bytes([0; 16])).get(), 221);
    assert_eq!(
        Digests::empty().get(Bucket(0)).to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(Bucket::all().count(), BUCKETS);
    assert_eq!(Bucket::new(1023), Bucket::all().last());
    assert_eq!(Bucket::new(1024), None);
}

#[test]
fn digests_of_another_number_of_buckets_are_refused() {
    for count in [0, BUCKETS - 1, BUCKETS + 1] {
        assert_eq!(
            Digests::from_hashes(vec![Hash::ZERO; count]),
            Err(WrongBuckets)
        );
    }
    let empty = Digests::empty();
    assert_eq!(Digests::from_hashes(empty.hashes().to_vec()), Ok(empty));
}

#[test]
fn a_snapshot_out_of_order_or_with_a_row_twice_is_refused() {
    let mut table = Table::new();
    for n in 0..50_u128 {
        put(&mut table, RowKey::from_bytes(n.to_be_bytes()), 1);
    }
    let rows: Vec<_> = table.values().map(|row| Row::parse(row).unwrap()).collect();
    for wrong in [[1, 0], [3, 3]] {
        let mut snapshot = SnapshotDigest::default();
        assert!(snapshot.push(&rows[wrong[0]]).is_ok());
        assert_eq!(snapshot.push(&rows[wrong[1]]), Err(RowError::Order));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn incremental_digests_equal_full_ones(
        before in btree_map(key(), 0..100_u64, 0..300),
        changes in vec((key(), 100..200_u64), 0..60),
    ) {
        let mut table = Table::new();
        before.into_iter().for_each(|(key, revision)| put(&mut table, key, revision));
        let mut digests = full(&table);
        for (key, revision) in changes {
            put(&mut table, key, revision);
            let bucket = Bucket::of(&key);
            digests.set(bucket, of_bucket(&table, bucket));
        }
        prop_assert_eq!(digests.table_digest(), full(&table).table_digest());
        prop_assert_eq!(digests, full(&table));
    }

    #[test]
    fn a_snapshot_passing_by_has_the_digests_of_the_table(
        rows in btree_map(key(), 0..100_u64, 0..300),
    ) {
        let mut table = Table::new();
        rows.into_iter().for_each(|(key, revision)| put(&mut table, key, revision));
        let mut snapshot = SnapshotDigest::default();
        for ((bucket, _), row) in &table {
            prop_assert_eq!(snapshot.push(&Row::parse(row).unwrap()), Ok(*bucket));
        }
        prop_assert_eq!(snapshot.finish(), (full(&table), table.len() as u64));
    }

    #[test]
    fn a_repair_fetches_exactly_the_buckets_that_changed(
        rows in btree_map(key(), 0..100_u64, 1..200),
        changed in key(),
    ) {
        let mut table = Table::new();
        rows.into_iter().for_each(|(key, revision)| put(&mut table, key, revision));
        let before = full(&table);
        prop_assert_eq!(before.differing(&before), vec![]);
        put(&mut table, changed, 1000);
        prop_assert_eq!(before.differing(&full(&table)), vec![Bucket::of(&changed)]);
    }
}
