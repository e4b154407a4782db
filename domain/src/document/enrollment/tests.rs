use super::*;
use crate::cose::SigningKey;
use proptest::prelude::*;

fn code() -> EnrollmentCode {
    EnrollmentCode {
        server: "https://tickets.example:8443".to_owned(),
        root: Hash::from_bytes([1; 32]),
        spki: Some(Hash::from_bytes([2; 32])),
        token: Seed::new([3; 32]),
    }
}

fn key(seed: u8) -> PublicKey {
    SigningKey::from_seed(&Seed::new([seed; 32])).public()
}

#[test]
fn the_documented_example_is_what_writing_gives() {
    let text = code().text().unwrap();
    assert_eq!(text.reveal(), EXAMPLE);
    assert_eq!(EnrollmentCode::parse(EXAMPLE), Ok(code()));
    assert_eq!(
        EnrollmentCode::parse(&format!(" {EXAMPLE}\r\n")),
        Ok(code())
    );
}

/// Hashes and token of 32 equal bytes, 01, 02 and 03.
const EXAMPLE: &str = "\
    USHE1:RXGRQ3MWEW9E0G7/:5OED/PDLWE.%5$9FQ$DTVD9G7:Q64M6324W50W50W50W50W50\
    W50W50W50W50W50W50W50W50W50W50T70424JB0JB0JB0JB0JB0JB0JB0JB0JB0JB0JB0JB0\
    JB0JB0JB0FD05246H06H06H06H06H06H06H06H06H06H06H06H06H06H06H030";

#[test]
fn an_enrollment_code_fits_a_qr_code_that_a_phone_reads_from_a_screen() {
    let text = code().text().unwrap();
    let qr = qrcode::QrCode::with_error_correction_level(text.reveal(), qrcode::EcLevel::M);
    assert!(matches!(
        qr.unwrap().version(),
        qrcode::Version::Normal(..=11)
    ));
    let longest = EnrollmentCode {
        server: format!("https://{}", "h".repeat(SERVER_BYTES_MAX - 8)),
        ..code()
    };
    let text = longest.text().unwrap();
    assert!(text.reveal().len() <= MAX_CHARS);
    assert_eq!(EnrollmentCode::parse(text.reveal()), Ok(longest));
}

#[test]
fn a_server_address_that_cannot_be_reached_is_refused_both_ways() {
    let too_long = format!("https://{}", "h".repeat(SERVER_BYTES_MAX));
    for server in [
        "",
        "tickets.example",
        "ftp://tickets.example",
        "https://",
        "https:///path",
        "https://tickets example",
        "https://tickets.example/\u{e4}",
        // Nothing to pin without TLS.
        "http://127.0.0.1:8080",
        too_long.as_str(),
    ] {
        let code = EnrollmentCode {
            server: server.to_owned(),
            ..code()
        };
        assert_eq!(code.text(), Err(InvalidEnrollmentCode::Server), "{server}");
    }
    let loopback = EnrollmentCode {
        server: "http://127.0.0.1:8080".to_owned(),
        spki: None,
        ..code()
    };
    let text = loopback.text().unwrap();
    assert_eq!(EnrollmentCode::parse(text.reveal()), Ok(loopback));
}

#[test]
fn what_is_not_an_enrollment_code_is_told_apart() {
    for (text, reason) in [
        ("", InvalidEnrollmentCode::Prefix),
        ("USH1:ABC", InvalidEnrollmentCode::Prefix),
        ("USHE1:", InvalidEnrollmentCode::Damaged),
        ("USHE1:abc", InvalidEnrollmentCode::Damaged),
        (
            &EXAMPLE[..EXAMPLE.len() - 1],
            InvalidEnrollmentCode::Damaged,
        ),
        (
            &EXAMPLE[..EXAMPLE.len() - 3],
            InvalidEnrollmentCode::Damaged,
        ),
        (&format!("{EXAMPLE}000"), InvalidEnrollmentCode::Damaged),
        (
            &format!("USHE1:{}", "0".repeat(MAX_CHARS)),
            InvalidEnrollmentCode::TooLong,
        ),
    ] {
        assert_eq!(EnrollmentCode::parse(text), Err(reason), "{text}");
    }
}

#[test]
fn a_code_with_one_other_character_is_another_code_or_damaged() {
    for place in "USHE1:".len()..EXAMPLE.len() {
        for other in ["0", "Z", "-", "x"] {
            let mut text = EXAMPLE.to_owned();
            text.replace_range(place..=place, other);
            match EnrollmentCode::parse(&text) {
                Ok(code) => assert_eq!(code.text().unwrap().reveal(), text),
                Err(error) => assert_eq!(error, InvalidEnrollmentCode::Damaged, "{text}"),
            }
        }
    }
}

#[test]
fn debug_shows_no_token() {
    assert!(format!("{:?}", code()).contains("Seed(…)"));
    assert_eq!(format!("{:?}", code().text()), "Ok(Private(…))");
}

#[test]
fn six_digits_depend_on_token_key_and_the_servers_nonce() {
    let of = |token, number, nonce| {
        let nonce = ConfirmationNonce::from_bytes([nonce; 32]);
        confirmation_digits(&Seed::new([token; 32]), &key(number), &nonce)
    };
    let digits = of(3, 1, 5);
    assert_eq!(digits.reveal(), "917731");
    for other in [of(4, 1, 5), of(3, 2, 5), of(3, 1, 6)] {
        assert_ne!(digits, other);
    }
}

proptest! {
    #[test]
    fn a_code_reads_back(host in "[a-z0-9.]{1,60}", root: [u8; 32], spki: Option<[u8; 32]>, token: [u8; 32]) {
        let code = EnrollmentCode {
            server: format!("https://{host}"),
            root: Hash::from_bytes(root),
            spki: spki.map(Hash::from_bytes),
            token: Seed::new(token),
        };
        let text = code.text().unwrap();
        prop_assert_eq!(EnrollmentCode::parse(text.reveal()), Ok(code));
    }

    #[test]
    fn any_text_is_a_code_or_an_error(text in "(USHE1:)?[0-9A-Z $%*+./:-]{0,400}|.{0,40}") {
        if let Ok(code) = EnrollmentCode::parse(&text) {
            let written = code.text().unwrap();
            prop_assert_eq!(written.reveal(), text.trim());
        }
    }

    #[test]
    fn six_digits_are_six_digits(nonce: [u8; 32]) {
        let nonce = ConfirmationNonce::from_bytes(nonce);
        let digits = confirmation_digits(&Seed::new([3; 32]), &key(1), &nonce);
        prop_assert_eq!(digits.reveal().len(), 6);
        prop_assert!(digits.reveal().bytes().all(|c| c.is_ascii_digit()));
    }
}
