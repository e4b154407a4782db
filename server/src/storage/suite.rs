//! What every backend must do. `storage_tests!(open)` runs all of it against stores that `open` makes.

use super::{
    BatchLine, Entity, Kept, Kind, NewBatch, Novelty, Result, Space, StorageError, Store,
    StoredIncident, StoredRow, StoredTicket, TableHead, Transaction,
};
use usher_domain::code::MediumKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, LogId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// Names every case of the suite for one backend; `$open` makes a store and what must outlive it.
macro_rules! storage_tests {
    ($open:path) => {
        $crate::storage::suite::storage_tests!($open;
            what_is_written_is_read_after_the_answer,
            a_failing_job_leaves_nothing_and_the_others_of_its_group_stay,
            a_job_that_panics_leaves_nothing,
            a_name_is_unique_among_its_kind_in_its_parent,
            lists_go_on_after_the_last_thing_seen,
            values_are_replaced_and_forgotten_by_age,
            a_medium_belongs_to_one_ticket_for_ever,
            a_sellers_number_names_one_ticket_of_an_event,
            a_table_sealed_in_parts_stays_dirty_until_the_last,
            readers_see_sealed_rows_until_the_next_sealing,
            a_row_of_lower_revision_changes_nothing,
            changes_are_the_latest_images_after_a_version,
            a_feed_has_positions_without_gaps_and_batches_as_signed,
            a_record_is_found_by_hash_subject_log_and_session,
            heads_of_a_forked_log_stand_side_by_side,
            incidents_keep_their_time_and_go_when_nothing_is_left_of_them,
            kept_bytes_are_kept_once,
            records_are_visited_by_subject_and_read_by_position,
        );
    };
    ($open:path; $($case:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let (store, _kept) = $open();
            $crate::storage::suite::$case(store).await;
        })*
    };
}
pub(crate) use storage_tests;

fn thing(id: u8, parent: u8, slug: &str) -> Entity {
    Entity {
        kind: Kind::Gate,
        id: [id; 16],
        parent: [parent; 16],
        slug: Some(slug.to_owned()),
        body: vec![id],
    }
}

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl FnOnce(&mut dyn Transaction) -> Result<T> + Send + 'static,
) -> Result<T> {
    store.write(job).await
}

async fn read<T: Send + 'static>(
    store: &Store,
    job: impl FnOnce(&dyn Transaction) -> Result<T> + Send + 'static,
) -> T {
    store.read(job).await.unwrap()
}

pub(crate) async fn what_is_written_is_read_after_the_answer(store: Store) {
    write(&store, |txn| txn.put_entity(&thing(1, 9, "north")))
        .await
        .unwrap();
    let found = read(&store, |txn| {
        txn.entity_named(Kind::Gate, &[9; 16], "north")
    })
    .await;
    assert_eq!(found, Some(thing(1, 9, "north")));
    assert_eq!(
        read(&store, |txn| txn.entity(Kind::Zone, &[1; 16])).await,
        None
    );
}

pub(crate) async fn a_failing_job_leaves_nothing_and_the_others_of_its_group_stay(store: Store) {
    let good = write(&store, |txn| txn.put_entity(&thing(1, 9, "north")));
    let bad = write(&store, |txn| {
        txn.put_entity(&thing(2, 9, "south"))?;
        Err::<(), _>(StorageError::Aborted)
    });
    let also_good = write(&store, |txn| txn.put_entity(&thing(3, 9, "east")));
    let (good, bad, also_good) = tokio::join!(good, bad, also_good);
    good.unwrap();
    also_good.unwrap();
    assert!(matches!(bad, Err(StorageError::Aborted)));
    let all = read(&store, |txn| txn.entities(Kind::Gate, &[9; 16], None, 10)).await;
    assert_eq!(all, [thing(1, 9, "north"), thing(3, 9, "east")]);
}

pub(crate) async fn a_job_that_panics_leaves_nothing(store: Store) {
    let outcome = write(&store, |txn| {
        txn.put_entity(&thing(1, 9, "north"))?;
        if txn.entity(Kind::Gate, &[1; 16])?.is_some() {
            panic!("a fault of the server");
        }
        Ok(())
    })
    .await;
    assert!(matches!(outcome, Err(StorageError::Aborted)));
    assert_eq!(
        read(&store, |txn| txn.entity(Kind::Gate, &[1; 16])).await,
        None
    );
}

pub(crate) async fn a_name_is_unique_among_its_kind_in_its_parent(store: Store) {
    write(&store, |txn| {
        txn.put_entity(&thing(1, 9, "north"))?;
        txn.put_entity(&thing(2, 8, "north"))?;
        txn.put_entity(&thing(1, 9, "renamed"))?;
        txn.put_entity(&thing(3, 9, "north"))
    })
    .await
    .unwrap();
    let again = write(&store, |txn| txn.put_entity(&thing(4, 9, "north"))).await;
    assert!(matches!(again, Err(StorageError::Taken { .. })));
}

pub(crate) async fn lists_go_on_after_the_last_thing_seen(store: Store) {
    write(&store, |txn| {
        (1..=5).try_for_each(|id| txn.put_entity(&thing(id, 9, &format!("gate-{id}"))))
    })
    .await
    .unwrap();
    let page = read(&store, |txn| {
        txn.entities(Kind::Gate, &[9; 16], Some(&[2; 16]), 2)
    })
    .await;
    assert_eq!(page, [thing(3, 9, "gate-3"), thing(4, 9, "gate-4")]);
}

pub(crate) async fn values_are_replaced_and_forgotten_by_age(store: Store) {
    let space = Space::Idempotency;
    write(&store, move |txn| {
        txn.put_value(space, b"old", b"1", UnixMillis::new(10))?;
        txn.put_value(space, b"new", b"1", UnixMillis::new(10))?;
        txn.put_value(space, b"new", b"2", UnixMillis::new(30))?;
        txn.put_value(Space::Server, b"old", b"3", UnixMillis::new(10))?;
        txn.forget_values(space, UnixMillis::new(20))
    })
    .await
    .unwrap();
    let found = read(&store, move |txn| {
        Ok([
            txn.value(space, b"old")?,
            txn.value(space, b"new")?,
            txn.value(Space::Server, b"old")?,
        ])
    })
    .await;
    assert_eq!(found, [None, Some(b"2".to_vec()), Some(b"3".to_vec())]);
}

const ORGANIZER: OrganizerId = OrganizerId::from_bytes([9; 16]);

pub(crate) async fn a_medium_belongs_to_one_ticket_for_ever(store: Store) {
    let medium = MediumKey::from_bytes([5; 16]);
    let [one, two] = [1, 2].map(|id| TicketId::from_bytes([id; 16]));
    write(&store, move |txn| {
        txn.put_medium(ORGANIZER, &medium, one)?;
        txn.put_medium(ORGANIZER, &medium, one)?;
        txn.put_medium(OrganizerId::from_bytes([8; 16]), &medium, two)
    })
    .await
    .unwrap();
    let stolen = write(&store, move |txn| txn.put_medium(ORGANIZER, &medium, two)).await;
    assert!(matches!(stolen, Err(StorageError::Taken { .. })));
    let owner = read(&store, move |txn| txn.medium_owner(ORGANIZER, &medium)).await;
    assert_eq!(owner, Some(one));
}

fn ticket(id: u8, event: u8, external: Option<&str>) -> StoredTicket {
    StoredTicket {
        id: TicketId::from_bytes([id; 16]),
        event: EventId::from_bytes([event; 16]),
        external: external.map(str::to_owned),
        body: vec![id],
    }
}

pub(crate) async fn a_sellers_number_names_one_ticket_of_an_event(store: Store) {
    write(&store, |txn| {
        txn.put_ticket(&ticket(1, 7, Some("A-1")))?;
        txn.put_ticket(&ticket(2, 7, None))?;
        txn.put_ticket(&ticket(3, 6, Some("A-1")))
    })
    .await
    .unwrap();
    let again = write(&store, |txn| txn.put_ticket(&ticket(4, 7, Some("A-1")))).await;
    assert!(matches!(again, Err(StorageError::Taken { .. })));
    let event = EventId::from_bytes([7; 16]);
    let (named, all) = read(&store, move |txn| {
        Ok((
            txn.ticket_by_external(event, "A-1")?,
            txn.tickets(event, None, 10)?,
        ))
    })
    .await;
    assert!(named == Some(ticket(1, 7, Some("A-1"))));
    assert_eq!(all.len(), 2);
}

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

const SCOPE: ScopeId = ScopeId::from_bytes([3; 16]);

fn log(device: u8) -> LogRef {
    LogRef {
        device: DeviceId::from_bytes([device; 16]),
        log: LogId::from_bytes([device; 16]),
    }
}

fn line(sequence: u64, subject: u8, novelty: Novelty) -> BatchLine {
    let bytes = vec![u8::try_from(sequence).unwrap(), subject];
    BatchLine {
        hash: Hash::of(&[&bytes]),
        sequence,
        stamp: UnixMillis::new(100 - sequence),
        subject: (subject > 0).then_some(Subject::Ticket(TicketId::from_bytes([subject; 16]))),
        session: Some(SessionId::from_bytes([subject; 16])),
        bytes,
        novelty,
    }
}

fn batch(head: u8, lines: Vec<BatchLine>) -> NewBatch {
    NewBatch {
        scope: SCOPE,
        log: log(1),
        head: vec![head],
        lines,
        at: UnixMillis::new(5),
    }
}

pub(crate) async fn a_feed_has_positions_without_gaps_and_batches_as_signed(store: Store) {
    let (one, two) = (line(1, 1, Novelty::New), line(2, 2, Novelty::New));
    let again = BatchLine {
        novelty: Novelty::Repeated,
        ..two.clone()
    };
    let three = line(3, 1, Novelty::New);
    let positions = write(&store, move |txn| {
        let first = txn.append_batch(&batch(7, vec![one, two]))?;
        Ok([first, txn.append_batch(&batch(8, vec![again, three]))?])
    })
    .await
    .unwrap();
    assert_eq!(positions, [1, 2]);
    let (feed, end) = read(&store, |txn| {
        Ok((txn.feed(SCOPE, 1, 9)?, txn.feed_end(SCOPE)?))
    })
    .await;
    assert_eq!(end, 2);
    let [(2, batch)] = feed.as_slice() else {
        panic!("one batch after position 1");
    };
    assert_eq!(batch.head.to_vec(), [8]);
    let records: Vec<_> = batch.records.iter().map(|record| record.to_vec()).collect();
    assert_eq!(records, [[2, 2], [3, 1]]);
}

pub(crate) async fn a_record_is_found_by_hash_subject_log_and_session(store: Store) {
    let lines = vec![
        line(1, 1, Novelty::New),
        line(2, 0, Novelty::New),
        line(3, 1, Novelty::New),
    ];
    let hash = lines[1].hash;
    write(&store, move |txn| txn.append_batch(&batch(7, lines)))
        .await
        .unwrap();
    let twice = write(&store, |txn| {
        txn.append_batch(&batch(8, vec![line(1, 1, Novelty::New)]))
    })
    .await;
    assert!(matches!(twice, Err(StorageError::Taken { .. })));
    let (found, about, general, of_log, of_session) = read(&store, move |txn| {
        let subject = Subject::Ticket(TicketId::from_bytes([1; 16]));
        let mut of_session = 0;
        txn.visit_records(SCOPE, Some(SessionId::from_bytes([1; 16])), &mut |_| {
            of_session += 1;
            Ok(())
        })?;
        Ok((
            txn.record(SCOPE, &hash)?,
            txn.records_about(SCOPE, Some(&subject))?,
            txn.records_about(SCOPE, None)?,
            txn.records_of_log(log(1), 2, 9)?,
            of_session,
        ))
    })
    .await;
    let bytes = |records: Vec<super::StoredRecord>| -> Vec<Vec<u8>> {
        records.into_iter().map(|record| record.bytes).collect()
    };
    assert_eq!(found.map(|record| record.bytes), Some(vec![2, 0]));
    // By rising stamp, and the stamps fall.
    assert_eq!(bytes(about), [[3, 1], [1, 1]]);
    assert_eq!(bytes(general), [[2, 0]]);
    assert_eq!(bytes(of_log), [[2, 0], [3, 1]]);
    assert_eq!(of_session, 2);
}

pub(crate) async fn heads_of_a_forked_log_stand_side_by_side(store: Store) {
    let head = |device, sequence| Head {
        log: log(device),
        sequence,
        hash: Hash::of(&[&[u8::try_from(sequence).unwrap()]]),
    };
    write(&store, move |txn| {
        txn.put_heads(SCOPE, log(2), &[head(2, 1)])?;
        txn.put_heads(SCOPE, log(1), &[head(1, 1)])?;
        txn.put_heads(SCOPE, log(1), &[head(1, 4), head(1, 3)])
    })
    .await
    .unwrap();
    let (all, of_two) = read(&store, |txn| {
        let of_two = txn.heads_of_device(DeviceId::from_bytes([2; 16]))?;
        Ok((txn.heads(SCOPE)?, of_two))
    })
    .await;
    assert_eq!(all, [head(1, 3), head(1, 4), head(2, 1)]);
    assert_eq!(of_two, [(SCOPE, head(2, 1))]);
}

pub(crate) async fn incidents_keep_their_time_and_go_when_nothing_is_left_of_them(store: Store) {
    let incident = |id: &str, at, body| StoredIncident {
        id: id.to_owned(),
        session: None,
        at: UnixMillis::new(at),
        body: vec![body],
    };
    write(&store, move |txn| {
        txn.put_incident(ORGANIZER, &incident("b", 1, 1))?;
        txn.put_incident(ORGANIZER, &incident("a", 2, 1))?;
        txn.put_incident(ORGANIZER, &incident("b", 3, 2))?;
        txn.put_incident(ORGANIZER, &incident("c", 3, 1))?;
        txn.drop_incident(ORGANIZER, "c")
    })
    .await
    .unwrap();
    let (all, after) = read(&store, |txn| {
        let after = txn.incidents(ORGANIZER, Some("b"), 9)?;
        Ok((txn.incidents(ORGANIZER, None, 9)?, after))
    })
    .await;
    assert_eq!(all, [incident("b", 1, 2), incident("a", 2, 1)]);
    assert_eq!(after, [incident("a", 2, 1)]);
    let one = read(&store, |txn| txn.incident(ORGANIZER, "a")).await;
    assert_eq!(one, Some(incident("a", 2, 1)));
}

pub(crate) async fn kept_bytes_are_kept_once(store: Store) {
    let kept = |at| Kept {
        device: DeviceId::from_bytes([1; 16]),
        reason: "unreadable".to_owned(),
        at: UnixMillis::new(at),
        bytes: vec![1, 2],
    };
    write(&store, move |txn| {
        txn.keep(ORGANIZER, &kept(1))?;
        txn.keep(ORGANIZER, &kept(2))
    })
    .await
    .unwrap();
    let all = read(&store, |txn| txn.kept(ORGANIZER, 0, 9)).await;
    assert_eq!(
        all.iter().map(|(_, kept)| kept.clone()).collect::<Vec<_>>(),
        [kept(1)]
    );
}

pub(crate) async fn records_are_visited_by_subject_and_read_by_position(store: Store) {
    let first = vec![
        line(1, 2, Novelty::New),
        line(2, 1, Novelty::New),
        line(3, 0, Novelty::New),
    ];
    let second = vec![line(3, 0, Novelty::Repeated), line(4, 2, Novelty::New)];
    write(&store, move |txn| {
        txn.append_batch(&batch(7, first))?;
        txn.append_batch(&batch(8, second))
    })
    .await
    .unwrap();
    let (by_subject, newest) = read(&store, |txn| {
        let mut by_subject = Vec::new();
        txn.visit_by_subject(SCOPE, &mut |subject, record| {
            by_subject.push((subject, record.bytes));
            Ok(())
        })?;
        Ok((by_subject, txn.records_between(SCOPE, 1, 2)?))
    })
    .await;
    let subject = |id| Subject::Ticket(TicketId::from_bytes([id; 16]));
    // By rising stamp, and the stamps fall.
    assert_eq!(
        by_subject,
        [
            (subject(1), vec![2, 1]),
            (subject(2), vec![4, 2]),
            (subject(2), vec![1, 2]),
        ]
    );
    let newest: Vec<_> = newest.into_iter().map(|record| record.bytes).collect();
    assert_eq!(newest, [[4, 2]]);
}
