//! `usher readiness`: what an organizer sees before the doors open.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;

const ASK: &str = "readiness --session fair/evening";

#[test]
fn the_exit_code_says_whether_the_doors_may_open() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("session create fair/evening --doors now --ends +6h");
    let nobody = house.run(ASK);
    assert_eq!(nobody.status.code(), Some(12));
    let said = String::from_utf8(nobody.stdout).unwrap();
    assert!(said.contains("no device stands at a gate"), "{said}");
    let asked = house.run("--json readiness --session fair/nothing");
    assert_eq!(asked.status.code(), Some(1));
}

#[test]
fn a_device_that_missed_a_change_is_named_with_what_to_do() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    house.ok("--home till sync");
    let ready = house.ok(ASK);
    assert!(ready.contains("READY      till, at gate north"), "{ready}");
    assert!(ready.ends_with("the doors may open\n"), "{ready}");
    assert!(!ready.contains('\u{1b}'), "{ready}");
    house.ok("session change fair/evening --name Tonight");
    let late = house.run(ASK);
    assert_eq!(late.status.code(), Some(12));
    let said = String::from_utf8(late.stdout).unwrap();
    assert!(
        said.contains("NOT READY  till, at gate north: its ticket set is version"),
        "{said}"
    );
    assert!(
        said.contains("to do: bring it online and let it sync"),
        "{said}"
    );
    let output = house.run(&format!("--json {ASK}"));
    assert_eq!(output.status.code(), Some(12));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["devices"][0]["findings"][0]["what"], "table_behind");
    assert_eq!(json["ready"], false);
}
