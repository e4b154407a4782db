//! Gates that ask the server before they let somebody in, and what happens when the answer does not come.

use std::rc::Rc;
use usher_core::gate::{Answer, Asked, Party, ScanRequest};
use usher_domain::record::{Body, Certainty, Outcome};
use usher_domain::verdict::Reason;
use usher_tests::gate::Patient;
use usher_tests::network::Failure;
use usher_tests::office::usual;
use usher_tests::{Gate, Said as _, Venue};

/// A venue with two gates of which the server knows that it has everything.
async fn two_gates() -> (Venue, Rc<Gate>, Rc<Gate>) {
    let venue = Venue::new().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    prove(&venue).await;
    (venue, north, south)
}

/// Every gate says twice how far it is: the second time the server knows how young that is.
async fn prove(venue: &Venue) {
    venue.seal().await;
    venue.sync_all().await;
    venue.sync_all().await;
}

fn refused(answer: &Answer) -> bool {
    answer.said().0 == Outcome::Refuse
}

/// Loses the answer to a claim that the server has decided.
async fn lost_answer(gate: &Gate, code: &usher_domain::secret::Private) -> Answer {
    // The token is there already: the next bytes to come are those of the answer.
    gate.network.fail_after(0, Failure::Stall);
    let answer = gate.claim_in_vain(code).await;
    gate.network.heal();
    answer
}

#[tokio::test]
async fn two_gates_that_are_shown_one_ticket_at_once_let_one_person_in() {
    let (venue, north, south) = two_gates().await;
    for ticket in venue.sell_many(5).await {
        prove(&venue).await;
        let (one, other) = tokio::join!(north.claim(&ticket.code), south.claim(&ticket.code));
        let (inside, outside) = if one.is_admitted() {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(inside.said(), (Outcome::Admit, Reason::Listed));
        assert_eq!(inside.certainty, Certainty::Confirmed);
        assert!(refused(&outside), "{outside:?}");
        assert_eq!(outside.asked, Asked::Answered);
    }
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_ticket_whose_answer_was_lost_is_nobody_elses_until_the_record_comes() {
    let (venue, north, south) = two_gates().await;
    let ticket = venue.sell().await;
    prove(&venue).await;
    let answer = lost_answer(&north, &ticket.code).await;
    assert!(answer.is_admitted());
    assert_eq!(answer.asked, Asked::Late);
    assert!(matches!(answer.certainty, Certainty::Local { .. }));
    // One slow scan, not every one.
    let next = north.claim(&venue.sell().await.code).await;
    assert_eq!(next.asked, Asked::Not);
    let elsewhere = south.claim(&ticket.code).await;
    assert_eq!(elsewhere.said(), (Outcome::Refuse, Reason::BeingAdmitted));
    north.sync().await;
    let elsewhere = south.claim(&ticket.code).await;
    assert_eq!(elsewhere.said(), (Outcome::Refuse, Reason::AlreadyInside));
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
}

#[tokio::test]
async fn a_server_killed_between_decision_and_answer_still_knows_what_it_granted() {
    let (venue, north, south) = two_gates().await;
    let ticket = venue.sell().await;
    prove(&venue).await;
    north.network.fail_after(0, Failure::Stall);
    let answer = north.claim_in_vain(&ticket.code).await;
    assert!(answer.is_admitted());
    venue.restart_server().await;
    north.network.heal();
    let elsewhere = south.claim(&ticket.code).await;
    assert_eq!(elsewhere.said(), (Outcome::Refuse, Reason::BeingAdmitted));
    venue.sync_all().await;
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_device_killed_between_answer_and_record_gives_the_attempt_up_when_it_is_back() {
    let (venue, north, south) = two_gates().await;
    let ticket = venue.sell().await;
    prove(&venue).await;
    north.network.fail_after(0, Failure::Stall);
    {
        let request = ScanRequest::entry(ticket.code.reveal());
        let claim = north.claim_all(request, Party::One, &Patient);
        tokio::select! {
            biased;
            _ = claim => panic!("the answer was lost"),
            () = north.network.failed() => {}
        }
    }
    north.kill();
    north.start();
    north.network.heal();
    let elsewhere = south.claim(&ticket.code).await;
    assert_eq!(elsewhere.said(), (Outcome::Refuse, Reason::BeingAdmitted));
    north.sync().await;
    let records = north.store(|store| store.latest_own(9).unwrap());
    let aborts = |line: &usher_domain::log::Line| matches!(line.record.body, Body::Abort(_));
    assert_eq!(records.iter().filter(|line| aborts(line)).count(), 1);
    assert!(south.claim(&ticket.code).await.is_admitted());
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
}

#[tokio::test]
async fn a_gate_that_lacks_a_change_hears_of_it_by_its_claim() {
    let (venue, north, _) = two_gates().await;
    let (changed, other) = (venue.sell().await, venue.sell().await);
    prove(&venue).await;
    venue.cancel(&changed).await;
    venue.seal().await;
    let cancelled = north.claim(&changed.code).await;
    assert_eq!(cancelled.said(), (Outcome::Refuse, Reason::Cancelled));
    assert_eq!(cancelled.asked, Asked::Answered);
    assert_eq!(
        north.claim(&other.code).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn whoever_left_at_one_gate_is_outside_at_all() {
    let (venue, north, south) = two_gates().await;
    let ticket = venue.sell().await;
    prove(&venue).await;
    assert!(north.claim(&ticket.code).await.is_admitted());
    north.sync().await;
    let request = ScanRequest::exit(ticket.code.reveal());
    let left = south.claim_all(request, Party::One, &Patient).await;
    assert_eq!(left[0].said(), (Outcome::Admit, Reason::Exit));
    assert_eq!(left[0].asked, Asked::Answered);
}

#[tokio::test]
async fn everybody_of_an_order_is_asked_for_apart() {
    let (venue, north, south) = two_gates().await;
    let order = Some(usher_domain::secret::Private::new("A-1"));
    let mut tickets = Vec::new();
    for _ in 0..3 {
        let new = usher_domain::api::tickets::NewTicket {
            order: order.clone(),
            ..usual()
        };
        tickets.push(venue.sell_this(new).await);
    }
    prove(&venue).await;
    assert!(south.claim(&tickets[1].code).await.is_admitted());
    south.sync().await;
    let request = ScanRequest::entry(tickets[0].code.reveal());
    let answers = north.claim_all(request, Party::Order, &Patient).await;
    assert_eq!(answers.len(), 3);
    for answer in &answers {
        let is_inside = answer.ticket == Some(tickets[1].id);
        assert_eq!(answer.is_admitted(), !is_inside, "{answer:?}");
        assert_eq!(answer.asked, Asked::Answered);
    }
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
}

#[tokio::test]
async fn a_gate_that_was_not_heard_of_is_named_until_it_signs_off() {
    let (venue, north, south) = two_gates().await;
    let tickets = venue.sell_many(2).await;
    prove(&venue).await;
    venue.wait_ms(20_000);
    north.sync().await;
    let answer = north.claim(&tickets[0].code).await;
    assert!(answer.is_admitted());
    let Certainty::ConfirmedExcept { device, others, .. } = answer.certainty else {
        panic!("{answer:?}");
    };
    assert_eq!((device, others), (south.id(), 0));
    assert_eq!(answer.names.devices, [(south.id(), "south".to_owned())]);
    south.sign_off().await.unwrap();
    assert_eq!(south.store(|store| store.on_duty().unwrap()), None);
    venue.wait_ms(20_000);
    north.sync().await;
    let answer = north.claim(&tickets[1].code).await;
    assert_eq!(answer.certainty, Certainty::Confirmed);
}

#[tokio::test]
async fn a_ticket_with_a_home_is_let_in_elsewhere_only_after_its_home_held_it_back() {
    let (venue, north, south) = two_gates().await;
    let new = usher_domain::api::tickets::NewTicket {
        home: Some(north.id()),
        ..usual()
    };
    let ticket = venue.sell_this(new).await;
    prove(&venue).await;
    // The home says nothing: nobody knows what it does.
    let alone = south.claim(&ticket.code).await;
    assert_eq!(alone.said(), (Outcome::Refer, Reason::HomeSilent));
    let mut tries = 0;
    let granted = loop {
        let claim = south.claim(&ticket.code);
        let answer = tokio::select! {
            answer = claim => answer,
            () = keep_in_step(&north) => unreachable!(),
        };
        tries += 1;
        assert!(tries < 50, "{answer:?}");
        if answer.is_admitted() {
            break answer;
        }
    };
    assert_eq!(granted.asked, Asked::Answered);
    // Cut off, and without a word of how that ended, the home lets nobody in with it.
    north.network.cut();
    north.try_sync().await.unwrap_err();
    north.restart();
    assert!(!north.scan(&ticket.code).is_admitted());
    north.network.heal();
    venue.sync_all().await;
    assert_eq!(venue.incidents().await.len(), 0);
}

async fn keep_in_step(gate: &Gate) {
    loop {
        gate.sync().await;
    }
}
