//! Enrollment codes: one text each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::code::base45;
use usher_domain::document::enrollment::{EnrollmentCode, PREFIX};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    for text in [
        text.into_owned(),
        format!("{PREFIX}{}", base45::encode(data)),
    ] {
        if let Ok(code) = EnrollmentCode::parse(&text) {
            let again = code.text().expect("an address that was read");
            assert_eq!(again.reveal(), text.trim());
        }
    }
});
