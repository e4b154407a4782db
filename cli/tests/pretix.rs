//! A pretix shop's export, from its files to QR pictures shown at a gate without a network.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use house::{House, texts};
use serde_json::{Value, json};
use usher_cli::qr::{Qr, Surface};
use usher_domain::code::pretix::{PretixCode, sign};
use usher_domain::cose::SigningKey;
use usher_domain::secret::{Private, Seed};

const PLAIN: i64 = 4;
const STUDENT: i64 = 5;
const YEAR_2020: i64 = 1_577_836_800;
const YEAR_2100: i64 = 4_102_444_800;

fn shop() -> SigningKey {
    SigningKey::from_seed(&Seed::new([7; 32]))
}

/// The secret of a ticket as the shop signs it.
fn secret_of(seed: &str, item: i64, from: Option<i64>, until: Option<i64>) -> String {
    let code = PretixCode {
        seed: Private::new(seed),
        item,
        variation: None,
        subevent: None,
        valid_from: from,
        valid_until: until,
    };
    sign(&code, &shop()).unwrap().reveal().to_owned()
}

fn secret(seed: &str) -> String {
    secret_of(seed, PLAIN, None, None)
}

/// `valid_keys.pretix_sig1` holds the base64 of a PEM file (RFC 8410).
fn key_entry() -> String {
    let public = shop().public();
    let prefix = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    let body = STANDARD.encode([prefix.as_slice(), public.as_bytes()].concat());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n");
    STANDARD.encode(pem)
}

fn position(number: u64, secret: &str, item: i64, changes: &[(&str, Value)]) -> Value {
    let mut position = json!({
        "id": 100 + number, "order": "A0001", "positionid": number, "item": item,
        "variation": null, "price": "49.00", "attendee_name": format!("Guest {number}"),
        "attendee_email": null, "secret": secret, "addon_to": null, "subevent": null,
        "checkins": [], "seat": null, "canceled": false, "valid_from": null,
        "valid_until": null, "blocked": null,
    });
    for (field, value) in changes {
        position[field] = value.clone();
    }
    position
}

fn order(code: &str, status: &str, positions: Vec<Value>) -> Value {
    json!({
        "code": code, "event": "fair", "status": status, "testmode": false,
        "email": "guest@example.org", "positions": positions, "checkin_attention": false,
        "checkin_text": null, "last_modified": "2026-11-20T17:09:37.642932Z",
        "sales_channel": "web", "valid_if_pending": false,
    })
}

fn page(results: &Value) -> String {
    let count = results.as_array().unwrap().len();
    json!({"count": count, "next": null, "previous": null, "results": results}).to_string()
}

/// A gate that holds what the shop sold.
fn gate() -> House {
    let event = json!({
        "slug": "fair", "timezone": "Europe/Berlin", "valid_keys": {"pretix_sig1": [key_entry()]},
    });
    let item = |id: i64, name: &str, text: Option<&str>| {
        json!({"id": id, "name": {"en": name}, "default_price": "49.00", "admission": true,
            "generate_tickets": null, "checkin_attention": text.is_some(), "checkin_text": text,
            "has_variations": false, "variations": []})
    };
    let items = json!([
        item(PLAIN, "Regular", None),
        item(STUDENT, "Student", Some("check student ID")),
    ]);
    let first = vec![
        position(1, &secret("ada"), PLAIN, &[]),
        position(2, &secret("bo"), PLAIN, &[("blocked", json!(["admin"]))]),
        position(3, &secret("cy"), PLAIN, &[("canceled", json!(true))]),
        position(4, &secret_of("di", STUDENT, None, None), STUDENT, &[]),
    ];
    let late = secret_of("ed", PLAIN, Some(YEAR_2100), None);
    let past = secret_of("flo", PLAIN, None, Some(YEAR_2020));
    let second = vec![
        position(
            5,
            &late,
            PLAIN,
            &[("valid_from", json!("2100-01-01T00:00:00Z"))],
        ),
        position(
            6,
            &past,
            PLAIN,
            &[("valid_until", json!("2020-01-01T00:00:00Z"))],
        ),
    ];
    let refunded = vec![position(7, &secret("gus"), PLAIN, &[])];
    House::with_device(&[
        ("event.json", event.to_string()),
        ("items.json", page(&items)),
        ("orders-page1.json", page(&json!([order("A1", "p", first)]))),
        (
            "orders-page2.json",
            page(&json!([
                order("A2", "p", second),
                order("A3", "c", refunded)
            ])),
        ),
    ])
}

/// Draws a code as its holder's phone shows it, and shows it to the gate.
fn show(gate: &House, code: &str, more: &[&str]) -> (i32, Value) {
    let picture = Qr::new(code, Surface::Screen).unwrap().png(6, "").unwrap();
    std::fs::write(gate.path().join("shown.png"), picture).unwrap();
    let (exit, mut lines) = gate.scan(&[more, &["--image", "shown.png"]].concat());
    assert_eq!(lines.len(), 1);
    (exit, lines.remove(0))
}

/// What the gate says: exit code, outcome, reason.
fn verdict(gate: &House, code: &str) -> (i32, String, String) {
    let (exit, line) = show(gate, code, &[]);
    let word = |field: &str| line[field].as_str().unwrap().to_owned();
    (exit, word("outcome"), word("reason"))
}

fn refused(reason: &str) -> (i32, String, String) {
    (10, "refuse".to_owned(), reason.to_owned())
}

#[test]
fn a_ticket_is_admitted_once_and_not_with_another_character() {
    let gate = gate();
    let code = secret("ada");
    for place in [0, code.len() / 2, code.len() - 1] {
        let mut changed = code.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        let (exit, line) = show(&gate, &changed, &[]);
        assert_eq!(
            (exit, &line["outcome"]),
            (10, &json!("refuse")),
            "{place}: {line}"
        );
    }
    let (exit, line) = show(&gate, &code, &[]);
    assert_eq!((exit, &line["reason"]), (0, &json!("listed")), "{line}");
    assert_eq!(line["type_name"], "Regular");
    assert_eq!(line["holder"], "Guest 1");
    assert_eq!(verdict(&gate, &code), refused("already_inside"));
    assert_eq!(gate.scan(&[&code]).0, 10, "typed in place of shown");
}

#[test]
fn what_the_shop_says_of_a_ticket_holds_at_the_gate() {
    let gate = gate();
    assert_eq!(verdict(&gate, &secret("bo")), refused("blocked"));
    assert_eq!(verdict(&gate, &secret("cy")), refused("cancelled"));
    assert_eq!(verdict(&gate, &secret("gus")), refused("cancelled"));
    let late = secret_of("ed", PLAIN, Some(YEAR_2100), None);
    assert_eq!(verdict(&gate, &late), refused("not_yet_valid"));
    let past = secret_of("flo", PLAIN, None, Some(YEAR_2020));
    assert_eq!(verdict(&gate, &past), refused("no_longer_valid"));
}

#[test]
fn what_staff_must_check_refers_until_they_did() {
    let gate = gate();
    let code = secret_of("di", STUDENT, None, None);
    let (exit, line) = show(&gate, &code, &[]);
    assert_eq!((exit, &line["reason"]), (11, &json!("instruction")));
    let check = line["cautions"][0].as_str().unwrap();
    assert!(check.contains("check student ID"), "{line}");
    assert_eq!(show(&gate, &code, &["--confirm"]).0, 0);
    assert_eq!(verdict(&gate, &code), refused("already_inside"));
}

#[test]
fn a_ticket_sold_after_the_download_is_known_by_the_shops_signature() {
    let gate = gate();
    let (exit, line) = show(&gate, &secret("new"), &[]);
    assert_eq!(
        (exit, &line["reason"]),
        (0, &json!("unknown_signed")),
        "{line}"
    );
    assert_eq!(line["type_name"], "Regular");
    assert_eq!(verdict(&gate, &secret("new")), refused("already_inside"));
    // The shop signed the time as well.
    let past = secret_of("old", PLAIN, None, Some(YEAR_2020));
    assert_eq!(verdict(&gate, &past), refused("no_longer_valid"));
    // Another shop's signature is none.
    let stranger = SigningKey::from_seed(&Seed::new([8; 32]));
    let code = PretixCode {
        seed: Private::new("new"),
        item: PLAIN,
        variation: None,
        subevent: None,
        valid_from: None,
        valid_until: None,
    };
    let forged = sign(&code, &stranger).unwrap();
    assert_eq!(verdict(&gate, forged.reveal()), refused("forged"));
}

#[test]
fn the_server_counts_what_the_gate_saw() {
    let gate = gate();
    let (codes, files): (Vec<String>, Vec<String>) = ["ada", "bo", "new"]
        .into_iter()
        .map(|seed| (secret(seed), format!("{seed}.png")))
        .unzip();
    for (code, file) in codes.iter().zip(&files) {
        let picture = Qr::new(code, Surface::Paper).unwrap().png(6, "").unwrap();
        std::fs::write(gate.path().join(file), picture).unwrap();
    }
    let mut line = vec!["--image"];
    line.extend(files.iter().map(String::as_str));
    let (exit, lines) = gate.scan(&line);
    assert_eq!(exit, 10);
    assert_eq!(
        texts(&lines, "reason"),
        ["listed", "blocked", "unknown_signed"]
    );
    gate.ok("--home till sync");
    let report = gate.json("report fair/evening");
    assert_eq!(report["inside"], 2, "{report}");
}

/// A series of two dates, both served now, whose shop has two products of one name and one that staff look
/// at. The gate stands before the evening of the series, and nothing but one ticket is listed.
fn series(more: &[(&str, String)]) -> House {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("session create fair/matinee --name Matinee --doors now --ends +6h");
    house.ok("session create fair/evening --name Evening --doors now --ends +6h");
    house.ok("gate create north");
    let report = import_series(&house, more);
    house.ok("enrollment create --gate north --text-out north.code");
    house.ok("--home till enroll --name till --file north.code");
    house.ok("--home till sync");
    assert!(report["bad_count"] == 0, "{report}");
    house
}

fn import_series(house: &House, more: &[(&str, String)]) -> Value {
    let event = json!({
        "slug": "fair", "timezone": "Europe/Berlin", "valid_keys": {"pretix_sig1": [key_entry()]},
    });
    let item = |id: i64, name: &str, attention: bool| {
        json!({"id": id, "name": {"en": name}, "default_price": "49.00", "admission": true,
            "generate_tickets": null, "checkin_attention": attention, "checkin_text": null,
            "has_variations": false, "variations": []})
    };
    let items = json!([
        item(PLAIN, "Regular", false),
        item(STUDENT, "Student", true),
        item(NAMESAKE, "Regular", false),
    ]);
    let date = |id: u64, name: &str| json!({"id": id, "event": "fair", "name": {"en": name}, "date_from": null});
    let dates = json!([date(MATINEE, "Matinee"), date(EVENING, "Evening")]);
    let listed = position(
        1,
        &dated("ada", PLAIN, EVENING),
        PLAIN,
        &[("subevent", json!(EVENING))],
    );
    let mut files = vec![
        ("event.json", event.to_string()),
        ("items.json", page(&items)),
        ("subevents.json", page(&dates)),
        (
            "orders.json",
            page(&json!([order("A1", "p", vec![listed])])),
        ),
    ];
    files.extend(more.iter().map(|(name, text)| (*name, text.clone())));
    for (name, text) in &files {
        std::fs::write(house.path().join(name), text).unwrap();
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    house.json(&format!("import fair {}", names.join(" ")))
}

const NAMESAKE: i64 = 8;
const MATINEE: u64 = 40;
const EVENING: u64 = 41;

/// A secret for a date of the series.
fn dated(seed: &str, item: i64, subevent: u64) -> String {
    let code = PretixCode {
        seed: Private::new(seed),
        item,
        variation: None,
        subevent: Some(subevent.cast_signed()),
        valid_from: None,
        valid_until: None,
    };
    sign(&code, &shop()).unwrap().reveal().to_owned()
}

fn at_evening(gate: &House, code: &str) -> Value {
    let (_, mut lines) = gate.scan(&["--session", "Evening", code]);
    lines.remove(0)
}

#[test]
fn a_secret_signed_for_another_date_is_refused_and_told_its_own() {
    let gate = series(&[]);
    let line = at_evening(&gate, &dated("new", PLAIN, EVENING));
    assert_eq!(line["reason"], "unknown_signed", "{line}");
    let line = at_evening(&gate, &dated("other", PLAIN, MATINEE));
    assert_eq!(line["reason"], "wrong_session", "{line}");
    assert!(line.to_string().contains("Matinee"), "{line}");
    let line = at_evening(&gate, &dated("far", PLAIN, 99));
    assert_eq!(line["reason"], "wrong_session", "{line}");
}

#[test]
fn revoked_and_blocked_secrets_are_refused_as_such_at_every_date() {
    let refused = |id: u64, field: &str, secret: String| {
        json!([{"id": id, "secret": secret, field: if field == "blocked" { json!(true) } else {
            json!("2026-11-20T17:09:37Z") }, "updated": "2026-11-20T17:09:37Z"}])
    };
    let (gone, held) = (dated("gone", PLAIN, EVENING), dated("held", PLAIN, EVENING));
    let blocked = refused(1, "blocked", held.clone());
    let gate = series(&[
        ("revoked.json", page(&refused(1, "created", gone.clone()))),
        ("blocked.json", page(&blocked)),
    ]);
    let line = at_evening(&gate, &gone);
    assert_eq!(line["reason"], "cancelled", "{line}");
    assert!(line.to_string().contains("its code was revoked"), "{line}");
    let line = at_evening(&gate, &held);
    assert_eq!(line["reason"], "blocked", "{line}");
    assert!(
        line.to_string().contains("blocked by the organizer"),
        "{line}"
    );

    // The order tells of the ticket later: it is that of the code.
    let found = position(7, &held, PLAIN, &[("subevent", json!(EVENING))]);
    let free = page(&json!([{"id": 1, "secret": held, "blocked": false,
        "updated": "2026-11-21T17:09:37Z"}]));
    let report = import_series(&gate, &[("blocked.json", free.clone())]);
    assert!(
        report.to_string().contains("1 code is blocked no longer"),
        "{report}"
    );
    let more = page(&json!([order("A7", "p", vec![found])]));
    let report = import_series(&gate, &[("orders-2.json", more), ("blocked.json", free)]);
    assert_eq!(report["bad_count"], 0, "{report}");
    gate.ok("--home till sync");
    let line = at_evening(&gate, &held);
    assert_eq!(line["reason"], "listed", "{line}");
    assert_eq!(gate.json("ticket show fair/A7-7")["external"], "A7-7");
}

#[test]
fn a_listed_ticket_whose_code_is_revoked_by_a_later_answer_is_refused() {
    let gate = series(&[]);
    let later = page(&json!([{"id": 1, "secret": dated("ada", PLAIN, EVENING),
        "created": "2026-11-20T17:09:37Z"}]));
    // Its order is not among the files this time.
    let other = order("A2", "p", vec![]);
    let report = import_series(
        &gate,
        &[
            ("revoked.json", later),
            ("orders.json", page(&json!([other]))),
        ],
    );
    assert!(
        report.to_string().contains("1 ticket is refused"),
        "{report}"
    );
    gate.ok("--home till sync");
    let line = at_evening(&gate, &dated("ada", PLAIN, EVENING));
    assert_eq!(line["reason"], "cancelled", "{line}");
}

#[test]
fn two_products_of_one_name_are_two_types_and_attention_is_asked_for() {
    let gate = series(&[]);
    let types = gate.json("type list fair")["items"].clone();
    let names = texts(types.as_array().unwrap(), "name");
    assert_eq!(names, ["Regular", "Student", "Regular (8)"]);
    let line = at_evening(&gate, &dated("new", NAMESAKE, EVENING));
    assert_eq!(line["type_name"], "Regular (8)", "{line}");
    let line = at_evening(&gate, &dated("sue", STUDENT, EVENING));
    assert_eq!(line["reason"], "instruction", "{line}");
    assert!(line.to_string().contains("special attention"), "{line}");
    // The same again makes no new types.
    let report = import_series(&gate, &[]);
    assert_eq!(report["types_created"], json!([]), "{report}");
}
