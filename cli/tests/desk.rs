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
    house.ok("staff add Si --role steward --out si.png");
    for _ in 0..1_000 {
        house.ok("--home desk sync");
        let signed = house.run("--home desk sign-in --image si.png");
        if signed.status.code() == Some(0) {
            break;
        }
    }
    let why = message(&house, "--home desk search jurgen");
    assert!(
        why.contains("a steward is signed in") && why.contains("their own badge"),
        "{why}"
    );
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
    // The slug is what organizers type, whatever the session is called.
    house.ok("session create fair/f1 --name Matinee --doors +1h --ends +4h");
    for _ in 0..1_000 {
        house.ok("--home till sync");
        let status = house.json("--home till status");
        if status["tables"].to_string().contains("Matinee") {
            break;
        }
    }
    assert_eq!(
        scan("fair/f1", "QF3K7T2ZC5W8").1[0]["session"]["name"],
        "Matinee"
    );
    assert_eq!(scan("f1", "QF3K7T2ZC5W8").1[0]["session"]["slug"], "f1");
    let error = message(
        &house,
        "--home till scan --offline --session ball/evening X",
    );
    assert!(error.contains("it holds evening (fair/evening)"), "{error}");
    assert!(error.contains("14 days before"), "{error}");
}

#[test]
fn a_badge_that_is_shown_as_a_ticket_is_told_as_what_it_is() {
    let house = open();
    let (exit, lines) = house.scan(&["--image", "bo.png"]);
    assert_eq!(exit, 10);
    let sentence = lines[0]["message"].as_str().unwrap();
    assert!(
        sentence.contains("staff badge") && sentence.contains("usher sign-in"),
        "{sentence}"
    );
    assert!(lines[0]["record"].is_string());
    assert!(!lines[0].to_string().contains("USHB1"));
    house.ok("enrollment create --gate north --out x.png");
    let (_, lines) = house.scan(&["--image", "x.png"]);
    let sentence = lines[0]["message"].as_str().unwrap();
    assert!(
        sentence.contains("enrollment code") && sentence.contains("usher enroll"),
        "{sentence}"
    );
}

/// The files in a device's folder in which a text stands.
fn files_with(folder: &std::path::Path, text: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .filter(|entry| {
            let bytes = std::fs::read(entry.path()).unwrap();
            let mut windows = bytes.windows(text.len());
            windows.any(|window| window == text.as_bytes())
        })
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_desk_that_learns_that_it_was_revoked_keeps_no_names() {
    let house = open();
    let desk = house.path().join("desk");
    assert!(!files_with(&desk, "Ärmel").is_empty());
    house.ok("device revoke desk");
    assert_eq!(house.error("--home desk sync")["code"], "device_revoked");
    for name in ["Ärmel", "Müller", "Regular", "evening"] {
        assert_eq!(files_with(&desk, name), Vec::<String>::new(), "{name}");
    }
    let scan = house.run("--json --home desk scan --offline QF3K7T2ZC5W8");
    let line = house::json_lines(&scan.stdout).remove(0);
    assert_eq!(line["reason"], "device_revoked", "{line}");
}

#[test]
fn a_desk_is_wiped_by_command_and_downloads_again_what_it_still_may_have() {
    let house = open();
    let desk = house.path().join("desk");
    let (exit, _) = house.scan(&["QF3K7T2ZC5W8"]);
    assert_eq!(exit, 0);
    assert_eq!(house.error("--home desk wipe")["code"], "missing_value");
    assert!(!files_with(&desk, "Ärmel").is_empty());
    let wiped = house.json("--home desk wipe --yes");
    assert!(wiped["tables"].as_u64().unwrap() >= 3, "{wiped}");
    assert_eq!(files_with(&desk, "Ärmel"), Vec::<String>::new());
    let wiped = house.json("--home till wipe --yes");
    assert_eq!(wiped["unsent"], 1);
    house.ok("--home desk sync");
    house.ok("--home desk sign-in --image bo.png");
    assert!(house.ok("--home desk search jurgen").contains("Ärmel"));
    house.ok("--home till sync");
    assert_eq!(house.json("--home till status")["unsent"], 0);
}
