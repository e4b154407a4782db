use super::*;
use crate::secret::Seed;
use proptest::prelude::*;

/// A key and two secrets that a pretix server (2026.8) made for an event with invented attendees.
const EVENT_KEY: &str = "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0KTUNvd0JRWURLMlZ3QXlFQVJVR3JyeUszUGl1QmtrZXpoTUQwajRzNHNpbjBHOFVBcXc4OHJ1YzRqZTg9Ci0tLS0tRU5EIFBVQkxJQyBLRVktLS0tLQo=";
const SECRETS: [(&str, i64); 2] = [
    (
        "=cQjMUe4YZEDheTOLuDlRmWOvPyrqK+C9nqr32ZPgw05WTtvEVHptn/bECZmlTJUpe2vsroZNYnrPXZuWnfCo+IAwAAKEAhewZmarhzU1lWCKAEARAQA",
        4,
    ),
    (
        "=gQZEYWZ6A9J+vuy/uLgfeuvhSqWGgNEhvhSoiQSVaYfwTsVO83uSqrfO2t8mHGr7WbUIAGYadsAOagopIFSxyFAwAAKFARWQRme1QTY0dWCKAEARAQA",
        5,
    ),
];

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

/// A secret around any payload, signed by the right key.
fn signed(payload: &[u8]) -> String {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let signature = key(1).sign_bare(payload);
    let raw = [&[1][..], &length, &[0, 64], payload, &signature].concat();
    STANDARD.encode(raw).chars().rev().collect()
}

fn verify(text: &str) -> Result<PretixCode, PretixError> {
    PretixSecret::parse(text)
        .unwrap()
        .verify(&[key(1).public()])
}

fn any_code() -> impl Strategy<Value = PretixCode> {
    let number = || proptest::option::of(1i64..);
    (".{0,40}", 0i64.., number(), number(), number(), number()).prop_map(
        |(seed, item, variation, subevent, valid_from, valid_until)| PretixCode {
            seed: Private::new(seed),
            item,
            variation,
            subevent,
            valid_from,
            valid_until,
        },
    )
}

#[test]
fn secrets_of_a_real_shop_verify_under_its_key() {
    let keys = [key(1).public(), read_key(EVENT_KEY).unwrap()];
    for (secret, item) in SECRETS {
        let code = PretixSecret::parse(secret).unwrap().verify(&keys).unwrap();
        assert_eq!(code.item, item);
        assert_eq!(code.seed.reveal().len(), 9);
        assert_eq!(
            [
                code.variation,
                code.subevent,
                code.valid_from,
                code.valid_until
            ],
            [None; 4]
        );
    }
}

#[test]
fn signing_writes_what_the_shop_writes() {
    let keys = [read_key(EVENT_KEY).unwrap()];
    for (secret, _) in SECRETS {
        let theirs = PretixSecret::parse(secret).unwrap();
        let ours = sign(&theirs.verify(&keys).unwrap(), &key(1)).unwrap();
        let ours = PretixSecret::parse(ours.reveal()).unwrap();
        assert_eq!(ours.payload, theirs.payload);
    }
}

#[test]
fn a_secret_of_another_event_fits_no_key() {
    let secret = PretixSecret::parse(SECRETS[0].0).unwrap();
    assert_eq!(
        secret.verify(&[key(1).public(), key(2).public()]),
        Err(PretixError::NoKeyFits)
    );
    assert_eq!(secret.verify(&[]), Err(PretixError::NoKeyFits));
}

#[test]
fn numbers_of_zero_stand_for_none_and_the_last_one_counts() {
    let code = verify(&signed(
        b"\x0a\x01x\x10\x04\x10\x05\x18\x00\x20\x07\x28\x00",
    ))
    .unwrap();
    assert_eq!((code.item, code.variation), (5, None));
    assert_eq!((code.subevent, code.valid_from), (Some(7), None));
}

#[test]
fn unknown_fields_and_other_types_of_known_ones_are_skipped() {
    let code = verify(&signed(
        b"\x7a\x03new\x39\0\0\0\0\0\0\0\0\x12\x01\x04\x08\x01\x0a\x01x\x10\x05",
    ))
    .unwrap();
    assert_eq!((code.item, code.seed.reveal()), (5, "x"));
}

#[test]
fn a_signed_payload_that_is_no_ticket_is_told_from_a_forgery() {
    for payload in [
        &b""[..],
        b"\x10\x05",
        b"\x0a\x01\xff",
        b"\x0a\x09x",
        b"\xff",
    ] {
        assert_eq!(verify(&signed(payload)), Err(PretixError::Payload));
    }
}

#[test]
fn every_deviation_of_the_frame_makes_another_text() {
    let raw = |bytes: &[u8]| -> String { STANDARD.encode(bytes).chars().rev().collect() };
    let tail = [7; 64];
    assert!(PretixSecret::parse(&raw(&[&[1, 0, 1, 0, 64, 9][..], &tail].concat())).is_some());
    for head in [
        &[2, 0, 1, 0, 64, 9][..],
        &[1, 0, 2, 0, 64, 9],
        &[1, 0, 0, 0, 64, 9],
        &[1, 255, 255, 0, 64, 9],
        &[1, 0, 1, 0, 63, 9],
        &[1, 0, 1, 0, 64, 9, 9],
        &[],
    ] {
        assert!(PretixSecret::parse(&raw(&[head, &tail].concat())).is_none());
    }
    let secret = SECRETS[0].0;
    assert!(PretixSecret::parse(secret.trim_start_matches('=')).is_none());
    // Two stray bits in the last character before the padding.
    assert!(PretixSecret::parse(&secret.replacen("=c", "=d", 1)).is_none());
}

#[test]
fn a_key_that_is_no_ed25519_key_in_pem_is_refused() {
    let pem = |der: &[u8]| {
        let body = STANDARD.encode(der);
        STANDARD.encode(format!(
            "-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
        ))
    };
    let mut der = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
    der.extend(key(1).public().as_bytes());
    assert_eq!(read_key(&pem(&der)), Ok(key(1).public()));

    let mut x25519 = der.clone();
    x25519[8] = 0x6e;
    let mut small_order = der.clone();
    small_order[12..].fill(0);
    for der in [
        &x25519[..],
        &small_order,
        &der[..43],
        &[&der[..], &[0]].concat(),
        b"",
    ] {
        assert_eq!(read_key(&pem(der)), Err(InvalidKey));
    }
    for entry in ["", "not base64", "////", &STANDARD.encode("no pem")] {
        assert_eq!(read_key(entry), Err(InvalidKey));
    }
}

#[test]
fn a_seed_beyond_the_longest_text_is_not_signed() {
    let code = |length| PretixCode {
        seed: Private::new("x".repeat(length)),
        item: 1,
        variation: None,
        subevent: None,
        valid_from: None,
        valid_until: None,
    };
    assert!(sign(&code(2_900), &key(1)).is_ok());
    for length in [3_100, 70_000] {
        assert_eq!(sign(&code(length), &key(1)), Err(SeedTooLong));
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies(code in any_code()) {
        let text = sign(&code, &key(1)).unwrap();
        prop_assert_eq!(verify(text.reveal()), Ok(code));
    }

    #[test]
    fn a_changed_character_never_verifies(which in 0..2usize, at: prop::sample::Index, other in "[0-9a-zA-Z+/=\u{e4} ]") {
        let keys = [read_key(EVENT_KEY).unwrap()];
        let text = SECRETS[which].0;
        let at = at.index(text.len());
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        let verified = PretixSecret::parse(&changed).map(|secret| secret.verify(&keys));
        prop_assert!(!matches!(verified, Some(Ok(_))));
    }

    #[test]
    fn any_signed_payload_is_a_ticket_or_an_error(payload in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = verify(&signed(&payload));
        let _ = verify(&signed(&[b"\x0a\x01x", &payload[..]].concat()));
    }
}
