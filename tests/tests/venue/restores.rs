//! Backups, old copies and old answers: nothing comes back to life, and nothing is lost.

use usher_core::store::NoticeBody;
use usher_core::sync::Mismatch;
use usher_domain::api::reports::IncidentKind;
use usher_domain::record::Outcome;
use usher_domain::verdict::Reason;
use usher_tests::{Said as _, Venue};

#[tokio::test]
async fn a_ticket_cancelled_after_the_backup_stays_cancelled() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let backup = venue.backup_server().await;
    venue.cancel(&tickets[1]).await;
    assert!(south.scan(&tickets[2].code).is_admitted());
    venue.sync_all().await;
    venue.restore_server_from(&backup).await;
    venue.sync_all().await;
    venue.sync_all().await;
    for gate in venue.gates() {
        let answer = gate.scan(&tickets[1].code);
        assert_eq!(
            answer.said(),
            (Outcome::Refuse, Reason::Cancelled),
            "{}",
            gate.name()
        );
        for index in [0, 2] {
            let answer = gate.scan(&tickets[index].code);
            assert_eq!(answer.said(), (Outcome::Refuse, Reason::AlreadyInside));
        }
    }
    venue.sync_all().await;
    let service = venue.service();
    assert_eq!(service.epoch().await.unwrap(), 2);
    let role = usher_domain::api::access::TokenRole::Organizer;
    let ticket = service
        .ticket(
            venue.organizer.id,
            "show".to_owned(),
            tickets[1].id.to_string(),
            role,
        )
        .await
        .unwrap();
    assert!(
        matches!(
            ticket.state,
            usher_domain::table::rows::TicketState::Cancelled(_)
        ),
        "{:?}",
        ticket.state
    );
    venue.assert_agreement().await;
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
}

#[tokio::test]
async fn a_server_put_back_in_silence_is_refused_and_the_gates_go_on() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    let backup = venue.backup_server().await;
    venue.cancel(&ticket).await;
    venue.sync_all().await;
    // A hostile network leads to a copy of the server from before the cancellation.
    let old = venue.run_beside(&backup).await;
    north.network.lead_to(old.addresses()[0]);
    let report = north.try_sync().await.unwrap();
    assert!(
        report
            .mismatches
            .iter()
            .any(|found| matches!(found, Mismatch::Behind(_))),
        "{report:?}"
    );
    let answer = north.scan(&ticket.code);
    assert_eq!(answer.said(), (Outcome::Refuse, Reason::Cancelled));
    old.stop().await;
    north.network.lead_to(venue.address());
    venue.sync_all().await;
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_device_restored_from_an_old_copy_begins_a_new_log() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let copy = north.copy();
    assert!(north.scan(&tickets[1].code).is_admitted());
    venue.sync_all().await;
    north.restore_from(copy);
    north.sync().await;
    let known = north.scan(&tickets[1].code);
    assert_eq!(known.said(), (Outcome::Refuse, Reason::AlreadyInside));
    assert!(north.scan(&tickets[2].code).is_admitted());
    venue.sync_all().await;
    let scope = venue.scope().await;
    let logs: std::collections::BTreeSet<_> = usher_tests::compare::records_of(&south, scope)
        .iter()
        .map(|line| line.record.log)
        .filter(|log| log.device == north.id())
        .collect();
    assert_eq!(logs.len(), 2);
    assert!(venue.incidents().await.is_empty());
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_log_that_forked_is_kept_whole_and_is_one_incident() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(4).await;
    let (north, _south) = (venue.gate("north").await, venue.gate("south").await);
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.sync_all().await;
    let copy = north.copy();
    assert!(north.scan(&tickets[1].code).is_admitted());
    venue.sync_all().await;
    north.restore_from(copy);
    // It writes before it asks.
    assert!(north.scan(&tickets[2].code).is_admitted());
    let report = north.try_sync().await.unwrap();
    assert!(report.troubles.is_empty(), "{report:?}");
    assert!(north.scan(&tickets[3].code).is_admitted());
    venue.sync_all().await;
    let forked = venue.incidents_of(IncidentKind::ForkedLog).await;
    assert_eq!(forked.len(), 1, "{forked:?}");
    assert_eq!(forked[0].device, Some(north.id()));
    assert!(
        north
            .notices()
            .iter()
            .any(|notice| notice.body == NoticeBody::LogForked)
    );
    let known = venue.assert_agreement().await;
    assert_eq!(known.states.len(), 4);
}

#[tokio::test]
async fn a_device_killed_while_it_works_has_every_verdict_that_it_showed() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(10).await;
    let north = venue.gate("north").await;
    let mut shown = Vec::new();
    for ticket in &tickets {
        shown.push(north.scan(&ticket.code).record.unwrap());
        north.kill();
        north.start();
    }
    for (ticket, record) in tickets.iter().zip(&shown) {
        assert!(
            north
                .store(|store| store.record(*record).unwrap())
                .is_some()
        );
        assert_eq!(north.scan(&ticket.code).said().1, Reason::AlreadyInside);
    }
    venue.sync_all().await;
    venue.restart_server().await;
    venue.sync_all().await;
    venue.assert_agreement().await;
}
