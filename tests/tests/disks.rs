//! What a program that died has written and not synced: whoever reads it after the next start may rely on it.
//!
//! A commit whose sync never came is in the system's memory. The next program reads it from there like every
//! other, and shows it; a loss of power must not take it back then.
#![expect(clippy::unwrap_used, reason = "all of this file is tests")]

use std::path::Path;
use usher_core::store::Store;
use usher_domain::ids::GateId;
use usher_domain::time::UnixMillis;
use usher_server::storage::sqlite::Inline;
use usher_server::storage::{Space, StorageError};
use usher_tests::simulation::Sessions;
use usher_tests::simulation::house::{folder, house};
use usher_vfs::{Disk, Faults, Image};

/// Writes and syncs after which a program dies, one after the other; a transaction has fewer.
const DEATHS: u32 = 12;
/// Losses of power that are tried after each: what is lost is drawn.
const LOSSES: u64 = 12;
const NOW: UnixMillis = UnixMillis::new(1_824_913_800_000);

/// Lets a program die at every moment of a write, starts it again and asks what is there, loses the power and
/// asks once more. Tells how often something was there of a program that had died.
///
/// `write` opens, calls what it is given, and writes; `look` opens and says whether it is there. What it opened
/// stays open until the power is lost: a program that ends in order syncs.
fn die_everywhere<Program>(
    image: &Image,
    write: impl Fn(&Path, &dyn Fn()),
    look: impl Fn(&Path) -> (Program, bool),
) -> u32 {
    let mut seen = 0;
    for after in 0..DEATHS {
        for seed in 0..LOSSES {
            let place = folder();
            let disk = Disk::of(image, place.path()).unwrap();
            let death = Faults {
                death: Some(after),
                ..Faults::default()
            };
            write(place.path(), &|| disk.set_faults(death.clone()));
            if !disk.has_died() {
                continue;
            }
            disk.kill();
            disk.set_faults(Faults::default());
            let (reader, was_there) = look(place.path());
            seen += u32::from(was_there);
            disk.lose_power(&mut fastrand::Rng::with_seed(seed))
                .unwrap();
            drop(reader);
            let (_, is_there) = look(place.path());
            assert!(
                is_there || !was_there,
                "lost, after {after} writes and by chance {seed}"
            );
        }
    }
    seen
}

#[test]
fn what_a_device_reads_after_a_crash_no_loss_of_power_takes_back() {
    let gate = GateId::from_bytes([9; 16]);
    let open = |folder: &Path| Store::open(folder, NOW).unwrap().0;
    let seen = die_everywhere(
        &house(Sessions::One).devices[0].1,
        |folder, arm| {
            let mut store = open(folder);
            arm();
            let _dies = store.set_gate(Some(gate));
        },
        |folder| {
            let store = open(folder);
            let is_there = store.gate().unwrap() == Some(gate);
            (store, is_there)
        },
    );
    assert!(seen > 0, "no program died between its write and its sync");
}

#[test]
fn what_a_server_reads_after_a_crash_no_loss_of_power_takes_back() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let seen = die_everywhere(
        &house(Sessions::One).server,
        |folder, arm| {
            let store = Inline::store(folder).unwrap();
            arm();
            let write =
                store.write(|txn| txn.put_value(Space::Idempotency, b"key", b"answer", NOW));
            let _dies: Result<(), StorageError> = runtime.block_on(write);
        },
        |folder| {
            let store = Inline::store(folder).unwrap();
            let read = store.read(|txn| txn.value(Space::Idempotency, b"key"));
            let found: Result<_, StorageError> = runtime.block_on(read);
            let is_there = found.unwrap().is_some();
            (store, is_there)
        },
    );
    assert!(seen > 0, "no program died between its write and its sync");
}
