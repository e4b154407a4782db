//! Manifests of all three tables.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::cbor::{check_canonical, encode};
use usher_domain::cose::sign;
use usher_domain::document::accept_manifest;
use usher_domain::table::{TableId, content_type_of};
use usher_domain::time::ClockTrust;
use usher_fuzz::{NOW, ORGANIZER, SESSION, keys, roster_key, set_key};

fuzz_target!(|data: &[u8]| {
    for (table, key) in [
        (TableId::Set(SESSION), set_key()),
        (TableId::Roster(ORGANIZER), roster_key()),
        (TableId::Directory(SESSION), set_key()),
    ] {
        for bytes in [data.to_vec(), sign(&key, content_type_of(table), data)] {
            let taken = accept_manifest(&bytes, table, &keys(), None, NOW, ClockTrust::Unproved);
            if let Ok(taken) = taken {
                let manifest = taken.into_accepted();
                assert_eq!(manifest.value().table, table);
                assert_eq!(check_canonical(&encode(manifest.value())), Ok(()));
            }
        }
    }
});
