//! Files of the shape that pretix answers with; the people and secrets are invented.

use super::*;
use serde_json::{Value, json};

fn position(number: u64, secret: &str, changes: Value) -> Value {
    let mut position = json!({
        "id": 100 + number, "order": "A0001", "positionid": number, "item": 4, "variation": null,
        "price": "49.00", "attendee_name": "Ada Berg", "attendee_email": "ada@example.org",
        "secret": secret, "addon_to": null, "subevent": null, "checkins": [], "seat": null,
        "canceled": false, "valid_from": null, "valid_until": null, "blocked": null,
    });
    merge(&mut position, changes);
    position
}

fn order(code: &str, positions: Vec<Value>, changes: Value) -> Value {
    let mut order = json!({
        "code": code, "event": "fair", "status": "p", "testmode": false, "secret": "linksecret",
        "email": "ada@example.org", "positions": positions, "checkin_attention": false,
        "checkin_text": null, "last_modified": "2026-11-20T17:09:37.642932Z",
        "sales_channel": "web", "valid_if_pending": false,
    });
    merge(&mut order, changes);
    order
}

fn merge(into: &mut Value, changes: Value) {
    let (Value::Object(into), Value::Object(changes)) = (into, changes) else {
        return;
    };
    into.extend(changes);
}

fn page(count: u64, orders: Vec<Value>) -> Value {
    json!({"count": count, "next": null, "previous": null, "results": orders})
}

fn items() -> Value {
    page(
        3,
        vec![
            json!({"id": 4, "name": {"de": "Tageskarte", "en": "Day"}, "default_price": "49.00",
                "admission": true, "generate_tickets": null, "checkin_attention": false,
                "checkin_text": null, "variations": []}),
            json!({"id": 5, "name": {"en": "Pass"}, "default_price": "9.00", "admission": true,
                "checkin_attention": true, "checkin_text": "hand out wristband", "variations": [
                    {"id": 12, "value": {"en": "Student"}, "checkin_attention": false,
                     "checkin_text": "check student ID"}]}),
            json!({"id": 6, "name": "Lunch", "default_price": "9.00", "admission": false,
                "variations": []}),
        ],
    )
}

fn read_files(files: &[(&str, Value)], options: &Options) -> Result<Import, ImportError> {
    let texts: Vec<(&str, String)> = files.iter().map(|(n, v)| (*n, v.to_string())).collect();
    let files: Vec<NamedBytes<'_>> = texts
        .iter()
        .map(|(name, text)| NamedBytes {
            name,
            bytes: text.as_bytes(),
        })
        .collect();
    assert_eq!(detect(&files), Ok(Kind::Pretix));
    read(&files, options)
}

fn read_orders(orders: Vec<Value>) -> Import {
    let count = orders.len() as u64;
    let files = [("o.json", page(count, orders)), ("items.json", items())];
    read_files(&files, &berlin()).unwrap()
}

fn facts(import: &Import) -> &PretixFacts {
    match &import.source {
        Source::Pretix(facts) => facts,
        Source::Csv(_) => panic!("pretix expected"),
    }
}

/// Warnings but that of the short secrets used here.
fn of_the_files(import: &Import) -> Vec<&Warning> {
    let weak = |warning: &&Warning| !matches!(warning, Warning::WeakBarcodes { .. });
    import.warnings.iter().filter(weak).collect()
}

/// An entry of `valid_keys.pretix_sig1` for a public key.
fn key_entry(key: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let info = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", key].concat();
    let body = STANDARD.encode(info);
    STANDARD.encode(format!(
        "-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"
    ))
}

#[test]
fn the_events_keys_are_read_and_a_broken_one_is_an_error() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32])
        .verifying_key()
        .to_bytes();
    let with_keys = |keys: [String; 2]| {
        let one = order("A1", vec![position(1, "s1", json!({}))], json!({}));
        let files = [
            ("orders.json", page(1, vec![one])),
            ("items.json", items()),
            (
                "event.json",
                json!({"slug": "fair", "valid_keys": {"pretix_sig1": keys}}),
            ),
        ];
        read_files(&files, &berlin())
    };
    let import = with_keys([key_entry(&key), key_entry(&key)]).unwrap();
    let keys = &facts(&import).keys;
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].as_bytes(), &key);
    let error = with_keys([key_entry(&key), key_entry(&key[1..])]).unwrap_err();
    assert_eq!(error, ImportError::BadKey { index: 2 });
}

#[test]
fn a_position_becomes_a_ticket_with_all_that_the_gate_needs() {
    let import = read_orders(vec![order(
        "A0001",
        vec![
            position(1, "secret-one", json!({})),
            position(
                2,
                "secret-two",
                json!({"item": 5, "variation": 12, "subevent": 8, "seat": {"name": "Row 1, Seat 2"},
                    "valid_from": "2026-11-20T18:00:00+01:00", "valid_until": "2026-11-21T00:00:00Z"}),
            ),
        ],
        json!({"checkin_text": "greet\nthem"}),
    )]);
    assert_eq!(bad(&import), []);
    let [day, pass] = &import.tickets[..] else {
        panic!("two tickets expected");
    };
    assert_eq!(day.place.to_string(), "o.json, order A0001, position 1");
    assert_eq!(code(day), "secret-one");
    assert_eq!(day.external.as_deref(), Some("A0001-1"));
    assert_eq!(day.order.as_deref(), Some("A0001"));
    assert_eq!(&*day.type_name, "Day");
    assert_eq!(day.type_id.as_deref(), Some("4"));
    assert_eq!(holder(day), "Ada Berg");
    assert_eq!(day.channel.as_deref(), Some("web"));
    assert_eq!(day.instruction.as_deref(), Some("greet them"));
    assert_eq!(day.state, State::Valid);
    assert_eq!(&*pass.type_name, "Pass – Student");
    assert_eq!(pass.type_id.as_deref(), Some("5/12"));
    assert_eq!(pass.session.as_deref(), Some("8"));
    assert_eq!(pass.seat.as_deref(), Some("Row 1, Seat 2"));
    assert_eq!(pass.valid_from, Some(1_795_194_000));
    assert_eq!(pass.valid_until, Some(1_795_219_200));
    assert_eq!(
        pass.instruction.as_deref(),
        Some("requires special attention; greet them; hand out wristband; check student ID")
    );
    assert_eq!(of_the_files(&import), [&Warning::EventMissing]);
    assert_eq!(facts(&import).items.len(), 3);
}

#[test]
fn states_of_orders_and_positions_are_kept() {
    let one = |number: u64, of_position: Value, of_order: Value| {
        let code = format!("A000{number}");
        let secret = format!("secret-{number}");
        order(&code, vec![position(1, &secret, of_position)], of_order)
    };
    let import = read_orders(vec![
        one(1, json!({}), json!({"status": "n"})),
        one(
            2,
            json!({}),
            json!({"status": "n", "valid_if_pending": true}),
        ),
        one(3, json!({}), json!({"status": "e"})),
        one(4, json!({"canceled": true}), json!({"status": "c"})),
        one(5, json!({"canceled": true}), json!({})),
        one(6, json!({"blocked": ["admin", "api:stolen"]}), json!({})),
        one(7, json!({"blocked": []}), json!({})),
        one(8, json!({}), json!({"status": "x"})),
    ]);
    let states: Vec<State> = import.tickets.into_iter().map(|t| t.state).collect();
    assert_eq!(
        states,
        [
            State::Pending,
            State::Valid,
            cancelled("order expired"),
            cancelled("order cancelled"),
            cancelled("cancelled"),
            State::Blocked {
                reason: "blocked by the organizer, stolen".into()
            },
            State::Valid,
        ]
    );
    assert_eq!(import.bad[0].reason, BadReason::UnknownOrderState);
}

#[test]
fn an_add_on_is_a_ticket_only_if_it_gives_admission() {
    let import = read_orders(vec![order(
        "A0001",
        vec![
            position(1, "secret-1", json!({})),
            position(2, "secret-2", json!({"addon_to": 101})),
            position(3, "secret-3", json!({"addon_to": 101, "item": 6})),
            position(4, "secret-4", json!({"item": 6})),
            position(5, "secret-5", json!({"item": 77})),
        ],
        json!({}),
    )]);
    let codes: Vec<&str> = import.tickets.iter().map(code).collect();
    assert_eq!(codes, ["secret-1", "secret-2", "secret-4"]);
    assert!(import.warnings.contains(&Warning::NoTickets { count: 1 }));
    assert_eq!(import.bad[0].reason, BadReason::UnknownItem);
}

#[test]
fn pages_come_in_any_order_and_a_missing_one_is_told() {
    let one =
        |code: &str, secret: &str| order(code, vec![position(1, secret, json!({}))], json!({}));
    let renewed = order(
        "A1",
        vec![position(1, "s1-new", json!({}))],
        json!({"last_modified": "2026-11-20T19:00:00+01:00"}),
    );
    let files = [
        ("p2.json", page(4, vec![one("A2", "s2"), renewed])),
        ("items.json", items()),
        ("p1.json", page(3, vec![one("A1", "s1"), one("A2", "s2")])),
        ("bare.json", json!([one("A3", "s3")])),
        (
            "checkinlists.json",
            page(
                1,
                vec![
                    json!({"id": 2, "name": "Default", "all_products": true, "limit_products": [],
                    "subevent": null, "allow_entry_after_exit": true}),
                ],
            ),
        ),
        (
            "categories.json",
            page(1, vec![json!({"id": 1, "is_addon": false})]),
        ),
    ];
    let import = read_files(&files, &berlin()).unwrap();
    let codes: Vec<&str> = import.tickets.iter().map(code).collect();
    assert_eq!(codes, ["s2", "s1-new", "s3"]);
    assert!(import.warnings.contains(&Warning::PagesMissing {
        expected: 4,
        found: 3
    }));
    let lists = &facts(&import).check_in_lists;
    assert!(lists[0].allow_entry_after_exit && !lists[0].allow_multiple_entries);
    assert!(import.warnings.contains(&Warning::FileIgnored {
        file: "categories.json".into()
    }));
    let used = import.files.iter().map(|file| file.used_as.as_deref());
    let used: Vec<&str> = used.map(|used| used.unwrap_or("-")).collect();
    assert_eq!(
        used[used.len() - 5..],
        ["items", "orders", "orders", "check_in_lists", "-"]
    );
}

#[test]
fn test_orders_and_orders_of_other_events_stay_out() {
    let files = [
        (
            "orders.json",
            page(
                3,
                vec![
                    order(
                        "A1",
                        vec![position(1, "s1", json!({}))],
                        json!({"testmode": true}),
                    ),
                    order(
                        "A2",
                        vec![position(1, "s2", json!({}))],
                        json!({"event": "other"}),
                    ),
                    order("A3", vec![position(1, "s3", json!({}))], json!({})),
                ],
            ),
        ),
        ("items.json", items()),
        (
            "event.json",
            json!({"slug": "fair", "timezone": "Europe/Berlin"}),
        ),
    ];
    let import = read_files(&files, &berlin()).unwrap();
    assert_eq!(import.tickets.len(), 1);
    assert_eq!(
        of_the_files(&import),
        [&Warning::TestOrdersLeftOut { count: 1 }]
    );
    assert_eq!(
        bad(&import),
        [("orders.json, order A2".to_owned(), "other_event")]
    );
    assert_eq!(facts(&import).time_zone.as_deref(), Some("Europe/Berlin"));

    let mut options = berlin();
    options.test_orders = TestOrders::Take;
    assert_eq!(read_files(&files, &options).unwrap().tickets.len(), 2);
}

#[test]
fn revoked_and_blocked_secrets_are_used() {
    let positions = (1..=3)
        .map(|n| position(n, &format!("s{n}"), json!({})))
        .collect();
    let files = [
        (
            "orders.json",
            page(1, vec![order("A1", positions, json!({}))]),
        ),
        ("items.json", items()),
        (
            "revoked.json",
            page(
                2,
                vec![
                    json!({"id": 1, "secret": "s1", "created": "2026-11-20T17:00:00Z"}),
                    json!({"id": 2, "secret": "older", "created": "2026-11-20T17:00:00Z"}),
                ],
            ),
        ),
        (
            "blocked.json",
            page(
                2,
                vec![
                    json!({"id": 1, "secret": "s2", "blocked": true, "updated": "2026-11-20T17:00:00Z"}),
                    json!({"id": 2, "secret": "s3", "blocked": false, "updated": "2026-11-20T17:00:00Z"}),
                ],
            ),
        ),
    ];
    let import = read_files(&files, &berlin()).unwrap();
    assert_eq!(import.tickets[0].state, cancelled("its code was revoked"));
    assert!(matches!(import.tickets[1].state, State::Blocked { .. }));
    assert_eq!(import.tickets[2].state, State::Valid);
    let revoked: Vec<&str> = facts(&import)
        .refused
        .revoked
        .iter()
        .map(|s| s.reveal())
        .collect();
    assert_eq!(revoked, ["older"]);
}

#[test]
fn names_come_in_the_wanted_language() {
    let files = [
        (
            "orders.json",
            page(
                1,
                vec![order("A1", vec![position(1, "s1", json!({}))], json!({}))],
            ),
        ),
        ("items.json", items()),
    ];
    for (locale, name) in [
        (Some("de"), "Tageskarte"),
        (Some("fr"), "Day"),
        (None, "Day"),
    ] {
        let mut options = berlin();
        options.locale = locale.map(str::to_owned);
        let import = read_files(&files, &options).unwrap();
        assert_eq!(&*import.tickets[0].type_name, name);
    }
}

#[test]
fn an_unreadable_order_or_position_is_a_bad_line_and_the_rest_is_read() {
    let import = read_orders(vec![
        order(
            "A1",
            vec![
                json!({"positionid": 1}),
                position(2, "", json!({})),
                position(3, "s3", json!({})),
                position(4, "s3", json!({})),
                position(5, "s5", json!({"valid_from": "soon"})),
            ],
            json!({}),
        ),
        json!({"code": 5, "positions": []}),
    ]);
    assert_eq!(
        bad(&import),
        [
            ("o.json, order A1".to_owned(), "unreadable"),
            ("o.json, order A1, position 2".to_owned(), "barcode_missing"),
            (
                "o.json, order A1, position 4".to_owned(),
                "barcode_repeated"
            ),
            ("o.json, order A1, position 5".to_owned(), "unknown_date"),
            ("o.json, entry 2".to_owned(), "unreadable"),
        ]
    );
    assert_eq!(import.tickets.len(), 1);
}

#[test]
fn what_is_missing_or_broken_is_named_without_quoting_it() {
    let one = page(
        1,
        vec![order("A1", vec![position(1, "s1", json!({}))], json!({}))],
    );
    let error = |files: &[(&str, Value)]| read_files(files, &berlin()).unwrap_err();
    assert_eq!(error(&[("orders.json", one)]), ImportError::ItemsMissing);
    assert_eq!(
        error(&[("items.json", items())]),
        ImportError::OrdersMissing
    );
    assert_eq!(
        error(&[("what.json", json!({"hello": 1}))]).code(),
        "import_unknown_json"
    );
    let broken = r#"{"results": [{"secret": "hidden", "code": }]}"#;
    let error = read(&[list(broken)], &berlin()).unwrap_err();
    assert_eq!(error.code(), "import_json");
    assert!(!error.to_string().contains("hidden"));
}
