//! Statistics, exports, orders, audits and what heartbeats tell.

use super::super::House;
use super::{Gate, at, first, open_incidents, scan, ticket};
use crate::service::{ByteOrderMark, Error, Names};
use usher_domain::api::reports::{IncidentKind, NewEveryoneOut, NewFreeFlow};
use usher_domain::api::venue::SessionChange;
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::protocol::{Acknowledged, Heartbeat, PushAnswer, TableVersion};
use usher_domain::record::{Body, Direction, Outcome};
use usher_domain::rules::{EntryMode, EntryRule, Rules};
use usher_domain::table::rows::{TicketRow, TicketState};
use usher_domain::table::{Bucket, RowKey, TableId, Version};
use usher_domain::verdict::Reason;

use crate::storage::{Space, StoredRow, StoredTicket};

fn show() -> (String, String) {
    ("show".to_owned(), "first".to_owned())
}

async fn whole(mut export: crate::service::Export) -> String {
    let mut text = Vec::new();
    while let Some(piece) = export.next().await.unwrap() {
        text.extend(piece);
    }
    String::from_utf8(text).unwrap()
}

/// Puts a ticket into the set as if it had been sealed.
async fn list(house: &House, number: u8, external: &str) {
    let session = first(house).await;
    let ticket = TicketId::from_bytes([number; 16]);
    let row = TicketRow {
        ticket,
        revision: 1,
        state: TicketState::Valid,
        issue: usher_domain::numbers::IssueNumber::new(1),
        type_number: usher_domain::numbers::TypeNumber::new(1),
        access: session.access,
        channel: 0,
        media: Vec::new(),
        current: 0,
        valid_from: None,
        valid_until: None,
        order: None,
        zone: None,
        seat: None,
        home: None,
        instruction: None,
        entries: None,
        sealed: None,
        explanation: None,
    };
    let stored = StoredTicket {
        id: ticket,
        event: session.event,
        external: Some(external.to_owned()),
        body: Vec::new(),
    };
    let key = RowKey::from(ticket);
    let row = StoredRow {
        bucket: Bucket::of(&key).get(),
        key: *key.as_bytes(),
        revision: 1,
        row: usher_domain::cbor::encode(&row),
    };
    house
        .service
        .write_quietly(move |txn, _| {
            txn.put_ticket(&stored)?;
            txn.put_row(TableId::Set(session.id), &row)?;
            Ok(txn.seal_pending(TableId::Set(session.id), 1, 100)?)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn statistics_count_by_gate_minute_and_reason() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(0), &session, ticket(1));
    north.admit(at(61_000), &session, ticket(2));
    let leaving = scan(&session, ticket(2), Direction::Exit);
    north.write(at(62_000), Body::Scan(leaving));
    let mut refused = scan(&session, ticket(3), Direction::Entry);
    (refused.outcome, refused.reason) = (Outcome::Refuse, Reason::Cancelled);
    north.write(at(63_000), Body::Scan(refused));
    house.clock.advance(63_000);
    house.service.push(north.id, north.all()).await.unwrap();
    let (event, name) = show();
    let told = house
        .service
        .statistics(house.organizer, event, name, Names::Hidden)
        .await
        .unwrap();
    assert_eq!((told.entries, told.exits), (2, 1));
    assert_eq!((told.inside, told.arrived), (1, 2));
    assert_eq!(told.refused, [(Reason::Cancelled, 1)]);
    let minutes: Vec<u64> = told.minutes.iter().map(|minute| minute.entries).collect();
    assert_eq!(minutes, [1, 1]);
    assert_eq!(told.gates.len(), 1);
    assert_eq!((told.gates[0].entries, told.gates[0].refused), (2, 1));
    assert_eq!(told.gates[0].gate, "spare");
    let quarters: Vec<(&str, u64)> = told
        .quarters
        .iter()
        .map(|count| (count.gate.as_str(), count.entries))
        .collect();
    assert_eq!(quarters, [("spare", 2)]);
    assert_eq!(told.quarters[0].quarter.as_second() % 900, 0);
}

#[tokio::test]
async fn what_an_older_program_counted_is_counted_anew_with_what_this_one_counts() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(0), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    house.service.interpret_pending().await.unwrap();
    let scope = session.scope;
    // An older program wrote no number of what it counts, and other counts.
    let older = house.service.write(move |txn, now| {
        let stored = txn.value(Space::Interpreted, scope.as_bytes())?;
        let mut bytes = stored.unwrap();
        assert_eq!((bytes[0], bytes.pop()), (0x87, Some(1)));
        bytes[0] = 0x86;
        txn.put_value(Space::Interpreted, scope.as_bytes(), &bytes, now)?;
        let place = [scope.as_bytes().as_slice(), session.id.as_bytes()].concat();
        Ok(txn.put_value(Space::Tally, &place, &[0x80], now)?)
    });
    older.await.unwrap();
    let (event, name) = show();
    let told = house
        .service
        .statistics(house.organizer, event, name, Names::Hidden);
    let told = told.await.unwrap();
    assert_eq!((told.entries, told.quarters.len()), (1, 1));
}

#[tokio::test]
async fn a_rule_changed_before_the_scans_decides_what_is_excess() {
    let house = House::open().await;
    let session = first(&house).await;
    let rules = Rules {
        entry: EntryRule {
            mode: EntryMode::Times(2),
            ..EntryRule::default()
        },
        ..Rules::default()
    };
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(10), &session, ticket(1));
    north.admit(at(20), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(open_incidents(&house).await.len(), 1);
    let change = SessionChange {
        rules: Some(rules.into()),
        ..SessionChange::default()
    };
    let (event, name) = show();
    let changed = house
        .service
        .change_session(house.organizer, event, name, change);
    changed.await.unwrap();
    // The rule's stamp is noon, before both scans.
    assert_eq!(open_incidents(&house).await, []);
}

#[tokio::test]
async fn after_everyone_was_sent_out_nobody_is_inside_and_each_may_return_once() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    house.clock.advance(1_000);
    let (event, name) = show();
    let out = NewEveryoneOut {
        zone: None,
        everyone: true,
        at: None,
    };
    house
        .service
        .everyone_out(house.organizer, event, name, out)
        .await
        .unwrap();
    let inside = async || {
        let (event, name) = show();
        let told = house
            .service
            .statistics(house.organizer, event, name, Names::Hidden);
        told.await.unwrap().inside
    };
    assert_eq!(inside().await, 0);
    north.admit(at(2_000), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(inside().await, 1);
    assert_eq!(open_incidents(&house).await, []);
    north.admit(at(3_000), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(open_incidents(&house).await.len(), 1);
}

#[tokio::test]
async fn a_gate_is_opened_for_a_day_at_most() {
    let house = House::open().await;
    house.gate("north", None).await;
    let open = |hours: i64| {
        let (event, name) = show();
        let until = crate::service::incidents::shown(at(hours * 3_600_000));
        let new = NewFreeFlow {
            gate: "north".to_owned(),
            from: None,
            until,
        };
        house.service.free_flow(house.organizer, event, name, new)
    };
    open(2).await.unwrap();
    for hours in [25, 0, -1] {
        let refused = open(hours).await.unwrap_err().to_string();
        assert!(refused.contains("still to come"), "{refused}");
        assert!(!refused.contains('`'), "{refused}");
    }
}

#[tokio::test]
async fn a_gate_is_closed_before_its_time_and_only_if_it_is_open() {
    let house = House::open().await;
    house.gate("north", None).await;
    let close = || {
        let (event, name) = show();
        let gate = "north".to_owned();
        house
            .service
            .free_flow_no_more(house.organizer, event, name, gate)
    };
    let (event, name) = show();
    assert!(matches!(
        close().await,
        Err(crate::service::Error::NotFound(_))
    ));
    let new = NewFreeFlow {
        gate: "north".to_owned(),
        from: None,
        until: crate::service::incidents::shown(at(3_600_000)),
    };
    let open = house
        .service
        .free_flow(house.organizer, event.clone(), name.clone(), new);
    open.await.unwrap();
    close().await.unwrap();
    assert!(close().await.is_err(), "it is closed by now");
    let orders = house.service.orders(house.organizer, event, name);
    let orders = orders.await.unwrap();
    assert_eq!(orders.len(), 2);
    assert!(orders[1].until <= Some(orders[1].at), "{orders:?}");
}

#[tokio::test]
async fn exports_tell_who_came_and_calculate_nothing() {
    let house = House::open().await;
    let session = first(&house).await;
    list(&house, 1, "=HYPERLINK(\"http://x\")").await;
    list(&house, 2, "A-2, second").await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(0), &session, ticket(1));
    let leaving = scan(&session, ticket(1), Direction::Exit);
    north.write(at(5_000), Body::Scan(leaving));
    house.service.push(north.id, north.all()).await.unwrap();
    let (event, name) = show();
    let export = house.service.export_attendance(
        house.organizer,
        event,
        name,
        ByteOrderMark::Written,
        Names::Hidden,
    );
    let text = whole(export.await.unwrap()).await;
    assert!(text.starts_with("\u{feff}ticket,type,external,"));
    assert!(text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "{text}");
    assert!(text.contains("\"A-2, second\""), "{text}");
    assert!(text.contains(",valid,1,2027-10-30T12:00:00Z,spare,2027-10-30T12:00:05Z"));
    assert_eq!(text.lines().count(), 3);
    let (event, name) = show();
    let export = house.service.export_scans(
        house.organizer,
        event,
        name,
        ByteOrderMark::Omitted,
        Names::Shown,
    );
    let text = whole(export.await.unwrap()).await;
    assert_eq!(text.lines().count(), 3);
    assert!(text.contains(",entry,admit,listed,yes"), "{text}");
}

#[tokio::test]
async fn an_audit_finds_a_changed_record() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    north.admit(at(2), &session, ticket(2));
    let answer = house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(answer, PushAnswer::Stored(2));
    let audit = async || {
        let (event, name) = show();
        let audit = house.service.audit(house.organizer, event, name);
        audit.await.unwrap()
    };
    let good = audit().await;
    assert_eq!((good.faults, good.records, good.batches), (vec![], 2, 1));
    // Somebody with access to the file appends what nobody signed.
    let scope = session.scope;
    let forged = north.batch(1, 2);
    house
        .service
        .write_quietly(move |txn, now| {
            Ok(txn.append_batch(&crate::storage::NewBatch {
                scope,
                log: usher_domain::record::LogRef {
                    device: usher_domain::ids::DeviceId::from_bytes([1; 16]),
                    log: usher_domain::ids::LogId::from_bytes([1; 16]),
                },
                head: forged.head.to_vec(),
                lines: vec![crate::storage::BatchLine {
                    hash: usher_domain::hash::Hash::ZERO,
                    sequence: 9,
                    stamp: now,
                    subject: None,
                    reach: crate::storage::Reach::Nothing,
                    session: None,
                    bytes: vec![0],
                    novelty: crate::storage::Novelty::New,
                }],
                at: now,
            })?)
        })
        .await
        .unwrap();
    let faults = audit().await.faults;
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, "batch_not_authentic");
    assert_eq!(faults[0].position, Some(2));
}

#[tokio::test]
async fn a_clock_that_moves_and_a_server_that_forgot_are_incidents() {
    let house = House::open().await;
    let session = first(&house).await;
    house.service.seal_now().await.unwrap();
    let north = Gate::enroll(&house, 1, &session).await;
    let table = TableId::Set(session.id);
    let beat = |offset, number| {
        let heartbeat = Heartbeat {
            device_time: at(0),
            heads: Vec::new(),
            tables: vec![TableVersion {
                table,
                version: Version { epoch: 1, number },
            }],
            program: "usher 0.1.0".to_owned(),
            clock_offset_ms: Some(offset),
            storage_left: None,
            digests: None,
            acknowledged: None,
            heard: None,
            trust: None,
            instance: None,
        };
        house.service.heartbeat(north.id, heartbeat)
    };
    beat(500, 1).await.unwrap();
    beat(-500, 1).await.unwrap();
    assert_eq!(open_incidents(&house).await, []);
    beat(3_600_000, 1).await.unwrap();
    beat(3_600_000, 99).await.unwrap();
    let open = open_incidents(&house).await;
    let mut kinds: Vec<_> = open.iter().map(|incident| incident.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [IncidentKind::ClockJump, IncidentKind::ServerBehind]);
}

/// A sign of life of a device whose clock is right.
fn beat() -> Heartbeat {
    Heartbeat {
        device_time: at(0),
        heads: Vec::new(),
        tables: Vec::new(),
        program: "usher 0.1.0".to_owned(),
        clock_offset_ms: Some(0),
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: None,
        trust: None,
        instance: None,
    }
}

#[tokio::test]
async fn other_rows_under_the_same_version_are_an_incident() {
    let house = House::open().await;
    let session = first(&house).await;
    house.service.seal_now().await.unwrap();
    let north = Gate::enroll(&house, 1, &session).await;
    let table = TableId::Set(session.id);
    let head = house
        .service
        .read(move |txn| Ok(txn.table_head(table)?.unwrap()))
        .await
        .unwrap();
    let right = crate::service::tables::manifest(&head).unwrap().digest;
    let version = head.version;
    let tell = |digest, version| {
        let beat = Heartbeat {
            tables: vec![TableVersion { table, version }],
            digests: Some(vec![digest]),
            ..beat()
        };
        house.service.heartbeat(north.id, beat)
    };
    let older = Version {
        number: 0,
        ..version
    };
    tell(right, version).await.unwrap();
    tell(Hash::ZERO, older).await.unwrap();
    assert_eq!(open_incidents(&house).await, []);
    tell(Hash::ZERO, version).await.unwrap();
    let open = open_incidents(&house).await;
    assert_eq!(open[0].kind, IncidentKind::SetDiffers);
    assert_eq!((open.len(), open[0].device), (1, Some(north.id)));
}

#[tokio::test]
async fn a_server_that_lost_what_it_acknowledged_is_an_incident_unless_it_says_that_it_was_restored()
 {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let log = north.admit(at(1), &session, ticket(1)).record.log;
    house.service.push(north.id, north.all()).await.unwrap();
    let tell = |sequence, epoch| {
        let told = Acknowledged {
            log,
            sequence,
            epoch,
        };
        let beat = Heartbeat {
            acknowledged: Some(vec![told]),
            ..beat()
        };
        house.service.heartbeat(north.id, beat)
    };
    tell(1, 1).await.unwrap();
    tell(9, 0).await.unwrap();
    assert_eq!(open_incidents(&house).await, []);
    tell(9, 1).await.unwrap();
    let open = open_incidents(&house).await;
    assert_eq!(open[0].kind, IncidentKind::ServerBehind);
}

#[tokio::test]
async fn a_closed_incident_stays_closed_until_there_is_something_new_to_it() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut gates = [
        Gate::enroll(&house, 1, &session).await,
        Gate::enroll(&house, 2, &session).await,
        Gate::enroll(&house, 3, &session).await,
    ];
    for (gate, ms) in gates.iter_mut().zip([1, 2]) {
        gate.admit(at(ms), &session, ticket(1));
        house.service.push(gate.id, gate.all()).await.unwrap();
    }
    let id = open_incidents(&house).await.remove(0).id;
    let close = |id: &str| house.service.close_incident(house.organizer, id.to_owned());
    close(&id).await.unwrap();
    close(&id).await.unwrap();
    assert!(matches!(close("none").await, Err(Error::NotFound(_))));
    // Another ticket is nothing new to it; another admission of the same is.
    gates[0].admit(at(5), &session, ticket(2));
    house
        .service
        .push(gates[0].id, gates[0].all())
        .await
        .unwrap();
    assert_eq!(open_incidents(&house).await, []);
    gates[2].admit(at(9), &session, ticket(1));
    house
        .service
        .push(gates[2].id, gates[2].all())
        .await
        .unwrap();
    let open = open_incidents(&house).await;
    assert_eq!((open[0].id.as_str(), open[0].scans.len()), (id.as_str(), 2));
}
