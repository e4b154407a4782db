//! Tickets of several entries, media, instructions, and zones that hold only so many.

use super::*;
use usher_domain::api::venue::Gate as StoredGate;
use usher_domain::ids::ZoneId;
use usher_domain::rules::{EntryMode, EntryRule, ZoneCapacity};

#[tokio::test]
async fn a_ticket_of_several_entries_has_room_for_as_many_at_once() {
    let three = NewTicket {
        entries: Some(3),
        ..new_ticket("A-1", &[])
    };
    let doors = Doors::with(Rules::default(), vec![three]).await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    doors.records(&mut north, doors.scan_of_three(9)).await;
    assert!(admitted(&doors.claim(&north, 1, 0).await));
    assert!(admitted(&doors.claim(&south, 2, 0).await));
    assert_eq!(
        reason(&doors.claim(&south, 3, 0).await),
        Reason::BeingAdmitted
    );
    doors.records(&mut north, doors.scan_of_three(1)).await;
    assert_eq!(
        reason(&doors.claim(&south, 3, 0).await),
        Reason::BeingAdmitted
    );
    let over = Scan {
        takes_over: Some(attempt(2)),
        ..doors.scan_of_three(4)
    };
    let over = doors.overriding(&north, over).await;
    doors.records(&mut north, over).await;
    assert_eq!(
        reason(&doors.claim(&south, 3, 0).await),
        Reason::EntriesUsedUp
    );
}

impl Doors {
    fn scan_of_three(&self, number: u8) -> Scan {
        Scan {
            entries: Some(3),
            ..self.scan(number, 0, Outcome::Admit)
        }
    }
}

#[tokio::test]
async fn tickets_of_one_order_are_claimed_one_by_one() {
    let tickets = (1..=4).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let north = doors.gate(1).await;
    for ticket in 0..4 {
        let number = u8::try_from(ticket).unwrap() + 1;
        assert!(admitted(&doors.claim(&north, number, ticket).await));
    }
    assert_eq!(doors.open_count().await, 4);
}

#[tokio::test]
async fn an_instruction_is_confirmed_under_the_same_attempt() {
    let checked = NewTicket {
        instruction: Some("Check the student card".to_owned()),
        ..new_ticket("A-1", &[])
    };
    let doors = Doors::with(Rules::default(), vec![checked]).await;
    let north = doors.gate(1).await;
    assert_eq!(
        reason(&doors.claim(&north, 1, 0).await),
        Reason::Instruction
    );
    assert_eq!(doors.open_count().await, 0);
    let mut request = doors.request(1, 0).await;
    request.confirmed = Some(usher_domain::record::Confirmed::Instruction);
    assert!(admitted(&doors.decided(&north, request).await));
}

#[tokio::test]
async fn a_medium_and_the_code_of_its_ticket_are_the_same_ticket() {
    let strong = super::super::tickets::STRONG;
    let mut doors = Doors::with(Rules::default(), vec![new_ticket("A-1", &[strong])]).await;
    let text = usher_domain::code::TicketCodeText::new(strong).unwrap();
    let identity = Identity::of(doors.house.organizer, &text);
    doors.tickets.push(Shown::Opaque { identity });
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    assert!(admitted(&doors.claim(&north, 1, 1).await));
    assert_eq!(
        reason(&doors.claim(&south, 2, 0).await),
        Reason::BeingAdmitted
    );
    let unknown = Identity::from_bytes([3; 32]);
    doors.tickets.push(Shown::Opaque { identity: unknown });
    assert_eq!(reason(&doors.claim(&south, 3, 2).await), Reason::Unknown);
}

/// A hall of two, its gate, and more people than fit.
async fn hall(people: u32) -> (Doors, GateId) {
    let house = House::open().await;
    house.kind("normal", &[]).await;
    house.gate("hall", Some("hall")).await;
    let organizer = house.organizer;
    let gate = house
        .service
        .read(move |txn| {
            let found =
                crate::service::things::find::<StoredGate>(txn, organizer.as_bytes(), "hall")?;
            Ok(found.value)
        })
        .await
        .unwrap();
    let zone: ZoneId = gate.zone.unwrap();
    let doors = Doors {
        session: first(&house).await,
        house,
        tickets: Vec::new(),
        version: Version {
            epoch: 0,
            number: 0,
        },
        trust: Version {
            epoch: 1,
            number: 1,
        },
    };
    let rules = Rules {
        entry: EntryRule {
            mode: EntryMode::Reentry,
            ..EntryRule::default()
        },
        capacity: vec![ZoneCapacity { zone, people }],
        ..Rules::default()
    };
    let tickets = (1..=12).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = doors
        .with_rules(rules)
        .await
        .stocked(tickets.collect())
        .await;
    (doors, gate.id)
}

#[tokio::test]
async fn a_full_hall_is_exact_with_people_on_their_way_in() {
    let (doors, gate) = hall(5).await;
    let north = doors.gate(1).await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..12_u8 {
        let mut request = doors.request(number, usize::from(number)).await;
        request.gate = Some(gate);
        let (service, device) = (doors.service().clone(), north.id);
        running.spawn(async move { service.claim(device, request).await.unwrap() });
    }
    let answers = running.join_all().await;
    let granted = answers
        .iter()
        .filter(|answer| matches!(answer, ClaimAnswer::Decided(decided) if admitted(decided)));
    assert_eq!(granted.count(), 5);
}

#[tokio::test]
async fn a_full_hall_counts_records_as_soon_as_they_are_stored_and_who_left() {
    let (doors, gate) = hall(2).await;
    let mut north = doors.gate(1).await;
    let zone = doors.session.rules.capacity[0].zone;
    let at_gate = |scan: Scan| Scan {
        gate: Some(gate),
        zone: Some(zone),
        ..scan
    };
    // Stored and not interpreted: the server was killed in between.
    for ticket in 0..2 {
        let number = u8::try_from(ticket).unwrap() + 100;
        let scan = at_gate(doors.scan(number, ticket, Outcome::Admit));
        north.write(DOORS, Body::Scan(scan));
    }
    let batch = north.all();
    crate::service::records::store_only(doors.service(), north.id, batch)
        .await
        .unwrap();
    let enter = async |number: u8, ticket: usize| {
        let mut request = doors.request(number, ticket).await;
        request.gate = Some(gate);
        doors.decided(&north, request).await
    };
    let full = enter(1, 2).await;
    let Verdict::Refuse(Refusal::Full { inside, .. }) = full.verdict else {
        panic!("{full:?}");
    };
    assert_eq!(inside, 2);
    let exit = Scan {
        direction: Direction::Exit,
        reason: Reason::Exit,
        ..at_gate(doors.scan(102, 0, Outcome::Admit))
    };
    let mut south = doors.gate(2).await;
    doors.records(&mut south, exit).await;
    doors.beat(&south, Some(DOORS)).await;
    assert!(admitted(&enter(2, 2).await));
    assert_eq!(reason(&enter(3, 3).await), Reason::Full);
    // South may have let people out that nobody knows of: the count is no more than a hint then.
    doors.house.clock.advance(15_001);
    let let_in = enter(4, 3).await;
    assert!(admitted(&let_in), "{let_in:?}");
    assert_ne!(let_in.certainty, Certainty::Confirmed);
}

#[tokio::test]
async fn who_came_in_by_a_ticket_that_was_used_elsewhere_takes_room() {
    let (doors, gate) = hall(2).await;
    let (mut north, mut south) = (doors.gate(1).await, doors.gate(2).await);
    let east = doors.gate(3).await;
    let zone = doors.session.rules.capacity[0].zone;
    let in_hall = |scan: Scan| Scan {
        gate: Some(gate),
        zone: Some(zone),
        ..scan
    };
    // Let in alone to the whole venue, and before that was known confirmed into the hall.
    doors
        .records(&mut north, in_hall(doors.scan(100, 0, Outcome::Admit)))
        .await;
    doors.house.clock.advance(10);
    let earlier = doors.scan(101, 0, Outcome::Admit);
    south.write(DOORS.shifted(-1_000), Body::Scan(earlier));
    let batch = south.all();
    doors.service().push(south.id, batch).await.unwrap();
    for gate in [&north, &south] {
        doors.beat(gate, Some(DOORS)).await;
    }
    let enter = async |number: u8, ticket: usize| {
        let mut request = doors.request(number, ticket).await;
        request.gate = Some(gate);
        doors.decided(&east, request).await
    };
    assert!(admitted(&enter(1, 1).await));
    let full = enter(2, 2).await;
    assert_eq!(reason(&full), Reason::Full, "two are in the hall");
    // One of them leaves.
    let exit = Scan {
        direction: Direction::Exit,
        reason: Reason::Exit,
        ..in_hall(doors.scan(102, 0, Outcome::Admit))
    };
    doors.records(&mut north, exit).await;
    assert!(admitted(&enter(3, 2).await));
}
