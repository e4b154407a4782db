//! Tickets with a home.

use super::*;
use usher_domain::record::Yield;
use usher_domain::verdict::{Referral, Verdict};

/// One ticket at home at gate 2.
async fn homed() -> (Doors, Gate, Gate) {
    let doors = Doors::with(Rules::default(), Vec::new()).await;
    doors.house.clock.set(NOON);
    let (north, home) = (doors.gate(1).await, doors.gate(2).await);
    let new = NewTicket {
        home: Some(home.id),
        ..new_ticket("A-1", &[])
    };
    (doors.stocked(vec![new]).await, north, home)
}

impl Doors {
    async fn yields(&self, home: &mut Gate, to: &Gate, number: u8) {
        let held = Yield {
            attempt: attempt(number),
            to: to.id,
            gate: None,
            session: self.session.id,
            subject: self.subject(0),
        };
        self.says(home, Body::Yield(held)).await;
    }
}

#[tokio::test]
async fn a_home_that_holds_the_ticket_back_lets_another_gate_admit() {
    let (doors, north, mut home) = homed().await;
    let asked = async {
        loop {
            let asked = doors.beat(&home, None).await.yields.unwrap();
            if let [request] = asked.as_slice() {
                break *request;
            }
        }
    };
    let claim = doors.claim(&north, 1, 0);
    tokio::pin!(claim);
    let request = tokio::select! {
        request = asked => request,
        answer = &mut claim => panic!("before the home was asked: {answer:?}"),
    };
    assert_eq!((request.attempt, request.to), (attempt(1), north.id));
    let (granted, ()) = tokio::join!(claim, doors.yields(&mut home, &north, 1));
    assert!(admitted(&granted), "{granted:?}");
    // All that the home admitted before stands before its word.
    assert_eq!(granted.certainty, Certainty::Confirmed);
    assert_eq!(doors.beat(&home, None).await.yields, Some(Vec::new()));
    assert_eq!(
        reason(&doors.claim(&home, 2, 0).await),
        Reason::BeingAdmitted
    );
}

#[tokio::test]
async fn a_silent_home_makes_a_supervisor_decide_and_nothing_is_reserved() {
    let (doors, north, mut home) = homed().await;
    let asked = doors.claim(&north, 1, 0).await;
    let Verdict::Refer(Referral::HomeSilent { home: named }) = asked.verdict else {
        panic!("{asked:?}");
    };
    assert_eq!((named, doors.open_count().await), (home.id, 0));
    // Its word comes too late, and is worth nothing once the gate has said so.
    doors.yields(&mut home, &north, 1).await;
    let mut north = north;
    let referred = Scan {
        reason: Reason::HomeSilent,
        ..doors.scan(1, 0, Outcome::Refer)
    };
    doors.records(&mut north, referred).await;
    assert!(admitted(&doors.claim(&home, 2, 0).await));
}

#[tokio::test]
async fn the_home_itself_asks_nobody_and_nor_does_who_leaves() {
    let (doors, north, mut home) = homed().await;
    assert!(admitted(&doors.claim(&home, 1, 0).await));
    doors
        .records(&mut home, doors.scan(1, 0, Outcome::Admit))
        .await;
    let mut request = doors.request(3, 0).await;
    request.direction = Direction::Exit;
    assert_eq!(reason(&doors.decided(&north, request).await), Reason::Exit);
}

#[tokio::test]
async fn a_home_that_was_stood_down_is_named_and_not_waited_for() {
    let (doors, north, home) = homed().await;
    doors.beat(&home, Some(DOORS)).await;
    let stood_down = doors
        .service()
        .stand_down(doors.house.organizer, home.id.to_string());
    stood_down.await.unwrap();
    let granted = doors.claim(&north, 1, 0).await;
    assert!(admitted(&granted), "{granted:?}");
    let except = Certainty::ConfirmedExcept {
        device: home.id,
        since: DOORS,
        others: 0,
    };
    assert_eq!(granted.certainty, except);
}

#[tokio::test]
async fn a_home_that_signed_off_has_nothing_to_say() {
    let (doors, north, home) = homed().await;
    doors.service().sign_off(home.id, Vec::new()).await.unwrap();
    let granted = doors.claim(&north, 1, 0).await;
    assert!(admitted(&granted));
    assert_eq!(granted.certainty, Certainty::Confirmed);
}

#[tokio::test]
async fn what_the_asker_referred_for_any_reason_its_home_lets_in_again() {
    let (doors, mut north, mut home) = homed().await;
    // Its own patience was over: it decided alone, and left the ticket to its home.
    let referred = Scan {
        reason: Reason::NotHome,
        ..doors.scan(1, 0, Outcome::Refer)
    };
    doors.records(&mut north, referred).await;
    doors.yields(&mut home, &north, 1).await;
    // The same attempt, asked once more, is not granted by a word that holds no more.
    assert_eq!(reason(&doors.claim(&north, 1, 0).await), Reason::HomeSilent);
    assert!(admitted(&doors.claim(&home, 2, 0).await));
}

#[tokio::test]
async fn a_word_of_a_device_that_is_not_the_home_holds_nothing_back() {
    let (doors, mut north, home) = homed().await;
    let mut west = doors.gate(3).await;
    doors.yields(&mut north, &west, 7).await;
    doors.yields(&mut west, &north, 8).await;
    assert!(admitted(&doors.claim(&home, 1, 0).await));
}

#[tokio::test]
async fn what_a_home_held_back_after_its_revocation_holds_nothing() {
    let (doors, north, mut home) = homed().await;
    let revoke = usher_domain::api::access::DeviceChange::Revoke;
    let revoked = doors
        .service()
        .change_device(doors.house.organizer, home.id.to_string(), revoke);
    revoked.await.unwrap();
    doors.yields(&mut home, &north, 7).await;
    assert!(admitted(&doors.claim(&north, 1, 0).await));
}

#[tokio::test]
async fn a_home_that_is_back_hears_of_whom_others_are_letting_in() {
    let (doors, north, mut home) = homed().await;
    doors.service().sign_off(home.id, Vec::new()).await.unwrap();
    let granted = doors.claim(&north, 1, 0).await;
    assert_eq!(granted.certainty, Certainty::Confirmed);
    let yields = doors.beat(&home, None).await.yields.unwrap();
    let asked: Vec<_> = yields.iter().map(|asked| asked.attempt).collect();
    assert_eq!(asked, [attempt(1)], "nobody asked it when that was granted");
    doors.yields(&mut home, &north, 1).await;
    assert_eq!(doors.beat(&home, None).await.yields, Some(Vec::new()));
}
