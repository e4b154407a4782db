//! Batches, records, heads, incidents and kept bytes.

use super::*;
use crate::storage::{LogPlace, Reach};

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
        reach: Reach::Scope,
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
            txn.records_of_log(log(1), LogPlace::before(2), 9)?,
            of_session,
        ))
    })
    .await;
    let bytes = |records: Vec<crate::storage::StoredRecord>| -> Vec<Vec<u8>> {
        records.into_iter().map(|record| record.bytes).collect()
    };
    assert_eq!(found.map(|record| record.bytes), Some(vec![2, 0]));
    // By rising stamp, and the stamps fall.
    assert_eq!(bytes(about), [[3, 1], [1, 1]]);
    assert_eq!(bytes(general), [[2, 0]]);
    let idle = BatchLine {
        reach: Reach::Nothing,
        ..line(4, 0, Novelty::New)
    };
    write(&store, move |txn| txn.append_batch(&batch(8, vec![idle])))
        .await
        .unwrap();
    let general = read(&store, |txn| txn.records_about(SCOPE, None)).await;
    assert_eq!(bytes(general), [[2, 0]]);
    let of_log = of_log.into_iter().map(|(_, record)| record).collect();
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

pub(crate) async fn a_log_is_read_page_by_page_also_where_it_branches(store: Store) {
    // Three branches of one sequence, and a record after them.
    let lines: Vec<BatchLine> = [(1, 1), (2, 1), (2, 2), (2, 3), (3, 1)]
        .map(|(sequence, subject)| line(sequence, subject, Novelty::New))
        .into();
    write(&store, move |txn| txn.append_batch(&batch(7, lines)))
        .await
        .unwrap();
    let read_all = |txn: &dyn Transaction| {
        let (mut after, mut found) = (LogPlace::before(2), Vec::new());
        while let Some((place, record)) = txn.records_of_log(log(1), after, 1)?.pop() {
            after = place;
            found.push(record.bytes);
        }
        Ok(found)
    };
    let mut found = read(&store, read_all).await;
    found.sort_unstable();
    assert_eq!(found, [[2, 1], [2, 2], [2, 3], [3, 1]]);
    // Beyond what a column holds there is nothing.
    let beyond = read(&store, |txn| {
        txn.records_of_log(log(1), LogPlace::before(u64::MAX), 9)
    });
    assert_eq!(beyond.await, []);
}
