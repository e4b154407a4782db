//! A device whose key somebody has, and that says all it can: whoever claims beside it waits for nobody.

use crate::device::devices;
use crate::stranger::{ask, post};
use crate::target::{Start, Target, share};
use std::sync::Arc;
use std::time::Duration;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, SessionId};
use usher_domain::protocol::{HEADS_MAX, Head, Heartbeat, TABLES_MAX, TableVersion, paths};
use usher_domain::record::LogRef;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;
use usher_tests::Venue;

/// A claim waits for so long at most, in nine of ten cases; a gate waits 300 ms before it decides alone, and
/// this machine may have other work.
const SOON: Duration = Duration::from_secs(1);

fn id(number: usize) -> [u8; 16] {
    let mut id = [0xA5; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

/// A sign of life that names so many tables and logs.
fn heartbeat(device: DeviceId, tables: usize, heads: usize) -> Vec<u8> {
    let version = Version {
        epoch: 1,
        number: 1,
    };
    let table = |number| TableVersion {
        table: TableId::Set(SessionId::from_bytes(id(number))),
        version,
    };
    let head = |number| Head {
        log: LogRef {
            device,
            log: LogId::from_bytes(id(number)),
        },
        sequence: 1,
        hash: Hash::of(&[]),
    };
    cbor::encode(&Heartbeat {
        device_time: UnixMillis::new(0),
        heads: (0..heads).map(head).collect(),
        tables: (0..tables).map(table).collect(),
        program: String::new(),
        clock_offset_ms: None,
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: None,
        trust: None,
        instance: None,
    })
}

#[tokio::test]
async fn a_gate_claims_soon_while_stolen_devices_say_all_they_can() {
    let venue = Venue::new().await;
    let gate = venue.gate("north").await;
    let tickets = venue.sell_many(60).await;
    let stolen = devices(&venue, 4).await;
    venue.sync_all().await;
    let mut target = Target::of(venue, gate, tickets, Start::default()).await;
    target.claim().await;
    let mut talking = tokio::task::JoinSet::new();
    for device in &stolen {
        let (_, token) = device.sign_in(target.address).await;
        // 182,000 tables were four megabytes, which a body may no longer have.
        for (tables, heads) in [(182_000, 0), (TABLES_MAX, HEADS_MAX)] {
            let body = heartbeat(device.id, tables, heads);
            let body = &body[..body.len().min(4 << 20)];
            let request: Arc<[u8]> = post(paths::HEARTBEAT, &token, body).into();
            let address = target.address;
            talking.spawn(async move {
                loop {
                    ask(address, &request).await;
                }
            });
        }
    }
    let mut took = Vec::new();
    for _ in 0..50 {
        took.push(target.claim().await);
    }
    talking.shutdown().await;
    took.sort_unstable();
    let [median, most, longest] = [0.5, 0.9, 1.0].map(|part| share(&took, part));
    eprintln!("claims: {median:?} in the middle, {most:?} in nine of ten, {longest:?} at most");
    assert!(most < SOON, "{took:?}");
    target.finish().await;
}
