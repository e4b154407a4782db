//! Lists as shops export them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_server::import::{NamedBytes, Options, read};

fuzz_target!(|data: &[u8]| {
    let list = [NamedBytes {
        name: "list.csv",
        bytes: data,
    }];
    let mut options = Options::new(jiff::tz::TimeZone::UTC);
    let _ = read(&list, &options);
    for rule in ["barcode=1", "name=2"] {
        options.mapping.add(rule).expect("a good rule");
    }
    let _ = read(&list, &options);
});
