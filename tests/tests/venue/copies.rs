//! Copied folders of devices.

use usher_core::store::NoticeBody;
use usher_domain::api::access::{Confirmation, DeviceChange};
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::record::{Certainty, Outcome};
use usher_tests::{Said as _, Venue};

async fn told(venue: &Venue) -> Vec<Incident> {
    let mut incidents = venue.incidents().await;
    incidents.retain(|incident| incident.kind == IncidentKind::CopiedDevice);
    incidents
}

#[tokio::test]
async fn a_copied_folder_that_lives_beside_the_first_is_told_until_both_are_enrolled_anew() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    let (north, south) = (venue.gate("north").await, venue.gate("south").await);
    // An ordinary start after another, from a backup of the folder.
    let backup = south.copy();
    south.restart();
    south.sync().await;
    venue.wait_ms(1_000);
    south.restore_from(backup);
    south.sync().await;
    assert_eq!(told(&venue).await, []);

    let copy = south.copy();
    let beside = venue.beside(&south, copy).await;
    // Each says what it heard when it was answered before.
    for gate in [&south, &beside, &south, &beside, &south, &beside] {
        venue.wait_ms(1_000);
        gate.sync().await;
    }
    let incidents = told(&venue).await;
    let [incident] = incidents.as_slice() else {
        panic!("{incidents:?}");
    };
    assert_eq!(incident.device, Some(south.id()));
    for gate in [&south, &beside] {
        let notices = gate.notices();
        assert!(
            notices
                .iter()
                .any(|one| one.body == NoticeBody::DeviceCopied)
        );
    }
    north.sync().await;
    let asked = north.claim(&tickets[0].code).await;
    assert_eq!(asked.said().0, Outcome::Admit);
    assert!(
        matches!(asked.certainty, Certainty::ConfirmedExcept { device, .. } if device == south.id()),
        "{asked:?}"
    );

    // Each with a code of its own; then the device that both were is revoked.
    let former = south.id();
    for gate in [&*south, &beside] {
        let address = gate.network.address();
        let code = venue.enrollment("south", 1, Confirmation::None, address);
        gate.enroll(&code.await.code).await.unwrap();
        venue.seal().await;
        gate.sync().await;
    }
    assert_ne!(south.id(), beside.id());
    let service = venue.service();
    let (organizer, id) = (venue.organizer.id, former.to_string());
    let revoked = service.change_device(organizer, id, DeviceChange::Revoke);
    revoked.await.unwrap();
    venue.seal().await;
    assert_eq!(told(&venue).await, []);
    for gate in [&south, &beside, &south, &beside, &south, &beside] {
        venue.wait_ms(1_000);
        gate.sync().await;
        assert_eq!(gate.store(|store| store.copied().unwrap()), None);
    }
    assert_eq!(told(&venue).await, []);
    north.sync().await;
    let asked = north.claim(&tickets[1].code).await;
    assert_eq!(asked.certainty, Certainty::Confirmed, "{asked:?}");
}
