//! Check-in lists of pretix whose rules are taken over.

use super::shop::{Shop, merge, order, states, warns};
use serde_json::{Value, json};

fn list(id: u64, name: &str, changes: &Value) -> Value {
    let mut list = json!({"id": id, "name": name, "all_products": true, "limit_products": [],
        "subevent": null, "include_pending": false, "allow_multiple_entries": false,
        "allow_entry_after_exit": false, "rules": {}, "exit_all_at": null, "addon_match": false});
    merge(&mut list, changes);
    list
}

fn secret(number: u32) -> String {
    format!("check{number}qw7vk2m5x8z4n6p3r9t{number}")
}

/// Two regular tickets, the second of an unpaid order, and a VIP ticket.
fn orders() -> [Value; 3] {
    let vip = json!({"item": 2});
    [
        order("C0001", "p", &[(1, &secret(1), json!({}))]),
        order("C0002", "n", &[(1, &secret(2), json!({}))]),
        order("C0003", "p", &[(1, &secret(3), vip)]),
    ]
}

impl Shop {
    fn take_over(&self, lists: &[Value], more: &str) -> Value {
        let lists = [("checkinlists.json", Value::from(lists.to_vec()))];
        self.pretix(&orders(), &lists, more)
    }

    fn take_over_refused(&self, lists: &[Value], more: &str) -> String {
        let lists = [("checkinlists.json", Value::from(lists.to_vec()))];
        self.pretix_refused(&orders(), &lists, more)
    }

    fn rules(&self) -> String {
        self.house.ok("session show fair/main")
    }
}

#[test]
fn who_is_not_on_the_list_stays_out_and_others_enter_as_often_as_it_says() {
    let shop = Shop::with_fair();
    let few = json!({"all_products": false, "limit_products": [2], "allow_multiple_entries": true,
        "rules": {"and": [{"<": [{"var": "entries_number"}, 2]}]}});
    let report = shop.take_over(&[list(1, "VIP", &few)], "--check-in-list VIP");
    assert!(
        warns(
            &report,
            "“VIP” are taken over at session main: not let in: Regular; several times: VIP"
        ),
        "{report}"
    );
    assert!(!warns(&report, "is not taken over"), "{report}");
    let rules = shop.rules();
    assert!(
        rules.contains("never") && rules.contains("2 times"),
        "{rules}"
    );
    shop.device("fair");
    let regular = shop.scan("fair", &secret(1));
    assert!(regular.contains("REFUSE"), "{regular}");
    assert!(
        regular.contains("tickets of this type are not let in"),
        "{regular}"
    );
    for _ in 0..2 {
        let vip = shop.scan("fair", &secret(3));
        assert!(vip.contains("ADMIT"), "{vip}");
    }
    let third = shop.scan("fair", &secret(3));
    assert!(third.contains("REFUSE"), "{third}");
    // The same again changes nothing.
    let again = shop.take_over(&[list(1, "VIP", &few)], "--check-in-list VIP");
    assert_eq!(
        (&again["updated"], &again["written"]),
        (&json!(0), &json!(true)),
        "{again}"
    );
}

#[test]
fn unpaid_orders_enter_once_staff_confirmed_and_again_after_an_exit() {
    let shop = Shop::with_fair();
    let open = json!({"include_pending": true, "allow_entry_after_exit": true});
    let report = shop.take_over(&[list(7, "Default", &open)], "--check-in-list 7");
    assert!(
        warns(&report, "again after each exit: Regular, VIP"),
        "{report}"
    );
    let all = [
        ("C0001-1", "valid"),
        ("C0002-1", "valid"),
        ("C0003-1", "valid"),
    ];
    assert_eq!(shop.states(), states(all));
    shop.device("fair");
    let unpaid = shop.scan("fair", &secret(2));
    assert!(
        unpaid.contains("REFER") && unpaid.contains("not paid yet"),
        "{unpaid}"
    );
    let first = shop.scan("fair", &secret(1));
    assert!(first.contains("ADMIT"), "{first}");
    let inside = shop.scan("fair", &secret(1));
    assert!(inside.contains("REFUSE"), "{inside}");
    shop.scan_with("fair", &["--direction", "out"], &secret(1));
    let again = shop.scan("fair", &secret(1));
    assert!(again.contains("ADMIT"), "{again}");
}

#[test]
fn times_of_a_list_hold_for_each_ticket() {
    let shop = Shop::with_fair();
    let later = json!({"rules": {"or": [
        {"inList": [{"var": "product"}, {"objectList": [{"lookup": ["product", "2", "VIP"]}]}]},
        {"isAfter": [{"var": "now"}, {"buildTime": ["custom", "2099-01-01T20:00:00+01:00"]}, 30]}]}});
    shop.take_over(&[list(1, "Late", &later)], "--check-in-list Late");
    shop.device("fair");
    let regular = shop.scan("fair", &secret(1));
    assert!(
        regular.contains("REFUSE") && regular.contains("Too early"),
        "{regular}"
    );
    let vip = shop.scan("fair", &secret(3));
    assert!(vip.contains("ADMIT"), "{vip}");
}

#[test]
fn a_list_of_one_date_rules_its_session_alone() {
    let shop = Shop::with_fair();
    shop.house
        .ok("session create fair/late --doors +1h --ends +7h");
    let dates = json!([
        {"id": 11, "name": {"en": "main"}, "event": "main", "date_from": "2026-01-01T00:00:00Z"},
        {"id": 12, "name": {"en": "late"}, "event": "main", "date_from": "2026-01-02T00:00:00Z"},
    ]);
    let lists = json!([
        list(
            1,
            "Default",
            &json!({"subevent": 11, "all_products": false, "limit_products": [2]})
        ),
        list(
            2,
            "Default",
            &json!({"subevent": 12, "allow_multiple_entries": true})
        ),
        list(3, "Whole", &json!({})),
    ]);
    let at = |date: u64| json!({"subevent": date});
    let orders = [order(
        "D1",
        "p",
        &[(1, &secret(1), at(11)), (2, &secret(2), at(12))],
    )];
    let files = [("checkinlists.json", lists), ("subevents.json", dates)];
    let both = shop.pretix_refused(&orders, &files, "--check-in-list 1 --check-in-list Whole");
    assert!(both.contains("are for the same tickets"), "{both}");
    let report = shop.pretix(&orders, &files, "--check-in-list Default");
    assert_eq!(report["created"], 2, "{report}");
    assert!(shop.rules().contains("never"), "{}", shop.rules());
    let late = shop.house.ok("session show fair/late");
    assert!(
        late.contains("again and again") && !late.contains("never"),
        "{late}"
    );
}

#[test]
fn a_rule_that_cannot_be_taken_over_refuses_and_is_named() {
    let shop = Shop::with_fair();
    let lists = [
        list(
            1,
            "Daily",
            &json!({"rules": {"and": [{"<": [{"var": "entries_today"}, 1]}]}}),
        ),
        list(
            2,
            "Dated",
            &json!({"rules": {"isAfter": [{"var": "now"}, {"buildTime": ["date_admission"]}]}}),
        ),
        list(3, "Add-ons", &json!({"addon_match": true})),
    ];
    for (name, rule) in [
        ("Daily", "entries_today < 1"),
        ("Dated", "neither event.json nor subevents.json"),
        ("Add-ons", "looks for add-ons"),
    ] {
        let why = shop.take_over_refused(&lists, &format!("--check-in-list {name}"));
        assert!(
            why.contains(&format!("“{name}”")) && why.contains(rule),
            "{why}"
        );
    }
    let unknown = shop.take_over_refused(&lists, "--check-in-list Dialy");
    assert!(
        unknown.contains("no check-in list is called “Dialy”: there are “Daily”"),
        "{unknown}"
    );
    let none = shop.take_over_refused(&[], "--check-in-list Daily");
    assert!(none.contains("give checkinlists.json"), "{none}");
    assert!(shop.states().is_empty());
    let csv = shop.refused("Barcode\nabcdefgh12345678\n", "--check-in-list Daily");
    assert!(csv.contains("a CSV list has no check-in lists"), "{csv}");
}

#[test]
fn a_list_that_was_taken_over_is_not_forgotten_by_the_next_import() {
    let shop = Shop::with_fair();
    let pending = [list(1, "Default", &json!({"include_pending": true}))];
    shop.take_over(&pending, "--check-in-list Default");
    let why = shop.take_over_refused(&pending, "");
    assert!(why.contains("--check-in-list 'Default'"), "{why}");
    assert_eq!(shop.states()["C0002-1"], "valid");
    let dry = shop.take_over(&pending, "--dry-run");
    assert!(warns(&dry, "this one names none"), "{dry}");
    shop.take_over(&pending, "--check-in-list -");
    assert_eq!(shop.states()["C0002-1"], "blocked");
    shop.take_over(&pending, "");
}
