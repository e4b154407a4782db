//! What scanners and their protocols put around a code: line ends, framing, flags that name the symbology,
//! and characters that the symbol holds for programs and not for people.

/// The code in a presented text, without what scanners put around it:
///
/// * white space, control characters (STX, ETX, GS as FNC1, NUL), byte order marks, characters without width,
///   and what a decoder wrote for bytes that are no text, at both ends; control characters inside as well;
/// * the AIM symbology identifier (ISO/IEC 15424: `]`, a letter, a modifier);
/// * the flag of an extended channel interpretation (AIM ITS/04-001: `\` and six digits).
///
/// It is for texts that are unknown as they are: a shop may sell codes that look wrapped. It is pure, and
/// unwrapping twice is unwrapping once.
#[must_use]
pub fn unwrapped(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let mut rest = text.as_str();
    loop {
        let inner = without_flag(rest.trim_matches(is_around));
        if inner.len() == rest.len() {
            return inner.to_owned();
        }
        rest = inner;
    }
}

/// Whether a character may stand around a code and never at its ends.
fn is_around(c: char) -> bool {
    let has_no_width = matches!(
        c,
        '\u{feff}' | '\u{fffd}' | '\u{fffe}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
    );
    has_no_width || c.is_whitespace()
}

fn without_flag(text: &str) -> &str {
    symbology_identifier(text)
        .or_else(|| interpretation(text))
        .unwrap_or(text)
}

/// What follows a symbology identifier, if one stands in front of something.
fn symbology_identifier(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(']')?;
    let code = rest.strip_prefix(|c: char| c.is_ascii_alphabetic())?;
    let code = code.strip_prefix(|c: char| c.is_ascii_alphanumeric())?;
    (!code.is_empty()).then_some(code)
}

/// What follows the flag of an extended channel interpretation, if one stands in front of something.
fn interpretation(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('\\')?;
    let (number, code) = rest.split_at_checked(6)?;
    let is_flag = number.bytes().all(|byte| byte.is_ascii_digit()) && !code.is_empty();
    is_flag.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_stands_around_a_code_is_taken_off() {
        for wrapped in [
            "KX41-TUNA",
            "KX41-TUNA\r\n",
            "\u{2}KX41-TUNA\u{3}",
            "\u{2}KX41-TUNA\u{3}\r",
            "]Q1KX41-TUNA",
            "]C1KX41-TUNA",
            "]d2\u{1d}KX41-TUNA",
            "]e0KX41-TUNA\u{1d}",
            "\u{1d}KX41-TUNA",
            "\\000026KX41-TUNA",
            "]Q2\\000026KX41-TUNA",
            "\\000003 KX41-TUNA",
            "\u{feff}KX41-TUNA",
            "\u{fffd}\u{fffd}K\u{0}X\u{0}4\u{0}1\u{0}-\u{0}TUNA\u{0}",
            "KX41-TUNA\0",
            "\0\0KX41-TUNA\0\0",
            "\u{200e}KX41-TUNA\u{200f}",
            "\u{a0}KX41-TUNA\u{a0}",
            "\u{1}]A0KX41-TUNA\u{4}",
            "\u{feff}\u{2}]Q1\\000026KX41-TUNA\u{3}\r\n",
        ] {
            assert_eq!(unwrapped(wrapped), "KX41-TUNA", "{wrapped:?}");
        }
    }

    #[test]
    fn what_only_begins_like_a_flag_stays() {
        for text in [
            "]",
            "]Q",
            "]Q1",
            "]1Q7",
            "\\00002",
            "\\000026",
            "\\00002AX",
            "[Q1X",
            "Q]1X",
        ] {
            assert_eq!(unwrapped(text), text);
        }
    }

    fn flag() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\][A-Za-z][0-9A-Za-z]",
            "\\\\[0-9]{6}",
            "[\u{0}-\u{1f}\u{feff}\u{200b} ]{1,3}",
        ]
    }

    proptest! {
        #[test]
        fn wrappings_come_off_and_the_code_stays(
            front in flag(), second in flag(), code in "[A-Z0-9][A-Za-z0-9 :/?=&.-]{0,40}[A-Z0-9]", back in "[\u{0}-\u{1f}\u{feff} ]{0,3}",
        ) {
            prop_assert_eq!(unwrapped(&format!("{front}{second}{code}{back}")), code);
        }

        #[test]
        fn unwrapping_twice_is_unwrapping_once_and_adds_nothing(text in "(\\PC|[\u{0}-\u{1f}]|\\]Q1|\\\\000026){0,12}") {
            let once = unwrapped(&text);
            prop_assert!(text.chars().filter(|c| !c.is_control()).collect::<String>().contains(&once));
            prop_assert_eq!(unwrapped(&once), once);
        }
    }
}
