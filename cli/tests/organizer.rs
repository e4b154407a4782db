//! The organizer's commands against a real server of this process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;
use serde_json::Value;

#[test]
fn an_organizer_is_created_with_a_root_key_that_stays_here() {
    let house = House::with_organizer();
    let shown = house.json("organizer show");
    assert_eq!(shown["trust"]["number"], 1);
    let key = std::fs::read_to_string(house.path().join("house.root")).unwrap();
    assert!(key.starts_with("-----BEGIN USHER ROOT KEY-----"));
}

#[test]
fn creating_an_organizer_again_changes_nothing() {
    let house = House::with_organizer();
    let before = house.json("organizer show");
    let again = house.json("organizer create house --name House --passphrase-file pass");
    assert_eq!(again, before);
}

#[test]
fn renewing_signs_the_next_version_with_the_root_key() {
    let house = House::with_organizer();
    let renewed = house.json("organizer renew --root-key house.root --passphrase-file pass");
    assert_eq!(renewed["trust"]["number"], 2);
    std::fs::write(house.path().join("other"), "another passphrase\n").unwrap();
    let error = house.error("organizer renew --root-key house.root --passphrase-file other");
    assert_eq!(error["code"], "root_key");
}

#[test]
fn a_dry_run_shows_how_a_list_is_read_its_bad_lines_and_counts_that_add_up() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("session create fair/sat --doors 2027-05-01T18:00 --ends 2027-05-01T23:00");
    let list = "Barcode;Type\nq7ZkT2mV9xLp4RwYb8NcHd3F;Full\n;Full\n";
    std::fs::write(house.path().join("list.csv"), list).unwrap();
    let tried = house.run("import fair list.csv --dry-run");
    assert_eq!(tried.status.code(), Some(1));
    let told = String::from_utf8(tried.stdout).unwrap();
    for part in [
        "Read as csv; semicolon; utf-8",
        "  barcode      Barcode",
        "2 lines, not imported: 1 new, 0 changed, 0 unchanged, 1 bad",
        "\n  line 3: column “Barcode”: the barcode is missing (barcode_missing)",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    std::fs::write(house.path().join("odd.csv"), "Foo;Bar\n1;2\n").unwrap();
    let error = house.error("import fair odd.csv");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("--column barcode=1"), "{message}");
}

#[test]
fn an_event_with_sessions_types_zones_and_gates_comes_from_few_commands() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok(
        "session create fair/sat --doors 2027-05-01T18:00 --ends 2027-05-01T23:00 --entry reentry",
    );
    house.ok("session create fair/sun --doors 2027-05-02T18:00 --ends 2027-05-02T23:00");
    house.ok("type create fair/full");
    house.ok("type create fair/weekend --session sat --session sun");
    house.ok("zone create floor");
    house.ok("gate create north --zone floor");
    let event = house.json("event show fair");
    assert_eq!(event["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(event["types"].as_array().unwrap().len(), 2);
    let session = house.json("session show fair/sat");
    assert_eq!(session["rules"]["entry"]["mode"], "reentry");
    assert_eq!(session["doors"], "2027-05-01T16:00:00Z");
    assert!(
        house
            .ok("session list fair")
            .contains("Sat 2027-05-01 18:00")
    );
    assert!(house.ok("gate list").contains("floor"));
}

#[test]
fn changing_a_session_leaves_the_rules_that_no_flag_names() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone UTC");
    house.ok("session create fair/sat --doors 2027-05-01T18:00 --ends 2027-05-01T23:00 --early 45");
    let changed = house.json("session change fair/sat --isolated refer");
    assert_eq!(changed["rules"]["early_minutes"], 45);
    assert_eq!(changed["rules"]["isolated"], "refer");
}

#[test]
fn a_refusal_of_the_server_keeps_its_code_and_correlation_id() {
    let house = House::with_organizer();
    let error = house.error("event show nothing");
    assert_eq!(error["code"], "not_found");
    assert_eq!(error["correlation"].as_str().unwrap().len(), 26);
}

#[test]
fn a_token_works_until_it_is_revoked() {
    let house = House::with_organizer();
    let made = house.json("token create shop --role sales --out shop.token");
    assert!(made.get("secret").is_none());
    house.error("--token-file shop.token token list");
    house.ok(&format!("token revoke {}", made["id"].as_str().unwrap()));
    let error = house.error("--token-file shop.token event list");
    assert_eq!(error["code"], "unauthenticated");
}

#[test]
fn staff_get_badges_and_supervisors_a_pin_that_is_shown_once() {
    let house = House::with_organizer();
    house.ok("gate create north");
    let steward = house.json("staff add Sam --gate north --out sam.png");
    assert!(steward.get("pin").is_none());
    let lead = house.json("staff add Kim --role supervisor --out kim.png");
    assert_eq!(lead["pin"].as_str().unwrap().len(), 8);
    // The old badge is revoked, and a namesake that is revoked stands in nobody's way.
    house.ok("staff badge Kim --out kim-2.png");
    house.ok("staff badge Kim --out kim-3.png");
    let all = house.json("staff list");
    let revoked = |one: &&Value| one["revoked"] == true;
    assert_eq!(
        all["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(revoked)
            .count(),
        2
    );
    assert!(!house.ok("--json staff list").contains("pin"));
}

#[test]
fn a_list_of_staff_becomes_badges_in_a_folder() {
    let house = House::with_organizer();
    house.ok("gate create north");
    let list = "name,role,gates\nSam,steward,north\n\"Kim \"\"K\"\" Lee\",supervisor,\n";
    std::fs::write(house.path().join("staff.csv"), list).unwrap();
    house.ok("staff import staff.csv --out badges");
    let pins = std::fs::read_to_string(house.path().join("badges/pins.csv")).unwrap();
    assert_eq!(pins.lines().count(), 2);
    assert!(house.path().join("badges/badge-0002.png").exists());
    std::fs::write(house.path().join("bad.csv"), "name,role\nSam,king\n").unwrap();
    let error = house.error("staff import bad.csv --out badges-2");
    assert_eq!(error["code"], "bad_file");
}

#[test]
fn a_list_of_staff_imported_again_adds_who_is_new_and_nobody_twice() {
    let house = House::with_organizer();
    let list = "name;role\nSam;steward\nKim;supervisor\n";
    let file = house.path().join("staff.csv");
    std::fs::write(&file, list).unwrap();
    let first = house.run("staff import staff.csv --out badges");
    let told = String::from_utf8(first.stderr).unwrap();
    assert!(told.contains("badges/pins.csv"), "{told}");
    let pins = || std::fs::read_to_string(house.path().join("badges/pins.csv")).unwrap();
    let before = pins();
    std::fs::write(&file, format!("{list}Bo;Box Office\nKim;supervisor\n")).unwrap();
    let again = house.json("staff import staff.csv --out badges");
    let items = again["items"].as_array().unwrap();
    let there: Vec<bool> = items.iter().map(|one| one["there"] == true).collect();
    assert_eq!(there, [true, true, false, true]);
    assert_eq!(items[2]["role"], "box_office");
    assert_eq!(pins(), before);
    assert_eq!(
        house.json("staff list")["items"].as_array().unwrap().len(),
        3
    );
    assert!(
        house
            .ok("staff import staff.csv --out other")
            .contains("already there")
    );
}

#[test]
fn all_that_is_wrong_with_a_list_of_staff_is_told_and_nobody_is_added() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("event create ball --time-zone Asia/Tokyo");
    let list = "name,role,gates,valid_from\nSam,king,,\n,steward,,\nAda,,moon,\nBo,,,tomorrow\nKim,supervisor,,\nLee,,,2027-10-30 22:00\n";
    std::fs::write(house.path().join("staff.csv"), list).unwrap();
    let error = house.error("staff import staff.csv --out badges");
    let faults = error["errors"].as_array().unwrap();
    let told: Vec<&str> = faults
        .iter()
        .map(|one| one["at"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["line 2", "line 3", "line 4", "line 5", "line 7"]);
    let shown = String::from_utf8(house.run("staff import staff.csv --out badges").stderr).unwrap();
    for part in ["5 of its lines", "king", "moon", "tomorrow", "time zone"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert_eq!(
        house.json("staff list")["items"].as_array().unwrap().len(),
        0
    );
    assert!(!house.path().join("badges").exists());
}

#[test]
fn a_pin_that_is_guessed_first_is_refused() {
    let house = House::with_organizer();
    std::fs::write(house.path().join("pin"), "12345678\n").unwrap();
    let add = "staff add Kim --role supervisor --pin-file pin --out kim.png";
    let message = house.error(add)["message"].to_string();
    assert!(message.contains("guessed first"), "{message}");
    std::fs::write(house.path().join("pin"), "40821735\n").unwrap();
    house.ok(add);
}

#[test]
fn a_new_pin_is_as_long_as_the_organizer_asks_for() {
    let house = House::with_organizer();
    std::fs::write(house.path().join("pin"), "408217\n").unwrap();
    let add = "staff add Kim --role supervisor --pin-file pin --out kim.png";
    let message = house.error(add)["message"].to_string();
    assert!(message.contains("at least 8 digits"), "{message}");
    house.ok("organizer change --pin-digits 6");
    house.ok(add);
    house.ok("organizer change --pin-digits 11");
    let lead = house.json("staff add Lee --role supervisor --out lee.png");
    assert_eq!(lead["pin"].as_str().unwrap().len(), 11);
    assert_eq!(house.json("organizer show")["pin_digits"], 11);
}

#[test]
fn the_list_of_staff_shows_from_when_until_when_badges_are_valid() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    let until = "--valid-from 2027-10-30T17:00 --valid-until 2027-10-30T23:00";
    house.ok(&format!("staff add Sam {until} --out sam.png"));
    let list = house.ok("staff list");
    assert!(
        list.contains("from Sat 2027-10-30 17:00 until Sat 2027-10-30 23:00"),
        "{list}"
    );
}

#[test]
fn an_enrollment_code_is_text_a_terminals_drawing_and_a_picture() {
    let house = House::with_organizer();
    house.ok("gate create north");
    let issued = house.json("enrollment create --gate north --uses 2 --until 2h --out code.png");
    let code = issued["code"].as_str().unwrap();
    assert!(code.starts_with("USHE1:"));
    let drawn = house.ok("enrollment create --qr");
    assert!(drawn.contains('▀') && drawn.contains("USHE1:"));
    house.ok("enrollment create --text-out code.txt");
    assert!(house.path().join("code.txt").exists());
    assert!(house.ok("device list").contains("No devices yet."));
}
