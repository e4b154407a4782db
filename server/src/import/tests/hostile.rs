//! Whatever comes in, the answer is an import or an error.

use super::*;
use proptest::prelude::*;

fn survives(bytes: &[u8]) {
    let _ = read(&[list(bytes)], &berlin());
    let options = mapped(&["barcode=1", "name=2"]);
    let _ = read(&[list(bytes)], &options);
}

proptest! {
    #[test]
    fn any_bytes_are_an_import_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        survives(&bytes);
        survives(&[b"barcode;status;valid until;name\n", &bytes[..]].concat());
        survives(&[b"\xff\xfe", &bytes[..]].concat());
        survives(&[b"[", &bytes[..]].concat());
    }

    #[test]
    fn any_text_of_the_characters_that_matter_survives(
        text in "[\"',;|\t\r\n=#.0-9eE+a-cäß\u{0}\u{FFFD}/:-]{0,200}"
    ) {
        survives(text.as_bytes());
        survives(format!("barcode,valid from,entries,seat\n{text}").as_bytes());
        survives(format!("sep={text}").as_bytes());
    }

    #[test]
    fn every_line_with_something_in_it_is_a_ticket_or_a_bad_line(
        rows in proptest::collection::vec(("[a-z0-9]{0,4}", "[a-zA-Z .']{0,8}", "(paid|void|odd|)"), 1..40)
    ) {
        let mut text = "barcode,name,status\n".to_owned();
        let mut filled = 0;
        for (code, name, status) in &rows {
            text.push_str(&format!("{code},{name},{status}\n"));
            filled += usize::from(![code, name, status].iter().all(|cell| cell.trim().is_empty()));
        }
        let import = read(&[list(&text)], &berlin()).unwrap();
        prop_assert_eq!(import.tickets.len() + import.bad.len(), filled);
    }

    /// A cell is its words on one line, or its line is bad; no line is lost, and none takes another along.
    #[test]
    fn whatever_stands_in_a_quoted_cell_is_one_line_of_words_or_a_bad_line(
        cells in proptest::collection::vec("[a-z\\u{0}-\\u{1f}\\u{7f}-\\u{9f} ,;\"]{0,12}", 1..20)
    ) {
        let mut text = "barcode,name,type,remarks\n".to_owned();
        for (number, cell) in cells.iter().enumerate() {
            let quoted = cell.replace('"', "\"\"");
            text.push_str(&format!("CODE-{number},\"n{quoted}n\",VIP,\"{quoted}\"\n"));
        }
        let import = read(&[list(&text)], &berlin()).unwrap();
        prop_assert_eq!(import.tickets.len() + import.bad.len(), cells.len());
        let others = |c: char| c.is_control() && !['\n', '\r', '\t'].contains(&c);
        let bad = cells.iter().filter(|cell| cell.contains(others)).count();
        prop_assert_eq!(import.bad.len(), bad);
        for ticket in &import.tickets {
            let name = ticket.holder.as_ref().map_or("", |name| name.reveal());
            prop_assert!(!name.contains(char::is_control), "{:?}", name);
        }
    }

    #[test]
    fn any_order_is_tickets_or_an_error(
        json in json_value(),
    ) {
        let page = serde_json::json!({"count": 1, "results": [{
            "code": "A", "status": "p", "positions": [json]}, json]}).to_string();
        let items = r#"[{"id":1,"name":"x","default_price":"1","admission":true}]"#;
        let _ = read(
            &[
                NamedBytes { name: "orders.json", bytes: page.as_bytes() },
                NamedBytes { name: "items.json", bytes: items.as_bytes() },
                NamedBytes { name: "event.json", bytes: json.to_string().as_bytes() },
            ],
            &berlin(),
        );
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("code"),
        Just("positions"),
        Just("secret"),
        Just("positionid"),
        Just("item"),
        Just("blocked"),
        Just("results"),
        Just("valid_keys"),
        Just("slug"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(key.clone(), inner, 0..9)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

#[test]
fn json_nested_without_end_is_an_error() {
    for open in ["[", "{\"a\":", "{\"results\":["] {
        let deep = open.repeat(200_000);
        assert_eq!(
            read(&[list(&deep)], &berlin()).unwrap_err().code(),
            "import_json"
        );
    }
    let closed = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert!(read(&[list(&closed)], &berlin()).is_err());
}
