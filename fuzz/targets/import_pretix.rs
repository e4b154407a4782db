//! Answers of pretix's API: the input is one file, or three with a zero byte between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_server::import::{NamedBytes, Options, read};

const ITEMS: &[u8] = br#"[{"id":1,"name":"x","default_price":"1","admission":true}]"#;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let names = ["orders.json", "event.json", "items.json"];
    let mut files: Vec<NamedBytes<'_>> = names
        .into_iter()
        .map_while(|name| {
            Some(NamedBytes {
                name,
                bytes: parts.next()?,
            })
        })
        .collect();
    let options = Options::new(jiff::tz::TimeZone::UTC);
    let _ = read(&files, &options);
    if files.len() < 3 {
        files.push(NamedBytes {
            name: "items.json",
            bytes: ITEMS,
        });
        let _ = read(&files, &options);
    }
});
