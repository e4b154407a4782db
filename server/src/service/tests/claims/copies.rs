//! A device's folder that is in use twice: nothing that either says proves anything.

use super::*;
use crate::service::duty::Runs;
use crate::service::tests::service_in;
use usher_domain::api::access::{Device, DeviceChange};
use usher_domain::api::readiness::FindingKind;
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::rules::SilentRule;
use usher_domain::verdict::Referral;

const ZERO: UnixMillis = UnixMillis::new(0);

const fn except(device: DeviceId) -> Certainty {
    Certainty::ConfirmedExcept {
        device,
        since: ZERO,
        others: 0,
    }
}

impl Doors {
    /// A sign of life of one program of a device, which heard the server `second` seconds after the doors
    /// opened; it arrives a second later.
    async fn beat_of(&self, gate: &Gate, instance: u64, second: u64) -> HeartbeatAnswer {
        let heard = UnixMillis::new(DOORS.get() + second * 1_000);
        self.house.clock.set(heard.shifted(1_000));
        let mut told = self.sign_of_life(gate, Some(heard));
        told.instance = Some(instance);
        self.service().heartbeat(gate.id, told).await.unwrap()
    }

    /// Two programs of one device that go on beside each other.
    async fn copy(&self, gate: &Gate) {
        self.beat_of(gate, 1, 0).await;
        self.beat_of(gate, 2, 3).await;
        let answer = self.beat_of(gate, 1, 6).await;
        assert_eq!(answer.copied, Some(DOORS.shifted(7_000)));
    }

    async fn told_copies(&self) -> Vec<Incident> {
        let all = self.service().incidents(self.house.organizer, None, 100);
        let mut all = all.await.unwrap().items;
        all.retain(|incident| incident.kind == IncidentKind::CopiedDevice);
        all
    }

    async fn change_it(&self, gate: &Gate, change: DeviceChange) -> Device {
        let (organizer, id) = (self.house.organizer, gate.id.to_string());
        let changed = self.service().change_device(organizer, id, change);
        changed.await.unwrap()
    }
}

#[tokio::test]
async fn two_live_copies_are_told_at_once_and_neither_confirms_until_the_device_is_revoked() {
    let tickets = (1..=5).map(|number| new_ticket(&format!("A-{number}"), &[]));
    let doors = Doors::with(Rules::default(), tickets.collect()).await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.beat_of(&south, 1, 0).await;
    doors.beat_of(&south, 2, 3).await;
    doors.beat(&north, Some(DOORS)).await;
    // A restart, as far as anybody can tell.
    assert_eq!(doors.told_copies().await, []);
    assert_eq!(
        doors.claim(&north, 1, 0).await.certainty,
        Certainty::Confirmed
    );
    doors.beat_of(&south, 1, 6).await;
    let told = doors.told_copies().await;
    let [incident] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(incident.device, Some(south.id));
    assert!(incident.detail.contains("revoked"), "{}", incident.detail);

    // However well both prove their logs, and whoever asks.
    doors.beat(&north, Some(DOORS.shifted(6_000))).await;
    for (number, second) in [(2, 7), (3, 8)] {
        doors.beat_of(&south, number, second).await;
    }
    assert_eq!(doors.claim(&north, 2, 1).await.certainty, except(south.id));
    assert_eq!(doors.claim(&south, 3, 2).await.certainty, except(south.id));
    // Nobody is told twice.
    assert_eq!(doors.told_copies().await, told);

    let revoked = doors.change_it(&south, DeviceChange::Revoke).await;
    assert_eq!(revoked.copied, None);
    assert_eq!(doors.told_copies().await, []);
    assert_eq!(
        doors.claim(&north, 4, 3).await.certainty,
        Certainty::Confirmed
    );
}

#[tokio::test]
async fn a_copy_that_tells_no_run_proves_nothing_for_the_device() {
    let doors = Doors::open().await;
    let south = doors.gate(2).await;
    for second in [0, 5] {
        doors.beat_of(&south, 1, second).await;
    }
    let scope = doors.session.scope;
    let known = || doors.service().duties().known_up_to(scope, south.id, 1);
    assert_eq!(known(), DOORS.shifted(5_000));
    doors.house.clock.set(DOORS.shifted(61_000));
    doors.beat(&south, Some(DOORS.shifted(60_000))).await;
    assert_eq!(known(), DOORS.shifted(5_000));
    doors.beat_of(&south, 1, 62).await;
    assert_eq!(known(), DOORS.shifted(62_000));
}

#[tokio::test]
async fn whoever_is_copied_is_known_after_a_restart_of_the_server_and_after_a_restore() {
    for epochs in [0, 1] {
        let doors = Doors::open().await;
        let (north, south) = (doors.gate(1).await, doors.gate(2).await);
        doors.copy(&south).await;
        let (epoch, session) = (1 + epochs, doors.session.id);
        let mut request = doors.request(1, 0).await;
        let Doors { house, .. } = doors;
        let House {
            service,
            clock,
            folder,
            ..
        } = house;
        drop(service);
        let service = service_in(&folder, &clock);
        for _ in 0..epochs {
            service.raise_epoch().await.unwrap();
            service.seal_now().await.unwrap();
            let table = TableId::Set(session);
            let version = service.read(move |txn| Ok(txn.table_version(table)?));
            request.set = version.await.unwrap().unwrap();
        }
        request.epoch = epoch;
        request.authority.term = epoch;
        let answer = service.claim(north.id, request).await.unwrap();
        let ClaimAnswer::Decided(decided) = answer else {
            panic!("{answer:?}");
        };
        assert_eq!(decided.certainty, except(south.id));
    }
}

#[tokio::test]
async fn a_copied_device_does_not_sign_off_and_a_stand_down_knows_nothing_of_it() {
    let doors = Doors::open().await;
    let (_, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.copy(&south).await;
    let left = doors.service().sign_off(south.id, Vec::new()).await;
    assert!(matches!(left, Err(Error::Conflict(_))), "{left:?}");
    let scope = doors.session.scope;
    doors.change_it(&south, DeviceChange::StandDown).await;
    let read = doors.service().read(move |txn| {
        Ok(txn
            .records_about(scope, None)?
            .into_iter()
            .find_map(|stored| {
                let Body::StandDown(said) = Line::read(&stored.bytes).unwrap().record.body else {
                    return None;
                };
                Some(said.since)
            }))
    });
    assert_eq!(read.await.unwrap(), Some(ZERO));
}

#[tokio::test]
async fn a_copied_device_is_not_ready_and_is_shown_as_copied() {
    let doors = Doors::open().await;
    let south = doors.gate(2).await;
    doors.copy(&south).await;
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let found = doors
        .service()
        .readiness(doors.house.organizer, event, session);
    let found = found.await.unwrap();
    let mut all = found.devices.iter().chain(&found.spares);
    let copied = all.find(|one| one.device.id == south.id).unwrap();
    assert!(copied.device.copied.is_some());
    assert!(!copied.ready);
    let mut findings = copied.findings.iter();
    assert!(findings.any(|finding| finding.what == FindingKind::Copied));
}

#[tokio::test]
async fn where_silence_refers_a_copied_device_refers() {
    let rules = Rules {
        silent: SilentRule::Refer,
        ..Rules::default()
    };
    let doors = Doors::with(rules, vec![new_ticket("A-1", &[])]).await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.copy(&south).await;
    let asked = doors.claim(&north, 1, 0).await;
    let Verdict::Refer(Referral::PeerSilent { device, since }) = asked.verdict else {
        panic!("{asked:?}");
    };
    assert_eq!((device, since), (south.id, ZERO));
}

#[tokio::test]
async fn the_ids_of_another_devices_programs_say_nothing() {
    let doors = Doors::open().await;
    let (north, south) = (doors.gate(1).await, doors.gate(2).await);
    doors.beat_of(&south, 1, 0).await;
    // The thief of north tells the ids of south's programs.
    doors.beat_of(&north, 1, 3).await;
    doors.beat_of(&south, 1, 6).await;
    doors.beat_of(&north, 1, 9).await;
    assert_eq!(doors.told_copies().await, []);
}

#[tokio::test]
async fn what_a_status_of_before_says_of_runs_is_nothing() {
    let doors = Doors::open().await;
    let south = doors.gate(2).await;
    let id = south.id;
    let strip = doors.service().write(move |txn, now| {
        let space = crate::storage::Space::DeviceStatus;
        let bytes = txn.value(space, id.as_bytes())?.unwrap();
        let mut status: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        status.as_object_mut().unwrap().remove("runs");
        let bytes = serde_json::to_vec(&status).unwrap();
        txn.put_value(space, id.as_bytes(), &bytes, now)?;
        Ok(crate::service::devices::status(txn, id)?.map(|status| status.runs))
    });
    assert_eq!(strip.await.unwrap(), Some(Runs::default()));
    doors.copy(&south).await;
}
