//! What a device says and writes at most: beyond it nothing is lost, and nobody else waits for it.

use super::*;
use crate::service::Settings;
use crate::service::tests::records::open_incidents;
use std::sync::Arc;
use usher_domain::api::reports::IncidentKind;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{LogId, SessionId};
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::{HEADS_MAX, Head, TABLES_MAX};
use usher_domain::record::LogRef;

/// Bytes that a device of these tests may write in an hour.
const PER_HOUR: u64 = 20_000;

async fn doors() -> Doors {
    let tickets = (1..=4).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let mut doors = Doors::with(Rules::default(), tickets.collect()).await;
    let store = doors.service().store().clone();
    let settings = Settings {
        device_bytes_per_hour: PER_HOUR,
        ..Settings::new(doors.house.folder.path().join("snapshots"))
    };
    let clock = Arc::clone(&doors.house.clock);
    doors.house.service = crate::service::Service::new(store, clock, settings);
    doors
}

fn size(batch: &Batch) -> u64 {
    let records: usize = batch.records.iter().map(|record| record.len()).sum();
    (batch.head.len() + records) as u64
}

/// Writes records until they are as many bytes.
fn write(doors: &Doors, gate: &mut Gate, bytes: u64) {
    let first = gate.records.len() + 1;
    while gate.records.len() < first || size(&gate.batch(first, gate.records.len() + 1)) < bytes {
        let stamp = doors.service().now();
        gate.write(stamp, Body::Scan(doors.scan(9, 0, Outcome::Refuse)));
    }
}

async fn refused(doors: &Doors, sender: &Gate, batch: Batch) -> Problem {
    let pushed = doors.service().push(sender.id, batch).await;
    Problem::from(pushed.unwrap_err())
}

#[tokio::test]
async fn a_device_that_writes_too_much_is_told_to_wait_named_to_others_and_to_a_person() {
    let doors = doors().await;
    let (mut north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.beat(&north, Some(DOORS)).await;
    write(&doors, &mut north, PER_HOUR * 3 / 4);
    let sent = north.records.len();
    doors.service().push(north.id, north.all()).await.unwrap();
    doors.beat(&north, Some(DOORS)).await;
    assert_eq!(
        doors.claim(&south, 1, 0).await.certainty,
        Certainty::Confirmed
    );
    write(&doors, &mut north, PER_HOUR / 2);
    let rest = north.batch(sent + 1, north.records.len() + 1);
    for _ in 0..3 {
        let problem = refused(&doors, &north, rest.clone()).await;
        assert_eq!(problem.code, Code::RateLimited);
        assert!(problem.is_of_writer());
        assert!(
            (800..=1_000).contains(&problem.retry_after.unwrap()),
            "{problem:?}"
        );
    }
    // Nothing of it is here, and what was sent again costs nothing.
    let whose = usher_domain::protocol::Whose::Own;
    let heads = doors.service().heads(north.id, doors.session.scope, whose);
    assert_eq!(heads.await.unwrap().heads[0].sequence, sent as u64);
    let again = doors
        .service()
        .push(north.id, north.batch(1, sent + 1))
        .await;
    assert_eq!(again.unwrap(), PushAnswer::Known(sent as u64));
    // It has more than the server knows, and the others are told so.
    doors.beat(&north, Some(doors.service().now())).await;
    doors.house.clock.advance(15_001);
    let Certainty::ConfirmedExcept { device, .. } = doors.claim(&south, 2, 1).await.certainty
    else {
        panic!("nobody is named");
    };
    assert_eq!(device, north.id);
    let open = open_incidents(&doors.house).await;
    let told: Vec<_> = open
        .iter()
        .filter(|incident| incident.kind == IncidentKind::TooManyRecords)
        .collect();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].device, Some(north.id));
    assert!(told[0].detail.contains("gate 1") && told[0].detail.contains("stand-down"));
    // It comes when there is room for it.
    doors.house.clock.advance(1_000_000);
    doors.service().push(north.id, rest).await.unwrap();
    doors.beat(&north, Some(doors.service().now())).await;
    assert_eq!(
        doors.claim(&south, 3, 2).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn what_is_handed_back_counts_for_its_writer_and_a_restore_opens_a_budget() {
    let doors = doors().await;
    let (mut north, mut south) = (doors.gate(1).await, doors.gate(2).await);
    write(&doors, &mut north, PER_HOUR * 3 / 4);
    let sent = north.records.len();
    // South hands in what north wrote.
    doors.service().push(south.id, north.all()).await.unwrap();
    write(&doors, &mut south, PER_HOUR * 3 / 4);
    doors.service().push(south.id, south.all()).await.unwrap();
    write(&doors, &mut north, PER_HOUR / 2);
    let rest = north.batch(sent + 1, north.records.len() + 1);
    assert!(refused(&doors, &south, rest.clone()).await.is_of_writer());
    doors.service().raise_epoch().await.unwrap();
    doors.service().push(south.id, rest).await.unwrap();
}

#[tokio::test]
async fn a_sign_of_life_says_no_more_than_a_device_can_have_to_say() {
    let doors = doors().await;
    let north = doors.gate(1).await;
    let usual = doors.sign_of_life(&north, None);
    let table = |number: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        TableVersion {
            table: TableId::Set(SessionId::from_bytes(id)),
            version: doors.version,
        }
    };
    let head = |number: usize| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let log = LogRef {
            device: north.id,
            log: LogId::from_bytes(id),
        };
        Head {
            log,
            sequence: 1,
            hash: Hash::of(&[&id]),
        }
    };
    let beat = async |heartbeat: Heartbeat| {
        let answer = doors.service().heartbeat(north.id, heartbeat).await;
        answer.map_err(|error| error.code()).err()
    };
    let tables = |count: usize| Heartbeat {
        tables: (0..count).map(table).collect(),
        ..usual.clone()
    };
    let heads = |count: usize| Heartbeat {
        heads: (0..count).map(head).collect(),
        ..usual.clone()
    };
    assert_eq!(beat(tables(TABLES_MAX)).await, None);
    assert_eq!(beat(tables(TABLES_MAX + 1)).await, Some(Code::TooLarge));
    assert_eq!(beat(heads(HEADS_MAX)).await, None);
    assert_eq!(beat(heads(HEADS_MAX + 1)).await, Some(Code::TooLarge));
    let twice = Heartbeat {
        tables: vec![usual.tables[0]; 2],
        ..usual.clone()
    };
    assert_eq!(beat(twice).await, Some(Code::InvalidValue));
    let digests = Heartbeat {
        digests: Some(vec![Hash::of(&[]); 2]),
        ..usual.clone()
    };
    assert_eq!(beat(digests).await, Some(Code::InvalidValue));
    // What it holds is remembered as far as it is there.
    assert_eq!(beat(tables(10)).await, None);
    let id = north.id;
    let status = doors
        .service()
        .read(move |txn| crate::service::devices::status(txn, id));
    assert_eq!(status.await.unwrap().unwrap().holds, Some(Vec::new()));
}
