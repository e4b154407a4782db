use super::*;
use crate::secret::Seed;
use proptest::prelude::*;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The envelope around `payload`, taken apart so that a test may spoil one part.
struct Parts {
    head: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl Parts {
    fn of(payload: &[u8]) -> Self {
        let whole = sign(&key(1), ContentType::SET, payload);
        let (head, rest) = whole.split_at(16);
        let (payload, signature) = rest.split_at(rest.len() - 66);
        Self {
            head: head.to_vec(),
            payload: payload.to_vec(),
            signature: signature.to_vec(),
        }
    }

    fn join(&self) -> Vec<u8> {
        [&self.head[..], &self.payload, &self.signature].concat()
    }
}

/// A complete example: seed 32 × 01, content type `usher/set/1`, payload `hello`.
const EXAMPLE: &str = "844da20132044834750f98bd59fcfca04568656c6c6f5840\
    1599cd14c19f8b265882c00a1a29bff08d1d43b1c3b49a7cfe386086ade00ca8\
    40ef96d315eb5cc9a7c9d58d7f2fe5d8944ea5bfd0ec773fd2d69a97be223f07";

#[test]
fn the_documented_example_is_what_signing_gives() {
    let bytes = sign(&key(1), ContentType::SET, b"hello");
    assert_eq!(hex(&bytes), EXAMPLE);
    assert_eq!(
        hex(&signed_bytes(key(1).kid(), ContentType::SET, b"hello")),
        "846a5369676e6174757265314da20132044834750f98bd59fcfc4b7573686572\
         2f7365742f314568656c6c6f"
    );
}

#[test]
fn a_signature_for_one_content_type_never_passes_for_another() {
    let bytes = sign(&key(1), ContentType::SET, b"hello");
    let envelope = parse(&bytes).unwrap();
    assert_eq!(
        envelope.verify(&key(1).public(), ContentType::ROSTER),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn an_envelope_of_another_key_names_that_key() {
    let bytes = sign(&key(2), ContentType::SET, b"hello");
    assert_eq!(
        parse(&bytes)
            .unwrap()
            .verify(&key(1).public(), ContentType::SET),
        Err(VerifyError::OtherKey(key(2).kid()))
    );
}

#[test]
fn another_algorithm_is_refused() {
    let mut parts = Parts::of(b"hello");
    // -8, the old polymorphic EdDSA (RFC 9053), fits the same signature and is refused all the same.
    parts.head[4] = 0x27;
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Header);
}

#[test]
fn a_key_id_of_another_length_is_refused() {
    let mut parts = Parts::of(b"hello");
    parts.head[1] = 0x4c;
    parts.head[6] = 0x47;
    parts.head.remove(14);
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Header);
}

#[test]
fn a_tagged_envelope_is_refused() {
    let mut parts = Parts::of(b"hello");
    parts.head.insert(0, 0xd2);
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Header);
}

#[test]
fn an_array_of_indefinite_length_is_refused() {
    let mut parts = Parts::of(b"hello");
    parts.head[0] = 0x9f;
    parts.signature.push(0xff);
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Header);
}

#[test]
fn unsigned_header_fields_are_refused() {
    let mut parts = Parts::of(b"hello");
    parts.head.truncate(15);
    parts.head.extend([0xa1, 0x04, 0x40]);
    assert_eq!(
        parse(&parts.join()).unwrap_err(),
        EnvelopeError::Unprotected
    );
}

#[test]
fn other_encodings_of_the_same_payload_are_refused() {
    for head in [
        &b"\x58\x05hello"[..],
        b"\x59\x00\x05hello",
        b"\x5a\x00\x00\x00\x05hello",
        b"\x5b\x00\x00\x00\x00\x00\x00\x00\x05hello",
        b"\x5f\x45hello\xff",
        b"\x65hello",
        b"\xc2\x45hello",
        b"\xf6",
    ] {
        let mut parts = Parts::of(b"hello");
        parts.payload = head.to_vec();
        assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Payload);
    }
}

#[test]
fn a_length_beyond_the_bytes_is_truncated_not_a_panic() {
    let mut parts = Parts::of(b"hello");
    parts.payload = [&[0x5b][..], &[0xff; 8]].concat();
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Truncated);
}

#[test]
fn a_signature_of_another_length_is_refused() {
    let mut parts = Parts::of(b"hello");
    parts.signature = [&[0x58, 0x3f][..], &[0; 63]].concat();
    assert_eq!(parse(&parts.join()).unwrap_err(), EnvelopeError::Signature);
}

#[test]
fn a_malleable_signature_is_refused() {
    // S + L, little-endian: the same point for a lenient verifier.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut parts = Parts::of(b"hello");
    let mut carry = 0;
    for (s, l) in parts.signature[34..].iter_mut().zip(ORDER) {
        let sum = u16::from(*s) + u16::from(l) + carry;
        *s = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    let bytes = parts.join();
    assert_eq!(
        parse(&bytes)
            .unwrap()
            .verify(&key(1).public(), ContentType::SET),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn a_signature_with_a_commitment_of_small_order_is_refused() {
    let mut parts = Parts::of(b"hello");
    parts.signature[2..].fill(0);
    parts.signature[2] = 1;
    let bytes = parts.join();
    assert_eq!(
        parse(&bytes)
            .unwrap()
            .verify(&key(1).public(), ContentType::SET),
        Err(VerifyError::BadSignature)
    );
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_comes_back(payload in proptest::collection::vec(any::<u8>(), 0..700)) {
        let bytes = sign(&key(1), ContentType::SET, &payload);
        let envelope = parse(&bytes).unwrap();
        prop_assert_eq!(envelope.kid(), key(1).kid());
        prop_assert_eq!(envelope.verify(&key(1).public(), ContentType::SET), Ok(&payload[..]));
    }

    #[test]
    fn any_bytes_are_an_envelope_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
        let _ = parse(&[&HEAD[..], &bytes].concat());
    }

    #[test]
    fn a_changed_byte_never_verifies(at in 0usize..87, change in 1u8..) {
        let mut bytes = sign(&key(1), ContentType::SET, b"hello");
        bytes[at] ^= change;
        let verified = parse(&bytes).ok().map(|e| e.verify(&key(1).public(), ContentType::SET).is_ok());
        prop_assert_ne!(verified, Some(true));
    }

    #[test]
    fn truncated_or_extended_bytes_are_refused(length in 0usize..88, more in proptest::collection::vec(any::<u8>(), 1..9)) {
        let bytes = sign(&key(1), ContentType::SET, b"hello");
        prop_assert_eq!(bytes.len(), 88);
        prop_assert!(parse(&bytes[..length]).is_err());
        prop_assert_eq!(parse(&[bytes, more].concat()).unwrap_err(), EnvelopeError::Trailing);
    }
}
