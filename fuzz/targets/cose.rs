//! COSE_Sign1: what is read is what was written, whoever wrote it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::challenge::check_device;
use usher_domain::cose::{ContentType, parse, sign};
use usher_domain::ids::DeviceId;
use usher_fuzz::{device_key, key};

fuzz_target!(|data: &[u8]| {
    let signed = sign(&key(5), ContentType::BATCH, data);
    let envelope = parse(&signed).expect("what was signed here");
    assert_eq!(envelope.verify(&device_key(), ContentType::BATCH), Ok(data));
    assert!(envelope.verify(&device_key(), ContentType::CODE).is_err());
    if let Ok(envelope) = parse(data) {
        let _ = envelope.verify(&device_key(), ContentType::BATCH);
        // Everything but the payload has a fixed length.
        assert!(data.len() > envelope.unverified_payload().len() + 82);
    }
    let _ = check_device(data, DeviceId::from_bytes([5; 16]), b"nonce", &device_key());
});
