//! Devices that come in: what both ends see while an organizer must confirm one.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::{House, error_of, json_lines};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A house whose device `till` asked once and waits: the digits it showed.
fn waiting() -> (House, String) {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("gate create north");
    house.ok("enrollment create --gate north --confirm --text-out north.code");
    let line = [
        "enroll",
        "--name",
        "till",
        "--file",
        "north.code",
        "--wait",
        "0m",
    ];
    let output = house.device(&line).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(error_of(&output)["code"], "not_confirmed");
    let digits = json_lines(&output.stdout)[0]["confirm"].clone();
    (house, digits.as_str().unwrap().to_owned())
}

#[test]
fn a_device_waits_for_its_digits_and_goes_on_where_it_stopped() {
    let (house, digits) = waiting();
    assert_eq!(digits.len(), 6);
    let status = house.ok("--home till status");
    assert!(
        status.contains("Waiting to be confirmed") && status.contains(&digits),
        "{status}"
    );
    let till = house.json("--home till status");
    assert_eq!(till["waiting_digits"], digits);
    assert_eq!(
        house.error("--home till scan CODE")["code"],
        "not_confirmed"
    );

    let listed = house.run("device list");
    assert!(text(&listed.stdout).contains(&format!("to be confirmed: {digits}")));
    assert!(text(&listed.stderr).contains("usher device confirm NAME DIGITS"));
    let wrong = if digits == "000000" {
        "000001"
    } else {
        "000000"
    };
    house.error(&format!("device confirm till {wrong}"));
    let confirmed = house.ok(&format!("device confirm till {digits}"));
    assert!(
        confirmed.contains(&format!("till is confirmed by {digits}")),
        "{confirmed}"
    );
    assert!(house.run("device list").stderr.is_empty());

    let enrolled = house.json("--home till enroll --name till --file north.code");
    assert_eq!(enrolled["name"], "till");
    assert!(house.json("--home till status")["waiting_digits"].is_null());
}

#[test]
fn a_device_that_waits_says_to_a_person_what_to_compare_and_stops_in_time() {
    let (house, digits) = waiting();
    let output = house.run("--home till enroll --name till --file north.code --wait 1s");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(
        said.starts_with("An organizer must confirm this device."),
        "{said}"
    );
    assert!(
        said.contains(&format!("usher device confirm till {digits}")),
        "{said}"
    );
    assert_eq!(said.matches("An organizer").count(), 1, "said once: {said}");
    let error = text(&output.stderr);
    assert!(error.contains("no organizer has confirmed") && error.contains("(not_confirmed)"));
}

#[test]
fn what_is_told_of_a_code_is_by_the_venues_clock_to_the_minute() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Asia/Tokyo");
    let issued = house.run("enrollment create --until 2027-05-01T18:00:00Z");
    assert_eq!(
        text(&issued.stderr).trim(),
        "Good for one device until Sun 2027-05-02 03:00."
    );
}

#[test]
fn a_devices_folder_becomes_neither_a_server_nor_another_device_unasked() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let before = names(&house.till());
    let refused = house.error("init --data till");
    assert_eq!(refused["code"], "no_server_folder", "{refused}");
    assert_eq!(names(&house.till()), before);
    house.ok("enrollment create --gate north --text-out again.code");
    let refused = house.error("--home till enroll --name other --file again.code");
    assert_eq!(refused["code"], "missing_value", "{refused}");
    assert_eq!(house.json("--home till status")["device"]["name"], "till");
}

fn names(folder: &std::path::Path) -> std::collections::BTreeSet<std::ffi::OsString> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}
