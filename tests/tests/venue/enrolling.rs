//! How a device comes to belong to a venue, and stops belonging to it.

use tokio::sync::watch;
use usher_core::app::EnrollStep;
use usher_domain::api::access::{Confirmation, DeviceChange, DeviceState};
use usher_tests::network::Failure;
use usher_tests::{Said as _, Venue};

#[tokio::test]
async fn a_device_enrolls_and_holds_the_evening() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let sessions = north.at_work(|gate, means| gate.sessions(means).unwrap());
    let names: Vec<_> = sessions.iter().map(|served| served.name.as_str()).collect();
    assert_eq!(names, ["the evening"]);
    let devices = venue.service().devices(venue.organizer.id).await.unwrap();
    let room = devices.first().unwrap().storage_left;
    assert!(room.is_some_and(|bytes| bytes > 0), "{devices:?}");
}

#[tokio::test]
async fn of_two_devices_with_one_one_time_code_the_second_is_refused() {
    let venue = Venue::new().await;
    venue.place("north", None).await;
    let first = venue.fresh_device("first").await;
    let second = venue.fresh_device("second").await;
    let issued = venue
        .enrollment("north", 1, Confirmation::None, first.network.address())
        .await;
    first.enroll(&issued.code).await.unwrap();
    let refused = second.enroll(&issued.code).await.unwrap_err();
    assert_eq!(refused.code, "enrollment_refused");
}

#[tokio::test]
async fn a_retry_with_the_same_key_is_the_same_device() {
    let venue = Venue::new().await;
    venue.place("north", None).await;
    let north = venue.fresh_device("north").await;
    let issued = venue
        .enrollment("north", 1, Confirmation::None, north.network.address())
        .await;
    // The answer is lost on its way; the server counted the use.
    north.network.fail_after(40, Failure::Cut);
    north.enroll(&issued.code).await.unwrap_err();
    north.kill();
    north.start();
    north.network.heal();
    let enrolled = north.enroll(&issued.code).await.unwrap();
    let again = north.enroll(&issued.code).await.unwrap();
    assert_eq!(enrolled.device, again.device);
    let service = venue.service();
    let devices = service.devices(venue.organizer.id).await.unwrap();
    assert_eq!(devices.len(), 1);
}

#[tokio::test]
async fn two_devices_may_share_a_code_of_two_uses_and_a_third_may_not() {
    let venue = Venue::new().await;
    venue.place("north", None).await;
    let devices = [
        venue.fresh_device("first").await,
        venue.fresh_device("second").await,
        venue.fresh_device("third").await,
    ];
    let address = devices[0].network.address();
    let issued = venue
        .enrollment("north", 2, Confirmation::None, address)
        .await;
    let first = devices[0].enroll(&issued.code).await.unwrap();
    let second = devices[1].enroll(&issued.code).await.unwrap();
    assert_ne!(first.device, second.device);
    let refused = devices[2].enroll(&issued.code).await.unwrap_err();
    assert_eq!(refused.code, "enrollment_refused");
}

#[tokio::test]
async fn a_device_waits_until_the_same_digits_are_confirmed() {
    let venue = Venue::new().await;
    venue.place("north", None).await;
    let north = venue.fresh_device("north").await;
    let address = north.network.address();
    let issued = venue
        .enrollment("north", 1, Confirmation::Digits, address)
        .await;
    let (shown, show) = watch::channel(None);
    let tell = |step| {
        if let EnrollStep::Confirm { digits } = step {
            shown.send_replace(Some(digits));
        }
    };
    let confirm = async {
        let mut show = show;
        let digits = show
            .wait_for(Option::is_some)
            .await
            .unwrap()
            .clone()
            .unwrap();
        let service = venue.service();
        let organizer = venue.organizer.id;
        let device = service.devices(organizer).await.unwrap().remove(0);
        assert_eq!(device.state, DeviceState::Waiting);
        assert_eq!(device.digits.as_deref(), Some(digits.reveal()));
        let digits = digits.reveal().to_owned();
        let change = DeviceChange::Confirm { digits };
        let id = device.id.to_string();
        service.change_device(organizer, id, change).await.unwrap();
    };
    let (enrolled, ()) = tokio::join!(north.enroll_telling(&issued.code, &tell), confirm);
    enrolled.unwrap();
    let ticket = venue.sell().await;
    let north = venue.keep(north).await;
    assert!(north.scan(&ticket.code).is_admitted());
}

#[tokio::test]
async fn over_tls_a_device_knows_its_server_by_the_key_of_the_enrollment_code() {
    let venue = Venue::with_tls().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    assert!(north.scan(&ticket.code).is_admitted());
    venue.sync_all().await;
    venue.assert_agreement().await;
    // Somebody with another key sits down between them.
    let other = Venue::with_tls().await;
    north.network.lead_to(other.address());
    let refused = north.try_sync().await.unwrap_err();
    assert_eq!(refused.code(), "server_not_trusted");
    north.network.lead_to(venue.address());
    north.sync().await;
}

#[tokio::test]
async fn an_enrollment_code_of_another_server_key_enrolls_nobody() {
    let venue = Venue::with_tls().await;
    let other = Venue::with_tls().await;
    venue.place("north", None).await;
    let north = venue.fresh_device("north").await;
    let address = north.network.address();
    let issued = venue
        .enrollment("north", 1, Confirmation::None, address)
        .await;
    north.network.lead_to(other.address());
    let refused = north.enroll(&issued.code).await.unwrap_err();
    assert_eq!(refused.code, "server_not_trusted");
    north.network.lead_to(venue.address());
    north.enroll(&issued.code).await.unwrap();
}
