//! Logs of revoked devices: what of them counts, whatever the thief writes.

use super::super::{House, NOON};
use super::{Gate, at, first, kinds, ticket};
use crate::service::{Error, QuarantineFilter, records, server_log, times};
use usher_domain::api::access::{Arrived, DeviceChange, DeviceState};
use usher_domain::api::reports::{IncidentKind, NewRulings};
use usher_domain::api::venue::Session;
use usher_domain::cose::SigningKey;
use usher_domain::log::LogEnd;
use usher_domain::protocol::PushAnswer;
use usher_domain::record::{Body, Cut, CutBy, RulingWord};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;

/// When a device is stolen.
const THEFT: UnixMillis = UnixMillis::new(NOON.get() + 1_800_000);

/// The device with a log that it begins; of the same number it writes the same log anew.
fn begin(gate: &Gate, log: u8, session: &Session) -> Gate {
    let seed = Seed::new([gate.id.as_bytes()[0]; 32]);
    Gate::with_log(gate.id, SigningKey::from_seed(&seed), log, session)
}

async fn entries(house: &House) -> u64 {
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let told = house.service.statistics(
        house.organizer,
        event,
        session,
        crate::service::Names::Hidden,
    );
    told.await.unwrap().entries
}

async fn revoke(house: &House, gate: &Gate) {
    let (organizer, device) = (house.organizer, gate.id.to_string());
    let revoked = house
        .service
        .change_device(organizer, device, DeviceChange::Revoke);
    revoked.await.unwrap();
}

async fn say(house: &House, session: &Session, body: Body) {
    let (organizer, scope) = (house.organizer, session.scope);
    house
        .service
        .write(move |txn, now| server_log::append(txn, organizer, scope, vec![body], now))
        .await
        .unwrap();
    house.service.interpret(organizer, scope).await.unwrap();
}

#[tokio::test]
async fn a_revoked_thief_that_writes_its_log_anew_adds_nothing() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for number in 1..=3 {
        north.admit(at(number.into()), &session, ticket(number));
    }
    house.service.push(north.id, north.all()).await.unwrap();
    revoke(&house, &north).await;
    let mut thief = begin(&north, 1, &session);
    for number in 4..=6 {
        thief.admit(at(number.into()), &session, ticket(number));
    }
    let answer = house.service.push(thief.id, thief.all()).await.unwrap();
    assert_eq!(answer, PushAnswer::Forked(3));
    assert_eq!(entries(&house).await, 3);
    let told = kinds(&house).await;
    assert!(told.contains(&IncidentKind::Quarantined), "{told:?}");
    assert!(told.contains(&IncidentKind::ForkedLog), "{told:?}");
    // What follows on either branch waits as well.
    north.admit(at(7), &session, ticket(7));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(entries(&house).await, 3);
}

#[tokio::test]
async fn a_cut_that_is_made_again_further_on_releases_nothing() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    north.admit(at(1), &session, ticket(1));
    house.service.push(north.id, north.all()).await.unwrap();
    revoke(&house, &north).await;
    north.admit(at(2), &session, ticket(2));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(entries(&house).await, 1);
    // As a restored server would that had lost the cut.
    let head = north.end.head;
    for by in [CutBy::Person, CutBy::Server] {
        let again = records::cuts::cut(head.log, &[head], by);
        say(&house, &session, Body::Cut(again)).await;
        assert_eq!(entries(&house).await, 1);
    }
    // A person may set it back.
    let none = Cut {
        log: head.log,
        last: 0,
        heads: Some(Vec::new()),
        by: Some(CutBy::Person),
    };
    say(&house, &session, Body::Cut(none)).await;
    assert_eq!(entries(&house).await, 0);
}

#[tokio::test]
async fn a_cut_of_an_older_program_still_goes_by_sequence() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for number in 1..=3 {
        north.admit(at(number.into()), &session, ticket(number));
    }
    house.service.push(north.id, north.all()).await.unwrap();
    let old = Cut {
        log: north.end.head.log,
        last: 2,
        heads: None,
        by: None,
    };
    say(&house, &session, Body::Cut(old)).await;
    assert_eq!(entries(&house).await, 2);
}

#[tokio::test]
async fn what_a_device_says_of_cuts_keeps_the_server_from_none() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    let mut hidden = begin(&thief, 77, &session);
    let far = LogEnd::empty(hidden.end.head.log, session.scope).head;
    let claim = records::cuts::cut(far.log, &[far], CutBy::Person);
    thief.write(at(1), Body::Cut(claim));
    house.service.push(thief.id, thief.all()).await.unwrap();
    revoke(&house, &thief).await;
    hidden.admit(at(2), &session, ticket(1));
    house.service.push(hidden.id, hidden.all()).await.unwrap();
    assert_eq!(entries(&house).await, 0);
    assert_eq!(kinds(&house).await, [IncidentKind::Quarantined]);
}

#[tokio::test]
async fn a_device_that_begins_log_after_log_is_refused_and_told() {
    let house = House::open().await;
    let session = first(&house).await;
    let gate = Gate::enroll(&house, 1, &session).await;
    for number in 1..=64 {
        let mut log = begin(&gate, number, &session);
        log.admit(at(number.into()), &session, ticket(number));
        house.service.push(log.id, log.all()).await.unwrap();
    }
    let mut more = begin(&gate, 65, &session);
    more.admit(at(65), &session, ticket(65));
    let refused = house.service.push(more.id, more.all()).await;
    assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
    assert_eq!(entries(&house).await, 64);
    assert_eq!(kinds(&house).await, [IncidentKind::ForkedLog]);
    // The logs that are known go on.
    let mut known = begin(&gate, 64, &session);
    known.admit(at(64), &session, ticket(64));
    known.admit(at(66), &session, ticket(66));
    house.service.push(known.id, known.all()).await.unwrap();
    assert_eq!(entries(&house).await, 65);
}

/// Three entries that arrived before the device was stolen, three that arrived after.
async fn stolen(house: &House, session: &Session) -> Gate {
    let mut north = Gate::enroll(house, 1, session).await;
    for number in 1..=3 {
        north.admit(at(number.into()), session, ticket(number));
    }
    house.service.push(north.id, north.all()).await.unwrap();
    house.clock.set(THEFT);
    for number in 4..=6 {
        // A thief dates scans back.
        north.admit(at(number.into()), session, ticket(number));
    }
    house.service.push(north.id, north.all()).await.unwrap();
    house.clock.set(THEFT.shifted(60_000));
    north
}

async fn revoke_since(house: &House, gate: &Gate, since: UnixMillis) {
    let since = times::timestamp(since).unwrap();
    let (organizer, device) = (house.organizer, gate.id.to_string());
    let change = DeviceChange::RevokeSince { since };
    let revoked = house.service.change_device(organizer, device, change).await;
    assert_eq!(revoked.unwrap().state, DeviceState::Revoked);
}

async fn quarantined(house: &House, gate: &Gate, from: Option<UnixMillis>) -> Vec<String> {
    let wanted = QuarantineFilter {
        device: gate.id.to_string(),
        from: from.map(|from| times::timestamp(from).unwrap()),
        until: None,
    };
    let of = ("show".to_owned(), "first".to_owned());
    let service = &house.service;
    let page = service.quarantined(house.organizer, of, wanted, None).await;
    let page = page.unwrap();
    assert_eq!(page.next, None);
    page.items.into_iter().map(|one| one.record).collect()
}

async fn accept(house: &House, records: Vec<String>) {
    let rulings = NewRulings {
        records,
        word: RulingWord::Accept,
    };
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let ruled = house
        .service
        .rule(house.organizer, event, session, rulings)
        .await;
    ruled.unwrap();
}

#[tokio::test]
async fn what_arrived_of_a_device_since_it_was_stolen_waits_and_is_accepted_by_when_it_arrived() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut north = stolen(&house, &session).await;
    assert_eq!(entries(&house).await, 6);
    let since = times::timestamp(THEFT).unwrap();
    let device = north.id.to_string();
    let told = house
        .service
        .arrived_since(house.organizer, device, since)
        .await;
    let three = Arrived {
        scans: 3,
        admitted: 3,
    };
    assert_eq!(told.unwrap(), three);
    revoke_since(&house, &north, THEFT).await;
    assert_eq!(entries(&house).await, 3);
    assert_eq!(kinds(&house).await, [IncidentKind::Quarantined]);
    // What it sends afterwards waits as well.
    house.clock.set(THEFT.shifted(120_000));
    north.admit(at(7), &session, ticket(7));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(entries(&house).await, 3);
    let all = quarantined(&house, &north, None).await;
    assert_eq!(all.len(), 4);
    let late = quarantined(&house, &north, Some(THEFT.shifted(1))).await;
    assert_eq!(late, all[3..]);
    accept(&house, late).await;
    assert_eq!(entries(&house).await, 4);
    accept(&house, quarantined(&house, &north, Some(THEFT)).await).await;
    assert_eq!(entries(&house).await, 7);
    assert_eq!(kinds(&house).await, []);
}

#[tokio::test]
async fn a_device_that_is_revoked_can_be_revoked_since_earlier_and_never_since_later() {
    let house = House::open().await;
    let session = first(&house).await;
    let north = stolen(&house, &session).await;
    revoke(&house, &north).await;
    assert_eq!(entries(&house).await, 6);
    revoke_since(&house, &north, THEFT).await;
    assert_eq!(entries(&house).await, 3);
    revoke_since(&house, &north, THEFT.shifted(50_000)).await;
    assert_eq!(entries(&house).await, 3);
    // Before anything of it arrived nothing counts.
    revoke_since(&house, &north, at(0).shifted(-3_600_000)).await;
    assert_eq!(entries(&house).await, 0);
}

#[tokio::test]
async fn nobody_revokes_a_device_since_a_time_to_come() {
    let house = House::open().await;
    let session = first(&house).await;
    let north = Gate::enroll(&house, 1, &session).await;
    let since = times::timestamp(THEFT.shifted(86_400_000)).unwrap();
    let change = DeviceChange::RevokeSince { since };
    let (organizer, device) = (house.organizer, north.id.to_string());
    let refused = house.service.change_device(organizer, device, change).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })), "{refused:?}");
    assert!(house.service.known_device(north.id).await.is_ok());
}
