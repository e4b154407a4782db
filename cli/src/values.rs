//! Values of flags and arguments that are more than a text.

use crate::error::CliError;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use std::str::FromStr;
use std::time::Duration;
use usher_domain::rules::EntryMode;

/// Reads one of the words of a domain type, as its JSON writes them.
pub fn words<T>(words: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words)
        .try_map(|word| T::deserialize(StrDeserializer::<ValueError>::new(&word)))
}

/// The word of a domain value, as its JSON writes it.
#[must_use]
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

/// A time of a venue's clock, for people.
#[must_use]
pub fn local(at: Timestamp, time_zone: &str) -> String {
    match at.in_tz(time_zone) {
        Ok(at) => at.strftime("%a %Y-%m-%d %H:%M").to_string(),
        Err(_) => at.to_string(),
    }
}

/// Roles of tokens.
pub const TOKEN_ROLES: &[&str] = &["viewer", "sales", "organizer"];
/// Roles of staff.
pub const STAFF_ROLES: &[&str] = &["steward", "supervisor", "box_office"];
/// Roles of devices.
pub const DEVICE_ROLES: &[&str] = &["gate", "desk"];
/// States of tickets.
pub const TICKET_STATES: &[&str] = &["valid", "cancelled", "blocked"];
/// Details of a ticket that can be taken away.
pub const TICKET_DETAILS: &[&str] = &[
    "holder",
    "seat",
    "zone",
    "valid_from",
    "valid_until",
    "instruction",
    "entries",
    "home",
];
/// Reasons of a cancellation.
pub const CANCEL_REASONS: &[&str] = &[
    "refunded",
    "exchanged",
    "charged_back",
    "mistake",
    "withdrawn",
    "other",
];
/// Reasons of an override.
pub const SANCTION_REASONS: &[&str] = &[
    "identity_checked",
    "seller_confirmed",
    "gate_mistake",
    "assistance",
    "guest",
    "other",
];

/// A thing of an event, written `EVENT/NAME`; both by slug or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InEvent {
    /// The event.
    pub event: String,
    /// The thing in it.
    pub name: String,
}

impl FromStr for InEvent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some((event, name)) if !event.is_empty() && !name.is_empty() => Ok(Self {
                event: event.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err("write it as EVENT/NAME, for example fair/saturday".to_owned()),
        }
    }
}

impl InEvent {
    /// The path of the thing, which is one of the event's `kind`.
    #[must_use]
    pub fn path<'a>(&'a self, kind: &'a str) -> [&'a str; 4] {
        ["events", &self.event, kind, &self.name]
    }
}

/// The only one of these ids that begins like this.
///
/// # Errors
/// [`CliError::Invalid`] if there is none, or several.
pub fn whole_id(ids: Vec<String>, beginning: &str) -> Result<String, CliError> {
    if beginning.len() < ID_BEGINNING_MIN && !ids.iter().any(|id| id == beginning) {
        return Err(CliError::Invalid(format!(
            "write at least the first {ID_BEGINNING_MIN} characters of an id"
        )));
    }
    let mut found = ids.into_iter().filter(|id| id.starts_with(beginning));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(CliError::Invalid(format!(
            "several ids begin with {beginning}: write more of it"
        ))),
        (None, _) => Err(CliError::Invalid(format!("no id begins with {beginning}"))),
    }
}

/// Characters by which an id is told from others at least.
const ID_BEGINNING_MIN: usize = 4;

/// A column of an import: `FIELD=HEADER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The field.
    pub field: String,
    /// The header, or the column's number from 1.
    pub header: String,
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((field, header)) if !field.is_empty() && !header.is_empty() => Ok(Self {
                field: field.to_owned(),
                header: header.to_owned(),
            }),
            _ => Err("write it as FIELD=HEADER, for example barcode=\"Ticket no.\"".to_owned()),
        }
    }
}

/// A span of time such as `90s`, `10m`, `2h` or `3d`, in seconds.
#[must_use]
pub fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(i64::from(count) * seconds)
}

/// Reads how long something may take, such as `90s`, `10m` or `1h`.
///
/// # Errors
/// A sentence for any other text.
pub fn span(text: &str) -> Result<Duration, String> {
    seconds(text)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs)
        .ok_or_else(|| "write how long as 90s, 10m or 1h".to_owned())
}

/// How often a ticket may enter: `single`, `reentry` or a number.
///
/// # Errors
/// A sentence for any other text.
pub fn entry_mode(text: &str) -> Result<EntryMode, String> {
    match (text, text.parse::<u16>()) {
        ("single", _) | (_, Ok(1)) => Ok(EntryMode::Single),
        ("reentry", _) => Ok(EntryMode::Reentry),
        (_, Ok(times)) if times > 0 => Ok(EntryMode::Times(times)),
        _ => Err("one of: single, reentry, or how many times as a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_of_an_event_has_two_parts() {
        let thing: InEvent = "fair/saturday".parse().unwrap();
        assert_eq!(
            (thing.event.as_str(), thing.name.as_str()),
            ("fair", "saturday")
        );
        for text in ["fair", "/saturday", "fair/", ""] {
            assert!(text.parse::<InEvent>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sellers_number_with_a_slash_stays_whole() {
        let thing: InEvent = "fair/2027/17".parse().unwrap();
        assert_eq!(thing.name, "2027/17");
    }

    #[test]
    fn every_word_offered_is_one_the_contract_has() {
        fn all<T: DeserializeOwned>(words: &[&str]) -> bool {
            words
                .iter()
                .all(|word| T::deserialize(StrDeserializer::<ValueError>::new(word)).is_ok())
        }
        assert!(all::<usher_domain::api::access::TokenRole>(TOKEN_ROLES));
        assert!(all::<usher_domain::table::rows::StaffRole>(STAFF_ROLES));
        assert!(all::<usher_domain::table::rows::DeviceRole>(DEVICE_ROLES));
        assert!(all::<usher_domain::api::tickets::StateWord>(TICKET_STATES));
        assert!(all::<usher_domain::table::rows::CancelReason>(
            CANCEL_REASONS
        ));
        assert!(all::<usher_domain::document::sanction::SanctionReason>(
            SANCTION_REASONS
        ));
    }

    #[test]
    fn how_often_is_a_word_or_a_number() {
        assert_eq!(entry_mode("single"), Ok(EntryMode::Single));
        assert_eq!(entry_mode("1"), Ok(EntryMode::Single));
        assert_eq!(entry_mode("reentry"), Ok(EntryMode::Reentry));
        assert_eq!(entry_mode("3"), Ok(EntryMode::Times(3)));
        assert!(entry_mode("0").is_err() && entry_mode("often").is_err());
    }
}
