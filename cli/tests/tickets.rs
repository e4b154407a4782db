//! Tickets at the organizer's side: their codes, their lists, and the times that people write.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;
use serde_json::Value;

fn fair() -> House {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin --name Fair");
    house.ok(
        "session create fair/sat --name Saturday --doors 2027-10-30T18:00 --ends 2027-10-30T23:00",
    );
    house.ok("session create fair/sun --doors 2027-10-31T18:00 --ends 2027-10-31T23:00");
    house.ok("type create fair/full");
    house
}

fn said(house: &House, line: &str) -> String {
    let output = house.run(line);
    assert_ne!(output.status.code(), Some(0), "{line}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn all_media_of_a_ticket_are_shown_and_each_can_be_drawn() {
    let house = fair();
    let sold = house.json("ticket create fair --type full --session sat --external T-1");
    let signed = sold["code"].as_str().unwrap();
    house.ok("ticket attach fair/T-1 wristband-17");
    let shown = house.ok("ticket show fair/T-1");
    for line in [
        "Fair (fair)",
        "Saturday (sat), Sat 2027-10-30 18:00",
        signed,
        "barcode  wristband-17",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let code = |line: &str| house.json(line)["code"].clone();
    assert_eq!(code("ticket qr fair/T-1"), *signed);
    assert_eq!(code("ticket qr fair/T-1 --medium signed"), *signed);
    assert_eq!(code("ticket qr fair/T-1 --medium barcode"), "wristband-17");
    assert_eq!(code("ticket qr fair/T-1 --medium 2"), "wristband-17");
    assert!(said(&house, "ticket qr fair/T-1 --medium 3").contains("no medium 3"));
    house.ok("ticket create fair --type full --session sat --external T-2 --medium ABC-123");
    assert_eq!(code("ticket qr fair/T-2"), "ABC-123");
    assert!(said(&house, "ticket qr fair/T-2 --medium signed").contains("no signed code"));
    let taken = said(&house, "ticket attach fair/T-2 wristband-17");
    assert!(
        taken.contains("this barcode belongs to another ticket"),
        "{taken}"
    );
}

#[test]
fn all_that_was_set_is_shown_and_can_be_taken_away() {
    let house = fair();
    house.ok("zone create floor");
    let ticket = "ticket create fair --type full --session sat --external T-1";
    house.ok(&format!(
        "{ticket} --zone floor --entries 2 --seat A7 --instruction Student --valid-until +6h"
    ));
    let shown = house.ok("ticket show fair/T-1");
    let line = |label: &str| {
        let mut lines = shown.lines().map(str::trim);
        let line = lines.find_map(|line| line.strip_prefix(label));
        line.map(str::trim).map(str::to_owned)
    };
    assert_eq!(line("zone").as_deref(), Some("floor"), "{shown}");
    assert_eq!(line("entries").as_deref(), Some("2"), "{shown}");
    let told = house.json("ticket show fair/T-1");
    assert_eq!(
        (&told["zone"], &told["entries"]),
        (&"floor".into(), &2.into())
    );
    let clear = "--clear zone --clear entries --clear instruction --clear valid_until";
    house.ok(&format!("ticket update fair/T-1 {clear}"));
    let told = house.json("ticket show fair/T-1");
    for field in ["zone", "entries", "instruction", "valid_until"] {
        assert!(told[field].is_null(), "{field}: {told}");
    }
    assert_eq!(told["seat"], "A7");
    let both = said(&house, "ticket update fair/T-1 --seat B1 --clear seat");
    assert!(both.contains("clear"), "{both}");
}

#[test]
fn a_barcode_that_can_be_guessed_is_told_when_it_is_given() {
    let house = fair();
    let stderr = |line: &str| {
        let output = house.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let ticket = "ticket create fair --type full --session sat --external";
    let weak = stderr(&format!("{ticket} T-1 --medium short"));
    assert!(weak.contains("could be guessed"), "{weak}");
    let strong = stderr(&format!("{ticket} T-2 --medium q7ZkT2mV9xLp4RwYb8NcHd3F"));
    assert_eq!(strong, "");
    assert!(stderr("ticket attach fair/T-2 1234").contains("could be guessed"));
}

#[test]
fn tickets_are_listed_page_by_page_and_by_what_is_looked_for() {
    let house = fair();
    for (number, session) in [("T-1", "sat"), ("T-2", "sat"), ("T-3", "sun")] {
        let rest = format!("--session {session} --external {number} --holder Ada-{number}");
        house.ok(&format!("ticket create fair --type full {rest}"));
    }
    house.ok("ticket cancel fair/T-2");
    let numbers = |line: &str| {
        let list = house.json(&format!("ticket list {line}"));
        let items = list["items"].as_array().unwrap().clone();
        let mut all: Vec<String> = items
            .iter()
            .map(|one| one["external"].as_str().unwrap().to_owned())
            .collect();
        all.sort();
        (all, list["next"].clone())
    };
    assert_eq!(numbers("fair").0, ["T-1", "T-2", "T-3"]);
    assert_eq!(numbers("fair/sun").0, ["T-3"]);
    assert_eq!(numbers("fair --state cancelled").0, ["T-2"]);
    assert_eq!(numbers("fair --type full --text ada-t-3").0, ["T-3"]);
    assert_eq!(numbers("fair --text nobody"), (Vec::new(), Value::Null));
    let (first, next) = numbers("fair --limit 2");
    assert_eq!(first.len(), 2);
    let (rest, end) = numbers(&format!(
        "fair --limit 2 --after {}",
        next.as_str().unwrap()
    ));
    assert_eq!((rest.len(), end), (1, Value::Null));
    assert_eq!(numbers("fair --all").0.len(), 3);
    let table = house.run("ticket list fair --limit 1");
    assert!(String::from_utf8_lossy(&table.stdout).starts_with("number"));
    assert!(String::from_utf8_lossy(&table.stderr).contains("--after"));
}

#[test]
fn a_time_that_clocks_show_twice_or_never_is_refused_with_what_to_write() {
    let house = fair();
    let twice = said(
        &house,
        "session create fair/night --doors 2027-10-31T02:30 --ends 2027-10-31T06:00",
    );
    for part in [
        "twice",
        "2027-10-31T02:30:00+02:00",
        "2027-10-31T02:30:00+01:00",
    ] {
        assert!(twice.contains(part), "{twice}");
    }
    assert_eq!(twice.matches("twice").count(), 1, "said once: {twice}");
    house.ok("session create fair/night --doors 2027-10-31T02:30:00+01:00 --ends 2027-10-31T06:00");
    let never = said(&house, "session change fair/night --doors 2028-03-26T02:30");
    assert!(
        never.contains("skip") && never.contains("2028-03-26T03:30:00+02:00"),
        "{never}"
    );
    let other = said(&house, "session create fair/sat --doors now --ends +1h");
    assert!(other.contains("another session with this slug"), "{other}");
}

#[test]
fn tickets_and_badges_take_the_times_that_sessions_take() {
    let house = fair();
    let ticket = "ticket create fair --type full --session sat --external T-1";
    let sold = house.json(&format!(
        "{ticket} --valid-from 2027-10-30T17:00 --valid-until 2027-10-30T20:00:00Z"
    ));
    assert_eq!(sold["valid_from"], "2027-10-30T15:00:00Z");
    assert!(
        house
            .ok("ticket show fair/T-1")
            .contains("Sat 2027-10-30 22:00")
    );
    house.ok("ticket update fair/T-1 --valid-from now --valid-until +6h");
    let sam =
        house.json("staff add Sam --valid-from now --valid-until 2027-10-30T17:00 --out sam.png");
    assert_eq!(sam["valid_until"], "2027-10-30T15:00:00Z");
    assert!(
        house
            .ok("staff list")
            .contains("until Sat 2027-10-30 17:00")
    );
    for line in [
        "ticket update fair/T-1 --valid-from tomorrow",
        "staff add Kim --out kim.png --valid-until tomorrow",
        "session change fair/sat --ends tomorrow",
    ] {
        let said = said(&house, line);
        assert!(
            said.contains("tomorrow 19:00") && said.contains("90m"),
            "{said}"
        );
    }
}

#[test]
fn a_home_is_named_by_the_devices_name_and_what_is_ambiguous_lists_all() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let update = "ticket update fair/QF3K7T2ZC5W8 --home-device";
    let ticket = house.json(&format!("{update} till"));
    let devices = house.json("device list");
    let id = devices["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ticket["home"], id.as_str());
    assert_eq!(house.json(&format!("{update} {id}"))["home"], id.as_str());
    let said = |line: &str| house.error(line)["message"].as_str().unwrap().to_owned();
    let nobody = said(&format!("{update} tell"));
    assert!(nobody.contains("there are till"), "{nobody}");
    house.ok("enrollment create --gate north --text-out other.code");
    house.ok("--home other enroll --name till --file other.code");
    let several = said(&format!("{update} till"));
    assert!(
        several.contains(&format!("{id} (gate north, active)")),
        "{several}"
    );
}
