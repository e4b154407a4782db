//! Base45: every text it accepts is the one text of its bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::code::base45;

fuzz_target!(|data: &[u8]| {
    let text = base45::encode(data);
    assert_eq!(base45::decode(&text).as_deref(), Ok(data));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(bytes) = base45::decode(text)
    {
        assert_eq!(base45::encode(&bytes), text);
    }
});
