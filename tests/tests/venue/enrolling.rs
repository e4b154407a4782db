//! How a device comes to belong to a venue, and stops belonging to it.

use usher_domain::api::access::Confirmation;
use usher_tests::Venue;
use usher_tests::network::Failure;

#[tokio::test]
async fn a_device_enrolls_and_holds_the_evening() {
    let venue = Venue::new().await;
    let north = venue.gate("north").await;
    let sessions = north.at_work(|gate, means| gate.sessions(means).unwrap());
    let names: Vec<_> = sessions.iter().map(|served| served.name.as_str()).collect();
    assert_eq!(names, ["the evening"]);
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
