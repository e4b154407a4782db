//! Several sessions: which one a gate serves, and what tickets of the others get.

use usher_core::gate::Advice;
use usher_domain::record::Outcome;
use usher_domain::rules::{Counted, EntryMode, EntryRule, Rules};
use usher_domain::verdict::{Reason, Refusal, Verdict};
use usher_tests::office::{of_kind, usual};
use usher_tests::venue::EVENT;
use usher_tests::{Said as _, Sold, Venue};

async fn sell_for(venue: &Venue, session: &str) -> Sold {
    let mut new = usual();
    new.session = Some(session.to_owned());
    venue.sell_this(new).await
}

#[tokio::test]
async fn between_matinee_and_evening_the_gate_follows_the_timetable() {
    let venue = Venue::new().await;
    venue.go_to("2027-10-30T14:30:00+02:00");
    venue
        .session("matinee", "2027-10-30 14:00", "2027-10-30 17:00")
        .await;
    let (early, late) = (
        sell_for(&venue, "matinee").await,
        sell_for(&venue, "evening").await,
    );
    let north = venue.gate("north").await;
    let answer = north.scan(&late.code);
    assert_eq!(answer.session.as_ref().unwrap().name, "the matinee");
    let Verdict::Refuse(Refusal::WrongSession { right }) = &answer.verdict else {
        panic!("{answer:?}");
    };
    assert_eq!(right[0].1, "the evening");
    assert!(north.scan(&early.code).is_admitted());
    venue.go_to("2027-10-30T18:15:00+02:00");
    let answer = north.scan(&late.code);
    assert!(answer.is_admitted(), "{answer:?}");
    assert_eq!(answer.session.unwrap().name, "the evening");
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
}

#[tokio::test]
async fn five_of_ten_scans_of_another_session_bring_the_advice_to_change() {
    let venue = Venue::new().await;
    venue.go_to("2027-10-30T17:30:00+02:00");
    venue
        .session("matinee", "2027-10-30 14:00", "2027-10-30 17:45")
        .await;
    let mut late = Vec::new();
    for _ in 0..5 {
        late.push(sell_for(&venue, "evening").await);
    }
    let north = venue.gate("north").await;
    let advice: Vec<_> = late
        .iter()
        .map(|ticket| north.scan(&ticket.code).advice)
        .collect();
    assert_eq!(advice[..4], [None, None, None, None]);
    let Some(Advice::OtherSession(rather)) = &advice[4] else {
        panic!("{advice:?}");
    };
    assert_eq!(rather.name, "the evening");
    let evening = rather.id;
    north.at_work(|gate, means| gate.choose(means, Some(evening)).unwrap());
    let answer = north.scan(&late[0].code);
    assert_eq!(answer.session.unwrap().id, evening);
}

#[tokio::test]
async fn a_pass_enters_each_of_three_days_once() {
    let venue = Venue::new().await;
    let days = ["first", "second", "third"];
    for (index, day) in days.iter().enumerate() {
        let date = format!("2027-11-0{}", index + 1);
        venue
            .session(day, &format!("{date} 10:00"), &format!("{date} 18:00"))
            .await;
    }
    venue.kind("three-days", &days).await;
    let pass = venue.sell_this(of_kind("three-days")).await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    for (index, day) in days.iter().enumerate() {
        venue.go_to(&format!("2027-11-0{}T11:00:00+01:00", index + 1));
        venue.sync_all().await;
        let answer = north.scan(&pass.code);
        assert!(answer.is_admitted(), "{day}: {answer:?}");
        assert_eq!(answer.session.unwrap().name, format!("the {day}"));
        venue.sync_all().await;
        let again = south.scan(&pass.code);
        assert_eq!(
            again.said(),
            (Outcome::Refuse, Reason::AlreadyInside),
            "{day}"
        );
    }
    venue.sync_all().await;
    assert!(venue.incidents().await.is_empty());
}

#[tokio::test]
async fn a_pass_of_two_entries_over_three_days_is_used_up_on_the_third() {
    let venue = Venue::new().await;
    let rules = Rules {
        entry: EntryRule {
            mode: EntryMode::Times(2),
            counted: Counted::PerPass,
        },
        ..Rules::default()
    };
    let days = ["first", "second", "third"];
    for (index, day) in days.iter().enumerate() {
        let date = format!("2027-11-0{}", index + 1);
        let (doors, ends) = (format!("{date} 10:00"), format!("{date} 18:00"));
        venue
            .session_of(EVENT, day, &doors, &ends, Some(rules.clone()))
            .await;
    }
    venue.kind("two-of-three", &days).await;
    let pass = venue.sell_this(of_kind("two-of-three")).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    for (index, gate) in [&north, &south].into_iter().enumerate() {
        venue.go_to(&format!("2027-11-0{}T11:00:00+01:00", index + 1));
        venue.sync_all().await;
        let answer = gate.scan(&pass.code);
        assert!(answer.is_admitted(), "{answer:?}");
    }
    venue.go_to("2027-11-03T11:00:00+01:00");
    venue.sync_all().await;
    let answer = north.scan(&pass.code);
    assert_eq!(answer.said(), (Outcome::Refuse, Reason::EntriesUsedUp));
}

#[tokio::test]
async fn a_night_across_the_end_of_summer_time_is_one_session() {
    let venue = Venue::new().await;
    venue
        .session("night", "2027-10-30 22:00", "2027-10-31 06:00")
        .await;
    let tickets = [
        sell_for(&venue, "night").await,
        sell_for(&venue, "night").await,
        sell_for(&venue, "night").await,
        sell_for(&venue, "night").await,
    ];
    let north = venue.gate("north").await;
    // 02:30 comes twice in this night.
    let moments = [
        "2027-10-30T23:00:00+02:00",
        "2027-10-31T02:30:00+02:00",
        "2027-10-31T02:30:00+01:00",
        "2027-10-31T05:59:00+01:00",
    ];
    for (moment, ticket) in moments.iter().zip(&tickets) {
        venue.go_to(moment);
        venue.sync_all().await;
        let answer = north.scan(&ticket.code);
        assert!(answer.is_admitted(), "{moment}: {answer:?}");
        assert_eq!(answer.session.unwrap().name, "the night");
    }
    let again = north.scan(&tickets[0].code);
    let evidence = again.evidence.unwrap();
    assert_eq!(evidence.ago_ms, (7 * 60 + 59) * 60_000);
    venue.go_to("2027-10-31T06:01:00+01:00");
    venue.sync_all().await;
    let late = sell_for(&venue, "night").await;
    let answer = north.scan(&late.code);
    assert_ne!(answer.verdict.outcome(), Outcome::Admit, "{answer:?}");
}

#[tokio::test]
async fn a_ticket_of_another_event_is_told_where_it_belongs() {
    let venue = Venue::new().await;
    venue.event("fair").await;
    venue
        .session_of(
            "fair",
            "sunday",
            "2027-10-31 10:00",
            "2027-10-31 18:00",
            None,
        )
        .await;
    venue.kind_of("fair", "visitor", &[]).await;
    let mut new = of_kind("visitor");
    new.session = Some("sunday".to_owned());
    let ticket = venue.sell_of("fair", new).await;
    let north = venue.gate("north").await;
    let answer = north.scan(&ticket.code);
    let Verdict::Refuse(Refusal::WrongEvent { right: Some(right) }) = &answer.verdict else {
        panic!("{answer:?}");
    };
    assert!(right.contains("The fair"), "{right}");
}

#[tokio::test]
async fn a_device_that_was_moved_stands_at_its_new_gate_after_the_next_exchange() {
    use usher_domain::api::access::DeviceChange;
    let venue = Venue::new().await;
    let tickets = venue.sell_many(2).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    let west = venue.place("west", None).await;
    north.scan(&tickets[0].code);
    let gate = Some("west".to_owned());
    venue
        .change_device(&north, DeviceChange::Move { gate })
        .await;
    venue.sync_all().await;
    north.scan(&tickets[1].code);
    venue.sync_all().await;
    let evidence = |index: usize| south.scan(&tickets[index].code).evidence.unwrap();
    assert_eq!(evidence(0).gate.as_deref(), Some("gate north"));
    assert_eq!(evidence(1).gate.as_deref(), Some("gate west"));
    let scope = venue.scope().await;
    let last = usher_tests::compare::records_of(&north, scope)
        .into_iter()
        .filter_map(|line| match line.record.body {
            usher_domain::record::Body::Scan(scan) if line.record.log.device == north.id() => {
                scan.gate
            }
            _ => None,
        })
        .next_back();
    assert_eq!(last, Some(west.id));
}
