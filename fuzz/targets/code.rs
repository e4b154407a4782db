//! Ticket codes: every text is something, and a code of ours has one text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::code::usher::{MAX_CHARS, PREFIX, issue};
use usher_domain::code::{
    CodeCheck, Identity, Presented, TicketCodeText, base45, read, readings, unwrapped, verify_code,
};
use usher_domain::cose::{ContentType, sign};
use usher_fuzz::{ORGANIZER, code_key, keys};

fuzz_target!(|data: &[u8]| {
    let presented = String::from_utf8_lossy(data);
    let bare = unwrapped(&presented);
    assert_eq!(
        unwrapped(&bare),
        bare,
        "unwrapping twice is unwrapping once"
    );
    for reading in readings(&presented, None) {
        assert_ne!(reading.text.reveal(), presented.trim());
    }
    if let Ok(text) = TicketCodeText::new(&String::from_utf8_lossy(data)) {
        check(&text);
    }
    // What the fuzzer made up, signed and unsigned, behind our prefix.
    for bytes in [data.to_vec(), sign(&code_key(), ContentType::CODE, data)] {
        let text = format!("{PREFIX}{}", base45::encode(&bytes));
        check(&TicketCodeText::new(&text).expect("base45 is printable"));
    }
});

fn check(text: &TicketCodeText) {
    let _ = Identity::of(ORGANIZER, text).medium_key();
    let _ = usher_domain::code::strength::bits_alone(text);
    if let Presented::Usher(code) = read(text) {
        assert!(text.reveal().len() <= MAX_CHARS);
        if let CodeCheck::Good(says) = verify_code(&code, &keys().code_keys()) {
            assert_eq!(issue(&says, &code_key()).reveal(), text.reveal());
        }
    }
}
