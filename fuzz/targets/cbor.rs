//! Deterministic CBOR: what is accepted as the one form can be walked to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::cbor::{check_canonical, decode_deterministic};
use usher_domain::code::TicketCode;

fuzz_target!(|data: &[u8]| {
    if check_canonical(data).is_ok() {
        let mut decoder = minicbor::Decoder::new(data);
        decoder.skip().expect("one whole value");
        assert_eq!(decoder.position(), data.len());
    }
    if decode_deterministic::<TicketCode>(data).is_ok() {
        assert_ne!(data.first(), Some(&0x9f));
    }
});
