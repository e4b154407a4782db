//! What scanners put around codes, what they change in them, and codes within other texts.

use super::*;
use usher_domain::code::{Layout, Repair};
use usher_domain::rules::CodePlace;
use usher_domain::table::TableId;

/// A gate whose list has these codes, the first of them as ticket 1.
fn stand(codes: &[&str]) -> Stand {
    Stand::with(&[table(codes)])
}

fn table(codes: &[&str]) -> Table {
    let mut table = Table::new(TableId::Set(EVENING));
    for (code, number) in codes.iter().zip(1..) {
        table.put(&TicketRow {
            media: vec![medium(code)],
            ..row(number, EVENING)
        });
    }
    table
}

#[test]
fn what_stands_around_a_code_does_not_matter() {
    for presented in [
        "KX41-TUNA\r\n",
        "\u{2}KX41-TUNA\u{3}",
        "]Q1KX41-TUNA",
        "]d2\u{1d}KX41-TUNA",
        "\\000026KX41-TUNA",
        "\u{feff}KX41-TUNA",
        "KX41-TUNA\0",
    ] {
        let mut stand = stand(&["KX41-TUNA"]);
        let answer = stand.enter(presented);
        assert!(admitted(&answer), "{presented:?}: {answer:?}");
        assert_eq!(answer.ticket, Some(ticket_id(1)));
        // It is the same ticket however it comes.
        assert_eq!(
            stand.enter("KX41-TUNA").verdict.reason(),
            Reason::AlreadyInside
        );
    }
}

#[test]
fn a_text_that_is_listed_as_it_is_is_read_as_it_is() {
    let listed = [
        "]Q1KX41-TUNA",
        "KX41-TUNA",
        "kx41-tuna",
        "0000704",
        "704",
        "https://t.example/KX41-TUNA",
    ];
    let mut stand = stand(&listed);
    for (code, number) in listed.iter().zip(1..) {
        let answer = stand.enter(code);
        assert!(admitted(&answer), "{code}: {answer:?}");
        assert_eq!(answer.ticket, Some(ticket_id(number)), "{code}");
        assert_eq!(answer.repair, None);
    }
}

#[test]
fn a_code_that_a_wrong_setting_changed_opens_and_says_what_is_wrong() {
    for (presented, repair) in [
        ("kx41-tunz", Repair::Case),
        ("KX41ßTUNY", Repair::Layout(Layout::German)),
        ("KX'&)TUNW", Repair::Layout(Layout::French)),
    ] {
        let mut stand = stand(&["KX41-TUNZ", "OTHER-12"]);
        let answer = stand.enter(presented);
        assert!(admitted(&answer), "{presented}: {answer:?}");
        assert_eq!(answer.repair, Some(repair));
    }
    let mut stand = stand(&["0070411"]);
    assert_eq!(stand.enter("70411").repair, Some(Repair::Zeros));
}

#[test]
fn where_two_tickets_fit_none_is_guessed() {
    let mut stand = stand(&["0704", "00704", "kx41-tuna", "KX41-TUNA"]);
    assert_eq!(stand.enter("704").verdict.reason(), Reason::Unknown);
    // Both of them differ from this one by their letters alone.
    assert_eq!(stand.enter("Kx41-tUNA").verdict.reason(), Reason::Unknown);
}

#[test]
fn a_code_within_an_address_or_json_opens() {
    for presented in [
        "https://t.example/check-in/KX41-TUNA",
        "https://t.example/t?code=KX41-TUNA&lang=de",
        r#"{"ticket": "KX41-TUNA"}"#,
        "]Q1https://t.example/check-in/KX41-TUNA",
    ] {
        let mut stand = stand(&["KX41-TUNA"]);
        let answer = stand.enter(presented);
        assert!(admitted(&answer), "{presented}: {answer:?}");
    }
    let mut stand = stand(&["KX41-TUNA", "QT52-BASS"]);
    let both = r#"["KX41-TUNA", "QT52-BASS"]"#;
    assert_eq!(stand.enter(both).verdict.reason(), Reason::Unknown);
}

#[test]
fn a_rule_of_the_session_says_where_the_code_stands() {
    let mut table = table(&["41", "7"]);
    table.terms.as_mut().unwrap().rules.code_place = Some(CodePlace {
        after: "seat=".to_owned(),
        before: Some(";".to_owned()),
    });
    let mut stand = Stand::with(&[table]);
    let answer = stand.enter("row=7;seat=41;");
    assert!(admitted(&answer), "{answer:?}");
    assert_eq!(answer.ticket, Some(ticket_id(1)));
    assert_eq!(
        stand.enter("row=7;chair=41;").verdict.reason(),
        Reason::Unknown
    );
}

#[test]
fn a_signed_code_in_other_letters_opens_nothing_and_tells_what_is_wrong() {
    let mut stand = Stand::evening();
    let code = signed_code(4, EVENING);
    let answer = stand.enter(&code.to_lowercase());
    assert!(!admitted(&answer));
    assert_eq!(answer.repair, Some(Repair::Case));
    let typed = Layout::German.typed_by_scanner(&code);
    let answer = stand.enter(&typed);
    assert!(!admitted(&answer));
    assert_eq!(answer.repair, Some(Repair::Layout(Layout::German)));
    // What stands around it is none of its letters.
    assert!(admitted(&stand.enter(&format!("\u{2}]Q1{code}\u{3}"))));
}

#[test]
fn a_gate_asks_for_list_and_scanner_when_most_codes_are_unknown() {
    let mut stand = Stand::evening();
    for number in 0..2 {
        assert_eq!(stand.enter(&barcode(number)).advice, None);
    }
    for number in 0..7 {
        let answer = stand.enter(&format!("NOBODY-{number}-KNOWS"));
        assert_eq!(answer.advice, None);
    }
    let answer = stand.enter("NOBODY-8-KNOWS");
    assert_eq!(answer.advice, Some(Advice::MostlyUnknown(8)));
    for number in 2..5 {
        stand.enter(&barcode(number));
    }
    assert_eq!(stand.enter(&barcode(5)).advice, None);
}
