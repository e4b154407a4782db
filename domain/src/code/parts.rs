//! Texts within an address or within JSON, in one of which a code may stand.

/// Parts of one text that are looked at.
const PARTS_MAX: usize = 16;

/// The parts of an address in which shops put a code: the last part of the path, the values of the query, and
/// what follows `#`, without percent signs. None if the text is no address.
#[must_use]
pub(super) fn url_parts(text: &str) -> Vec<String> {
    let begins_with_host = || {
        let host = text.split_once('/').map(|(host, _)| host);
        host.is_some_and(|host| host.contains('.'))
    };
    let is_address = text.contains("://") || begins_with_host();
    if !is_address || text.contains(char::is_whitespace) {
        return Vec::new();
    }
    let (rest, fragment) = split(text, '#');
    let (path, query) = split(rest, '?');
    let path = path.split_once("://").map_or(path, |(_, path)| path);
    let last = path
        .split_once('/')
        .and_then(|(_, path)| path.split('/').rfind(|part| !part.is_empty()));
    let values = |query: &str| -> Vec<String> {
        let pairs = query.split(['&', ';']).take(PARTS_MAX);
        pairs
            .map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value))
            .map(decoded)
            .collect()
    };
    let mut parts: Vec<String> = last.map(decoded).into_iter().collect();
    parts.extend(query.into_iter().flat_map(values));
    if let Some(fragment) = fragment {
        // A page that shows tickets may keep its own path and query there.
        let last = fragment.split('/').rfind(|part| !part.is_empty());
        parts.extend(last.map(decoded));
        parts.extend(values(split(fragment, '?').1.unwrap_or(fragment)));
    }
    parts.retain(|part| !part.is_empty());
    parts.truncate(PARTS_MAX);
    parts
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// A part of an address without its percent signs (RFC 3986, section 2.1); what is none stays.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| *first == b'%');
        let byte = escaped.and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        });
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The strings and numbers that stand as values in JSON (RFC 8259), as far as it can be read. None if the text
/// is neither an object nor a list.
#[must_use]
pub(super) fn json_strings(text: &str) -> Vec<String> {
    if !text.starts_with(['{', '[']) {
        return Vec::new();
    }
    let mut values = Vec::new();
    let mut rest = text;
    while values.len() < PARTS_MAX {
        let Some(start) = rest.find(|c: char| c == '"' || c.is_ascii_digit()) else {
            break;
        };
        let (_, from) = rest.split_at(start);
        let (value, after) = match from.strip_prefix('"') {
            Some(inside) => match string(inside) {
                Some(read) => read,
                None => break,
            },
            None => {
                let end = from.find(|c: char| !c.is_ascii_digit());
                let (number, after) = from.split_at(end.unwrap_or(from.len()));
                (number.to_owned(), after)
            }
        };
        rest = after;
        let is_name = rest.trim_start().starts_with(':');
        if !is_name && !value.is_empty() {
            values.push(value);
        }
    }
    values
}

/// A string without its escapes, and what follows its end; none if it does not end.
fn string(inside: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = inside.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'u' => {
                    let digits = chars.as_str().get(..4)?;
                    let number = u32::from_str_radix(digits, 16).ok()?;
                    value.push(char::from_u32(number).unwrap_or('\u{fffd}'));
                    chars = chars.as_str().get(4..)?.chars();
                }
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_of_an_address_in_which_codes_stand_are_found() {
        for (url, part) in [
            ("https://t.example/check-in/KX41", "KX41"),
            ("https://t.example/check-in/KX41/", "KX41"),
            ("https://t.example/t?code=KX41&lang=de", "KX41"),
            ("https://t.example/t?lang=de&c=KX%2D41", "KX-41"),
            ("https://t.example/#/tickets/KX41", "KX41"),
            ("https://t.example/app#code=KX41", "KX41"),
            ("https://t.example/?KX41", "KX41"),
            ("www.t.example/KX41", "KX41"),
            ("ticket://KX41/KX42", "KX42"),
            ("t.example/KX41?utm=a", "KX41"),
        ] {
            let parts = url_parts(url);
            assert!(parts.iter().any(|found| found == part), "{url}: {parts:?}");
        }
        assert!(url_parts("KX41-TUNA").is_empty());
        assert!(url_parts("a / b").is_empty());
        assert!(url_parts("KX41/TUNA").is_empty());
        assert!(url_parts("https://t.example").is_empty());
    }

    #[test]
    fn the_values_in_json_are_found_and_its_names_are_not() {
        let text = r#"{"ticket": "KX41", "id":7041, "of": {"a\"b": ["K\u0058\/2", true, null]}}"#;
        assert_eq!(json_strings(text), ["KX41", "7041", "KX/2"]);
        assert!(json_strings("\"KX41\"").is_empty());
        assert_eq!(json_strings(r#"{"a":"KX41","b":"cut"#), ["KX41"]);
    }

    proptest! {
        #[test]
        fn any_text_has_some_parts_and_nothing_panics(text in "(\\PC|[/?#&=%\"\\\\{}:]){0,60}") {
            prop_assert!(url_parts(&text).len() <= PARTS_MAX);
            let object = format!("{{{text}");
            prop_assert!(json_strings(&object).len() <= PARTS_MAX);
        }
    }
}
