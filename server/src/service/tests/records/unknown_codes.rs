//! Gates at which most codes are unknown: people are told, for the list or the scanner may be the wrong one.

use super::super::House;
use super::{Gate, at, first, kinds, open_incidents, scan, ticket};
use usher_domain::api::reports::IncidentKind;
use usher_domain::api::venue::Session;
use usher_domain::record::{Body, Direction, Outcome, Scan, Subject};
use usher_domain::verdict::Reason;

fn unknown(session: &Session, reason: Reason) -> Body {
    Body::Scan(Scan {
        outcome: Outcome::Refuse,
        reason,
        ..scan(session, Subject::Nothing, Direction::Entry)
    })
}

#[tokio::test]
async fn eight_unknown_codes_of_ten_are_an_incident_of_the_device_and_seven_are_none() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    for number in 0..30_u64 {
        let stamp = at(i64::try_from(number).unwrap());
        // Seven of ten at the north gate, eight at the south.
        match number % 10 {
            0 | 1 => {
                north.admit(stamp, &session, ticket(u8::try_from(number).unwrap()));
                south.admit(stamp, &session, ticket(u8::try_from(number + 100).unwrap()));
            }
            2 => {
                north.admit(stamp, &session, ticket(u8::try_from(number).unwrap()));
                south.write(stamp, unknown(&session, Reason::Malformed));
            }
            _ => {
                north.write(stamp, unknown(&session, Reason::Unknown));
                south.write(stamp, unknown(&session, Reason::Unknown));
            }
        }
    }
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(kinds(&house).await, []);
    house.service.push(south.id, south.all()).await.unwrap();
    let open = open_incidents(&house).await;
    let [incident] = open.as_slice() else {
        panic!("one incident, not {open:?}");
    };
    assert_eq!(incident.kind, IncidentKind::UnknownCodes);
    assert_eq!(incident.device, Some(south.id));
    assert_eq!(incident.session, Some(session.id));
    assert_eq!(incident.scans.len(), 8);
    assert!(
        incident.detail.starts_with("8 of 10 codes in a row"),
        "{}",
        incident.detail
    );
}

#[tokio::test]
async fn ten_codes_count_however_few_come_at_once_and_other_refusals_are_no_sign() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for number in 0..10 {
        north.write(at(number), unknown(&session, Reason::AlreadyInside));
    }
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(kinds(&house).await, []);
    for number in 10..18 {
        north.write(at(number), unknown(&session, Reason::Unknown));
        house.service.push(north.id, north.all()).await.unwrap();
    }
    assert_eq!(kinds(&house).await, [IncidentKind::UnknownCodes]);
}
