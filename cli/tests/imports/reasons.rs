//! Why a shop refuses a ticket, as the gate says it.

use super::shop::{Shop, order};
use serde_json::{Value, json};

#[test]
fn the_gate_says_why_the_list_refuses_a_ticket() {
    let shop = Shop::with_fair();
    let list = "barcode,name,status,cancellation reason\n\
        VVA7Q2ZW9XR4TN8VBM3P,Ada,Transferred,\nVVB7Q2ZW9XR4TN8VBM3Q,Bo,Cancelled,show moved: money comes by itself\n\
        VVC7Q2ZW9XR4TN8VBM3R,Cy,Unpaid,\nVVD7Q2ZW9XR4TN8VBM3S,Di,Blocked,reported stolen\n\
        VVE7Q2ZW9XR4TN8VBM3T,Ed,Expired,\nVVF7Q2ZW9XR4TN8VBM3U,Flo,Refunded,\n\
        VVG7Q2ZW9XR4TN8VBM3V,Gus,Cancelled,\nVVH7Q2ZW9XR4TN8VBM3W,Hal,Cancelled,refund asked by mail\n";
    shop.list(list, "");
    shop.device("fair");
    for (code, said) in [
        (
            "VVA7Q2ZW9XR4TN8VBM3P",
            "Cancelled: transferred to somebody else.",
        ),
        (
            "VVB7Q2ZW9XR4TN8VBM3Q",
            "Cancelled: show moved: money comes by itself.",
        ),
        ("VVC7Q2ZW9XR4TN8VBM3R", "Held back: not paid yet."),
        ("VVD7Q2ZW9XR4TN8VBM3S", "Held back: reported stolen."),
        ("VVE7Q2ZW9XR4TN8VBM3T", "Cancelled: order expired."),
        (
            "VVF7Q2ZW9XR4TN8VBM3U",
            "Cancelled: the money was given back.",
        ),
        ("VVG7Q2ZW9XR4TN8VBM3V", "Cancelled: no reason given."),
        (
            "VVH7Q2ZW9XR4TN8VBM3W",
            "Cancelled: the money was given back (refund asked by mail).",
        ),
    ] {
        let answer = shop.scan("fair", code);
        assert!(
            answer.contains("REFUSE") && answer.contains(said),
            "{said}: {answer}"
        );
    }
    let shown = shop.ticket("VVD7Q2ZW9XR4TN8VBM3S");
    assert_eq!(shown["explanation"], "reported stolen");
}

#[test]
fn the_gate_says_why_pretix_refuses_a_ticket() {
    let shop = Shop::with_fair();
    let secret = |n: u32| format!("pretixseceggggggggggggggggggggg{n}");
    let one = |n: u32, status: &str, changes: Value| {
        order(&format!("R000{n}"), status, &[(1, &secret(n), changes)])
    };
    let mut waiting = one(4, "n", json!({}));
    waiting["require_approval"] = json!(true);
    shop.pretix(
        &[
            one(1, "p", json!({"blocked": ["api:stolen"]})),
            one(2, "e", json!({})),
            one(3, "n", json!({})),
            waiting,
        ],
        &[],
        "",
    );
    shop.device("fair");
    for (n, said) in [
        (1, "Held back: stolen."),
        (2, "Cancelled: order expired."),
        (3, "Held back: not paid yet."),
        (4, "Held back: waits for the organizer's approval."),
    ] {
        let answer = shop.scan("fair", &secret(n));
        assert!(answer.contains(said), "{said}: {answer}");
    }
}

#[test]
fn what_is_said_here_takes_the_place_of_the_sellers_reason() {
    let shop = Shop::with_fair();
    let list = "Ticket No,Barcode,Status,Blocked reason\n1,VWA7Q2ZW9XR4TN8VBM3P,Blocked,reported stolen\n2,VWB7Q2ZW9XR4TN8VBM3Q,Blocked,reported stolen\n3,VWC7Q2ZW9XR4TN8VBM3R,Paid,\n";
    shop.list(list, "");
    shop.house.ok("ticket cancel fair/1 --reason refunded");
    shop.house.ok("ticket unblock fair/2");
    assert_eq!(shop.ticket("1")["explanation"], Value::Null);
    assert_eq!(shop.ticket("2")["explanation"], Value::Null);
    // The list gives another reason, and then none.
    let found = list.replace("reported stolen", "found again");
    shop.list(&found, "");
    assert_eq!(shop.ticket("1")["explanation"], Value::Null);
    shop.list(
        &found.lines().take(3).collect::<Vec<_>>().join("\n"),
        "--missing cancel",
    );
    assert_eq!(
        shop.ticket("3")["explanation"],
        "no longer in the list of its shop"
    );
    shop.list(&found.replace("Paid", "Paid "), "");
    assert_eq!(shop.ticket("3")["explanation"], Value::Null);
}
