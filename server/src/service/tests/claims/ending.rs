//! What ends a reservation, and what does not.

use super::*;
use usher_domain::api::access::DeviceChange;
use usher_domain::verdict::{Referral, Verdict};

#[tokio::test]
async fn a_refusal_and_a_device_that_gives_up_release_the_ticket() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    doors
        .records(&mut north, doors.scan(1, 0, Outcome::Refuse))
        .await;
    assert_eq!(doors.open_count().await, 0);
    doors.claim(&north, 2, 0).await;
    doors.aborts(&mut north, 2, 0).await;
    assert!(admitted(&doors.claim(&south, 3, 0).await));
}

#[tokio::test]
async fn a_referral_keeps_the_reservation() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let granted = doors.claim(&north, 1, 0).await;
    doors
        .records(&mut north, doors.scan(1, 0, Outcome::Refer))
        .await;
    assert_eq!(doors.claim(&north, 1, 0).await, granted);
    doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    assert_eq!(doors.open_count().await, 0);
}

#[tokio::test]
async fn records_of_another_device_end_nothing() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let mut south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    doors
        .records(&mut south, doors.scan(1, 0, Outcome::Refer))
        .await;
    doors.aborts(&mut south, 2, 0).await;
    assert_eq!(doors.open_count().await, 1);
}

#[tokio::test]
async fn a_device_is_told_what_it_holds_open_until_it_gives_that_up() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    doors.claim(&north, 1, 0).await;
    let open = doors.beat(&north, None).await.open.unwrap();
    assert_eq!(open.len(), 1);
    assert_eq!(
        (open[0].attempt, open[0].subject),
        (attempt(1), doors.subject(0))
    );
    doors.aborts(&mut north, 1, 0).await;
    assert_eq!(doors.beat(&north, None).await.open, Some(Vec::new()));
}

#[tokio::test]
async fn an_override_takes_over_from_whoever_holds_the_ticket() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let mut south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    let over = Scan {
        takes_over: Some(attempt(1)),
        reason: Reason::Override,
        sanction: Some(vec![1].into()),
        ..doors.scan(2, 0, Outcome::Admit)
    };
    let line = doors.records(&mut south, over).await;
    assert_eq!(doors.open_count().await, 0);
    let again = doors
        .try_claim(north.id, doors.request(1, 0).await)
        .await
        .unwrap();
    let ClaimAnswer::Ended { record } = again else {
        panic!("{again:?}");
    };
    assert_eq!(Line::read(&record).unwrap().hash, line.hash);
}

#[tokio::test]
async fn an_attempt_that_never_ended_refers_after_half_a_minute_and_for_ever() {
    let doors = Doors::open().await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.claim(&north, 1, 0).await;
    doors.house.clock.advance(30_000);
    assert_eq!(
        reason(&doors.claim(&south, 2, 0).await),
        Reason::BeingAdmitted
    );
    doors.house.clock.advance(1);
    for number in 3..5 {
        let asked = doors.claim(&south, number, 0).await;
        let Verdict::Refer(Referral::AdmissionOpen(open)) = asked.verdict else {
            panic!("{asked:?}");
        };
        assert_eq!(open.attempt, attempt(1));
        doors.house.clock.advance(3_600_000);
    }
    assert_eq!(doors.open_count().await, 1);
}

#[tokio::test]
async fn an_admission_taken_back_frees_the_ticket() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    let line = doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    assert!(!admitted(&doors.claim(&south, 2, 0).await));
    doors.undoes(&mut north, line.hash, 0).await;
    assert!(admitted(&doors.claim(&south, 3, 0).await));
}

#[tokio::test]
async fn revoking_a_device_frees_nothing_and_nor_does_what_it_says_afterwards() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    let organizer = doors.house.organizer;
    doors
        .service()
        .change_device(organizer, north.id.to_string(), DeviceChange::Revoke)
        .await
        .unwrap();
    let refused = doors.try_claim(north.id, doors.request(2, 0).await).await;
    assert!(matches!(refused, Err(Error::DeviceRevoked)));
    doors.aborts(&mut north, 1, 0).await;
    doors
        .records(&mut north, doors.scan(1, 0, Outcome::Refuse))
        .await;
    assert_eq!(doors.open_count().await, 1);
    assert_eq!(
        reason(&doors.claim(&south, 3, 0).await),
        Reason::BeingAdmitted
    );
}

#[tokio::test]
async fn a_record_that_crosses_its_claim_ends_what_the_claim_reserved() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let line = north.write(DOORS, Body::Scan(doors.scan(1, 0, Outcome::Refuse)));
    let (claimed, pushed) = tokio::join!(
        async { doors.try_claim(north.id, doors.request(1, 0).await).await },
        doors.service().push(north.id, north.all()),
    );
    pushed.unwrap();
    match claimed.unwrap() {
        ClaimAnswer::Ended { record } => assert_eq!(Line::read(&record).unwrap().hash, line.hash),
        ClaimAnswer::Decided(decided) => assert!(admitted(&decided)),
        answer @ (ClaimAnswer::Behind | ClaimAnswer::NotAuthority { .. }) => panic!("{answer:?}"),
    }
    assert_eq!(doors.open_count().await, 0);
}
