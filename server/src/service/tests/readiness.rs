use super::*;
use crate::service::Error;
use usher_domain::api::access::DeviceChange;
use usher_domain::api::readiness::{FindingKind, Readiness};
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{Heartbeat, TableVersion};
use usher_domain::table::TableId;

/// A sign of life of a device that has everything as the server sealed it.
async fn in_step(house: &House) -> Heartbeat {
    house.service.seal_now().await.unwrap();
    let organizer = house.organizer;
    let read = house.service.read(move |txn| {
        let show = crate::service::events::find(txn, organizer, "show")?.value;
        let mut tables = vec![TableId::Roster(organizer)];
        for session in crate::service::sessions::of_event(txn, &show)? {
            tables.push(TableId::Set(session.value.id));
        }
        let (mut held, mut digests) = (Vec::new(), Vec::new());
        for table in tables {
            let head = txn.table_head(table)?.unwrap();
            let version = head.version;
            held.push(TableVersion { table, version });
            digests.push(crate::service::tables::manifest(&head)?.digest);
        }
        Ok((held, digests))
    });
    let (tables, digests) = read.await.unwrap();
    Heartbeat {
        device_time: house.service.now(),
        heads: Vec::new(),
        tables,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        clock_offset_ms: Some(0),
        storage_left: Some(1_000_000_000),
        digests: Some(digests),
        acknowledged: None,
        heard: None,
        trust: Some(Version {
            epoch: 1,
            number: 1,
        }),
        instance: None,
    }
}

impl House {
    async fn ready(&self) -> Readiness {
        let (event, session) = ("show".to_owned(), "first".to_owned());
        let asked = self.service.readiness(self.organizer, event, session);
        asked.await.unwrap()
    }

    async fn place(&self, device: DeviceId, gate: &str) {
        let gate = Some(gate.to_owned());
        let change = DeviceChange::Move { gate };
        let moved = self
            .service
            .change_device(self.organizer, device.to_string(), change);
        moved.await.unwrap();
    }

    async fn beat(&self, device: DeviceId, heartbeat: Heartbeat) {
        self.service.heartbeat(device, heartbeat).await.unwrap();
    }
}

fn kinds(findings: &[usher_domain::api::readiness::Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.what).collect()
}

#[tokio::test]
async fn a_session_without_a_device_at_a_gate_is_not_ready() {
    let house = House::open().await;
    assert_eq!(
        kinds(&house.ready().await.findings),
        [FindingKind::NoSet, FindingKind::NoDevices]
    );
    let spare = house.device(1).await;
    let beat = in_step(&house).await;
    house.beat(spare, beat).await;
    let found = house.ready().await;
    assert!(!found.ready);
    assert_eq!(kinds(&found.findings), [FindingKind::NoDevices]);
    assert!(found.spares[0].ready && found.devices.is_empty());
}

#[tokio::test]
async fn a_session_is_ready_once_every_device_at_a_gate_proves_all_and_spares_are_not_waited_for() {
    let house = House::open().await;
    house.gate("door", None).await;
    let (north, south) = (house.device(1).await, house.device(2).await);
    house.device(3).await;
    house.place(north, "door").await;
    house.place(south, "door").await;
    let beat = in_step(&house).await;
    house.beat(north, beat.clone()).await;
    let found = house.ready().await;
    assert!(!found.ready);
    let lacking: Vec<_> = found.devices.iter().filter(|one| !one.ready).collect();
    assert_eq!(lacking.len(), 1);
    assert_eq!(kinds(&lacking[0].findings), [FindingKind::NeverHeard]);
    house.beat(south, beat).await;
    let found = house.ready().await;
    assert!(found.ready, "{found:?}");
    assert_eq!(found.spares.len(), 1);
    house.clock.advance(30_001);
    assert!(!house.ready().await.ready);
}

#[tokio::test]
async fn what_changes_after_a_device_was_heard_puts_it_behind() {
    let house = House::open().await;
    house.gate("door", None).await;
    let north = house.device(1).await;
    house.place(north, "door").await;
    let beat = in_step(&house).await;
    house.beat(north, beat).await;
    assert!(house.ready().await.ready);
    house
        .session("second", "2027-10-31 18:00", "2027-10-31 22:00")
        .await;
    // Nobody sealed it yet: no device can have it.
    let found = house.ready().await;
    assert_eq!(kinds(&found.findings), [FindingKind::NotSealed]);
    house.service.seal_now().await.unwrap();
    let found = house.ready().await;
    assert_eq!(kinds(&found.findings), []);
    assert_eq!(
        kinds(&found.devices[0].findings),
        [FindingKind::TableBehind]
    );
}

#[tokio::test]
async fn a_revoked_device_is_told_apart_and_not_waited_for() {
    let house = House::open().await;
    house.gate("door", None).await;
    let (north, south) = (house.device(1).await, house.device(2).await);
    house.place(north, "door").await;
    house.place(south, "door").await;
    let revoke =
        house
            .service
            .change_device(house.organizer, south.to_string(), DeviceChange::Revoke);
    revoke.await.unwrap();
    let beat = in_step(&house).await;
    house.beat(north, beat).await;
    let found = house.ready().await;
    assert!(found.ready, "{found:?}");
    assert_eq!(found.revoked.len(), 1);
    let (event, session) = ("show".to_owned(), "never".to_owned());
    let asked = house
        .service
        .readiness(house.organizer, event, session)
        .await;
    assert!(matches!(asked, Err(Error::NotFound("session"))));
}

#[tokio::test]
async fn a_device_that_signed_off_is_shown_as_off_duty_and_not_waited_for_until_it_is_back() {
    let house = House::open().await;
    house.gate("door", None).await;
    let (north, south) = (house.device(1).await, house.device(2).await);
    house.place(north, "door").await;
    house.place(south, "door").await;
    let beat = in_step(&house).await;
    house.beat(south, beat.clone()).await;
    house.service.sign_off(south, Vec::new()).await.unwrap();
    house.clock.advance(60_000);
    house.beat(north, beat.clone()).await;
    let found = house.ready().await;
    assert!(found.ready, "{found:?}");
    assert_eq!(found.off_duty.len(), 1);
    assert_eq!(found.off_duty[0].id, south);
    assert_eq!(found.devices.len(), 1);
    house.beat(south, beat).await;
    let found = house.ready().await;
    assert_eq!((found.off_duty.len(), found.devices.len()), (0, 2));
}
