use super::*;
use crate::code::{Presented, TicketCode, TicketCodeText, read};
use crate::cose::SigningKey;
use crate::ids::TicketId;
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::secret::Seed;
use proptest::prelude::*;

fn of(text: &str) -> Vec<(String, Repair)> {
    let all = readings(text, None).into_iter();
    all.filter(|reading| reading.good_for == Use::Opens)
        .map(|reading| (reading.text.reveal().to_owned(), reading.repair))
        .collect()
}

fn key() -> SigningKey {
    SigningKey::from_seed(&Seed::new([5; 32]))
}

fn ticket_code(ticket: u8) -> TicketCode {
    TicketCode {
        ticket: TicketId::from_bytes([ticket; 16]),
        access: AccessNumber::new(7),
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(3),
        not_before: None,
        not_after: None,
    }
}

fn signed(ticket: u8) -> String {
    let code = usher::issue(&ticket_code(ticket), &key());
    code.reveal().to_owned()
}

#[test]
fn a_wrong_setting_of_a_scanner_is_read_back() {
    for (typed, meant, repair) in [
        ("]Q1kx41-tuna", "KX41-TUNA", Repair::Case),
        ("kX41-tUNA", "Kx41-Tuna", Repair::Case),
        ("KX41ßTUNA", "KX41-TUNA", Repair::Layout(Layout::German)),
        ("TYNA-41", "TZNA/41", Repair::Layout(Layout::German)),
        ("kx'&-tunq", "kx416tuna", Repair::Layout(Layout::French)),
        ("KX'&-TUNQ", "KX41-TUNA", Repair::Layout(Layout::French)),
        ("KX41£TUNA", "KX41#TUNA", Repair::Layout(Layout::British)),
        ("TYNA41", "TZNA41", Repair::Layout(Layout::German)),
        ("00704112", "704112", Repair::Zeros),
        ("00704112", "0704112", Repair::Zeros),
        ("704112", "0704112", Repair::Zeros),
        ("704112", "000704112", Repair::Zeros),
    ] {
        let found = of(typed);
        let wanted = (meant.to_owned(), repair);
        assert!(found.contains(&wanted), "{typed}: {found:?}");
    }
}

#[test]
fn a_code_within_an_address_or_json_is_read() {
    let url = "https://t.example/check-in/KX41TUNA";
    assert!(of(url).contains(&("KX41TUNA".to_owned(), Repair::UrlPart)));
    let json = r#"{"v":1,"ticket":"KX41TUNA"}"#;
    assert!(of(json).contains(&("KX41TUNA".to_owned(), Repair::JsonValue)));
    // As a German host makes it of what a US scanner types.
    let url = "httpsÖ--t.example-checkßin-KY41TUNA";
    let meant = ("KZ41TUNA".to_owned(), Repair::Layout(Layout::German));
    assert!(of(url).contains(&meant), "{:?}", of(url));
    // The number of a seat is no code.
    let short = of("https://t.example/seat/12?page=7");
    assert!(short.iter().all(|(text, _)| text.len() > 10), "{short:?}");
}

#[test]
fn many_codes_of_one_form_in_one_text_are_guesses_and_none_is_read() {
    let guesses = "[123456,234567,345678,456789,567890]";
    let address = "https://shop.example/?a=123456&b=234567&c=345678";
    for text in [guesses, address] {
        let parts = of(text).into_iter();
        let tried: Vec<_> = parts.filter(|(part, _)| part.len() == 6).collect();
        assert_eq!(tried, [], "{text}");
    }
    // An order's number beside the ticket's, and one code twice.
    let honest = r#"{"order":"765432","ticket":"123456","again":"123456","name":"Ada Lovelace"}"#;
    for code in ["765432", "123456"] {
        assert!(of(honest).contains(&(code.to_owned(), Repair::JsonValue)));
    }
}

#[test]
fn the_place_of_the_code_is_taken_from_the_rule_before_anything_is_guessed() {
    let place = |after: &str, before: Option<&str>| CodePlace {
        after: after.to_owned(),
        before: before.map(str::to_owned),
    };
    for (text, place, code) in [
        (
            "https://t.example/c/KX41?x=1",
            place("/c/", Some("?")),
            "KX41",
        ),
        ("https://t.example/c/KX41", place("/c/", Some("?")), "KX41"),
        ("T:41;U:7", place("T:", Some(";")), "41"),
        ("41/left", place("", Some("/")), "41"),
        ("\u{2}T:41\u{3}", place("T:", None), "41"),
    ] {
        let all = readings(text, Some(&place));
        let sure: Vec<&str> = all
            .iter()
            .filter(|reading| reading.repair == Repair::Placed)
            .map(|reading| reading.text.reveal())
            .collect();
        assert_eq!(sure, [code], "{text}");
    }
    let elsewhere = readings("https://t.example/other/KX41", Some(&place("/c/", None)));
    assert!(
        elsewhere
            .iter()
            .all(|reading| reading.repair != Repair::Placed)
    );
}

#[test]
fn a_signed_code_that_a_scanner_changed_is_told_and_opens_nothing() {
    let code = signed(9);
    let small = code.to_lowercase();
    let german = Layout::German.typed_by_scanner(&code);
    let french = Layout::French.typed_by_scanner(&code);
    for (typed, repair) in [
        (small.as_str(), Repair::Case),
        (german.as_str(), Repair::Layout(Layout::German)),
        (french.as_str(), Repair::Layout(Layout::French)),
    ] {
        let all = readings(typed, None);
        let same = all.iter().find(|reading| reading.text.reveal() == code);
        let same = same.unwrap_or_else(|| panic!("{typed}"));
        assert_eq!((same.repair, same.good_for), (repair, Use::Tells));
    }
}

#[test]
fn what_is_too_long_has_no_other_reading() {
    assert!(readings(&"7".repeat(MAX_TEXT_BYTES + 1), None).is_empty());
    assert!(readings(" \r\n", None).is_empty());
}

/// Something that a scanner puts around a code.
fn wrapping() -> impl Strategy<Value = (String, &'static str)> {
    let back = prop_oneof![
        Just(""),
        Just("\r"),
        Just("\r\n"),
        Just("\u{3}"),
        Just("\0")
    ];
    (
        "(\u{2}|\u{feff})?(\\][A-Za-z][0-9])?(\u{1d}|\\\\[0-9]{6})?",
        back,
    )
}

proptest! {
    /// Whatever stands around it, a signed code is read as itself, and no reading of it is another one.
    #[test]
    fn cleaning_never_changes_what_a_signed_code_means(
        ticket: u8, (front, back) in wrapping(),
    ) {
        let code = signed(ticket);
        let presented = format!("{front}{code}{back}");
        let mut texts = vec![presented.clone()];
        texts.extend(readings(&presented, None).into_iter().map(|reading| {
            reading.text.reveal().to_owned()
        }));
        let mut found = 0;
        for text in &texts {
            let Ok(text) = TicketCodeText::new(text) else { continue };
            if let Presented::Usher(read) = read(&text) {
                prop_assert_eq!(read.verify(&key().public()).unwrap(), ticket_code(ticket));
                found += 1;
            }
        }
        prop_assert!(found >= 1);
    }

    /// Readings are few, each stands once, and none is the text itself: what is known as it is never has to
    /// give way to one.
    #[test]
    fn readings_are_few_and_other_texts(text in "(\\PC|[0-9]|[A-Z]){0,40}|https://[a-z.]{1,9}/[A-Za-z0-9/?=&%#]{0,40}|\\{\"[a-z\":,0-9]{0,40}") {
        let all = readings(&text, None);
        prop_assert!(all.len() <= READINGS_MAX);
        for (index, reading) in all.iter().enumerate() {
            prop_assert_ne!(reading.text.reveal(), text.trim());
            prop_assert!(!reading.text.reveal().is_empty());
            prop_assert!(all.iter().skip(index + 1).all(|other| other.text != reading.text));
        }
    }
}
