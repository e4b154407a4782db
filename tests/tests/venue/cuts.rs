//! A network that fails in the middle, and copies that are damaged.

use usher_domain::api::access::Confirmation;
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::table::TableId;
use usher_domain::verdict::Reason;
use usher_tests::network::Failure;
use usher_tests::office::usual;
use usher_tests::{Gate, Said as _, Venue};

/// A venue with a set of some tickets whose snapshot is far larger than one failure.
async fn filled(count: usize) -> Venue {
    let venue = Venue::new().await;
    let mut list = String::from("barcode;name;type\n");
    for number in 0..count {
        let hash = usher_domain::hash::Hash::of(&[&number.to_be_bytes()]).to_string();
        let code = hash[..20].to_uppercase();
        list.push_str(&format!("{code};{} {number};regular\n", &hash[20..]));
    }
    let report = venue.import(&list).await;
    assert_eq!(report.created, count as u64, "{report:?}");
    venue
}

/// A device that is enrolled and holds nothing yet.
async fn enrolled(venue: &Venue) -> Gate {
    venue.place("north", None).await;
    let device = venue.fresh_device("north").await;
    let address = device.network.address();
    let code = venue
        .enrollment("north", 1, Confirmation::None, address)
        .await;
    device.enroll(&code.code).await.unwrap();
    venue.seal().await;
    device
}

async fn assert_holds_the_set(venue: &Venue, device: &Gate) {
    let session = venue.show_session("evening").await;
    let digests = device.store(|store| store.computed_digests(TableId::Set(session.id)).unwrap());
    let digest = digests.table_digest().to_string();
    assert_eq!(digest, session.set.unwrap().digest);
}

#[tokio::test]
async fn a_snapshot_that_is_always_cut_comes_whole_in_the_end() {
    let venue = filled(2_000).await;
    let measure = venue.gate("measure").await;
    let whole = measure.network.arrived();
    assert!(whole > 200_000, "{whole}");
    let device = enrolled(&venue).await;
    let mut cuts = 0_u64;
    loop {
        device.network.fail_after(45_000, Failure::Cut);
        let ended = device.try_sync().await;
        device.network.heal();
        if ended.is_ok_and(|report| report.is_clean()) {
            break;
        }
        cuts += 1;
        assert!(cuts < 40, "no progress after {cuts} cuts");
    }
    assert!(cuts >= 3, "{cuts}");
    assert_holds_the_set(&venue, &device).await;
    let wasted = device.network.arrived() - whole;
    assert!(
        wasted < 45_000 * 8,
        "parts that came are not asked for again: {wasted}"
    );
}

#[tokio::test]
async fn a_device_killed_wherever_its_first_download_was_cut_takes_it_up_again() {
    let venue = filled(50).await;
    let whole = venue.gate("measure").await.network.arrived();
    let device = enrolled(&venue).await;
    let mut bytes = 0;
    while bytes < whole {
        device.network.fail_after(bytes, Failure::Cut);
        let _cut = device.try_sync().await;
        device.kill();
        device.start();
        device.network.heal();
        bytes += whole / 30;
    }
    device.sync().await;
    assert_holds_the_set(&venue, &device).await;
}

#[tokio::test]
async fn a_push_whose_answer_is_lost_is_known_the_second_time() {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(5).await;
    let north = venue.gate("north").await;
    for bytes in (0..2_000).step_by(125) {
        for ticket in &tickets {
            north.scan(&ticket.code);
        }
        north.network.fail_after(bytes, Failure::Cut);
        let _cut = north.try_sync().await;
        north.network.heal();
    }
    venue.sync_all().await;
    let scope = venue.scope().await;
    let feed = venue.feed(scope).await;
    let distinct: std::collections::BTreeSet<_> = feed.iter().collect();
    assert_eq!(distinct.len(), 16 * 5, "every record is there once");
    assert_eq!(venue.audit().await.records, 16 * 5);
    venue.assert_agreement().await;
}

#[tokio::test]
async fn a_device_killed_while_the_network_stalls_goes_on_later() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    north.scan(&ticket.code);
    for bytes in [1, 300, 600] {
        north.network.fail_after(bytes, Failure::Stall);
        let stalled = north.killed_while_syncing(north.network.failed()).await;
        assert!(stalled, "{bytes}");
        north.network.heal();
    }
    venue.sync_all().await;
    assert_eq!(venue.audit().await.records, 1);
    venue.assert_agreement().await;
}

#[tokio::test]
async fn scans_go_on_while_an_exchange_hangs() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let north = venue.gate("north").await;
    north.network.fail_after(1, Failure::Stall);
    let scanned = async {
        north.network.failed().await;
        north.scan(&ticket.code)
    };
    tokio::select! {
        biased;
        answer = scanned => assert!(answer.is_admitted()),
        ended = north.try_sync() => panic!("{ended:?}"),
    }
}

#[tokio::test]
async fn a_flipped_byte_in_a_row_on_the_disk_is_found_and_mended() {
    let venue = filled(200).await;
    let mut new = usual();
    new.seat = Some("FLIPPEDSEAT".to_owned());
    new.media = vec![Private::new("SEAT-CODE-1199-2288-7733")];
    let ticket = venue.sell_this(new).await;
    let north = venue.gate("north").await;
    let session = venue.show_session("evening").await;
    let table = TableId::Set(session.id);
    north.stop();
    let file = north.folder().join("usher.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let mut flipped = 0;
    for at in 0..bytes.len() - 11 {
        if &bytes[at..at + 11] == b"FLIPPEDSEAT" {
            bytes[at] = b'f';
            flipped += 1;
        }
    }
    assert!(flipped > 0);
    std::fs::write(&file, bytes).unwrap();
    let mended = north.mend().await;
    assert!(mended > 0);
    let digests = north.store(|store| store.computed_digests(table).unwrap());
    let newest = venue.show_session("evening").await;
    assert_eq!(
        digests.table_digest().to_string(),
        newest.set.unwrap().digest
    );
    let answer = north.scan(&ticket.code);
    assert_eq!(answer.said(), (Outcome::Admit, Reason::Listed));
    assert_eq!(answer.seat.as_deref(), Some("FLIPPEDSEAT"));
}
