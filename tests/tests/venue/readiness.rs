//! Whether a venue is ready before its doors open, as its devices prove it.

use usher_domain::api::readiness::{DeviceReadiness, FindingKind, Readiness, Weight};
use usher_domain::protocol::Heartbeat;
use usher_tests::venue::{EVENT, SESSION};
use usher_tests::{Gate, Venue};

async fn ready(venue: &Venue) -> Readiness {
    let service = venue.service();
    let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
    let asked = service.readiness(venue.organizer.id, event, session);
    asked.await.unwrap()
}

fn of<'r>(found: &'r Readiness, gate: &Gate) -> &'r DeviceReadiness {
    let mut all = found.devices.iter();
    all.find(|one| one.device.id == gate.id()).unwrap()
}

/// What keeps the doors closed at a gate.
fn against(found: &Readiness, gate: &Gate) -> Vec<FindingKind> {
    let findings = of(found, gate).findings.iter();
    findings
        .filter(|finding| finding.weight == Weight::Blocks)
        .map(|finding| finding.what)
        .collect()
}

#[tokio::test]
async fn a_venue_in_step_is_ready_and_one_without_devices_is_not() {
    let venue = Venue::new().await;
    assert!(!ready(&venue).await.ready);
    venue.sell_many(3).await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    venue.sync_all().await;
    let found = ready(&venue).await;
    assert!(found.ready, "{found:#?}");
    assert_eq!(found.set.as_ref().unwrap().tickets, 3);
    assert_eq!(found.channels.iter().map(|one| one.valid).sum::<u64>(), 3);
    venue.wait_ms(31_000);
    north.sync().await;
    let found = ready(&venue).await;
    assert_eq!(against(&found, &north), []);
    assert_eq!(against(&found, &south), [FindingKind::Silent]);
}

#[tokio::test]
async fn a_device_behind_is_told_with_what_it_lacks() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let south = venue.gate("south").await;
    venue.sync_all().await;
    south.network.cut();
    let ticket = venue.sell().await;
    south.scan(&ticket.code);
    venue.seal().await;
    north.sync().await;
    let found = ready(&venue).await;
    assert_eq!(against(&found, &north), []);
    assert_eq!(against(&found, &south), [FindingKind::TableBehind]);
    let detail = &of(&found, &south).findings.first().unwrap().detail;
    assert!(detail.contains("ticket set is version"), "{detail}");
    south.network.heal();
    south.sync().await;
    assert!(ready(&venue).await.ready);
}

#[tokio::test]
async fn a_device_whose_clock_is_off_is_told_although_its_times_are_corrected() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    venue.sync_all().await;
    north.clock.set_wrong_by(-90_000);
    // A device tells a measured offset with its next sign of life.
    venue.sync_all().await;
    let found = ready(&venue).await;
    assert_eq!(against(&found, &north), [FindingKind::ClockOff]);
    let detail = &of(&found, &north).findings.first().unwrap().detail;
    assert_eq!(detail, "its clock is 90 s behind the server's");
    north.clock.set_wrong_by(0);
    venue.sync_all().await;
    assert!(ready(&venue).await.ready);
}

#[tokio::test]
async fn a_device_short_of_disk_is_told() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    venue.sync_all().await;
    let heartbeat = north.store(|store| {
        let tables = store.tables().unwrap();
        let digests = tables
            .iter()
            .map(|held| store.digests(held.table).unwrap().table_digest())
            .collect();
        Heartbeat {
            device_time: usher_domain::time::UnixMillis::default(),
            heads: Vec::new(),
            tables,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            clock_offset_ms: Some(0),
            storage_left: Some(150_000_000),
            digests: Some(digests),
            acknowledged: None,
            heard: None,
            trust: store.held_trust().unwrap().map(|held| held.version),
            instance: None,
        }
    });
    let told = venue.service().heartbeat(north.id(), heartbeat).await;
    told.unwrap();
    let found = ready(&venue).await;
    assert_eq!(against(&found, &north), [FindingKind::StorageLow]);
    let finding = of(&found, &north).findings.first().unwrap();
    assert_eq!(
        finding.detail,
        "its disk has 150 MB left, and 200 are needed"
    );
    assert_eq!(finding.advice, "free some of its disk");
}
