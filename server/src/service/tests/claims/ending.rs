//! What ends a reservation, and what does not.

use super::*;
use usher_domain::api::access::DeviceChange;
use usher_domain::verdict::{Caution, Referral, Verdict};

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
        ..doors.scan(2, 0, Outcome::Admit)
    };
    let over = doors.overriding(&south, over).await;
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
async fn an_override_frees_what_a_dead_gate_held_open_whatever_attempt_it_names() {
    let doors = Doors::open().await;
    let (dead, mut south) = (doors.gate(1).await, doors.gate(2).await);
    doors.claim(&dead, 1, 0).await;
    doors.house.clock.advance(30_001);
    assert_eq!(
        reason(&doors.claim(&south, 2, 0).await),
        Reason::AdmissionOpen
    );
    // The supervisor overrides the attempt that was referred here: nobody knows the other one.
    let over = Scan {
        takes_over: Some(attempt(2)),
        ..doors.scan(3, 0, Outcome::Admit)
    };
    let over = doors.overriding(&south, over).await;
    doors.records(&mut south, over).await;
    assert_eq!(doors.open_count().await, 0);
    let mut request = doors.request(4, 0).await;
    request.direction = Direction::Exit;
    assert_eq!(reason(&doors.decided(&south, request).await), Reason::Exit);
}

#[tokio::test]
async fn a_record_without_a_supervisors_word_takes_nothing_over() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let mut south = doors.gate(2).await;
    doors.claim(&north, 1, 0).await;
    let pretends = Scan {
        takes_over: Some(attempt(1)),
        ..doors.scan(2, 0, Outcome::Refuse)
    };
    doors.records(&mut south, pretends).await;
    assert_eq!(doors.open_count().await, 1);
}

#[tokio::test]
async fn one_device_has_a_bounded_number_of_attempts_open() {
    let tickets = (0..202).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    for ticket in 0..200_u8 {
        assert!(admitted(
            &doors.claim(&north, ticket, usize::from(ticket)).await
        ));
    }
    let refused = doors
        .try_claim(north.id, doors.request(201, 200).await)
        .await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    // What was granted stays granted, and others go on.
    assert!(admitted(&doors.claim(&north, 0, 0).await));
    assert!(admitted(&doors.claim(&south, 202, 201).await));
}

#[tokio::test]
async fn a_medium_let_in_by_a_gate_that_did_not_know_it_is_its_ticket_at_once() {
    let strong = super::super::tickets::STRONG;
    let doors = Doors::with(Rules::default(), vec![new_ticket("A-1", &[strong])]).await;
    let (mut north, south) = (doors.gate(1).await, doors.gate(2).await);
    let text = usher_domain::code::TicketCodeText::new(strong).unwrap();
    let identity = Identity::of(doors.house.organizer, &text);
    let scan = Scan {
        subject: Subject::Medium(identity),
        ..doors.scan(1, 0, Outcome::Admit)
    };
    north.write(DOORS, Body::Scan(scan));
    // The server stops before it interprets what it stored.
    crate::service::records::store_only(doors.service(), north.id, north.all())
        .await
        .unwrap();
    assert_eq!(
        reason(&doors.claim(&south, 2, 0).await),
        Reason::AlreadyInside
    );
}

#[tokio::test]
async fn what_a_person_accepts_ends_its_attempt() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    doors.claim(&north, 1, 0).await;
    let revoke = usher_domain::api::access::DeviceChange::Revoke;
    let organizer = doors.house.organizer;
    let revoked = doors
        .service()
        .change_device(organizer, north.id.to_string(), revoke);
    revoked.await.unwrap();
    let line = doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    assert_eq!(doors.open_count().await, 1);
    let ruling = usher_domain::api::reports::NewRulings {
        records: vec![line.hash.to_string()],
        word: usher_domain::record::RulingWord::Accept,
    };
    let (event, session) = ("show".to_owned(), "first".to_owned());
    doors
        .service()
        .rule(organizer, event, session, ruling)
        .await
        .unwrap();
    assert_eq!(doors.open_count().await, 0);
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
        assert_eq!((open.device, open.attempt), (north.id, None));
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
async fn attempts_of_a_stolen_device_end_with_its_revocation_since_it_was_stolen() {
    let tickets = (1..=2).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.claim(&north, 1, 0).await;
    doors.house.clock.advance(60_000);
    let stolen = i64::try_from(doors.service().now().get()).unwrap();
    let since = jiff::Timestamp::from_millisecond(stolen).unwrap();
    doors.claim(&north, 2, 1).await;
    let organizer = doors.house.organizer;
    // Also if somebody revoked it before, and learned only then since when.
    for change in [DeviceChange::Revoke, DeviceChange::RevokeSince { since }] {
        assert_eq!(doors.open_count().await, 2);
        let device = north.id.to_string();
        let changed = doors.service().change_device(organizer, device, change);
        changed.await.unwrap();
    }
    assert_eq!(doors.open_count().await, 1);
    assert!(admitted(&doors.claim(&south, 3, 1).await));
    assert_eq!(
        reason(&doors.claim(&south, 4, 0).await),
        Reason::AdmissionOpen
    );
}

#[tokio::test]
async fn an_entry_by_a_revoked_device_bars_nobody_and_whoever_decides_hears_of_it() {
    let doors = Doors::open().await;
    let (mut north, south) = (doors.gate(1).await, doors.gate(2).await);
    let organizer = doors.house.organizer;
    doors
        .service()
        .change_device(organizer, north.id.to_string(), DeviceChange::Revoke)
        .await
        .unwrap();
    let late = north.write(DOORS, Body::Scan(doors.scan(1, 0, Outcome::Admit)));
    doors.service().push(north.id, north.all()).await.unwrap();
    let decided = doors.claim(&south, 2, 0).await;
    let Verdict::Admit(admit) = &decided.verdict else {
        panic!("{decided:?}");
    };
    let [Caution::Quarantined(entry)] = admit.cautions.as_slice() else {
        panic!("{admit:?}");
    };
    assert_eq!((entry.device, entry.record), (north.id, late.hash));
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

#[tokio::test]
async fn a_cut_of_an_earlier_epoch_counts_as_soon_as_it_is_handed_back() {
    let doors = Doors::open().await;
    let (mut north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    let before = doors.claim(&south, 2, 0).await;
    assert_eq!(reason(&before), Reason::AlreadyInside);
    // What this server said before it was restored, in its log of that time.
    let organizer = doors.house.organizer;
    let key = doors
        .service()
        .read(move |txn| Ok(crate::keys::load(txn, organizer, crate::keys::KeyUse::Set)?))
        .await
        .unwrap();
    let log = usher_domain::record::LogRef {
        device: doors.authority().await.server,
        log: usher_domain::ids::LogId::from_bytes([77; 16]),
    };
    let mut earlier = usher_domain::log::LogEnd::empty(log, doors.session.scope);
    let cut = Body::Cut(usher_domain::record::Cut {
        log: north.end.head.log,
        last: 0,
        heads: Some(Vec::new()),
        by: Some(usher_domain::record::CutBy::Person),
    });
    let entry = earlier.append(DOORS, cut);
    let batch = usher_domain::log::sign_batch(&key, vec![entry.encoded]).unwrap();
    doors.service().push(south.id, batch).await.unwrap();
    let after = doors.claim(&south, 3, 0).await;
    assert!(admitted(&after), "{after:?}");
}
