//! What a restored server lost comes back from whoever holds it still.

use usher_domain::api::access::DeviceChange;
use usher_domain::api::reports::IncidentKind;
use usher_domain::log::Line;
use usher_domain::record::{Body, Outcome};
use usher_domain::verdict::Reason;
use usher_tests::compare::records_of;
use usher_tests::{Said as _, Venue};

#[tokio::test]
async fn a_record_whose_device_and_server_both_lost_it_comes_back_from_who_read_it() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let (copy, backup) = (north.copy(), venue.backup_server().await);
    let admitted = north.scan(&tickets[1].code).record.unwrap();
    venue.sync_all().await;
    north.restore_from(copy);
    venue.restore_server_from(&backup).await;
    let report = south.sync().await;
    assert_eq!(report.records_handed_back, 1, "{report:?}");
    venue.sync_all().await;
    let scope = venue.scope().await;
    for gate in venue.gates() {
        let known = records_of(&gate, scope);
        assert!(
            known.iter().any(|line| line.hash == admitted),
            "{}",
            gate.name()
        );
        let again = gate.scan(&tickets[1].code);
        assert_eq!(again.said(), (Outcome::Refuse, Reason::AlreadyInside));
    }
    // North had not written before it asked, so its log was not copied.
    assert!(venue.incidents().await.is_empty());
    venue.sync_all().await;
    venue.assert_agreement().await;
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
}

#[tokio::test]
async fn a_restored_server_gets_back_what_it_had_ordered_itself() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(2).await;
    let (north, _south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let backup = venue.backup_server().await;
    venue.wait_ms(1_000);
    venue.everyone_out().await;
    venue.sync_all().await;
    venue.restore_server_from(&backup).await;
    venue.sync_all().await;
    venue.sync_all().await;
    let known = venue.assert_agreement().await;
    assert!(known.states.values().all(|state| state.inside.is_none()));
    let scope = venue.scope().await;
    let ordered = records_of(&north, scope).into_iter();
    let outs = ordered.filter(|line| matches!(line.record.body, Body::EveryoneOut(_)));
    assert_eq!(outs.count(), 1);
    let back = north.scan(&tickets[0].code);
    assert_eq!(back.said(), (Outcome::Admit, Reason::BackAfterEveryoneOut));
}

#[tokio::test]
async fn what_a_restored_server_cannot_verify_yet_is_handed_back_once_its_trust_document_is_there()
{
    let venue = Venue::new().await;
    let tickets = venue.sell_many(2).await;
    let north = venue.gate("north").await;
    assert!(north.scan(&tickets[0].code).is_admitted());
    north.sync().await;
    let backup = venue.backup_server().await;
    venue.wait_ms(1_000);
    // Keys come that the backup does not know, and what the server orders is signed by them.
    let organizer = venue.organizer.id;
    let next = venue.service().make_next_keys(organizer).await.unwrap();
    let keys = [&venue.organizer.keys, &next];
    venue.trust_keys(&keys, 2).await;
    venue.everyone_out().await;
    north.sync().await;
    let scope = venue.scope().await;
    let ordered = |line: &&Line| matches!(line.record.body, Body::EveryoneOut(_));
    assert_eq!(records_of(&north, scope).iter().filter(ordered).count(), 1);
    let outs = async || {
        let feed = venue.feed(scope).await.into_iter();
        let lines: Vec<Line> = feed.map(|record| Line::read(&record).unwrap()).collect();
        lines.iter().filter(ordered).count()
    };
    venue.restore_server_from(&backup).await;
    assert!(north.try_sync().await.is_ok());
    assert_eq!(outs().await, 0, "it cannot be verified");
    // Whatever was refused is known to a process that starts, too.
    north.restart();
    venue.trust_keys(&keys, 3).await;
    north.sync().await;
    north.sync().await;
    assert_eq!(outs().await, 1);
}

#[tokio::test]
async fn a_restored_server_gets_its_newer_trust_documents_back_whatever_was_signed_since() {
    let venue = Venue::new().await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    let backup = venue.backup_server().await;
    let organizer = venue.organizer.id;
    let next = venue.service().make_next_keys(organizer).await.unwrap();
    venue.trust_keys(&[&venue.organizer.keys, &next], 2).await;
    venue.sync_all().await;
    let (_, lost) = venue
        .service()
        .trust_document(organizer)
        .await
        .unwrap()
        .unwrap();
    venue.restore_server_from(&backup).await;
    let kept = async || {
        let kept = venue.service().trust_handed_back(organizer).await;
        kept.unwrap().documents.len()
    };
    north.try_sync().await.unwrap();
    assert_eq!(kept().await, 1);
    // Put back once more it has forgotten that too, and the organizer signs without having heard of it.
    venue.restore_server_from(&backup).await;
    let service = venue.service();
    let new = usher_tests::venue::signed_trust_of(
        &venue.organizer,
        &[&venue.organizer.keys],
        (3, 2),
        service.now(),
    );
    service.take_trust(organizer, new).await.unwrap();
    // A device gives what it holds before it takes one of a higher epoch.
    south.try_sync().await.unwrap();
    assert_eq!(kept().await, 1);
    let held = south.store(|store| store.trust().unwrap().unwrap());
    assert_ne!(held.bytes(), lost);
}

#[tokio::test]
async fn a_revoked_device_hands_in_again_what_a_restored_server_lost() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    venue.change_device(&north, DeviceChange::Revoke).await;
    let backup = venue.backup_server().await;
    // Out of reach, north works on; what it brings waits for a person.
    let kept = north.scan(&tickets[0].code).record.unwrap();
    assert!(north.try_sync().await.is_err());
    assert_eq!(venue.feed_records_of(&north).await, [kept]);
    venue.restore_server_from(&backup).await;
    assert!(venue.feed_records_of(&north).await.is_empty());
    assert!(north.try_sync().await.is_err());
    assert_eq!(venue.feed_records_of(&north).await, [kept]);
    south.sync().await;
    assert!(south.scan(&tickets[0].code).is_admitted());
}

#[tokio::test]
async fn what_a_revoked_device_recorded_before_stays_good_when_its_cut_was_lost() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let backup = venue.backup_server().await;
    assert!(north.scan(&tickets[1].code).is_admitted());
    venue.sync_all().await;
    venue.change_device(&north, DeviceChange::Revoke).await;
    south.sync().await;
    venue.restore_server_from(&backup).await;
    south.sync().await;
    south.sync().await;
    assert!(north.try_sync().await.is_err());
    for ticket in &tickets[..2] {
        let again = south.scan(&ticket.code);
        assert_eq!(again.said(), (Outcome::Refuse, Reason::AlreadyInside));
    }
    assert!(
        venue
            .incidents_of(IncidentKind::ExcessAdmission)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_server_put_back_untold_gets_rows_back_once_it_signs_other_ones() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let north = venue.gate("north").await;
    venue.sync_all().await;
    let backup = venue.backup_server().await;
    venue.cancel(&tickets[0]).await;
    venue.sync_all().await;
    venue.put_back_server(&backup).await;
    // It counts on from the backup, past the version that it had signed before.
    for _ in 0..2 {
        venue.sell().await;
        venue.seal().await;
    }
    let report = north.try_sync().await.unwrap();
    assert_eq!(report.handed_back, 1, "{report:?}");
    north.try_sync().await.unwrap();
    let refused = north.scan(&tickets[0].code);
    assert_eq!(refused.said(), (Outcome::Refuse, Reason::Cancelled));
    let south = venue.gate("south").await;
    let refused = south.scan(&tickets[0].code);
    assert_eq!(refused.said(), (Outcome::Refuse, Reason::Cancelled));
}
