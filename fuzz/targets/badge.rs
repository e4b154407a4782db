//! Badges and PINs: one text each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::code::base45;
use usher_domain::document::badge::{Badge, PREFIX, Pin};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = Pin::new(&text);
    for text in [
        text.into_owned(),
        format!("{PREFIX}{}", base45::encode(data)),
    ] {
        if let Ok(badge) = Badge::parse(&text) {
            assert_eq!(badge.text().reveal(), text.trim());
        }
    }
});
