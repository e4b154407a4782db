//! `pretix_sig1` secrets, framed and signed around whatever the fuzzer made up, and the shop's keys.
#![no_main]

use ed25519_dalek::Signer as _;
use libfuzzer_sys::fuzz_target;
use usher_domain::code::PretixSecret;
use usher_domain::code::pretix::{read_key, sign};
use usher_fuzz::key;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = read_key(text);
        if let Some(secret) = PretixSecret::parse(text) {
            let _ = secret.verify([&key(7).public()]);
        }
    }
    let Ok(length) = u16::try_from(data.len()) else {
        return;
    };
    let signature = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).sign(data);
    let mut raw = vec![1];
    raw.extend_from_slice(&length.to_be_bytes());
    raw.extend_from_slice(&[0, 64]);
    raw.extend_from_slice(data);
    raw.extend_from_slice(&signature.to_bytes());
    let text: String = base64(&raw).chars().rev().collect();
    let secret = PretixSecret::parse(&text).expect("a whole frame");
    if let Ok(code) = secret.verify([&key(7).public()])
        && let Ok(again) = sign(&code, &key(7))
    {
        let read = PretixSecret::parse(again.reveal()).expect("what was signed here");
        assert_eq!(read.verify([&key(7).public()]), Ok(code));
    }
});

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            out.push(if place <= chunk.len() {
                char::from(ALPHABET[(bits >> (18 - 6 * place)) as usize & 63])
            } else {
                '='
            });
        }
    }
    out
}
