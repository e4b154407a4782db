//! Bodies that are sent to fill the server's memory.

use crate::device::devices;
use crate::stranger::{ask, post};
use crate::target::{Start, Target};
use futures_util::future::join_all;
use usher_domain::protocol::paths;
use usher_tests::Venue;

/// What a server may need for whatever strangers send.
const STRANGERS_KIB: u64 = 64 * 1_024;

#[tokio::test]
async fn strangers_fill_no_memory_with_bodies() {
    let mut target = Target::start().await;
    let before = target.memory_kib("VmRSS");
    let body = vec![0x5a; 4 << 20];
    for path in [paths::ENROLL, paths::TOKEN, paths::PUSH, paths::HAND_BACK] {
        let request = post(path, "ud1.AAAA", &body);
        let asked = (0..200).map(|_| ask(target.address, &request));
        let statuses = join_all(asked).await;
        // One that is not read to its end may hear nothing.
        let refused = |status: &Option<u16>| status.is_none_or(|status| status >= 400);
        assert!(statuses.iter().all(refused), "{path}: {statuses:?}");
    }
    let (peak, after) = (target.memory_kib("VmHWM"), target.memory_kib("VmRSS"));
    eprintln!("memory: {before} KiB, {peak} KiB at most, {after} KiB afterwards");
    assert!(
        peak < before + STRANGERS_KIB,
        "{before} KiB, then {peak} KiB"
    );
    target.claim().await;
    target.finish().await;
}

/// What a server may need for whatever devices send at once, and what of it may stay.
const DEVICES_KIB: (u64, u64) = (512 * 1_024, 160 * 1_024);

#[tokio::test]
async fn stolen_devices_fill_no_memory_with_bodies() {
    let venue = Venue::new().await;
    let gate = venue.gate("north").await;
    let tickets = venue.sell_many(20).await;
    let stolen = devices(&venue, 100).await;
    venue.sync_all().await;
    let mut target = Target::of(venue, gate, tickets, Start::default()).await;
    let mut tokens = Vec::new();
    for device in &stolen {
        tokens.push(device.sign_in(target.address).await.1);
    }
    let before = target.memory_kib("VmRSS");
    let body = [
        &[0x82, 0x5a, 0x00, 0x3f, 0xff, 0x00][..],
        &vec![0; (4 << 20) - 256],
    ]
    .concat();
    for _ in 0..3 {
        let asked = tokens.iter().map(|token| {
            let request = post(paths::PUSH, token, &body);
            async move { ask(target.address, &request).await }
        });
        join_all(asked).await;
    }
    let (peak, after) = (target.memory_kib("VmHWM"), target.memory_kib("VmRSS"));
    eprintln!("memory: {before} KiB, {peak} KiB at most, {after} KiB afterwards");
    assert!(
        peak < before + DEVICES_KIB.0,
        "{before} KiB, then {peak} KiB"
    );
    assert!(
        after < before + DEVICES_KIB.1,
        "{before} KiB, then {after} KiB"
    );
    target.claim().await;
    target.finish().await;
}
