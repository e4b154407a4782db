//! A desk that searches by name, and what devices say where a person names what they do not hold.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;
use serde_json::Value;

/// A house with the gate device `till`, the desk `desk`, and the badge of box office staff.
fn open() -> House {
    let list = "barcode,name,type,order\n\
                QF3K7T2ZC5W8,Jürgen Ärmel,Regular,O-1\n\
                V6N2D8LPY3GQ,Łucja Müller,Regular,O-2\n";
    let house = House::with_device(&[("tickets.csv", list.to_owned())]);
    house.ok("ticket cancel fair/V6N2D8LPY3GQ --reason refunded");
    house.ok("enrollment create --role desk --text-out desk.code");
    house.ok("--home desk enroll --name desk --file desk.code");
    house.ok("staff add Bo --role box_office --out bo.png");
    for _ in 0..1_000 {
        house.ok("--home desk sync");
        let signed = house.run("--home desk sign-in --image bo.png");
        if signed.status.code() == Some(0) {
            break;
        }
    }
    house
}

fn message(house: &House, line: &str) -> String {
    house.error(line)["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_search_finds_people_by_any_words_and_says_what_it_needs() {
    let house = open();
    for words in ["jurgen", "ärmel jürgen", "ARM o-1"] {
        let line = ["--json", "--home", "desk", "search", words];
        let output = house::run(house.path(), &line);
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let items = found["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{words}: {found}");
        assert_eq!(items[0]["holder"], "Jürgen Ärmel");
        assert_eq!(items[0]["type_name"], "Regular");
    }
    let lucja = house.ok("--home desk search lucja");
    assert!(lucja.contains("cancelled"), "{lucja}");
    assert!(message(&house, "--home desk search e").contains("2 letters"));
    house.ok("--home desk sign-out");
    assert!(message(&house, "--home desk search jurgen").contains("usher sign-in"));
    house.ok("--home till sync");
    house.ok("--home till sign-in --image bo.png");
    assert!(message(&house, "--home till search jurgen").contains("only desks"));
}

#[test]
fn a_session_is_named_as_organizers_name_it_and_an_error_lists_those_held() {
    let house = open();
    let scan = |session: &str, code: &str| house.scan(&["--session", session, code]);
    assert_eq!(scan("fair/evening", "QF3K7T2ZC5W8").0, 0);
    assert_eq!(scan("Evening", "QF3K7T2ZC5W8").0, 10);
    let error = message(
        &house,
        "--home till scan --offline --session ball/evening X",
    );
    assert!(error.contains("it holds evening (fair, "), "{error}");
    assert!(error.contains("14 days before"), "{error}");
}

#[test]
fn a_badge_that_is_shown_as_a_ticket_is_told_as_what_it_is() {
    let house = open();
    let (exit, lines) = house.scan(&["--image", "bo.png"]);
    assert_eq!(exit, 10);
    let sentence = lines[0]["message"].as_str().unwrap();
    assert!(sentence.contains("staff badge"), "{sentence}");
    assert!(lines[0]["record"].is_string());
    assert!(!lines[0].to_string().contains("USHB1"));
}
