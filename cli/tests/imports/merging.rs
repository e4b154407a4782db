//! The last import, this one, and what was said here since.

use super::shop::{Shop, order, states, warns};
use serde_json::json;

const THREE: &str = "\
Ticket No,Barcode,Name,Type,Status
1,KA7Q2ZW9XR4TN8VBM3HP,Ida Lund,Regular,Paid
2,KB7Q2ZW9XR4TN8VBM3HQ,Jon Moe,Regular,Paid
3,KC7Q2ZW9XR4TN8VBM3HR,Kim Nil,Regular,Paid
";

/// The same with other names.
fn renamed() -> String {
    THREE
        .replace("Lund", "Lund-Aas")
        .replace("Jon", "John")
        .replace("Kim", "Kimberly")
}

#[test]
fn a_corrected_name_revives_no_ticket_that_was_refused_here() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    shop.house.ok("ticket cancel fair/1 --reason refunded");
    shop.house.ok("ticket block fair/2");
    let report = shop.list(&renamed(), "");
    assert_eq!(report["updated"], 3);
    assert_eq!(
        shop.states(),
        states([("1", "refunded"), ("2", "blocked"), ("3", "valid")])
    );
    assert_eq!(shop.ticket("1")["holder"], "Ida Lund-Aas");
    assert_eq!(report["refused_here"], 2);
    assert!(warns(&report, "2 tickets stay refused"), "{report}");
    assert!(warns(&report, "lets them in: 1, 2"), "{report}");
    assert_eq!(report["refused_here_tickets"], json!(["1", "2"]));
    // A line that says nothing new is reported as well.
    let again = shop.list(&renamed(), "");
    assert_eq!(
        (&again["unchanged"], &again["refused_here"]),
        (&json!(3), &json!(2))
    );
}

#[test]
fn what_was_said_here_of_a_ticket_stays_and_what_the_list_changes_is_taken() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    shop.house
        .run("ticket update fair/1 --instruction check-ID --entries 2");
    shop.house.ok("ticket update fair/2 --holder Somebody");
    shop.house
        .ok("ticket reissue fair/3 --medium NEWCODE7Q2ZW9XR4TN8V");
    let report = shop.list(&renamed(), "");
    let first = shop.ticket("1");
    assert_eq!(
        (&first["instruction"], &first["entries"]),
        (&json!("check-ID"), &json!(2))
    );
    assert_eq!(first["holder"], "Ida Lund-Aas");
    // Both changed the name: the word of here stays, and is told.
    assert_eq!(shop.ticket("2")["holder"], "Somebody");
    assert_eq!(report["kept_here"], 1);
    assert!(
        warns(&report, "were changed here and in the list"),
        "{report}"
    );
    let third = shop.ticket("3");
    assert_eq!(
        (&third["code"], &third["issue"]),
        (&json!("NEWCODE7Q2ZW9XR4TN8V"), &json!(2))
    );
    assert_eq!(third["holder"], "Kimberly Nil");
}

#[test]
fn the_list_may_refuse_and_allow_what_nobody_spoke_of_here() {
    let shop = Shop::with_fair();
    shop.list(&THREE.replacen("Paid", "Pending", 1), "");
    assert_eq!(shop.states()["1"], "blocked");
    shop.list(&THREE.replace("Regular,Paid\n3", "Regular,Refunded\n3"), "");
    assert_eq!(
        shop.states(),
        states([("1", "valid"), ("2", "refunded"), ("3", "valid")])
    );
    // What only the list cancelled, the list may allow again; and it is told.
    let report = shop.list(&renamed(), "");
    assert_eq!(shop.states()["2"], "valid");
    assert!(warns(&report, "valid again"), "{report}");
}

#[test]
fn a_ticket_cancelled_here_and_in_the_list_stays_cancelled_when_the_list_takes_it_back() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    shop.house.ok("ticket cancel fair/1 --reason refunded");
    shop.list(&THREE.replacen("Paid", "Refunded", 1), "");
    let report = shop.list(&renamed(), "");
    assert_eq!(shop.states()["1"], "refunded");
    assert_eq!(report["refused_here"], 1);
}

#[test]
fn a_ticket_freed_here_that_the_list_refunds_is_refused() {
    let shop = Shop::with_fair();
    shop.list(&THREE.replace("Paid", "Pending"), "");
    shop.house.ok("ticket unblock fair/1");
    shop.house.ok("ticket unblock fair/2");
    let names = THREE.replace("Paid", "Pending").replace("Jon", "John");
    shop.list(&names, "");
    assert_eq!(shop.states()["2"], "valid");
    shop.list(&names.replacen("Pending", "Refunded", 1), "");
    assert_eq!(
        shop.states(),
        states([("1", "refunded"), ("2", "valid"), ("3", "blocked")])
    );
}

#[test]
fn lines_that_are_gone_are_told_and_cancelled_only_if_somebody_says_so() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    let fewer = THREE.lines().take(3).collect::<Vec<_>>().join("\n");
    let report = shop.list(&fewer, "");
    assert_eq!(
        (&report["missing"], &report["cancelled"]),
        (&json!(1), &json!(0))
    );
    assert!(warns(&report, "1 ticket of the last import"), "{report}");
    assert_eq!(shop.states()["3"], "valid");
    let dry = shop.list(&fewer, "--missing cancel --dry-run");
    assert_eq!((&dry["missing"], &dry["cancelled"]), (&json!(1), &json!(1)));
    assert_eq!(shop.states()["3"], "valid");
    let report = shop.list(&fewer, "--missing cancel");
    assert_eq!(report["cancelled"], 1);
    assert_eq!(shop.states()["3"], "other");
    // It is missing no longer, and the shop may list it again.
    assert_eq!(shop.list(&fewer, "")["missing"], 0);
    let back = shop.list(&renamed(), "");
    assert!(warns(&back, "valid again"), "{back}");
    assert_eq!(shop.states()["3"], "valid");
}

#[test]
fn half_a_file_cancels_nothing() {
    let shop = Shop::with_fair();
    let line = |n: u32| format!("{n},LZ7Q2ZW9XR4TN8VBM{n:03},Guest {n}\n");
    let list =
        |to: u32| "Ticket No,Barcode,Name\n".to_owned() + &(1..=to).map(line).collect::<String>();
    shop.list(&list(40), "");
    let refused = shop.refused(&list(20), "--missing cancel");
    assert!(
        refused.contains("20 of 40")
            && refused.contains(" and 10 more)")
            && refused.contains("--missing-max 20"),
        "{refused}"
    );
    assert!(shop.states().values().all(|state| state == "valid"));
    let cancelled = shop.list(&list(38), "--missing cancel");
    assert_eq!(cancelled["cancelled"], 2);
    assert_eq!(cancelled["cancelled_tickets"], cancelled["missing_tickets"]);
    assert_eq!(cancelled["missing_tickets"].as_array().unwrap().len(), 2);
    let report = shop.list(&list(20), "--missing cancel --missing-max 18");
    assert_eq!(report["cancelled"], 18);
    // A line that cannot be read may be the missing ticket.
    let broken = list(19) + "20,,Guest 20\n";
    let report = shop.list(&broken, "--missing cancel --skip-bad");
    assert_eq!(
        (&report["cancelled"], &report["bad_count"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(shop.states()["20"], "valid");
}

#[test]
fn an_order_that_pretix_answers_is_whole() {
    let shop = Shop::with_fair();
    let none = json!({});
    let two = order(
        "C0001",
        "p",
        &[
            (1, "pretixsecretaaaaaaaaaaaaaaaaaaa1", none.clone()),
            (2, "pretixsecretaaaaaaaaaaaaaaaaaaa2", none.clone()),
        ],
    );
    let other = order(
        "C0002",
        "p",
        &[(1, "pretixsecretaaaaaaaaaaaaaaaaaaa3", none.clone())],
    );
    shop.pretix(&[two, other], &[], "");
    // The second position was split off and has another secret now.
    let one = order(
        "C0001",
        "p",
        &[(1, "pretixsecretaaaaaaaaaaaaaaaaaaa1", none.clone())],
    );
    let split = order(
        "C0003",
        "p",
        &[(1, "pretixsecretaaaaaaaaaaaaaaaaaaa4", none)],
    );
    let report = shop.pretix(&[one.clone(), split.clone()], &[], "");
    assert_eq!(report["cancelled"], 1);
    assert!(warns(&report, "no longer in"), "{report}");
    // A whole order that is not in the answer is only told: pages may be missing.
    assert_eq!(report["missing"], 1);
    assert_eq!(
        shop.states(),
        states([
            ("C0001-1", "valid"),
            ("C0001-2", "other"),
            ("C0002-1", "valid"),
            ("C0003-1", "valid")
        ])
    );
    shop.device("fair");
    assert!(
        shop.scan("fair", "pretixsecretaaaaaaaaaaaaaaaaaaa2")
            .contains("REFUSE")
    );
    assert!(
        shop.scan("fair", "pretixsecretaaaaaaaaaaaaaaaaaaa4")
            .contains("ADMIT")
    );
    // An order that lost all of its positions.
    let empty = order("C0002", "c", &[]);
    let report = shop.pretix(&[one, split, empty], &[], "");
    assert_eq!(
        (&report["cancelled"], &report["missing"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(shop.states()["C0002-1"], "other");
}

#[test]
fn an_order_with_a_position_that_cannot_be_read_cancels_nothing() {
    let shop = Shop::with_fair();
    let none = json!({});
    let two = [
        (1, "pretixsecretbbbbbbbbbbbbbbbbbbb1", none.clone()),
        (2, "pretixsecretbbbbbbbbbbbbbbbbbbb2", none.clone()),
    ];
    shop.pretix(&[order("D0001", "p", &two)], &[], "");
    let broken = [
        (1, "pretixsecretbbbbbbbbbbbbbbbbbbb1", none),
        (2, "pretixsecretbbbbbbbbbbbbbbbbbbb2", json!({"item": 77})),
    ];
    let report = shop.pretix(&[order("D0001", "p", &broken)], &[], "--skip-bad");
    assert_eq!(
        (&report["bad_count"], &report["cancelled"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(shop.states()["D0001-2"], "valid");
}

#[test]
fn lists_of_two_shops_miss_nothing_of_each_other() {
    let shop = Shop::with_fair();
    shop.list(THREE, "--channel web");
    let other = "Ticket No,Barcode,Name\n9,MA7Q2ZW9XR4TN8VBM3HP,Lea\n";
    let report = shop.list(other, "--channel office");
    assert_eq!(report["missing"], 0);
    let sold = shop
        .house
        .json("ticket create fair --type regular --external T-1");
    assert_eq!(sold["state"], "valid");
    assert_eq!(
        shop.list(THREE, "--channel web --missing cancel")["cancelled"],
        0
    );
    assert_eq!(shop.states()["T-1"], "valid");
}

#[test]
fn of_two_lines_for_one_code_the_refusal_counts_in_any_order() {
    let shop = Shop::with_fair();
    let list = "barcode,name,status\n\
        NA7Q2ZW9XR4TN8VBM3HP,Ann,paid\nNA7Q2ZW9XR4TN8VBM3HP,Ann,refunded\n\
        NB7Q2ZW9XR4TN8VBM3HQ,Ben,cancelled\nNB7Q2ZW9XR4TN8VBM3HQ,Ben,paid\n\
        NC7Q2ZW9XR4TN8VBM3HR,Cy,paid\nNC7Q2ZW9XR4TN8VBM3HR,Cy,unpaid\n";
    let report = shop.list(list, "--skip-bad");
    assert_eq!(
        (&report["created"], &report["bad_count"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(
        shop.states(),
        states([
            ("NA7Q2ZW9XR4TN8VBM3HP", "refunded"),
            ("NB7Q2ZW9XR4TN8VBM3HQ", "other"),
            ("NC7Q2ZW9XR4TN8VBM3HR", "blocked"),
        ])
    );
}

#[test]
fn a_pass_that_stands_as_one_line_a_day_is_one_ticket() {
    let shop = Shop::open();
    let house = &shop.house;
    house.ok("event create fair --time-zone Europe/Berlin");
    for (session, times) in [
        ("fri", "now --ends +3h"),
        ("sat", "+24h --ends +30h"),
        ("sun", "+48h --ends +54h"),
    ] {
        house.ok(&format!("session create fair/{session} --doors {times}"));
    }
    house.ok("type create fair/weekend --name Weekend --session fri --session sat");
    let list = "barcode,name,type,session\n\
        OA7Q2ZW9XR4TN8VBM3HP,Ada,Weekend,fri\nOA7Q2ZW9XR4TN8VBM3HP,Ada,Weekend,sat\n\
        OB7Q2ZW9XR4TN8VBM3HQ,Bo,Day,fri\n";
    let report = shop.list(list, "");
    assert_eq!(
        (&report["created"], &report["read"]),
        (&json!(2), &json!(2))
    );
    assert!(warns(&report, "taken together"), "{report}");
    let pass = shop.ticket("OA7Q2ZW9XR4TN8VBM3HP");
    let mut sessions: Vec<&str> = pass["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slug| slug.as_str().unwrap())
        .collect();
    sessions.sort_unstable();
    assert_eq!(sessions, ["fri", "sat"]);
    // A day that the pass does not open, and a day ticket for two days, are no passes.
    let wrong = "barcode,name,type,session\n\
        OC7Q2ZW9XR4TN8VBM3HP,Cy,Weekend,fri\nOC7Q2ZW9XR4TN8VBM3HP,Cy,Weekend,sun\n\
        OD7Q2ZW9XR4TN8VBM3HQ,Di,Day,fri\nOD7Q2ZW9XR4TN8VBM3HQ,Di,Day,sat\n";
    let refused = shop.refused(wrong, "");
    assert!(refused.contains("2 lines are bad"), "{refused}");
    assert!(refused.contains("type create"), "{refused}");
}

#[test]
fn a_list_that_is_older_than_the_last_one_is_recognised() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    shop.list(&THREE.replacen("Paid", "Refunded", 1), "");
    let dry = shop.list(THREE, "--dry-run");
    assert!(warns(&dry, "was imported before"), "{dry}");
    let refused = shop.refused(THREE, "");
    assert!(
        refused.contains("was imported before") && refused.contains("--old-list"),
        "{refused}"
    );
    assert_eq!(shop.states()["1"], "refunded");
    let report = shop.list(THREE, "--old-list");
    assert!(warns(&report, "valid again"), "{report}");
    assert_eq!(shop.states()["1"], "valid");
}

#[test]
fn an_older_list_in_another_order_is_noticed_by_its_lines() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    shop.list(&THREE.replace("Ida", "Idah").replace("Jon", "John"), "");
    let mut lines: Vec<&str> = THREE.lines().collect();
    lines.swap(1, 3);
    let report = shop.list(&lines.join("\n"), "");
    assert!(warns(&report, "2 lines say again"), "{report}");
    // The same list once more, and a list that was imported before and changes nothing, are no trouble.
    let report = shop.list(&lines.join("\n"), "");
    assert!(
        !warns(&report, "before") && !warns(&report, "again"),
        "{report}"
    );
    let report = shop.list(THREE, "");
    assert_eq!(report["unchanged"], 3);
}

#[test]
fn paid_orders_without_any_position_cancel_nothing() {
    let shop = Shop::with_fair();
    let secret = "pretixsecretccccccccccccccccccc1";
    shop.pretix(&[order("E0001", "p", &[(1, secret, json!({}))])], &[], "");
    let report = shop.pretix(&[order("E0001", "p", &[])], &[], "");
    assert_eq!(report["cancelled"], 0, "{report}");
    assert_eq!(shop.states()["E0001-1"], "valid");
}

#[test]
fn a_list_of_another_channel_takes_over_no_ticket() {
    let shop = Shop::with_fair();
    shop.list(THREE, "--channel web");
    let other = "Ticket No,Barcode,Name\n1,MA7Q2ZW9XR4TN8VBM3HP,Lea\n";
    let why = shop.refused(other, "--channel office");
    assert!(why.contains("another channel"), "{why}");
    assert_eq!(shop.ticket("1")["code"], "KA7Q2ZW9XR4TN8VBM3HP");
    assert_eq!(shop.ticket("1")["holder"], "Ida Lund");
}

#[test]
fn a_barcode_that_the_list_takes_back_opens_again() {
    let shop = Shop::with_fair();
    shop.list(THREE, "");
    let other = THREE.replace("KA7Q2ZW9XR4TN8VBM3HP", "KX7Q2ZW9XR4TN8VBM3HZ");
    shop.list(&other, "");
    assert_eq!(shop.ticket("1")["code"], "KX7Q2ZW9XR4TN8VBM3HZ");
    shop.list(THREE, "--old-list");
    let first = shop.ticket("1");
    assert_eq!(
        (&first["code"], &first["issue"]),
        (&json!("KA7Q2ZW9XR4TN8VBM3HP"), &json!(3))
    );
    shop.device("fair");
    assert!(shop.scan("fair", "KA7Q2ZW9XR4TN8VBM3HP").contains("ADMIT"));
    assert!(shop.scan("fair", "KX7Q2ZW9XR4TN8VBM3HZ").contains("REFUSE"));
}

#[test]
fn who_refuses_here_what_the_list_had_refused_already_refuses_it_for_good() {
    let shop = Shop::with_fair();
    let refused = THREE
        .replacen("Regular,Paid", "Regular,Pending", 1)
        .replacen("Moe,Regular,Paid", "Moe,Regular,Cancelled", 1);
    shop.list(&refused, "");
    shop.house.ok("ticket block fair/1");
    shop.house.ok("ticket cancel fair/2");
    let report = shop.list(THREE, "");
    assert_eq!(report["refused_here"], 2, "{report}");
    assert_eq!(
        shop.states(),
        states([("1", "blocked"), ("2", "other"), ("3", "valid")])
    );
    // A person lets it in again.
    shop.house.ok("ticket unblock fair/1");
    shop.list(&refused, "--old-list");
    shop.list(&renamed(), "");
    assert_eq!(shop.states()["1"], "valid");
}

#[test]
fn an_old_list_is_known_whatever_says_its_session() {
    let shop = Shop::with_fair();
    shop.list(THREE, "--session main");
    let newer = THREE.replacen("Paid", "Refunded", 1);
    shop.list(&newer, "");
    for session in ["--session main", ""] {
        let refused = shop.refused(THREE, session);
        assert!(refused.contains("was imported before"), "{refused}");
    }
    assert_eq!(shop.states()["1"], "refunded");
}

#[test]
fn a_list_of_another_session_makes_no_list_an_old_one() {
    let shop = Shop::with_fair();
    shop.house
        .ok("session create fair/late --doors +8h --ends +10h");
    let late = "Ticket No,Barcode,Name,Type,Status\n9,KJ7Q2ZW9XR4TN8VBM3HY,Lea Aas,Regular,Paid\n";
    shop.list(THREE, "--session main");
    shop.list(late, "--session late");
    let report = shop.list(THREE, "--session main --status paid=pending");
    assert_eq!(report["updated"], 3, "{report}");
}

#[test]
fn a_file_without_tickets_cancels_none_however_many_may_be_missing() {
    let shop = Shop::with_fair();
    let two = THREE.lines().take(3).collect::<Vec<_>>().join("\n");
    shop.list(&two, "");
    let empty = THREE.lines().next().unwrap();
    for more in ["--missing cancel", "--missing cancel --missing-max 9"] {
        let refused = shop.refused(empty, more);
        assert!(refused.contains("names no ticket at all"), "{refused}");
    }
    let dry = shop.list(empty, "--missing cancel --dry-run");
    assert_eq!(dry["cancelled"], 0, "{dry}");
    assert_eq!(shop.states(), states([("1", "valid"), ("2", "valid")]));
}
