//! One cell: what spreadsheets did to it is undone, what cannot be a value is refused.

use super::report::BadReason;
use std::borrow::Cow;
use usher_domain::code::{InvalidText, MAX_TEXT_BYTES, TicketCodeText};

/// What a cell holds, as far as cleaning is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// A barcode or number: a spreadsheet may have damaged it, and a leading apostrophe is an escape.
    Number,
    /// Words.
    Words,
    /// Many words.
    Prose,
}

impl Content {
    /// Bytes at most. A QR code of version 40 holds 4,296 characters; tickets use far less.
    const fn limit(self) -> usize {
        match self {
            Self::Number | Self::Prose => 1024,
            Self::Words => 400,
        }
    }
}

/// The value of a cell; `None` if there is nothing in it.
pub(super) fn clean(cell: &str, content: Content) -> Result<Option<Cow<'_, str>>, BadReason> {
    let mut value = without_formula(trim(cell));
    if content == Content::Number {
        value = without_apostrophe(value);
    }
    if value.is_empty() || is_placeholder(&value) {
        return Ok(None);
    }
    let limit = content.limit();
    if value.len() > limit {
        return Err(BadReason::TooLong { limit });
    }
    // Nearly every cell is plain: nothing further can be wrong with its characters.
    let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if !plain && value.contains('\u{FFFD}') {
        return Err(BadReason::DamagedText);
    }
    if !plain
        && value
            .chars()
            .any(|c| c.is_control() && !may_become_space(c, content))
    {
        return Err(BadReason::ControlCharacter);
    }
    if !plain && value.contains(LAYOUT) {
        value = Cow::Owned(on_one_line(&value));
    }
    if content == Content::Number && is_damaged(&value) {
        return Err(BadReason::DamagedNumber);
    }
    Ok(Some(value))
}

/// What programs write where they have no value: errors of spreadsheets in several languages, and the nothing
/// of databases and scripts. A guest may be called Nan or None, so case counts.
const PLACEHOLDERS: &[&str] = &[
    "nan",
    "NaN",
    "null",
    "NULL",
    "nil",
    "undefined",
    "(null)",
    "<null>",
    "<NA>",
    "\\N",
    "N/A",
    "n/a",
    "#NV",
    "#N/D",
    "#N/V",
];

/// Whether a value says that there is none.
pub(super) fn is_placeholder(value: &str) -> bool {
    let is_error = value.starts_with('#')
        && (value.ends_with(['!', '?']) || value == "#N/A")
        && value.len() <= 12;
    is_error
        || PLACEHOLDERS.contains(&value)
        || value.chars().all(|c| matches!(c, '-' | '–' | '—' | '_'))
}

/// Words of a line that sums up others.
const OF_TOTALS: &[&str] = &[
    "total",
    "totals",
    "grandtotal",
    "subtotal",
    "sum",
    "sumtotal",
    "summe",
    "gesamt",
    "gesamtsumme",
    "zwischensumme",
    "anzahl",
    "count",
    "somme",
    "totale",
    "suma",
    "totaal",
    "summa",
    "razem",
];

/// Whether a cell is a word of a line that sums up others.
pub(super) fn is_of_total(cell: &str) -> bool {
    OF_TOTALS.contains(&super::columns::fold(cell).as_str())
}

/// Whether what stands as a barcode is a word of a line that is no ticket.
pub(super) fn is_no_barcode(code: &str) -> bool {
    is_of_total(code) || ["none", "na"].contains(&super::columns::fold(code).as_str())
}

/// What lays a text out: people press enter in a cell, and forms take addresses with several lines.
const LAYOUT: [char; 3] = ['\n', '\r', '\t'];

/// Words are the same words on one line. A number with a line break in it is another number, or two.
fn may_become_space(c: char, content: Content) -> bool {
    content != Content::Number && LAYOUT.contains(&c)
}

/// Line breaks and tabs, with the spaces around them, become one space each.
fn on_one_line(text: &str) -> String {
    let parts = text.split(LAYOUT).map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// Whitespace, and what web pages and byte order marks leave around a value.
fn trim(cell: &str) -> &str {
    cell.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}' | '\u{200E}' | '\u{200F}')
    })
}

/// `="0123"` keeps a spreadsheet from dropping zeros; the value is `0123`.
fn without_formula(cell: &str) -> Cow<'_, str> {
    match cell.strip_prefix("=\"").and_then(|c| c.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(cell),
    }
}

/// `'0123` is text to a spreadsheet, and exporters write `'=abc` so that it is not taken for a formula.
fn without_apostrophe(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix('\'').unwrap_or(text)),
        Cow::Owned(text) => Cow::Owned(text.strip_prefix('\'').unwrap_or(&text).to_owned()),
    }
}

/// `1.23457E+12`, `1,2E+17` or `123456.0`: digits are lost or were never there.
fn is_damaged(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some((mantissa, exponent)) = value.split_once("E+").or_else(|| value.split_once("e+")) {
        return digits(exponent)
            && match mantissa.split_once(['.', ',']) {
                Some((whole, part)) => digits(whole) && digits(part),
                None => digits(mantissa),
            };
    }
    value.strip_suffix(".0").is_some_and(digits)
}

/// Spreadsheets keep 15 digits and write zeros for the rest: such a number *may* have been longer.
pub(super) fn may_be_rounded(value: &str) -> Rounding {
    const KEPT: usize = 15;
    if value.len() < KEPT + 2 || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Rounding::TooShort;
    }
    match value.get(KEPT..) {
        Some(rest) if rest.bytes().all(|b| b == b'0') => Rounding::Possible,
        _ => Rounding::Excluded,
    }
}

/// Whether a number may be one that a spreadsheet rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// Not that long, or not a number.
    TooShort,
    /// Only zeros after the 15th digit.
    Possible,
    /// Other digits after the 15th.
    Excluded,
}

/// A cleaned barcode as the text of a code; `None` if it is empty.
pub(super) fn code_text(text: &str) -> Result<Option<TicketCodeText>, BadReason> {
    match TicketCodeText::new(text) {
        Ok(code) => Ok(Some(code)),
        Err(InvalidText::Empty) => Ok(None),
        Err(InvalidText::TooLong) => Err(BadReason::TooLong {
            limit: MAX_TEXT_BYTES,
        }),
        Err(InvalidText::ControlCharacter) => Err(BadReason::ControlCharacter),
    }
}

/// Reads yes and no in the languages of the headers; nothing is no.
pub(super) fn yes_or_no(cell: &str) -> Result<bool, BadReason> {
    match trim(cell).to_lowercase().as_str() {
        "yes" | "y" | "ja" | "j" | "true" | "wahr" | "1" | "x" | "oui" | "si" | "sí" | "sì" => {
            Ok(true)
        }
        "" | "no" | "n" | "nein" | "false" | "falsch" | "0" | "non" | "nee" | "-" => Ok(false),
        _ => Err(BadReason::NotYesOrNo),
    }
}

/// Whether a cell says that a ticket was used: yes, or when.
pub(super) fn was_used(cell: &str) -> bool {
    let cell = trim(cell);
    let never = [
        "never",
        "nie",
        "jamais",
        "nunca",
        "0000-00-00",
        "0000-00-00 00:00:00",
    ];
    !is_placeholder(cell)
        && !never.contains(&cell.to_lowercase().as_str())
        && yes_or_no(cell).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(cell: &str) -> Result<Option<String>, BadReason> {
        clean(cell, Content::Number).map(|value| value.map(Cow::into_owned))
    }

    #[test]
    fn what_a_spreadsheet_puts_around_a_number_is_undone() {
        for cell in ["0123", " 0123\u{a0}", "'0123", "=\"0123\"", "\u{feff}0123"] {
            assert_eq!(number(cell), Ok(Some("0123".into())), "{cell}");
        }
        assert_eq!(number("'=cQj/+A"), Ok(Some("=cQj/+A".into())));
        assert_eq!(number("=cQj/+A"), Ok(Some("=cQj/+A".into())));
        assert_eq!(number("=\"a\"\"b\""), Ok(Some("a\"b".into())));
    }

    #[test]
    fn a_number_damaged_by_a_spreadsheet_is_refused() {
        for cell in ["1,23457E+12", "1.23457E+12", "1E+17", "'1E+17", "123456.0"] {
            assert_eq!(number(cell), Err(BadReason::DamagedNumber), "{cell}");
        }
        for cell in ["12E45", "E+12", "1A.0", "ABCE+12"] {
            assert!(number(cell).is_ok(), "{cell}");
        }
    }

    #[test]
    fn a_name_keeps_its_apostrophe_and_prose_loses_its_lines() {
        assert_eq!(
            clean("'t Hooft", Content::Words),
            Ok(Some("'t Hooft".into()))
        );
        assert_eq!(
            clean("ask\r\nfor ID", Content::Prose),
            Ok(Some("ask for ID".into()))
        );
        assert_eq!(
            clean("a\0b", Content::Words),
            Err(BadReason::ControlCharacter)
        );
        assert_eq!(
            clean(&"x".repeat(401), Content::Words),
            Err(BadReason::TooLong { limit: 400 })
        );
    }
}
