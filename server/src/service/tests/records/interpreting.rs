//! Interpreting goes on whatever records say: what cannot be read or counted holds up nobody.

use super::*;
use crate::storage::Space;
use minicbor::Encoder;
use usher_domain::hash::Hash;
use usher_domain::record::Cut;

/// As [`kinds`], in no order.
async fn sorted_kinds(house: &House) -> Vec<String> {
    let mut kinds: Vec<String> = kinds(house)
        .await
        .iter()
        .map(|kind| format!("{kind:?}"))
        .collect();
    kinds.sort_unstable();
    kinds
}

impl Gate {
    /// Writes a record of a kind that this program does not know.
    fn write_unknown(&mut self, stamp: UnixMillis) {
        let head = &mut self.end.head;
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        encoder.array(6).unwrap().encode(head.log).unwrap();
        encoder.u64(head.sequence + 1).unwrap();
        encoder.encode(head.hash).unwrap();
        encoder.encode(self.end.scope).unwrap();
        encoder.encode(stamp).unwrap();
        encoder.array(1).unwrap().u32(200).unwrap();
        head.sequence += 1;
        head.hash = Hash::of(&[&bytes]);
        self.records.push(bytes);
    }
}

async fn revoke(house: &House, gate: &Gate) {
    house
        .service
        .change_device(house.organizer, gate.id.to_string(), DeviceChange::Revoke)
        .await
        .unwrap();
}

async fn entries(house: &House) -> u64 {
    let counted = house
        .service
        .statistics(
            house.organizer,
            "show".to_owned(),
            "first".to_owned(),
            crate::service::Names::Hidden,
        )
        .await;
    counted.unwrap().entries
}

#[tokio::test]
async fn a_revoked_devices_log_of_unknown_records_holds_up_nobody() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    thief.admit(at(1), &session, ticket(1));
    house.service.push(thief.id, thief.all()).await.unwrap();
    revoke(&house, &thief).await;
    for number in 0..2_500 {
        thief.write_unknown(at(number));
    }
    // The last of them is one that this program can read.
    thief.admit(at(9), &session, ticket(2));
    for first in [2, 1_002, 2_002] {
        let batch = thief.batch(first, (first + 1_000).min(thief.records.len() + 1));
        house.service.push(thief.id, batch).await.unwrap();
    }
    south.admit(at(2), &session, ticket(3));
    house.service.push(south.id, south.all()).await.unwrap();
    assert_eq!(entries(&house).await, 2);
    assert_eq!(sorted_kinds(&house).await, ["Quarantined", "Unreadable"]);
    // Who reads what reaches the whole scope does not come upon them: the cut is all there is.
    let scope = session.scope;
    let general = house
        .service
        .read(move |txn| Ok(txn.records_about(scope, None)?));
    assert_eq!(general.await.unwrap().len(), 1);
    house.service.interpret_pending().await.unwrap();
}

#[tokio::test]
async fn quarantined_records_are_found_behind_many_that_were_ruled_on_and_many_branches() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    thief.admit(at(0), &session, ticket(1));
    house.service.push(thief.id, thief.all()).await.unwrap();
    revoke(&house, &thief).await;
    for number in 1..1_100 {
        thief.admit(at(number), &session, ticket(2));
    }
    for first in [2, 1_002] {
        let batch = thief.batch(first, (first + 1_000).min(thief.records.len() + 1));
        house.service.push(thief.id, batch).await.unwrap();
    }
    let waiting = open_incidents(&house).await;
    let quarantined = |one: &&Incident| one.kind == IncidentKind::Quarantined;
    let quarantined = waiting.iter().find(quarantined).unwrap();
    assert!(
        quarantined.detail.starts_with("1000 or more"),
        "{quarantined:?}"
    );
    assert_eq!(quarantined.scans.len(), 1_000);
    let records: Vec<String> = quarantined
        .scans
        .iter()
        .map(|scan| scan.record.clone())
        .collect();
    for records in records.chunks(100) {
        let new = usher_domain::api::reports::NewRulings {
            records: records.to_vec(),
            word: RulingWord::Void,
        };
        house
            .service
            .rule(house.organizer, "show".to_owned(), "first".to_owned(), new)
            .await
            .unwrap();
    }
    let waiting = open_incidents(&house).await;
    assert!(waiting[0].detail.starts_with("99 "), "{:?}", waiting[0]);
    assert_eq!(waiting[0].scans.len(), 99);
}

#[tokio::test]
async fn a_device_that_cuts_a_log_beyond_all_numbers_changes_nothing() {
    let house = House::open().await;
    let session = first(&house).await;
    let mut thief = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &session).await;
    south.admit(at(1), &session, ticket(3));
    house.service.push(south.id, south.all()).await.unwrap();
    let log = south.end.head.log;
    for last in [u64::MAX, u64::MAX - 1, 1 << 63, 0] {
        let cut = Cut {
            log,
            last,
            heads: None,
            by: None,
        };
        thief.write(at(2), Body::Cut(cut));
    }
    house.service.push(thief.id, thief.all()).await.unwrap();
    south.admit(at(3), &session, ticket(4));
    house
        .service
        .push(south.id, south.batch(2, 3))
        .await
        .unwrap();
    assert_eq!(entries(&house).await, 2);
    house.service.interpret_pending().await.unwrap();
    assert_eq!(kinds(&house).await, []);
}

/// Makes the counts of a session unreadable, or readable again.
async fn put_tally(house: &House, session: &Session, bytes: &'static [u8]) {
    let place = [session.scope.as_bytes().as_slice(), session.id.as_bytes()].concat();
    house
        .service
        .write(move |txn, now| Ok(txn.put_value(Space::Tally, &place, bytes, now)?))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_batch_that_cannot_be_interpreted_is_set_aside_and_tried_again_at_the_next_start() {
    let house = House::open().await;
    let session = first(&house).await;
    house
        .session("second", "2027-10-31 18:00", "2027-10-31 22:00")
        .await;
    let sessions = house.service.sessions(house.organizer, "show".to_owned());
    let second = sessions.await.unwrap().remove(1);
    let mut north = Gate::enroll(&house, 1, &session).await;
    let mut south = Gate::enroll(&house, 2, &second).await;
    put_tally(&house, &session, b"no counts").await;
    for number in 1..=3 {
        north.admit(at(number.into()), &session, ticket(number));
        let newest = north.records.len();
        let batch = north.batch(newest, newest + 1);
        house.service.push(north.id, batch).await.unwrap();
    }
    south.admit(at(1), &second, ticket(9));
    house.service.push(south.id, south.all()).await.unwrap();
    let of_second = house.service.statistics(
        house.organizer,
        "show".to_owned(),
        "second".to_owned(),
        crate::service::Names::Hidden,
    );
    assert_eq!(of_second.await.unwrap().entries, 1);
    assert_eq!(kinds(&house).await, [IncidentKind::Unreadable]);
    // The counts of the broken session begin anew, as a repaired program may find them.
    put_tally(&house, &session, &[0x80]).await;
    north.admit(at(9), &session, ticket(9));
    house
        .service
        .push(north.id, north.batch(4, 5))
        .await
        .unwrap();
    assert_eq!(entries(&house).await, 1);
    house.service.interpret_pending().await.unwrap();
    assert_eq!(entries(&house).await, 4);
}
