use super::*;
use crate::secret::Seed;
use proptest::prelude::*;

/// The documented example: key of seed 32 × 01, ticket 00 01 … 0f, access 7, issue 1, type 3.
const EXAMPLE_PAYLOAD: &str = "8450000102030405060708090a0b0c0d0e0f070103";
const EXAMPLE_ENVELOPE: &str = concat!(
    "844da20132044834750f98bd59fcfca0558450000102030405060708090a0b0c0d0e0f0701035840",
    "a47f559a6e5afe4a5b6f0f93e1dd44ed6f092518d69b1197a056d2e94fd753cc3d660f8921aaf746",
    "62e1ee75d17b2173c9443fa120ff4cd09af1b660fa141a04",
);
const EXAMPLE_CODE: &str = concat!(
    "USH1:TWGSLKOE6Y59.ZE-DJ-GB7.VM A55AX507H0QS00+0J61%H1CT1M+1Y5027B ZK: AZ.DS6W7PB",
    "R/1-OS5W8U1E1V4*5R3A26CK%TQ94AWQADY7H/1NB4WBVNMCP6UWLQDA4:JP:18W74:V9KQJN2NURV0D",
    "3",
);

/// The same ticket with an entry window that has no beginning.
const EXAMPLE_WINDOW_PAYLOAD: &str = "8650000102030405060708090a0b0c0d0e0f070103f61a68e77b80";
const EXAMPLE_WINDOW_CODE: &str = concat!(
    "USH1:TWGSLKOE6Y59.ZE-DJ-GB7.VA6B4:G100KB0*M0DY0W016C1PN1:Y1%*0OM0AF3*BT6AGU88.FV",
    "3W2IVP9CI/JP6IP36D+L0AEWQE5RNCJ6CRH7OCM0$KUZQ6%BPZBO7GBG0JJRS40BP2OX5+44+G1Y38W5",
    "20SK0ECY.L40",
);

fn key() -> SigningKey {
    SigningKey::from_seed(&Seed::new([1; 32]))
}

fn example() -> TicketCode {
    TicketCode {
        ticket: TicketId::from_bytes(std::array::from_fn(|at| at as u8)),
        access: AccessNumber::new(7),
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(3),
        not_before: None,
        not_after: None,
    }
}

fn largest() -> TicketCode {
    TicketCode {
        ticket: TicketId::from_bytes([0xff; 16]),
        access: AccessNumber::new(u32::MAX),
        issue: IssueNumber::new(u16::MAX),
        type_number: TypeNumber::new(u16::MAX),
        not_before: None,
        not_after: None,
    }
}

fn any_code() -> impl Strategy<Value = TicketCode> {
    (
        any::<([u8; 16], u32, u16, u16)>(),
        any::<Option<u32>>(),
        any::<Option<u32>>(),
    )
        .prop_map(
            |((ticket, access, issue, type_number), not_before, not_after)| TicketCode {
                ticket: TicketId::from_bytes(ticket),
                access: AccessNumber::new(access),
                issue: IssueNumber::new(issue),
                type_number: TypeNumber::new(type_number),
                not_before,
                not_after,
            },
        )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A text around any payload, signed by the right key.
fn signed(payload: &[u8]) -> String {
    let envelope = cose::sign(&key(), ContentType::CODE, payload);
    format!("{PREFIX}{}", base45::encode(&envelope))
}

fn verify(text: &str) -> Option<TicketCode> {
    SignedCode::parse(text).ok()?.verify(&key().public()).ok()
}

#[test]
fn the_documented_example_is_what_issuing_gives() {
    let text = issue(&example(), &key());
    assert_eq!(hex(&cbor::encode(&example())), EXAMPLE_PAYLOAD);
    let envelope = base45::decode(text.reveal().strip_prefix(PREFIX).unwrap()).unwrap();
    assert_eq!(hex(&envelope), EXAMPLE_ENVELOPE);
    assert_eq!(text.reveal(), EXAMPLE_CODE);

    let windowed = TicketCode {
        not_after: Some(1_760_000_896),
        ..example()
    };
    assert_eq!(hex(&cbor::encode(&windowed)), EXAMPLE_WINDOW_PAYLOAD);
    assert_eq!(issue(&windowed, &key()).reveal(), EXAMPLE_WINDOW_CODE);
}

#[test]
fn the_longest_codes_fit_the_qr_versions_promised() {
    use qrcode::{EcLevel, QrCode, Version};

    let short = issue(&largest(), &key());
    assert_eq!(short.reveal().len(), MAX_SHORT_CHARS);
    let long = TicketCode {
        not_before: Some(u32::MAX),
        not_after: Some(u32::MAX),
        ..largest()
    };
    let long = issue(&long, &key());
    assert_eq!(long.reveal().len(), MAX_CHARS);
    assert!(verify(long.reveal()).is_some());
    for (text, version, level) in [
        (&short, 7, EcLevel::M),
        (&short, 9, EcLevel::Q),
        (&long, 8, EcLevel::M),
        (&long, 10, EcLevel::Q),
    ] {
        QrCode::with_version(text.reveal(), Version::Normal(version), level).unwrap();
    }
}

#[test]
fn small_letters_are_refused_with_a_reason_that_helps() {
    let text = issue(&example(), &key()).reveal().to_lowercase();
    assert_eq!(
        SignedCode::parse(&text).unwrap_err(),
        Malformed::SmallLetters
    );
}

#[test]
fn a_code_of_another_version_is_told_from_a_broken_one() {
    let text = issue(&example(), &key()).reveal().replace("USH1", "USH2");
    assert!(claims_to_be(&text));
    assert_eq!(
        SignedCode::parse(&text).unwrap_err(),
        Malformed::OtherVersion
    );
}

#[test]
fn only_a_name_and_a_version_claim_to_be_ours() {
    for text in ["USH1:", "ush1:X", "Ush12:"] {
        assert!(claims_to_be(text), "{text}");
    }
    for text in ["USH:", "USHER:1", "USH1", "US:", "", "xUSH1:", "ÜSH1:"] {
        assert!(!claims_to_be(text), "{text}");
    }
}

#[test]
fn nothing_longer_than_the_longest_code_is_read() {
    let text = format!("{PREFIX}{}", "0".repeat(MAX_CHARS));
    assert_eq!(SignedCode::parse(&text).unwrap_err(), Malformed::TooLong);
}

#[test]
fn other_encodings_of_the_same_payload_are_refused() {
    let good = cbor::encode(&example());
    assert!(verify(&signed(&good)).is_some());
    let (ticket, numbers) = good[1..].split_at(17);
    let with = |head: &[u8], numbers: &[u8], tail: &[u8]| [head, ticket, numbers, tail].concat();
    for payload in [
        with(&[0x98, 4], numbers, &[]),
        with(&[0x9f], numbers, &[0xff]),
        with(&[0xd8, 0x2a, 0x84], numbers, &[]),
        with(&[0x84], &[0x18, 7, 1, 3], &[]),
        with(&[0x84], &[7, 0x19, 0, 1, 3], &[]),
        with(&[0x84], &[7, 1, 0x1b, 0, 0, 0, 0, 0, 0, 0, 3], &[]),
        with(&[0x84], &[0xf9, 0x47, 0, 1, 3], &[]),
        with(&[0x84], &[0x27, 1, 3], &[]),
        with(&[0x84], &[7, 0x1a, 0, 1, 0, 0, 3], &[]),
        with(&[0x84], numbers, &[0xf6]),
        with(&[0x85], numbers, &[0]),
        with(&[0x85], numbers, &[0xf6]),
        with(&[0x86], numbers, &[0xf6, 0xf6]),
        with(&[0x86], numbers, &[0xf7, 0]),
        with(&[0x86], numbers, &[0xf6, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0]),
        with(&[0x87], numbers, &[0, 0, 0]),
        [&[0x84, 0x58, 16][..], &good[2..]].concat(),
        [&[0x84, 0x4f][..], &good[3..]].concat(),
        good[..good.len() - 1].to_vec(),
        vec![],
    ] {
        assert_eq!(
            SignedCode::parse(&signed(&payload)).unwrap_err(),
            Malformed::Payload,
            "{}",
            hex(&payload)
        );
    }
}

#[test]
fn a_code_signed_as_another_kind_of_document_is_refused() {
    let envelope = cose::sign(&key(), ContentType::SET, &cbor::encode(&example()));
    let text = format!("{PREFIX}{}", base45::encode(&envelope));
    assert_eq!(
        SignedCode::parse(&text).unwrap().verify(&key().public()),
        Err(VerifyError::BadSignature)
    );
}

#[test]
fn debug_never_shows_the_signature() {
    let code = SignedCode::parse(issue(&example(), &key()).reveal()).unwrap();
    assert_eq!(
        format!("{code:?}"),
        format!("SignedCode({}, …)", key().kid())
    );
}

proptest! {
    #[test]
    fn what_is_issued_verifies(code in any_code()) {
        let text = issue(&code, &key());
        prop_assert_eq!(verify(text.reveal()), Some(code));
        let limit = match (code.not_before, code.not_after) {
            (None, None) => MAX_SHORT_CHARS,
            _ => MAX_CHARS,
        };
        prop_assert!(text.reveal().len() <= limit);
        let scanned = format!(" {}\r\n", text.reveal());
        prop_assert_eq!(TicketCodeText::new(&scanned), Ok(text));
    }

    #[test]
    fn a_changed_character_never_verifies(code in any_code(), at: prop::sample::Index, other in "[0-9A-Z $%*+./:a-z\u{e4}-]") {
        let text = issue(&code, &key());
        let text = text.reveal();
        let at = at.index(text.len());
        let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        prop_assume!(changed != text);
        prop_assert_eq!(verify(&changed), None);
    }

    #[test]
    fn a_truncated_or_extended_code_never_verifies(code in any_code(), length: prop::sample::Index, more in "[0-9A-Z]{1,6}") {
        let text = issue(&code, &key());
        let text = text.reveal();
        prop_assert_eq!(verify(&text[..length.index(text.len())]), None);
        prop_assert_eq!(verify(&format!("{text}{more}")), None);
    }

    #[test]
    fn any_signed_payload_that_reads_is_the_one_encoding(payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Some(code) = verify(&signed(&payload)) {
            prop_assert_eq!(cbor::encode(&code), payload);
        }
    }
}
