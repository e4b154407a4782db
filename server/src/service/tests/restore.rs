use super::*;
use crate::service::Error;
use usher_domain::api::access::TokenRole;
use usher_domain::api::reports::IncidentKind;
use usher_domain::api::tickets::{TicketChange, TicketDetails, TicketQuery};
use usher_domain::hash::Hash;
use usher_domain::protocol::{HandBack, Heartbeat, TableVersion};
use usher_domain::table::rows::{CancelReason, TicketState};
use usher_domain::table::{TableId, Version};

/// What a gate holds of the first session's set, and a server restored from a backup made before.
async fn restored() -> (
    House,
    Service,
    TempDir,
    HandBack,
    usher_domain::ids::DeviceId,
) {
    let house = House::open().await;
    house.kind("normal", &[]).await;
    let north = house.device(1).await;
    let first = house.new_ticket("A-1").await;
    house.service.seal_now().await.unwrap();
    let backup = TempDir::new().unwrap();
    for file in ["usher.db", "usher.db-wal"] {
        std::fs::copy(house.folder.path().join(file), backup.path().join(file)).unwrap();
    }
    let reason = CancelReason::Refunded;
    house
        .change(
            &first,
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    house.new_ticket("A-2").await;
    house.service.seal_now().await.unwrap();

    let session = house
        .service
        .session(house.organizer, "show".to_owned(), "first".to_owned())
        .await
        .unwrap();
    let table = TableId::Set(session.id);
    let digests = house.service.buckets(north, table).await.unwrap();
    let buckets: Vec<u16> = (0..1024).collect();
    let rows = house
        .service
        .bucket_rows(north, table, buckets.clone())
        .await
        .unwrap();
    let hand_back = HandBack {
        table,
        manifest: digests.manifest,
        digests: digests.digests,
        buckets,
        rows: rows.rows,
    };
    let service = service_in(&backup, &house.clock);
    assert_eq!(service.raise_epoch().await.unwrap(), 2);
    (house, service, backup, hand_back, north)
}

#[tokio::test]
async fn a_ticket_cancelled_after_the_backup_stays_cancelled() {
    let (house, service, _backup, hand_back, north) = restored().await;
    assert_eq!(
        service
            .hand_back(north, hand_back.clone())
            .await
            .unwrap()
            .taken,
        2
    );
    // Handed back again, they still wait to be signed; then nothing does.
    let again = hand_back.clone();
    assert_eq!(service.hand_back(north, again).await.unwrap().taken, 2);
    service.seal_now().await.unwrap();
    assert_eq!(service.hand_back(north, hand_back).await.unwrap().taken, 0);
    let role = TokenRole::Viewer;
    let tickets = service.tickets(
        house.organizer,
        "show".to_owned(),
        TicketQuery::default(),
        role,
    );
    let mut states: Vec<_> = tickets
        .await
        .unwrap()
        .items
        .iter()
        .map(|t| t.state)
        .collect();
    states.sort_by_key(|state| *state == TicketState::Valid);
    let cancelled = TicketState::Cancelled(CancelReason::Refunded);
    assert_eq!(states, [cancelled, TicketState::Valid]);
    service.seal_now().await.unwrap();
    let table = service.assignment(north).await.unwrap().tables;
    assert!(table.iter().all(|table| table.version.epoch == 2));
}

/// All rows that a device holds of a session's set.
async fn held(house: &House, north: usher_domain::ids::DeviceId, session: &str) -> HandBack {
    let (show, session) = ("show".to_owned(), session.to_owned());
    let session = house.service.session(house.organizer, show, session).await;
    let table = TableId::Set(session.unwrap().id);
    let digests = house.service.buckets(north, table).await.unwrap();
    let buckets: Vec<u16> = (0..1024).collect();
    let rows = house
        .service
        .bucket_rows(north, table, buckets.clone())
        .await
        .unwrap();
    HandBack {
        table,
        manifest: digests.manifest,
        digests: digests.digests,
        buckets,
        rows: rows.rows,
    }
}

#[tokio::test]
async fn a_ticket_that_was_moved_after_the_backup_is_where_it_was_moved() {
    for second_first in [false, true] {
        let house = House::open().await;
        house.kind("normal", &[]).await;
        let (doors, ends) = ("2027-10-30 22:30", "2027-10-31 01:00");
        house.session("second", doors, ends).await;
        let north = house.device(1).await;
        let moved = house.new_ticket("A-1").await;
        house.service.seal_now().await.unwrap();
        let backup = TempDir::new().unwrap();
        for file in ["usher.db", "usher.db-wal"] {
            std::fs::copy(house.folder.path().join(file), backup.path().join(file)).unwrap();
        }
        // One ticket of the backup is moved, and one that the backup lacks as well.
        let sold = house.new_ticket("A-2").await;
        for ticket in [&moved, &sold] {
            let to = TicketDetails {
                session: Some("second".to_owned()),
                ..TicketDetails::default()
            };
            let change = TicketChange::Update(to);
            house.change(ticket, change).await.unwrap();
        }
        house.service.seal_now().await.unwrap();
        let mut tables = vec![
            held(&house, north, "first").await,
            held(&house, north, "second").await,
        ];
        if second_first {
            tables.reverse();
        }
        let service = service_in(&backup, &house.clock);
        assert_eq!(service.raise_epoch().await.unwrap(), 2);
        for table in tables {
            service.hand_back(north, table).await.unwrap();
        }
        let tickets = service.tickets(
            house.organizer,
            "show".to_owned(),
            TicketQuery::default(),
            TokenRole::Viewer,
        );
        let tickets = tickets.await.unwrap().items;
        assert_eq!(tickets.len(), 2);
        for ticket in tickets {
            assert_eq!(ticket.sessions, ["second"], "second first: {second_first}");
            assert_eq!(ticket.state, TicketState::Valid);
        }
    }
}

#[tokio::test]
async fn rows_that_the_manifest_does_not_prove_are_refused() {
    let (_house, service, _backup, mut hand_back, north) = restored().await;
    let mut other = hand_back.clone();
    other.buckets.truncate(1);
    hand_back.digests[0] = Hash::ZERO;
    for forged in [hand_back, other] {
        let refused = service.hand_back(north, forged).await;
        assert!(matches!(refused, Err(Error::NotAuthentic(_))));
    }
}

/// Who is told to look at what, after a device told that it holds the first session's set at a version.
async fn told(house: &House, epoch: u32, number: u64) -> Vec<IncidentKind> {
    let north = house.device(1).await;
    let session = house
        .service
        .session(house.organizer, "show".to_owned(), "first".to_owned())
        .await
        .unwrap();
    let heartbeat = Heartbeat {
        device_time: house.service.now(),
        heads: Vec::new(),
        tables: vec![TableVersion {
            table: TableId::Set(session.id),
            version: Version { epoch, number },
        }],
        program: "usher 0.1.0".to_owned(),
        clock_offset_ms: Some(0),
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: None,
        trust: None,
        instance: None,
    };
    house.service.heartbeat(north, heartbeat).await.unwrap();
    let open = house.service.incidents(house.organizer, None, 9).await;
    let open = open.unwrap().items;
    open.iter().map(|incident| incident.kind).collect()
}

#[tokio::test]
async fn a_device_that_knows_a_later_restore_than_its_server_is_an_incident() {
    let house = House::open().await;
    house.service.seal_now().await.unwrap();
    assert_eq!(told(&house, 2, 1).await, [IncidentKind::ServerBehind]);
}

#[tokio::test]
async fn a_server_that_was_just_restored_is_not_behind_what_it_gets_back() {
    let house = House::open().await;
    house.service.seal_now().await.unwrap();
    // Before its first table of the new epoch is sealed.
    house.service.raise_epoch_above(4).await.unwrap();
    assert_eq!(house.service.epoch().await.unwrap(), 5);
    assert_eq!(told(&house, 1, 99).await, []);
    assert_eq!(told(&house, 5, 1).await, [IncidentKind::ServerBehind]);
}
