//! Reading JSON: how much it holds, and in plain words what is wrong with it.

use crate::http::problem::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use usher_domain::cbor::Bounds;
use usher_domain::problem::{Code, Fault, Problem};

/// Whether JSON (RFC 8259) holds no more values than these. What is no JSON is for its reader to refuse.
pub(crate) fn json_holds(bounds: Bounds, bytes: &[u8]) -> bool {
    let (mut items, mut depth) = (1, 0_usize);
    let mut in_text = false;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match (in_text, byte) {
            (true, b'\\') => _ = bytes.next(),
            (_, b'"') => in_text = !in_text,
            (false, b',') => items += 1,
            (false, b'[' | b'{') => {
                items += 1;
                depth += 1;
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (_, _) => {}
        }
        if items > bounds.items || depth > bounds.depth {
            return false;
        }
    }
    true
}

/// Reads a JSON object and tells the field at fault.
pub(crate) fn json<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Failure> {
    let body: Value = serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("the body is not JSON: line {line}, column {column}");
        Failure::new(Code::MalformedRequest, detail)
    })?;
    if !body.is_object() {
        return Err(Failure(invalid_field(String::new(), AN_OBJECT)));
    }
    // Read from the bytes, where a field that is given twice is still seen.
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read: T = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let at = error.path().to_string();
        Failure(refused_field(&at, &error.into_inner().to_string()))
    })?;
    let written = serde_json::to_value(&read)
        .map_err(|_| Failure::new(Code::Internal, "a fault of the server"))?;
    match list_for_object(&body, &written) {
        Some(at) => Err(Failure(invalid_field(at, AN_OBJECT))),
        None => Ok(read),
    }
}

const AN_OBJECT: &str = "must be an object";

/// Where a list stands in place of an object. The reader takes a list as the fields in their order, which
/// nobody means who writes JSON; the same value written again tells what it should have been.
fn list_for_object(given: &Value, written: &Value) -> Option<String> {
    match (given, written) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(given), Value::Array(written)) => {
            let mut pairs = given.iter().zip(written).enumerate();
            pairs.find_map(|(number, (given, written))| {
                let inner = list_for_object(given, written)?;
                Some(joined(&format!("[{number}]"), &inner))
            })
        }
        (Value::Object(given), Value::Object(written)) => given.iter().find_map(|(name, given)| {
            let inner = list_for_object(given, written.get(name)?)?;
            Some(joined(name, &inner))
        }),
        _ => None,
    }
}

/// A path and one below it.
fn joined(outer: &str, inner: &str) -> String {
    let dot = if outer.is_empty() || inner.is_empty() || inner.starts_with('[') {
        ""
    } else {
        "."
    };
    format!("{outer}{dot}{inner}")
}

fn invalid_field(at: String, reason: &str) -> Problem {
    let whole = if at.is_empty() { "the body" } else { &at };
    let mut problem = Problem::new(Code::InvalidValue, format!("{whole}: {reason}"));
    problem.errors.push(Fault {
        at,
        code: Code::InvalidValue.as_str().to_owned(),
        detail: reason.to_owned(),
    });
    problem
}

/// What the reader says of a field, in words for a person.
fn refused_field(path: &str, said: &str) -> Problem {
    let at = if path == "." { "" } else { path };
    let said = said.split(" at line ").next().unwrap_or_default();
    let named = |rest: &str| rest.split('`').nth(1).unwrap_or_default().to_owned();
    if let Some(rest) = said.strip_prefix("missing field") {
        return invalid_field(joined(at, &named(rest)), "is missing");
    }
    if let Some(rest) = said.strip_prefix("duplicate field") {
        return invalid_field(joined(at, &named(rest)), "is given twice");
    }
    if said.starts_with("unknown field") {
        return invalid_field(at.to_owned(), "there is no such field");
    }
    if is_of_a_time(said) {
        return invalid_field(at.to_owned(), A_TIME);
    }
    let expected = said
        .rsplit_once(", expected ")
        .map(|(_, expected)| expected);
    invalid_field(at.to_owned(), &wanted(expected.unwrap_or_default()))
}

/// Whether the reader of times says this, whose words are for programmers.
fn is_of_a_time(said: &str) -> bool {
    let words = ["timestamp", "datetime", "offset", "year", "date"];
    // What other readers say begins otherwise, and may quote.
    let own = !said.starts_with("invalid ") && !said.starts_with("unknown ");
    own && (said.starts_with("failed to parse") || words.iter().any(|word| said.contains(word)))
}

const A_TIME: &str = "must be a time as 2027-10-30T22:00:00+02:00";

/// What would be right, of what the reader expected. It is told by names that programs use only.
fn wanted(expected: &str) -> String {
    let kind = expected.split(' ').next().unwrap_or_default();
    match (kind, expected) {
        ("struct" | "map" | "internally" | "adjacently", _) | (_, "a map") => AN_OBJECT.to_owned(),
        ("sequence", _) | (_, "a sequence") => "must be a list".to_owned(),
        (_, "a timestamp string") => A_TIME.to_owned(),
        ("string", _) | (_, "a string" | "a borrowed string" | "str") => {
            "must be a text".to_owned()
        }
        ("bool", _) | (_, "a boolean") => "must be true or false".to_owned(),
        ("u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64", _) => {
            "must be a whole number in its range".to_owned()
        }
        ("one", _) if !expected.contains('"') => format!("must be {expected}"),
        (kind, _) if kind.starts_with('`') && !expected.contains('"') => {
            format!("must be {expected}")
        }
        _ => "has a value that cannot be".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use usher_domain::api::access::NewToken;
    use usher_domain::api::reports::{NewEveryoneOut, NewFreeFlow, NewRulings};
    use usher_domain::api::tickets::{NewTicket, TicketChange};
    use usher_domain::api::venue::SessionChange;

    fn refusal<T: DeserializeOwned + Serialize>(text: &str) -> Problem {
        match json::<T>(text.as_bytes()) {
            Ok(_) => panic!("read: {text}"),
            Err(Failure(problem)) => problem,
        }
    }

    #[test]
    fn a_wrong_field_is_named_and_its_value_is_not() {
        for text in [
            r#"{"kind": "adult", "entries": "Ada Lovelace"}"#,
            r#"{"kind": "adult", "home": "Ada Lovelace"}"#,
            r#"{"kind": "adult", "media": "Ada Lovelace"}"#,
        ] {
            let problem = refusal::<NewTicket>(text);
            assert_eq!(problem.code, Code::InvalidValue);
            assert!(
                text.contains(&format!("\"{}\"", problem.errors[0].at)),
                "{problem}"
            );
            assert!(!format!("{problem:?}").contains("Ada"), "{problem:?}");
        }
        let problem = refusal::<TicketChange>(r#"{"do": "cancel", "reason": "Ada"}"#);
        assert!(!problem.detail.contains("Ada"), "{problem}");
        let problem = refusal::<NewToken>(r#"{"name": "n", "role": "Ada"}"#);
        assert!(problem.detail.contains("viewer"), "{problem}");
        assert!(!problem.detail.contains("Ada"), "{problem}");
    }

    #[test]
    fn a_list_is_no_object_wherever_it_stands() {
        for text in ["[]", "[\"adult\"]", "7", "\"adult\"", "null"] {
            for problem in [
                refusal::<NewTicket>(text),
                refusal::<SessionChange>(text),
                refusal::<NewEveryoneOut>(text),
                refusal::<NewRulings>(text),
                refusal::<TicketChange>(text),
            ] {
                assert_eq!(problem.code, Code::InvalidValue, "{text}");
                assert_eq!(problem.detail, "the body: must be an object", "{text}");
            }
        }
        for text in [
            r#"{"rules": []}"#,
            r#"{"rules": 7}"#,
            r#"{"rules": "single"}"#,
        ] {
            let problem = refusal::<SessionChange>(text);
            assert_eq!(problem.detail, "rules: must be an object", "{text}");
        }
    }

    #[test]
    fn a_field_that_is_missing_unknown_or_of_another_kind_is_told_in_plain_words() {
        let told = |problem: Problem| problem.detail;
        assert_eq!(told(refusal::<NewRulings>("{}")), "records: is missing");
        let text = r#"{"records": "all", "word": "counts"}"#;
        assert_eq!(told(refusal::<NewRulings>(text)), "records: must be a list");
        let text = r#"{"records": [7], "word": "counts"}"#;
        assert_eq!(
            told(refusal::<NewRulings>(text)),
            "records[0]: must be a text"
        );
        for until in [
            r#""tomorrow""#,
            r#""2027-13-01T00:00:00Z""#,
            r#""9999-99""#,
            "7",
            r#""""#,
        ] {
            let text = format!(r#"{{"gate": "north", "until": {until}}}"#);
            assert_eq!(
                told(refusal::<NewFreeFlow>(&text)),
                format!("until: {A_TIME}")
            );
        }
        let text = r#"{"zone": "hall", "floor": 2}"#;
        let told = told(refusal::<NewEveryoneOut>(text));
        assert!(told.ends_with("there is no such field"), "{told}");
    }

    #[test]
    fn broken_json_is_malformed_and_tells_the_line() {
        let problem = refusal::<NewTicket>("{\n\"kind\": ");
        assert_eq!(problem.code, Code::MalformedRequest);
        assert!(problem.detail.contains("line 2"), "{problem}");
        assert_eq!(
            refusal::<NewTicket>(r#"{"kind": "adult"} 1"#).code,
            Code::MalformedRequest
        );
    }

    #[test]
    fn json_that_holds_one_value_more_is_too_much() {
        let bounds = |items, depth| Bounds { items, depth };
        let text = br#"{"a": [1, 2, {"b": "x,[{\\\","}], "c": null}"#;
        assert!(json_holds(bounds(8, 3), text));
        assert!(!json_holds(bounds(6, 3), text));
        assert!(!json_holds(bounds(8, 2), text));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = json::<NewTicket>(&bytes);
            let _ = json::<TicketChange>(&bytes);
        }
    }
}
