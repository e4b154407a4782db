//! Any order, repetition and batching of the same records comes to what the reference fold says.

use super::super::House;
use super::{Gate, at, first, open_incidents, scan, ticket};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::ids::{DeviceId, TicketId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::state::SubjectState;
use usher_domain::merge::{Ground, fold, heads, incidents, state_digest};
use usher_domain::record::{Body, Direction, Outcome, Subject, Undo};

/// What a gate does in the property below.
#[derive(Debug, Clone)]
enum Deed {
    Scan(u8, Direction, Outcome, i64),
    Undo(usize),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let direction = prop_oneof![3 => Just(Direction::Entry), 1 => Just(Direction::Exit)];
    let outcome = prop_oneof![4 => Just(Outcome::Admit), 1 => Just(Outcome::Refuse)];
    let scan = (1_u8..4, direction, outcome, 0_i64..50)
        .prop_map(|(of, direction, outcome, ms)| Deed::Scan(of, direction, outcome, ms));
    let deed = prop_oneof![5 => scan, 1 => any::<usize>().prop_map(Deed::Undo)];
    proptest::collection::vec(deed, 1..12)
}

async fn merges_like_the_reference(gates: Vec<Vec<Deed>>, pushes: Vec<(usize, usize, usize)>) {
    let house = House::open().await;
    let session = first(&house).await;
    let mut devices = Vec::new();
    for (number, deeds) in (1..).zip(gates) {
        let mut gate = Gate::enroll(&house, number, &session).await;
        let mut scanned = Vec::new();
        for deed in deeds {
            match deed {
                Deed::Scan(of, direction, outcome, ms) => {
                    let mut scan = scan(&session, ticket(of), direction);
                    scan.outcome = outcome;
                    let line = gate.write(at(ms), Body::Scan(scan));
                    scanned.push((line.hash, ticket(of)));
                }
                Deed::Undo(which) if !scanned.is_empty() => {
                    let (of, subject) = scanned[which % scanned.len()];
                    let undo = Undo {
                        of,
                        session: session.id,
                        subject,
                        operator: None,
                        approval: None,
                    };
                    gate.write(at(60), Body::Undo(undo));
                }
                Deed::Undo(_) => {}
            }
        }
        devices.push(gate);
    }
    // Some ranges in any order, repeated and overlapping; then everything once more.
    for (which, from, length) in pushes {
        let gate = &devices[which % devices.len()];
        if !gate.records.is_empty() {
            let from = 1 + from % gate.records.len();
            let to = (from + 1 + length).min(gate.records.len() + 1);
            let batch = gate.batch(from, to);
            house.service.push(gate.id, batch).await.unwrap();
        }
    }
    for gate in devices.iter().filter(|gate| !gate.records.is_empty()) {
        house.service.push(gate.id, gate.all()).await.unwrap();
    }
    let lines: Vec<Line> = devices
        .iter()
        .flat_map(|gate| &gate.records)
        .map(|record| Line::read(record).unwrap())
        .collect();
    let ground = Ground::new(session.scope, DeviceId::from_bytes([0; 16]));
    let states = fold(&ground, &lines);
    let expected: BTreeMap<Option<TicketId>, Vec<String>> = incidents(&states)
        .into_iter()
        .map(|excess| {
            let Subject::Ticket(ticket) = excess.subject else {
                panic!("only tickets were shown");
            };
            let scans = excess.admissions.iter().map(|scan| scan.record.to_string());
            (Some(ticket), scans.collect())
        })
        .collect();
    let seen: BTreeMap<_, Vec<String>> = open_incidents(&house)
        .await
        .into_iter()
        .map(|open| {
            let scans = open.scans.into_iter().map(|scan| scan.record);
            (open.ticket, scans.collect())
        })
        .collect();
    assert_eq!(seen, expected);
    let counted = house
        .service
        .statistics(
            house.organizer,
            "show".to_owned(),
            "first".to_owned(),
            crate::service::Names::Hidden,
        )
        .await
        .unwrap();
    let inside = states.values().flat_map(SubjectState::everybody_inside);
    assert_eq!(counted.inside, inside.count() as u64);
    let entries: u64 = states.values().map(|state| u64::from(state.entries)).sum();
    assert_eq!(counted.entries, entries);
    let refused: BTreeSet<_> = lines
        .iter()
        .filter(|line| matches!(&line.record.body, Body::Scan(s) if s.outcome == Outcome::Refuse))
        .map(|line| line.hash)
        .collect();
    let counted: u64 = counted.refused.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, refused.len() as u64);
    let audit = house
        .service
        .audit(house.organizer, "show".to_owned(), "first".to_owned())
        .await
        .unwrap();
    assert_eq!(audit.faults, []);
    let frames = lines.iter().map(|line| {
        let record = &line.record;
        let frame = Frame {
            log: record.log,
            sequence: record.sequence,
            previous: record.previous,
            scope: record.scope,
            stamp: record.stamp,
        };
        (frame, line.hash)
    });
    let frames: Vec<_> = frames.collect();
    let heads = heads(frames.iter().map(|(frame, hash)| (frame, *hash)));
    let digest = state_digest(session.scope, &heads, &states);
    assert_eq!(audit.state_digest, digest.to_string());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_repetition_and_batching_merges_like_the_reference(
        gates in proptest::collection::vec(deeds(), 1..4),
        pushes in proptest::collection::vec((0_usize..4, 0_usize..12, 0_usize..6), 0..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(merges_like_the_reference(gates, pushes));
    }
}
