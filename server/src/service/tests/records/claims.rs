//! What a stolen gate claims in its records of tickets and orders, and what counts of it.

use super::super::House;
use super::super::tickets::new_ticket;
use super::{Gate, at, first, open_incidents, scan, ticket};
use usher_domain::api::reports::{IncidentKind, NewFreeFlow};
use usher_domain::api::tickets::{NewTicket, TicketChange, TicketDetails};
use usher_domain::api::venue::Session;
use usher_domain::ids::{GateId, SessionId};
use usher_domain::log::Line;
use usher_domain::numbers::{AccessNumber, TypeNumber};
use usher_domain::record::{Body, Direction, Scan, Subject};
use usher_domain::verdict::Reason;

/// Open incidents with their devices and how many scans each lists.
async fn told(house: &House) -> Vec<(IncidentKind, Option<usher_domain::ids::DeviceId>, usize)> {
    let open = open_incidents(house).await.into_iter();
    let mut told: Vec<_> = open
        .map(|incident| (incident.kind, incident.device, incident.scans.len()))
        .collect();
    told.sort_by_key(|(kind, _, _)| format!("{kind:?}"));
    told
}

async fn sold(house: &House, entries: Option<u16>) -> (Subject, NewTicket) {
    let new = NewTicket {
        entries,
        ..new_ticket("A-1", &[])
    };
    let ticket = house.sell(new.clone()).await.unwrap();
    (Subject::Ticket(ticket.id), new)
}

/// An admission as a gate writes it that holds the row of the ticket.
async fn listed(house: &House, session: &Session, subject: Subject) -> Scan {
    let Subject::Ticket(id) = subject else {
        panic!("no ticket");
    };
    let row = house.row("first", id).await.unwrap();
    Scan {
        type_number: Some(row.type_number),
        access: Some(row.access),
        entries: row.entries,
        ..scan(session, subject, Direction::Entry)
    }
}

#[tokio::test]
async fn a_gate_that_claims_more_entries_than_a_ticket_has_is_corrected_and_told() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let (subject, _) = sold(&house, None).await;
    let true_scan = listed(&house, &session, subject).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    let lies = [
        Scan {
            entries: Some(60_000),
            ..true_scan.clone()
        },
        Scan {
            type_number: Some(TypeNumber::new(77)),
            ..true_scan.clone()
        },
        Scan {
            access: Some(AccessNumber::new(7_777)),
            ..true_scan.clone()
        },
        Scan {
            honours: Some(SessionId::from_bytes([7; 16])),
            reason: Reason::Honoured,
            ..true_scan.clone()
        },
    ];
    for (ms, lie) in (1..).zip(lies) {
        thief.write(at(ms), Body::Scan(lie));
    }
    house.service.push(thief.id, thief.all()).await.unwrap();
    let excess = (IncidentKind::ExcessAdmission, None, 3);
    let lies = (IncidentKind::FalseClaims, Some(thief.id), 4);
    assert_eq!(told(&house).await, [excess, lies]);
    // Sent once more it makes nothing more.
    house.service.push(thief.id, thief.all()).await.unwrap();
    assert_eq!(told(&house).await, [excess, lies]);
}

#[tokio::test]
async fn a_ticket_that_no_row_knows_has_no_entries_of_its_own() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    for ms in 1..4 {
        let lie = Scan {
            entries: Some(60_000),
            ..scan(&session, ticket(1), Direction::Entry)
        };
        thief.write(at(ms), Body::Scan(lie));
    }
    house.service.push(thief.id, thief.all()).await.unwrap();
    let excess = (IncidentKind::ExcessAdmission, None, 2);
    let lies = (IncidentKind::FalseClaims, Some(thief.id), 3);
    assert_eq!(told(&house).await, [excess, lies]);
}

#[tokio::test]
async fn a_gate_that_went_by_an_older_image_of_a_ticket_tells_the_truth() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let (subject, _) = sold(&house, Some(2)).await;
    let before = listed(&house, &session, subject).await;
    let Subject::Ticket(id) = subject else {
        panic!("no ticket");
    };
    let fewer = TicketChange::Update(TicketDetails {
        entries: Some(1),
        ..TicketDetails::default()
    });
    house.change(&id.to_string(), fewer).await.unwrap();
    let mut north = Gate::enroll(&house, 1, &session).await;
    let line: Line = north.write(at(1), Body::Scan(before.clone()));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(told(&house).await, []);
    // Who knows no row leaves out what only a row says, and is not blamed for that either.
    let bare = Scan {
        type_number: None,
        access: None,
        entries: None,
        reason: Reason::UnknownSigned,
        ..before
    };
    north.write(line.record.stamp.shifted(1), Body::Scan(bare));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(
        told(&house).await,
        [(IncidentKind::ExcessAdmission, None, 1)]
    );
}

#[tokio::test]
async fn a_gate_that_says_it_was_open_without_an_order_is_told_until_there_is_one() {
    let house = House::open().await;
    let session = first(&house).await;
    house.gate("north", None).await;
    let gates = house.service.gates(house.organizer).await.unwrap();
    let gate: GateId = gates[0].id;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    for ms in 1..4 {
        let open = Scan {
            gate: Some(gate),
            reason: Reason::FreeFlow,
            ..scan(&session, ticket(1), Direction::Entry)
        };
        thief.write(at(ms), Body::Scan(open));
    }
    house.service.push(thief.id, thief.all()).await.unwrap();
    let excess = (IncidentKind::ExcessAdmission, None, 2);
    let lies = (IncidentKind::FalseClaims, Some(thief.id), 3);
    assert_eq!(told(&house).await, [excess, lies]);
    let order = NewFreeFlow {
        gate: "north".to_owned(),
        from: None,
        until: crate::service::incidents::shown(at(3_600_000)),
    };
    let (event, name) = ("show".to_owned(), "first".to_owned());
    let ordered = house.service.free_flow(house.organizer, event, name, order);
    ordered.await.unwrap();
    assert_eq!(told(&house).await, []);
}
