//! Tickets that are moved to another session, and codes that stand in two events.

use super::shop::{Shop, order, states, warns};
use serde_json::{Value, json};

/// An event with a session that is served now and one later.
fn two_sessions() -> Shop {
    let shop = Shop::open();
    let house = &shop.house;
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("session create fair/early --name Early --doors now --ends +3h");
    house.ok("session create fair/late --name Late --doors +4h --ends +8h");
    shop
}

fn sessions_of(shop: &Shop, name: &str) -> Value {
    shop.ticket(name)["sessions"].clone()
}

#[test]
fn a_line_with_another_session_moves_its_ticket_and_the_rest_comes_in() {
    let shop = two_sessions();
    let first = "Ticket No,Barcode,Name,Session\n\
        1,XXA7Q2ZW9XR4TN8VBM3P,Ada,early\n2,XXB7Q2ZW9XR4TN8VBM3Q,Bo,late\n3,XXC7Q2ZW9XR4TN8VBM3R,Cy,early\n";
    shop.list(first, "");
    let later = first
        .replace("Ada,early", "Ada,late")
        .replace("Bo,late", "Bo,early")
        + "4,XXD7Q2ZW9XR4TN8VBM3S,Di,early\n";
    let report = shop.list(&later, "");
    assert_eq!(
        (&report["created"], &report["updated"], &report["bad_count"]),
        (&json!(1), &json!(2), &json!(0))
    );
    assert!(warns(&report, "2 tickets are moved"), "{report}");
    assert!(!warns(&report, "let in at the session"), "{report}");
    assert_eq!(sessions_of(&shop, "1"), json!(["late"]));
    shop.device("fair");
    let gone = shop.scan("fair", "XXA7Q2ZW9XR4TN8VBM3P");
    assert!(gone.contains("REFUSE") && gone.contains("Late"), "{gone}");
    let came = shop.scan("fair", "XXB7Q2ZW9XR4TN8VBM3Q");
    assert!(came.contains("ADMIT"), "{came}");
    // Back again, with a change of its name after that.
    let back = shop.list(&later.replace("Ada,late", "Ada Berg,early"), "");
    assert!(warns(&back, "1 ticket is moved"), "{back}");
    shop.house.ok("--home fair sync");
    let here = shop.scan("fair", "XXA7Q2ZW9XR4TN8VBM3P");
    assert!(here.contains("ADMIT"), "{here}");
    // The one that left is no ticket of the early session any more: nobody counts it there.
    let late = shop.house.json("ticket list fair/late");
    assert_eq!(late["items"].as_array().unwrap().len(), 0);
}

#[test]
fn a_pretix_position_with_another_date_is_moved() {
    let shop = two_sessions();
    let dates = json!([
        {"id": 8, "event": "main", "name": {"en": "Early"}, "date_from": null},
        {"id": 9, "event": "main", "name": {"en": "Late"}, "date_from": null},
    ]);
    let at = |date: u64| {
        order(
            "M0001",
            "p",
            &[(
                1,
                "pretixsecretddddddddddddddddddd1",
                json!({"subevent": date}),
            )],
        )
    };
    let subevents = [("subevents.json", dates)];
    shop.pretix(&[at(8)], &subevents, "");
    assert_eq!(sessions_of(&shop, "M0001-1"), json!(["early"]));
    let report = shop.pretix(&[at(9)], &subevents, "");
    assert!(warns(&report, "1 ticket is moved"), "{report}");
    assert_eq!(sessions_of(&shop, "M0001-1"), json!(["late"]));
    shop.device("fair");
    let gone = shop.scan("fair", "pretixsecretddddddddddddddddddd1");
    assert!(gone.contains("REFUSE") && gone.contains("Late"), "{gone}");
}

#[test]
fn a_ticket_that_was_used_before_it_is_moved_is_told() {
    let shop = two_sessions();
    let list = "Ticket No,Barcode,Name,Session\n1,XYA7Q2ZW9XR4TN8VBM3P,Ada,early\n";
    shop.list(list, "");
    shop.device("fair");
    assert!(shop.scan("fair", "XYA7Q2ZW9XR4TN8VBM3P").contains("ADMIT"));
    shop.house.ok("--home fair sync");
    let report = shop.list(&list.replace("early", "late"), "");
    assert!(
        warns(&report, "let in at the session that it leaves"),
        "{report}"
    );
    assert_eq!(sessions_of(&shop, "1"), json!(["late"]));
}

#[test]
fn a_ticket_is_moved_by_hand_and_no_list_moves_it_back() {
    let shop = two_sessions();
    let list = "Ticket No,Barcode,Name,Session\n1,XZA7Q2ZW9XR4TN8VBM3P,Ada,early\n";
    shop.list(list, "");
    shop.house.ok("ticket update fair/1 --session late");
    assert_eq!(sessions_of(&shop, "1"), json!(["late"]));
    // A signed code names its session: a moved ticket has a new one.
    let house = &shop.house;
    house.ok("type create fair/full");
    let sold = house.json("ticket create fair --type full --session late --external T-1");
    let moved = house.json("ticket update fair/T-1 --session early");
    let told = (&moved["sessions"], &moved["issue"]);
    assert_eq!(told, (&json!(["early"]), &json!(2)));
    assert_ne!(sold["code"], moved["code"]);
    // An import is sealed when it answers.
    shop.list(&list.replace("Ada", "Ida"), "");
    assert_eq!(sessions_of(&shop, "1"), json!(["late"]));
    assert_eq!(shop.ticket("1")["holder"], "Ida");
    shop.device("fair");
    let code = |ticket: &Value| ticket["code"].as_str().unwrap().to_owned();
    let came = shop.scan("fair", &code(&moved));
    assert!(came.contains("ADMIT"), "{came}");
    let old = shop.scan("fair", &code(&sold));
    assert!(old.contains("REFUSE"), "{old}");
    let late = shop.scan("fair", "XZA7Q2ZW9XR4TN8VBM3P");
    assert!(late.contains("Late"), "{late}");
}

#[test]
fn a_pass_is_not_moved_to_one_session() {
    let shop = two_sessions();
    shop.house
        .ok("type create fair/both --session early --session late");
    shop.house
        .ok("ticket create fair --type both --external P-1");
    let refused = shop.house.error("ticket update fair/P-1 --session late");
    assert!(
        refused["message"].as_str().unwrap().contains("a pass"),
        "{refused}"
    );
    let unknown = shop.house.error("ticket update fair/P-1 --session nowhere");
    assert!(
        unknown["message"].as_str().unwrap().contains("a pass"),
        "{unknown}"
    );
}

#[test]
fn one_code_in_two_events_is_a_ticket_of_each() {
    let shop = Shop::open();
    for event in ["friday", "saturday"] {
        shop.event(event);
    }
    shop.list_into(
        "friday",
        "barcode,name,type\n000201,Ann,Band\n000202,Ben,Band\n",
        "",
    );
    let report = shop.list_into(
        "saturday",
        "barcode,name,type\n000201,Cem,Band\n000203,Dan,Band\n",
        "",
    );
    assert_eq!(
        (&report["created"], &report["bad_count"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(
        shop.states_of("saturday"),
        states([("000201", "valid"), ("000203", "valid")])
    );
    shop.house
        .ok("ticket cancel friday/000201 --reason refunded");
    for event in ["friday", "saturday"] {
        shop.device(event);
    }
    assert!(shop.scan("friday", "000201").contains("REFUSE"));
    assert!(shop.scan("saturday", "000201").contains("ADMIT"));
    let foreign = shop.scan("saturday", "000202");
    assert!(foreign.contains("REFUSE"), "{foreign}");
    // Within an event a code stays one ticket's.
    let refused = shop.house.run("ticket attach saturday/000203 000201");
    assert_ne!(refused.status.code(), Some(0));
}

#[test]
fn a_code_admitted_before_it_was_known_is_linked_to_the_ticket_of_its_event() {
    let shop = Shop::open();
    for event in ["friday", "saturday"] {
        shop.event(event);
        shop.device(event);
    }
    // Unknown at both doors; then each event's list names it.
    assert!(shop.scan("saturday", "000301").contains("REFUSE"));
    shop.house.ok("--home saturday sync");
    shop.list_into("friday", "barcode,name\n000301,Ann\n", "");
    shop.list_into("saturday", "barcode,name\n000301,Cem\n", "");
    shop.house.ok("--home saturday sync");
    let seen = shop.scan("saturday", "000301");
    assert!(seen.contains("ADMIT"), "{seen}");
}

#[test]
fn a_moved_tickets_old_and_new_codes_are_told_what_opens_it_and_who_is_inside_is_named() {
    let shop = two_sessions();
    let house = &shop.house;
    house.ok("type create fair/regular --name Regular");
    let old = house.json("ticket create fair --type regular --session early --external A-1");
    let old = old["code"].as_str().unwrap().to_owned();
    shop.device("fair");
    assert!(shop.scan("fair", &old).contains("ADMIT"));
    house.ok("--home fair sync");
    let moved = house.json("ticket update fair/A-1 --session late");
    assert_eq!(moved["left_inside"], json!(["early"]), "{moved}");
    let shown = house.ok("ticket show fair/A-1");
    assert!(shown.contains("not seen leaving"), "{shown}");
    let new = moved["code"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    house.ok("--home fair sync");
    for (code, session, says) in [
        (
            &old,
            "Early",
            "Moved to Late: only its new code is valid there.",
        ),
        (&new, "Early", "Moved to Late: this code is valid there."),
        (
            &old,
            "Late",
            "An old code: the ticket was moved to this session",
        ),
    ] {
        let output = shop.scan_with("fair", &["--session", session], code);
        assert!(output.contains(says), "{session}: {output}");
    }
    // Who leaves the early session is no longer told of.
    let output = shop.scan_with("fair", &["--direction", "out", "--session", "Early"], &old);
    assert!(output.contains("ADMIT"), "{output}");
    house.ok("--home fair sync");
    assert!(
        !house
            .ok("ticket show fair/A-1")
            .contains("not seen leaving")
    );
}
