//! Stamps that are ahead of the server's clock: they spoil nothing but their own writer's.

use super::super::House;
use super::{Gate, at, first, kinds, open_incidents, scan, ticket};
use usher_domain::api::reports::{IncidentKind, NewEveryoneOut};
use usher_domain::record::{Body, Direction};
use usher_domain::time::UnixMillis;

/// A stamp some seventy years ahead.
const FAR: UnixMillis = UnixMillis::new(4_000_000_000_000);

async fn inside(house: &House) -> u64 {
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let told = house.service.statistics(
        house.organizer,
        event,
        session,
        crate::service::Names::Hidden,
    );
    told.await.unwrap().inside
}

async fn send_everyone_out(house: &House) {
    let out = NewEveryoneOut {
        zone: None,
        everyone: true,
        at: None,
    };
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let sent = house
        .service
        .everyone_out(house.organizer, event, session, out);
    sent.await.unwrap();
}

#[tokio::test]
async fn a_stamp_years_ahead_blames_its_own_writer_alone() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    let mut honest = Gate::enroll(&house, 2, &session).await;
    // The guest is inside by the thief's word, dated in 2096, goes out, and comes back.
    thief.admit(FAR, &session, ticket(1));
    house.service.push(thief.id, thief.all()).await.unwrap();
    house.clock.advance(1_000);
    let exit = scan(&session, ticket(1), Direction::Exit);
    honest.write(at(1_000), Body::Scan(exit));
    house.service.push(honest.id, honest.all()).await.unwrap();
    assert_eq!(inside(&house).await, 0);
    let open = open_incidents(&house).await;
    let [incident] = open.as_slice() else {
        panic!("one incident, not {open:?}");
    };
    assert_eq!(incident.kind, IncidentKind::ClockJump);
    assert_eq!(incident.device, Some(thief.id));
}

#[tokio::test]
async fn whoever_was_let_in_under_a_stamp_ahead_comes_back_after_everyone_was_sent_out() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut far = Gate::enroll(&house, 1, &session).await;
    let mut quick = Gate::enroll(&house, 2, &session).await;
    far.admit(FAR, &session, ticket(1));
    house.service.push(far.id, far.all()).await.unwrap();
    // A clock that is some seconds ahead gives no reason for anything; but the sending out comes after it.
    quick.admit(at(8_000), &session, ticket(2));
    house.service.push(quick.id, quick.all()).await.unwrap();
    assert_eq!(inside(&house).await, 2);
    house.clock.advance(1_000);
    send_everyone_out(&house).await;
    assert_eq!(inside(&house).await, 0);
    house.clock.advance(60_000);
    let mut honest = Gate::enroll(&house, 3, &session).await;
    honest.admit(at(61_000), &session, ticket(1));
    honest.admit(at(61_001), &session, ticket(2));
    house.service.push(honest.id, honest.all()).await.unwrap();
    assert_eq!(inside(&house).await, 2);
    assert_eq!(kinds(&house).await, [IncidentKind::ClockJump]);
}

#[tokio::test]
async fn a_stamp_after_the_year_9999_counts_for_nothing_and_is_told() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    thief.admit(UnixMillis::new(u64::MAX), &session, ticket(1));
    house.service.push(thief.id, thief.all()).await.unwrap();
    assert_eq!(inside(&house).await, 0);
    assert_eq!(kinds(&house).await, [IncidentKind::ClockJump]);
}
