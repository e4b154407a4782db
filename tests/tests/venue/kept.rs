//! What earlier releases left behind: their databases are opened and go on working.
//!
//! `tests/data/databases/N` holds what a device and a server of schema N left, compressed, and what a
//! person would remember of it. `USHER_BLESS=1 cargo test -p usher-tests --test venue kept` writes the
//! folder of the newest schema anew; those of released schemas are never written again.

use std::fs;
use std::path::{Path, PathBuf};
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;
use usher_tests::{Said as _, Venue};

const NEWEST: &str = "2";
const FILE: &str = "usher.db";
const LEVEL: i32 = 19;

fn kept(schema: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/databases");
    data.join(schema)
}

/// A venue at work: one ticket is inside and known to be, one is inside and not told yet, one is
/// cancelled, one is still to come.
async fn remember(folder: &Path) {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(4).await;
    let north = venue.gate("north").await;
    assert!(north.scan(&tickets[0].code).is_admitted());
    venue.cancel(&tickets[2]).await;
    venue.sync_all().await;
    assert!(north.scan(&tickets[1].code).is_admitted());
    north.stop();
    venue.stop_server().await;
    fs::create_dir_all(folder).unwrap();
    // They ended in order, so all of it is in the one file.
    for (whose, from) in [
        ("device", north.folder()),
        ("server", venue.server_folder()),
    ] {
        let bytes = fs::read(from.join(FILE)).unwrap();
        let packed = zstd::encode_all(bytes.as_slice(), LEVEL).unwrap();
        fs::write(folder.join(format!("{whose}.db.zst")), packed).unwrap();
    }
    let words = ["inside", "unsent", "cancelled", "to-come"];
    let lines: Vec<_> = words
        .iter()
        .zip(&tickets)
        .map(|(word, ticket)| format!("{word} {}\n", ticket.code.reveal()))
        .collect();
    fs::write(folder.join("tickets.txt"), lines.concat()).unwrap();
}

fn unpack(folder: &Path, whose: &str) -> Vec<u8> {
    let packed = fs::read(folder.join(format!("{whose}.db.zst"))).unwrap();
    zstd::decode_all(packed.as_slice()).unwrap()
}

#[tokio::test]
async fn what_every_earlier_schema_left_goes_on_working() {
    if std::env::var_os("USHER_BLESS").is_some() {
        remember(&kept(NEWEST)).await;
    }
    let mut schemas = 0;
    for folder in fs::read_dir(kept("")).unwrap() {
        go_on(&folder.unwrap().path()).await;
        schemas += 1;
    }
    assert!(schemas > 0);
}

async fn go_on(folder: &Path) {
    let text = fs::read_to_string(folder.join("tickets.txt")).unwrap();
    let code = |word: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(word));
        Private::new(line.unwrap().trim_start())
    };
    let venue = Venue::left_with(FILE, &unpack(folder, "server")).await;
    let north = venue
        .left_gate("north", FILE, &unpack(folder, "device"))
        .await;
    venue.wait_ms(60_000);
    let inside = north.scan(&code("inside"));
    assert_eq!(inside.said(), (Outcome::Refuse, Reason::AlreadyInside));
    venue.sync_all().await;
    let cancelled = north.scan(&code("cancelled"));
    assert_eq!(cancelled.said(), (Outcome::Refuse, Reason::Cancelled));
    let south = venue.gate("south").await;
    let unsent = south.scan(&code("unsent"));
    assert_eq!(unsent.said(), (Outcome::Refuse, Reason::AlreadyInside));
    assert!(south.scan(&code("to-come")).is_admitted());
    venue.sync_all().await;
    let known = venue.assert_agreement().await;
    assert_eq!(known.states.len(), 3);
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
}
