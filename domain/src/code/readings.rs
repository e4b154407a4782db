//! Other readings of a presented text that is unknown as it is: what scanners put around codes, letters that a
//! wrong setting changed, and codes within an address or JSON.
//!
//! A reading is a guess, and only the ticket set says whether it is right. So whoever looks them up takes one
//! that [`Repair::Unwrapped`] or [`Repair::Placed`] made as if it had been presented, and any other only if
//! exactly one ticket fits all of them. A signed code is never changed: where letters were exchanged to get at
//! one, it is told and opens nothing.

use super::layout::Layout;
use super::parts::{json_strings, url_parts};
use super::pretix::PretixSecret;
use super::text::MAX_TEXT_BYTES;
use super::usher;
use super::wrapping::unwrapped;
use crate::rules::CodePlace;
use crate::secret::Private;
use serde::Serialize;
use std::collections::BTreeSet;

/// What was done to a presented text to read a code in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// What scanners put around it was taken off.
    Unwrapped,
    /// It stands in the text where the session's rules say that codes stand.
    Placed,
    /// It is part of an address.
    UrlPart,
    /// It is a value in JSON.
    JsonValue,
    /// Capitals and small letters were exchanged.
    Case,
    /// Scanner and host have different keyboard layouts, one of them US and the other this one.
    Layout(Layout),
    /// Zeros at the beginning were lost or added.
    Zeros,
}

impl Repair {
    /// Whether letters were exchanged. Only a text without a signature may be read so.
    #[must_use]
    pub const fn changes_letters(self) -> bool {
        match self {
            Self::Case | Self::Layout(_) | Self::Zeros => true,
            Self::Unwrapped | Self::Placed | Self::UrlPart | Self::JsonValue => false,
        }
    }

    /// Whether the reading counts as if it had been presented: nothing was guessed.
    #[must_use]
    pub const fn is_sure(self) -> bool {
        matches!(self, Self::Unwrapped | Self::Placed)
    }
}

/// What a reading is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// The ticket that it belongs to opens.
    Opens,
    /// It is a signed code in which letters were exchanged: people are told what is wrong with the scanner.
    Tells,
}

/// Another reading of a presented text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The code that may have been meant.
    pub text: Private,
    /// What was done to read it.
    pub repair: Repair,
    /// What it is good for.
    pub good_for: Use,
}

/// Zeros that may have been lost.
const ZEROS_MAX: usize = 6;
/// Characters of the shortest part of a longer text that is taken for a code: the number of a page or a seat is
/// none.
const PART_CHARS_MIN: usize = 6;
/// Parts of one length and kind in one text that may be codes. Whoever writes more beside each other tries
/// which of them is somebody's.
const ALIKE_MAX: usize = 2;
/// Readings that are made of one text at most; each is looked up.
const READINGS_MAX: usize = 64;

/// Other readings of a text, the surest first, each once and none of them the text itself.
#[must_use]
pub fn readings(text: &str, place: Option<&CodePlace>) -> Vec<Reading> {
    let mut list = List {
        presented: text.trim(),
        readings: Vec::new(),
    };
    if text.len() > MAX_TEXT_BYTES {
        return Vec::new();
    }
    let bare = unwrapped(text);
    list.add(bare.clone(), Repair::Unwrapped);
    if let Some(code) = place.and_then(|place| place.code_in(&bare)) {
        list.add(code.to_owned(), Repair::Placed);
    }
    list.add_parts(&bare);
    if !is_signed_format(&bare) || is_in_small_letters(&bare) {
        list.add_with_other_letters(&bare);
    }
    list.readings
}

/// Whether a text has the form of a signed code, also of one that is damaged.
fn is_signed_format(text: &str) -> bool {
    usher::claims_to_be(text) || PretixSecret::parse(text).is_some()
}

/// Whether it is a code of ours in small letters, which it never has.
fn is_in_small_letters(text: &str) -> bool {
    usher::claims_to_be(text) && text.contains(|c: char| c.is_ascii_lowercase())
}

struct List<'t> {
    presented: &'t str,
    readings: Vec<Reading>,
}

impl List<'_> {
    fn add(&mut self, text: String, repair: Repair) {
        let is_known = text == self.presented
            || self
                .readings
                .iter()
                .any(|other| other.text.reveal() == text);
        if text.is_empty() || is_known || self.readings.len() >= READINGS_MAX {
            return;
        }
        let good_for = if repair.changes_letters() && is_signed_format(&text) {
            Use::Tells
        } else {
            Use::Opens
        };
        self.readings.push(Reading {
            text: Private::new(text),
            repair,
            good_for,
        });
    }

    fn add_parts(&mut self, text: &str) {
        self.add_all(&url_parts(text), Repair::UrlPart);
        self.add_all(&json_strings(text), Repair::JsonValue);
    }

    fn add_all(&mut self, parts: &[String], repair: Repair) {
        let mut parts: Vec<String> = parts.iter().map(|part| unwrapped(part)).collect();
        parts.retain(|part| part.chars().count() >= PART_CHARS_MIN);
        for part in &parts {
            let alike = parts.iter().filter(|other| form(other) == form(part));
            if alike.collect::<BTreeSet<_>>().len() <= ALIKE_MAX {
                self.add(part.clone(), repair);
            }
        }
    }

    fn add_with_other_letters(&mut self, text: &str) {
        self.add(with_case_exchanged(text), Repair::Case);
        self.add(text.to_uppercase(), Repair::Case);
        self.add(text.to_lowercase(), Repair::Case);
        for layout in Layout::ALL {
            let repair = Repair::Layout(layout);
            for meant in [
                layout.typed_at_host(text),
                layout.typed_at_host_with_number_pad(text),
                layout.typed_by_scanner(text),
            ] {
                self.add(with_case_exchanged(&meant), repair);
                self.add_all(&url_parts(&meant), repair);
                self.add(meant, repair);
            }
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.add(text.trim_start_matches('0').to_owned(), Repair::Zeros);
            for zeros in 1..=ZEROS_MAX {
                self.add(format!("{}{text}", "0".repeat(zeros)), Repair::Zeros);
            }
            for fewer in 1..ZEROS_MAX {
                if let Some(rest) = text.strip_prefix(&"0".repeat(fewer)) {
                    self.add(rest.to_owned(), Repair::Zeros);
                }
            }
        }
    }
}

/// Length and kind of a part: codes of one shop are alike.
fn form(part: &str) -> (usize, bool) {
    let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
    (part.chars().count(), is_number)
}

/// As Caps Lock makes it.
fn with_case_exchanged(text: &str) -> String {
    let exchange = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    text.chars().map(exchange).collect()
}

#[cfg(test)]
mod tests;
