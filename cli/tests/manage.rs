//! What an organizer says of sessions, gates, zones and types, and takes back.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;

/// A house with an event, its session `evening`, two zones and two types.
fn with_names() -> House {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("session create fair/evening --doors now --ends +6h");
    house.ok("zone create floor");
    house.ok("zone create balcony");
    house.ok("type create fair/vip");
    house.ok("type create fair/student");
    house
}

#[test]
fn rules_go_by_names_and_show_them_in_words() {
    let house = with_names();
    house.ok(
        "session change fair/evening --zones vip=floor,balcony --entries vip=3 --instruction \
         student=ID --capacity floor=300",
    );
    let shown = house.ok("session show fair/evening");
    for line in [
        "vip: 3 times; opens floor, balcony",
        "student: staff checks: ID",
        "floor: 300 people at once",
        "every other type opens every zone",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    house.ok("session change fair/evening --zones vip= --entries vip= --capacity floor=");
    let shown = house.ok("session show fair/evening");
    assert!(!shown.contains("vip") && !shown.contains("300"), "{shown}");
    let refused = house.error("session change fair/evening --zones vip=flor");
    let said = refused["message"].to_string();
    assert!(said.contains("balcony") && said.contains("floor"), "{said}");
}

#[test]
fn a_file_of_rules_changes_what_it_names_and_one_that_was_printed_before_a_change_is_refused() {
    let house = with_names();
    house.ok("session change fair/evening --operator required --zones vip=floor");
    std::fs::write(house.path().join("rules.toml"), "early_minutes = 3\n").unwrap();
    let changed = house.json("session change fair/evening --rules rules.toml");
    assert_eq!(changed["rules"]["early_minutes"], 3);
    assert_eq!(changed["rules"]["operator"], "required");
    assert_eq!(changed["rules"]["types"].as_array().unwrap().len(), 1);

    let shown = house.ok("--json session show fair/evening");
    let edited = shown.replace("\"early_minutes\":3", "\"early_minutes\":4");
    std::fs::write(house.path().join("session.json"), edited).unwrap();
    let changed = house.json("session change fair/evening --rules session.json");
    assert_eq!(changed["rules"]["early_minutes"], 4);
    house.ok("session change fair/evening --late 9");
    let refused = house.error("session change fair/evening --rules session.json");
    assert_eq!(refused["code"], "conflict");
    let now = house.json("session show fair/evening");
    assert_eq!(now["rules"]["late_minutes"], 9);
}

#[test]
fn times_are_written_in_one_way_everywhere() {
    let house = with_names();
    let created = house::run(
        house.path(),
        &[
            "--server",
            house.address(),
            "--json",
            "session",
            "create",
            "fair/late",
            "--doors",
            "tomorrow 19:00",
            "--ends",
            "tomorrow 23:30",
        ],
    );
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    house.ok("gate create north");
    house.ok("session free-flow fair/evening --gate north --until 23:59");
    house.ok("session notice fair/evening Hello --until 23:59");
    house.ok("enrollment create --until 23:59");
    house.ok("token create shop --role viewer --until 23:59 --out shop.token");
    let refused = house.error("session change fair/late --ends 23:59");
    let said = refused["message"].to_string();
    assert!(said.contains("say the day"), "{said}");
}

#[test]
fn a_slip_is_renamed_or_retired_and_gone_from_lists() {
    let house = with_names();
    house.ok("gate create nroth");
    house.ok("gate change nroth --slug north --zone floor");
    let refused = house.error("zone retire floor");
    assert_eq!(refused["code"], "conflict");
    assert!(
        refused["message"].to_string().contains("north"),
        "{refused}"
    );
    house.ok("gate retire north");
    house.ok("zone retire floor");
    house.ok("type retire fair/vip");
    assert!(!house.ok("gate list").contains("north"));
    assert!(!house.ok("zone list").contains("floor"));
    let shown = house.ok("event show fair");
    assert!(
        shown.contains("student") && !shown.contains("vip"),
        "{shown}"
    );
}

#[test]
fn the_same_person_is_not_added_twice_silently() {
    let house = House::with_organizer();
    house.ok("staff add Sam --out one.png");
    let refused = house.error("staff add Sam --out two.png");
    assert!(
        refused["message"].to_string().contains("staff badge"),
        "{refused}"
    );
    house.ok("staff add Sam --namesake --out two.png");
    let all = house.json("staff list");
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
}

#[test]
fn an_enrollment_code_is_listed_and_withdrawn_by_the_beginning_of_its_id() {
    let house = House::with_organizer();
    house.ok("enrollment create --text-out one.code --uses 3");
    let listed = house.json("enrollment list");
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    assert!(house.ok("enrollment list").contains("0 of 3"));
    house.ok(&format!("enrollment withdraw {}", &id[..12]));
    let refused = house.error("--home till enroll --name till --file one.code");
    assert_eq!(refused["code"], "enrollment_refused");
    let listed = house.json("enrollment list");
    assert_eq!(listed["items"].as_array().unwrap().len(), 0);
    let listed = house.json("enrollment list --all");
    assert_eq!(listed["items"][0]["state"], "withdrawn");
}
