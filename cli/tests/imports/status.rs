//! Status words, placeholders, orders that wait, and tickets that were used before.

use super::shop::{Shop, merge, order, states, warns};
use serde_json::{Value, json};

fn secret(n: u32) -> String {
    format!("pretixsecretccccccccccccccccccc{n}")
}

/// An order of one position, with changes of the order.
fn waiting(n: u32, status: &str, changes: &Value) -> Value {
    let mut order = order(&format!("W000{n}"), status, &[(1, &secret(n), json!({}))]);
    merge(&mut order, changes);
    order
}

#[test]
fn an_order_that_nobody_approved_is_refused_whatever_else_it_says() {
    let shop = Shop::with_fair();
    let both = json!({"require_approval": true, "valid_if_pending": true});
    shop.pretix(
        &[
            waiting(1, "n", &both),
            waiting(2, "n", &json!({"valid_if_pending": true})),
            waiting(3, "n", &json!({})),
            waiting(4, "n", &json!({"require_approval": true})),
            waiting(5, "p", &json!({"require_approval": true})),
            waiting(6, "e", &both),
        ],
        &[],
        "",
    );
    assert_eq!(
        shop.states(),
        states([
            ("W0001-1", "blocked"),
            ("W0002-1", "valid"),
            ("W0003-1", "blocked"),
            ("W0004-1", "blocked"),
            ("W0005-1", "valid"),
            ("W0006-1", "other"),
        ])
    );
    // Approved, it may enter before it is paid.
    shop.pretix(
        &[waiting(1, "n", &json!({"valid_if_pending": true}))],
        &[],
        "",
    );
    assert_eq!(shop.states()["W0001-1"], "valid");
}

fn scan(list: u64, at: &str, kind: &str) -> Value {
    json!({"id": 1, "datetime": at, "list": list, "type": kind, "auto_checked_in": false})
}

#[test]
fn tickets_used_at_the_shops_scanners_are_counted_and_refused_if_so_asked() {
    let shop = Shop::with_fair();
    let entry = |list, at| scan(list, at, "entry");
    let exit = scan(1, "2026-11-30T12:00:00Z", "exit");
    let morning = "2026-11-30T11:00:00Z";
    let position = |checkins: Value| json!({ "checkins": checkins });
    let all = order(
        "U0001",
        "p",
        &[
            (1, &secret(1), position(json!([entry(1, morning)]))),
            (2, &secret(2), position(json!([]))),
            // Left again, in whatever order the answer tells it.
            (
                3,
                &secret(3),
                position(json!([exit.clone(), entry(1, morning)])),
            ),
            (
                4,
                &secret(4),
                position(json!([exit, entry(7, "2026-11-30T13:00:00Z")])),
            ),
            (
                5,
                &secret(5),
                merged(
                    position(json!([entry(1, morning)])),
                    json!({"canceled": true}),
                ),
            ),
        ],
    );
    let list = json!([{"id": 1, "name": "Main door", "all_products": true, "limit_products": [],
        "subevent": null, "include_pending": false, "allow_multiple_entries": false,
        "allow_entry_after_exit": false, "rules": {}}]);
    let report = shop.pretix(
        std::slice::from_ref(&all),
        &[("checkinlists.json", list.clone())],
        "",
    );
    assert_eq!(report["used_before"], 2);
    assert!(warns(&report, "2 tickets were used before"), "{report}");
    assert!(warns(&report, "7, “Main door”"), "{report}");
    assert!(!warns(&report, "not taken over"), "{report}");
    assert_eq!(shop.states()["U0001-1"], "valid");
    let report = shop.pretix(&[all], &[("checkinlists.json", list)], "--used refuse");
    assert!(warns(&report, "refused here"), "{report}");
    assert_eq!(
        shop.states(),
        states([
            ("U0001-1", "blocked"),
            ("U0001-2", "valid"),
            ("U0001-3", "valid"),
            ("U0001-4", "blocked"),
            ("U0001-5", "other"),
        ])
    );
}

fn merged(mut object: Value, changes: Value) -> Value {
    merge(&mut object, &changes);
    object
}

#[test]
fn a_list_tells_by_word_or_column_which_tickets_were_used() {
    let shop = Shop::with_fair();
    let list = "Order #,Barcode #,Attendee Status,Checked in\n\
        1,QA7Q2ZW9XR4TN8VBM3HP,Checked In,Yes\n2,QB7Q2ZW9XR4TN8VBM3HQ,Attending,No\n\
        3,QC7Q2ZW9XR4TN8VBM3HR,Attending,2026-11-30 18:12\n4,QD7Q2ZW9XR4TN8VBM3HS,Checked In,\n\
        5,QE7Q2ZW9XR4TN8VBM3HT,Not Attending,Yes\n6,QF7Q2ZW9XR4TN8VBM3HU,Attending,-\n";
    let report = shop.list(list, "");
    assert_eq!(report["used_before"], 3);
    assert!(warns(&report, "let in again"), "{report}");
    let report = shop.list(list, "--used refuse");
    assert_eq!(report["used_before"], 3);
    let blocked = shop
        .states()
        .into_values()
        .filter(|state| state == "blocked")
        .count();
    assert_eq!(blocked, 3);
}

#[test]
fn lines_that_are_no_tickets_are_bad_lines() {
    let shop = Shop::with_fair();
    let words = [
        "#N/A",
        "nan",
        "-",
        "Total",
        "#REF!",
        "NULL",
        "None",
        "#NV",
        "Summe:",
        "undefined",
        "——",
        "GESAMT",
    ];
    let mut list =
        "Barcode,Name\nRA7Q2ZW9XR4TN8VBM3HP,Ada\n barcode ,NAME\nRB7Q2ZW9XR4TN8VBM3HQ,Nan Null\n"
            .to_owned();
    for word in words {
        list += &format!("{word},5\n");
    }
    let refused = shop.refused(&list, "");
    assert!(refused.contains("13 lines are bad"), "{refused}");
    assert!(
        refused.contains("header again") && refused.contains("line 3"),
        "{refused}"
    );
    let report = shop.list(&list, "--skip-bad");
    assert_eq!(
        (&report["created"], &report["bad_count"]),
        (&json!(2), &json!(13))
    );
    let codes: Vec<&str> = report["bad"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bad| bad["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes[0], "header_again");
    assert!(
        codes[1..]
            .iter()
            .all(|code| ["barcode_missing", "no_ticket"].contains(code)),
        "{codes:?}"
    );
    assert_eq!(shop.ticket("RB7Q2ZW9XR4TN8VBM3HQ")["holder"], "Nan Null");
}

#[test]
fn a_placeholder_in_another_cell_is_an_empty_cell() {
    let shop = Shop::with_fair();
    let list = "Ticket No,Barcode,Name,Seat,Valid until,Entries\n\
        nan,SA7Q2ZW9XR4TN8VBM3HP,#N/A,-,nan,-\nNULL,SB7Q2ZW9XR4TN8VBM3HQ,Bo,N/A,#REF!,\n";
    let report = shop.list(list, "");
    assert_eq!(report["created"], 2);
    let ticket = shop.ticket("SA7Q2ZW9XR4TN8VBM3HP");
    for field in ["holder", "seat", "valid_until", "entries", "external"] {
        assert_eq!(ticket[field], Value::Null, "{field}");
    }
}

#[test]
fn an_unknown_status_word_can_be_told() {
    let shop = Shop::with_fair();
    let list = "barcode,status\nTA7Q2ZW9XR4TN8VBM3HP,Guestlist\nTB7Q2ZW9XR4TN8VBM3HQ,Zurück\nTC7Q2ZW9XR4TN8VBM3HR,paid\n";
    let refused = shop.refused(list, "");
    for told in ["“Guestlist”", "--status 'Guestlist=STATE'", "“Zurück”"] {
        assert!(refused.contains(told), "{told}: {refused}");
    }
    let report = shop.list(list, "--status GUESTLIST=valid --status zurück=refunded");
    assert_eq!(report["created"], 3);
    assert_eq!(shop.states()["TB7Q2ZW9XR4TN8VBM3HQ"], "refunded");
    let wrong = shop.refused(list, "--status Guestlist=perhaps");
    assert!(wrong.contains("WORD=STATE"), "{wrong}");
    // A known word may mean something else at a shop.
    shop.list(
        list,
        "--status guestlist=pending --status zurück=blocked --status paid=cancelled",
    );
    assert_eq!(
        shop.states(),
        states([
            ("TA7Q2ZW9XR4TN8VBM3HP", "blocked"),
            ("TB7Q2ZW9XR4TN8VBM3HQ", "blocked"),
            ("TC7Q2ZW9XR4TN8VBM3HR", "other"),
        ])
    );
}

#[test]
fn a_column_that_may_be_a_status_and_is_not_used_is_named() {
    let shop = Shop::with_fair();
    let list = "barcode,name,type,Ticket state,Cancelled at,E-mail\n\
                UA7Q2ZW9XR4TN8VBM3HP,Ida,Regular,ok,,ida@example.org\n";
    let report = shop.list(list, "");
    for header in ["Ticket state", "Cancelled at"] {
        assert!(
            warns(&report, &format!("column “{header}” is not used")),
            "{report}"
        );
    }
    assert!(!warns(&report, "E-mail"), "{report}");
    assert_eq!(
        report["unused_columns"],
        json!(["Ticket state", "Cancelled at", "E-mail"])
    );
    let text = shop.house.ok("import fair list.csv");
    assert!(
        text.contains("not used:") && text.contains("E-mail"),
        "{text}"
    );
    let mapped = shop
        .house
        .run("--json import fair list.csv --column zone=- --dry-run");
    assert_eq!(mapped.status.code(), Some(0));
}

#[test]
fn rules_of_a_check_in_list_are_said_not_to_be_taken_over() {
    let shop = Shop::with_fair();
    let list = |id: u64, name: &str, changes: Value| {
        merged(
            json!({"id": id, "name": name, "all_products": true, "limit_products": [], "subevent": null,
                "include_pending": false, "allow_multiple_entries": false,
                "allow_entry_after_exit": false, "rules": {}}),
            changes,
        )
    };
    let lists = json!([
        list(1, "All", json!({})),
        list(
            2,
            "VIP",
            json!({"all_products": false, "limit_products": [2]})
        ),
        list(
            3,
            "Unpaid too",
            json!({"include_pending": true, "allow_multiple_entries": true})
        ),
        list(
            4,
            "Evening",
            json!({"rules": {"isAfter": [{"var": "now"}]}})
        ),
    ]);
    let one = order("V0001", "p", &[(1, &secret(1), json!({}))]);
    let report = shop.pretix(&[one], &[("checkinlists.json", lists)], "");
    for (name, rule) in [
        ("VIP", "only 1 product in"),
        ("Unpaid too", "unpaid orders in, it lets"),
        ("Evening", "rules of its own"),
    ] {
        assert!(
            warns(&report, &format!("“{name}” is not taken over")),
            "{report}"
        );
        assert!(warns(&report, rule), "{report}");
    }
    assert!(warns(&report, "say --check-in-list 'VIP'"), "{report}");
    assert!(!warns(&report, "“All”"), "{report}");
}
