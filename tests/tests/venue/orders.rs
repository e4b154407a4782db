//! What people in charge order, and what gates make of it: at once, later without a network, and no longer
//! when it is over.

use jiff::Timestamp;
use usher_domain::api::access::DeviceChange;
use usher_domain::api::orders::{NewHonour, NewNotice, Order, OrderKind};
use usher_domain::api::venue::SessionChange;
use usher_domain::hash::Hash;
use usher_domain::record::Outcome;
use usher_domain::verdict::Reason;
use usher_server::service::Error;
use usher_tests::office::usual;
use usher_tests::venue::{EVENT, SESSION};
use usher_tests::{Gate, Said as _, Venue};

const ADMITTED: (Outcome, Reason) = (Outcome::Admit, Reason::Listed);
const HONOURED: (Outcome, Reason) = (Outcome::Admit, Reason::Honoured);
const ELSEWHERE: (Outcome, Reason) = (Outcome::Refuse, Reason::WrongSession);
const INSIDE: (Outcome, Reason) = (Outcome::Refuse, Reason::AlreadyInside);
const TEXT: &str = "Bags are searched outside.";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn evening() -> (String, String) {
    (EVENT.to_owned(), SESSION.to_owned())
}

async fn orders(venue: &Venue) -> Vec<Order> {
    let (event, session) = evening();
    let service = venue.service();
    let listed = service.orders(venue.organizer.id, event, session);
    listed.await.unwrap()
}

async fn say(venue: &Venue, text: &str, gate: Option<&str>, until: &str) -> Result<(), Error> {
    let (event, session) = evening();
    let new = NewNotice {
        text: text.to_owned(),
        gate: gate.map(str::to_owned),
        until: at(until),
    };
    let service = venue.service();
    let by = "office".to_owned();
    let said = service.say_to_gates(venue.organizer.id, by, event, session, new);
    said.await
}

/// What is said to a gate now.
fn said(gate: &Gate) -> Vec<String> {
    let said = gate.at_work(|gate, means| gate.above(means, None).unwrap());
    let notices = said.map(|said| said.notices).unwrap_or_default();
    notices.into_iter().map(|notice| notice.text).collect()
}

#[tokio::test]
async fn a_notice_is_shown_at_its_gates_until_its_time_and_offline_gates_hear_it_later() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    south.network.cut();
    let until = "2027-10-30T19:00:00+02:00";
    say(&venue, TEXT, None, until).await.unwrap();
    say(&venue, "Only the north.", Some("north"), until)
        .await
        .unwrap();
    assert_eq!(said(&north), Vec::<String>::new());
    venue.seal().await;
    north.sync().await;
    assert_eq!(said(&north), [TEXT, "Only the north."]);
    assert_eq!(said(&south), Vec::<String>::new());
    south.network.heal();
    south.sync().await;
    assert_eq!(said(&south), [TEXT]);
    // Without a network it ends by itself.
    south.network.cut();
    venue.go_to(until);
    assert_eq!(said(&south), Vec::<String>::new());
    let listed = orders(&venue).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].kind, OrderKind::Notice);
    assert_eq!(listed[0].by.as_deref(), Some("office"));
    let hash = Hash::of(&[TEXT.as_bytes()]).to_string();
    assert_eq!(listed[0].notice.as_deref(), Some(hash.as_str()));
}

#[tokio::test]
async fn a_notice_is_taken_back_and_a_text_that_could_deceive_is_refused() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let until = "2027-10-30T21:00:00+02:00";
    say(&venue, TEXT, None, until).await.unwrap();
    venue.sync_all().await;
    assert_eq!(said(&north), [TEXT]);
    let (event, session) = evening();
    let hash = Hash::of(&[TEXT.as_bytes()]).to_string();
    let service = venue.service();
    let back = service.take_notice_back(venue.organizer.id, event, session, hash);
    back.await.unwrap();
    venue.sync_all().await;
    assert_eq!(said(&north), Vec::<String>::new());
    let listed = orders(&venue).await;
    assert_eq!(listed.len(), 2);
    for order in &listed {
        assert_eq!(order.text.as_deref(), Some(TEXT), "{order:?}");
        assert_eq!(order.by.as_deref(), Some("office"));
    }
    assert!(listed[1].until <= Some(listed[1].at));
    let long = "x".repeat(301);
    for text in ["", "two\nlines", "\u{1b}[2J", "to \u{202e}tfel", &long] {
        let refused = say(&venue, text, None, until).await;
        assert!(
            matches!(refused, Err(Error::Invalid { field: "text", .. })),
            "{text:?}"
        );
    }
    let over = say(&venue, TEXT, None, "2027-10-30T18:00:00+02:00").await;
    assert!(matches!(over, Err(Error::Invalid { field: "until", .. })));
}

#[tokio::test]
async fn a_delayed_session_lets_in_later_and_an_offline_gate_hears_it_later() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    let tickets = venue.sell_many(4).await;
    venue.sync_all().await;
    assert_eq!(north.scan(&tickets[0].code).said(), ADMITTED);
    south.network.cut();
    let change = SessionChange {
        doors: Some("2027-10-30 19:30".to_owned()),
        starts: Some("2027-10-30 20:00".to_owned()),
        ends: Some("2027-10-30 23:30".to_owned()),
        ..SessionChange::default()
    };
    let (event, session) = evening();
    let service = venue.service();
    let changed = service.change_session(venue.organizer.id, event, session, change);
    changed.await.unwrap();
    venue.seal().await;
    north.sync().await;
    let early = (Outcome::Refuse, Reason::NotYetValid);
    assert_eq!(north.scan(&tickets[1].code).said(), early);
    assert_eq!(south.scan(&tickets[2].code).said(), ADMITTED);
    south.network.heal();
    south.sync().await;
    assert_eq!(south.scan(&tickets[3].code).said(), early);
    let listed = orders(&venue).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].kind, OrderKind::Delay);
    assert_eq!(listed[0].ends, Some(at("2027-10-30T23:30:00+02:00")));
    // The old end is past: the new one counts.
    venue.go_to("2027-10-30T22:30:00+02:00");
    assert_eq!(north.scan(&tickets[1].code).said(), ADMITTED);
}

/// A venue whose evening and matinee share their scans.
async fn connected() -> Venue {
    let venue = Venue::new().await;
    venue
        .session("matinee", "2027-10-30 12:00", "2027-10-30 15:00")
        .await;
    venue.kind("both", &[SESSION, "matinee"]).await;
    venue
}

async fn sell_matinee(venue: &Venue) -> usher_tests::Sold {
    let new = usher_domain::api::tickets::NewTicket {
        session: Some("matinee".to_owned()),
        ..usual()
    };
    venue.sell_this(new).await
}

async fn honour(venue: &Venue, until: &str) -> Result<(), Error> {
    let (event, session) = evening();
    let new = NewHonour {
        tickets_of: "matinee".to_owned(),
        from: None,
        until: at(until),
    };
    let service = venue.service();
    service
        .honour(venue.organizer.id, event, session, new)
        .await
}

#[tokio::test]
async fn tickets_of_another_session_are_let_in_for_a_time_and_each_once() {
    let venue = connected().await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    let guest = sell_matinee(&venue).await;
    let late = sell_matinee(&venue).await;
    let very_late = sell_matinee(&venue).await;
    venue.sync_all().await;
    assert_eq!(north.scan(&guest.code).said(), ELSEWHERE);
    south.network.cut();
    honour(&venue, "2027-10-30T20:00:00+02:00").await.unwrap();
    venue.seal().await;
    north.sync().await;
    let admitted = north.scan(&guest.code);
    assert_eq!(admitted.said(), HONOURED);
    assert_eq!(north.scan(&guest.code).said(), INSIDE);
    // Who did not hear of it goes by what it knows.
    assert_eq!(south.scan(&late.code).said(), ELSEWHERE);
    south.network.heal();
    north.sync().await;
    south.sync().await;
    assert_eq!(south.scan(&guest.code).said(), INSIDE);
    assert_eq!(south.scan(&late.code).said(), HONOURED);
    // It ends by itself, without a network too. Who is inside may leave, and the leaving is theirs.
    south.network.cut();
    venue.go_to("2027-10-30T20:00:00+02:00");
    assert_eq!(south.scan(&very_late.code).said(), ELSEWHERE);
    let left = south.leave(&late.code);
    assert_eq!(left.said(), (Outcome::Admit, Reason::Exit));
    south.network.heal();
    venue.sync_all().await;
    assert_eq!(north.leave(&late.code).said().1, Reason::NotInside);
    let listed = orders(&venue).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].session.as_deref(), Some("matinee"));
}

#[tokio::test]
async fn a_ticket_that_was_used_at_its_own_session_is_not_honoured_once_more() {
    let venue = Venue::new().await;
    venue
        .session("night", "2027-10-31 18:00", "2027-10-31 22:00")
        .await;
    venue.kind("both", &[SESSION, "night"]).await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    let (used, isolated) = (venue.sell().await, venue.sell().await);
    venue.sync_all().await;
    assert_eq!(north.scan(&used.code).said(), ADMITTED);
    venue.go_to("2027-10-31T18:30:00+01:00");
    let new = NewHonour {
        tickets_of: SESSION.to_owned(),
        from: None,
        until: at("2027-10-31T22:00:00+01:00"),
    };
    let service = venue.service();
    let (event, night) = (EVENT.to_owned(), "night".to_owned());
    let honoured = service.honour(venue.organizer.id, event, night, new);
    honoured.await.unwrap();
    venue.sync_all().await;
    assert_eq!(south.scan(&used.code).said(), INSIDE);
    // Two gates that hear nothing of each other let one ticket in twice: that is one incident.
    venue.cut_all();
    assert_eq!(north.scan(&isolated.code).said(), HONOURED);
    assert_eq!(south.scan(&isolated.code).said(), HONOURED);
    venue.heal_all();
    venue.sync_all().await;
    let service = venue.service();
    let incidents = service.incidents(venue.organizer.id, None, 10);
    assert_eq!(incidents.await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn an_honour_is_taken_back_and_refused_where_scans_are_not_shared() {
    let venue = connected().await;
    let north = venue.gate("north").await;
    let guest = sell_matinee(&venue).await;
    honour(&venue, "2027-10-30T21:00:00+02:00").await.unwrap();
    let (event, session) = evening();
    let service = venue.service();
    let matinee = "matinee".to_owned();
    let back = service.honour_no_more(venue.organizer.id, event, session, matinee);
    back.await.unwrap();
    venue.sync_all().await;
    assert_eq!(north.scan(&guest.code).said(), ELSEWHERE);

    let apart = Venue::new().await;
    apart
        .session("matinee", "2027-10-30 12:00", "2027-10-30 15:00")
        .await;
    apart.gate("north").await;
    let refused = honour(&apart, "2027-10-30T21:00:00+02:00").await;
    assert!(matches!(refused, Err(Error::Conflict(why)) if why.contains("share")));
}

#[tokio::test]
async fn sessions_that_no_device_was_given_come_to_share_their_scans() {
    let venue = Venue::new().await;
    venue
        .session("matinee", "2027-10-30 12:00", "2027-10-30 15:00")
        .await;
    honour(&venue, "2027-10-30T21:00:00+02:00").await.unwrap();
    let guest = sell_matinee(&venue).await;
    let north = venue.gate("north").await;
    assert_eq!(north.scan(&guest.code).said(), HONOURED);
    assert_eq!(
        venue.show_session("matinee").await.scope,
        venue.show_session(SESSION).await.scope
    );
}

#[tokio::test]
async fn a_device_that_is_stood_down_is_in_the_trail_with_what_is_known_of_it() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    venue.sync_all().await;
    venue.change_device(&north, DeviceChange::StandDown).await;
    let listed = orders(&venue).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].kind, OrderKind::StandDown);
    assert_eq!(listed[0].device.as_deref(), Some("north"));
    assert_eq!(listed[0].from, Some(at("2027-10-30T18:30:00+02:00")));
    // It is no revocation: what it scans counts.
    let ticket = venue.sell().await;
    venue.sync_all().await;
    assert_eq!(north.scan(&ticket.code).said(), ADMITTED);
    north.sync().await;
}
