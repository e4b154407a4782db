//! Values of flags and arguments that are more than a text.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::{Deserialize, Deserializer, Serialize};
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

/// A time that no calendar has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is after the year 9999: write a time as 2027-05-01T18:00:00+02:00, or how long from now as 90m, 2h or 3d"
)]
pub struct BeyondCalendar;

/// A time to come: RFC 3339, or how long from now, such as `90m`, `2h` or `3d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At this time.
    At(Timestamp),
    /// This many seconds from now.
    In(i64),
}

impl Until {
    /// The time, told what time it is.
    ///
    /// # Errors
    /// [`BeyondCalendar`].
    pub fn from_now(self, now: Timestamp) -> Result<Timestamp, BeyondCalendar> {
        match self {
            Self::At(at) => Ok(at),
            Self::In(seconds) => now
                .checked_add(jiff::SignedDuration::from_secs(seconds))
                .map_err(|_| BeyondCalendar),
        }
    }
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sentence =
            "write a time as 2027-05-01T18:00:00+02:00, or how long from now as 90m, 2h or 3d";
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        seconds(text)
            .filter(|_| !text.ends_with('s'))
            .map(Self::In)
            .ok_or_else(|| sentence.to_owned())
    }
}

/// A time that has passed: how long ago as `20m` or `2h`, RFC 3339, or by the venue's clock as
/// `2027-05-01 20:15`, or `20:15` for the last time that clocks showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// So many seconds ago.
    Ago(i64),
    /// At this time.
    At(Timestamp),
    /// As the venue's clock shows it.
    Local(DateTime),
    /// The last time that the venue's clock showed it.
    LastAt(Time),
}

impl Since {
    /// The time, told what time it is and in which zone the venue lies.
    ///
    /// # Errors
    /// A sentence for a time that is still to come, that the clocks there never show, or a local one where no
    /// zone is known.
    pub fn before(&self, now: Timestamp, zone: Option<&str>) -> Result<Timestamp, String> {
        let at = self.near(now, zone)?;
        if at > now {
            return Err(
                "that time is still to come: write the date to mean an earlier day".to_owned(),
            );
        }
        Ok(at)
    }

    /// The same where a time to come is as good. Of a time without a date it is the nearest: shortly after
    /// midnight that is yesterday evening's.
    ///
    /// # Errors
    /// A sentence for a time that the clocks there never show, or a local one where no zone is known.
    pub fn near(&self, now: Timestamp, zone: Option<&str>) -> Result<Timestamp, String> {
        let zone = || {
            zone.and_then(|zone| TimeZone::get(zone).ok()).ok_or(
                "the events lie in several time zones: write it as 2027-05-01T20:15:00+02:00",
            )
        };
        let shown = |at: DateTime, zone: TimeZone| {
            at.to_zoned(zone)
                .map(|zoned| zoned.timestamp())
                .map_err(|_| BeyondCalendar.to_string())
        };
        match self {
            Self::Ago(seconds) => now
                .checked_sub(SignedDuration::from_secs(*seconds))
                .map_err(|_| BeyondCalendar.to_string()),
            Self::At(at) => Ok(*at),
            Self::Local(at) => shown(*at, zone()?),
            Self::LastAt(time) => {
                let zone = zone()?;
                let today = now.to_zoned(zone.clone()).date();
                let at = shown(today.to_datetime(*time), zone.clone())?;
                if at.duration_since(now) <= SignedDuration::from_hours(12) {
                    return Ok(at);
                }
                let yesterday = today.yesterday().map_err(|_| BeyondCalendar.to_string())?;
                shown(yesterday.to_datetime(*time), zone)
            }
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        if let Some(seconds) = seconds(text) {
            return Ok(Self::Ago(seconds));
        }
        if let Ok(time) = Time::strptime("%H:%M", text) {
            return Ok(Self::LastAt(time));
        }
        DateTime::strptime("%Y-%m-%d %H:%M", text)
            .map(Self::Local)
            .map_err(|_| {
                "write how long ago as 20m or 2h, or a time as 20:15 or \"2027-05-01 20:15\""
                    .to_owned()
            })
    }
}

/// A span of time such as `90s`, `10m`, `2h` or `3d`, in seconds.
fn seconds(text: &str) -> Option<i64> {
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

/// A time at a venue: `now`, how long from now such as `+90m` or `6h`, RFC 3339, or a local time of the
/// event's time zone, which the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// So many seconds from now.
    In(i64),
    /// As the server reads it.
    Written(String),
}

impl When {
    /// The time as the server reads it, told what time it is.
    ///
    /// # Errors
    /// [`BeyondCalendar`].
    pub fn written(self, now: Timestamp) -> Result<String, BeyondCalendar> {
        match self {
            Self::In(seconds) => Ok(Until::In(seconds).from_now(now)?.to_string()),
            Self::Written(text) => Ok(text),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let text = String::deserialize(reader)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "now" {
            return Ok(Self::In(0));
        }
        let is_date = text.parse::<Timestamp>().is_ok() || text.parse::<DateTime>().is_ok();
        match text.parse() {
            Ok(Until::In(seconds)) => Ok(Self::In(seconds)),
            Ok(Until::At(_)) | Err(_) if is_date => Ok(Self::Written(text.to_owned())),
            Ok(Until::At(_)) | Err(_) => Err(
                "write a time of the venue's clock as \"2027-10-30 22:00\", or \
                 2027-10-30T22:00:00+02:00, now, +90m, +6h or +2d"
                    .to_owned(),
            ),
        }
    }
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
    fn a_time_to_come_is_a_date_or_how_long() {
        assert_eq!("90m".parse(), Ok(Until::In(5400)));
        assert_eq!("3d".parse(), Ok(Until::In(259_200)));
        let at = "2027-05-01T18:00:00+02:00";
        assert_eq!(at.parse(), Ok(Until::At(at.parse().unwrap())));
        for text in ["", "m", "-2h", "2w", "tomorrow", "ü"] {
            assert!(text.parse::<Until>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_says_what_to_write() {
        let now = "2027-05-01T16:00:00Z".parse().unwrap();
        let far: Until = "4294967295d".parse().unwrap();
        let said = far.from_now(now).unwrap_err().to_string();
        assert!(said.contains("write a time as"), "{said}");
    }

    #[test]
    fn a_time_that_has_passed_is_how_long_ago_or_what_the_clock_showed() {
        let now: Timestamp = "2027-05-01T00:30:00+02:00".parse().unwrap();
        let read = |text: &str| {
            let since: Since = text.parse().unwrap();
            let at = since.before(now, Some("Europe/Berlin")).unwrap();
            at.to_string()
        };
        assert_eq!(read("20m"), "2027-04-30T22:10:00Z");
        assert_eq!(read("00:15"), "2027-04-30T22:15:00Z");
        // Shortly after midnight it is yesterday evening's.
        assert_eq!(read("20:15"), "2027-04-30T18:15:00Z");
        // And a little later than now is a slip.
        let soon: Since = "00:45".parse().unwrap();
        assert!(soon.before(now, Some("Europe/Berlin")).is_err());
        let at = soon.near(now, Some("Europe/Berlin")).unwrap();
        assert_eq!(at.to_string(), "2027-04-30T22:45:00Z");
        assert_eq!(read("2027-04-30 20:15"), "2027-04-30T18:15:00Z");
        assert_eq!(read("2027-04-30T20:15:00+02:00"), "2027-04-30T18:15:00Z");
        let local: Since = "20:15".parse().unwrap();
        assert!(local.before(now, None).is_err());
        for bad in ["", "25:00", "yesterday", "2027-13-01 10:00", "-5m"] {
            assert!(bad.parse::<Since>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_of_a_session_is_now_or_later_or_written() {
        let now = "2027-05-01T16:00:00Z".parse().unwrap();
        let written = |text: &str| text.parse::<When>().unwrap().written(now).unwrap();
        assert_eq!(written("now"), "2027-05-01T16:00:00Z");
        assert_eq!(written("+6h"), "2027-05-01T22:00:00Z");
        assert_eq!(written("2027-10-30 22:00"), "2027-10-30 22:00");
        assert_eq!(written("3d"), "2027-05-04T16:00:00Z");
        for text in [
            "",
            "+",
            "+6",
            "+later",
            "tomorrow",
            "soon",
            "+2027-05-01T18:00:00+02:00",
        ] {
            assert!(text.parse::<When>().is_err(), "{text}");
        }
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
