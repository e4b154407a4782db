//! Dates as lists write them.

use super::report::BadReason;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// How a date with slashes is read when both readings are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlashDates {
    /// `dd/mm/yyyy`.
    DayFirst,
    /// `mm/dd/yyyy`.
    MonthFirst,
}

/// Which end of a validity a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// The beginning: a date alone is its first moment.
    From,
    /// The end: a date alone includes the whole day.
    Until,
}

/// How dates without an offset are read.
pub(super) struct DateReader<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) slashes: Option<SlashDates>,
}

/// From this year on an end means for ever: programs write 2099-12-31, 2999-12-31 or 9999-12-31, and gates
/// hold no time after February 2106.
const FOR_EVER: i16 = 2099;
/// Up to this year a beginning means always, as in 1970-01-01, and an end that lies here was never written
/// by a person: it is the zero of a spreadsheet or database.
const ALWAYS: i16 = 1970;

/// Whether a year says that there is no such bound.
pub(super) const fn is_no_bound(year: i16, edge: Edge) -> bool {
    match edge {
        Edge::From => year <= ALWAYS,
        Edge::Until => year <= ALWAYS || year >= FOR_EVER,
    }
}

impl DateReader<'_> {
    /// The same, without dates that say that there is no such bound.
    pub(super) fn bound(&self, text: &str, edge: Edge) -> Result<Option<i64>, BadReason> {
        let text = text.trim();
        let is_zero = text.starts_with("0000-00-00") || text.starts_with("00.00.0000");
        let year = match text.parse::<Timestamp>() {
            Ok(moment) => Some(moment.to_zoned(self.zone.clone()).year()),
            Err(_) => self.day(split(text).0).ok().map(Date::year),
        };
        if is_zero || year.is_some_and(|year| is_no_bound(year, edge)) {
            return Ok(None);
        }
        self.unix_seconds(text, edge).map(Some)
    }

    /// Unix seconds of a date: ISO 8601, `dd.mm.yyyy hh:mm`, or with slashes.
    ///
    /// A local time that the end of summer time repeats is taken so that the ticket is valid longer.
    pub(super) fn unix_seconds(&self, text: &str, edge: Edge) -> Result<i64, BadReason> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(moment.as_second());
        }
        let (day, time) = split(text);
        let day = self.day(day)?;
        let local = match (time, edge) {
            ("", Edge::From) => day.to_datetime(Time::midnight()),
            ("", Edge::Until) | ("24:00" | "24:00:00", _) => day
                .checked_add(Span::new().days(1))
                .map_err(|_| BadReason::UnknownDate)?
                .to_datetime(Time::midnight()),
            (time, _) => day.to_datetime(clock_time(time).ok_or(BadReason::UnknownDate)?),
        };
        self.moment(local, edge).ok_or(BadReason::UnknownDate)
    }

    fn moment(&self, local: DateTime, edge: Edge) -> Option<i64> {
        let candidates = self.zone.to_ambiguous_timestamp(local);
        let moment = match edge {
            Edge::From => candidates.compatible(),
            Edge::Until => candidates.later(),
        };
        moment.ok().map(Timestamp::as_second)
    }

    fn day(&self, text: &str) -> Result<Date, BadReason> {
        let separator = text
            .chars()
            .find(|c| !c.is_ascii_digit())
            .ok_or(BadReason::UnknownDate)?;
        let mut parts = text.split(separator);
        let (Some(a), Some(b), Some(c), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(BadReason::UnknownDate);
        };
        match (separator, a.len()) {
            ('-' | '/', 4) => date(a, b, c),
            ('.', _) => date(c, b, a),
            ('-' | '/', _) => self.either_first(a, b, c),
            _ => Err(BadReason::UnknownDate),
        }
    }

    fn either_first(&self, a: &str, b: &str, year: &str) -> Result<Date, BadReason> {
        let day_first = date(year, b, a);
        let month_first = date(year, a, b);
        match (self.slashes, &day_first, &month_first) {
            (Some(SlashDates::DayFirst), _, _) => day_first,
            (Some(SlashDates::MonthFirst), _, _) => month_first,
            (None, Ok(one), Ok(other)) if one != other => Err(BadReason::AmbiguousDate),
            (None, Ok(_), _) => day_first,
            (None, Err(_), _) => month_first,
        }
    }
}

/// The day and the time of day, which may be missing.
fn split(text: &str) -> (&str, &str) {
    match text.split_once(['T', 't', ' ']) {
        Some((day, time)) => (day.trim_end_matches(','), time.trim()),
        None => (text, ""),
    }
}

fn date(year: &str, month: &str, day: &str) -> Result<Date, BadReason> {
    let number = |text: &str, longest: usize| {
        (text.len() <= longest && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let read = || {
        let year: i16 = number(year, 4).filter(|_| year.len() == 4)?;
        let month = i8::try_from(number(month, 2)?).ok()?;
        let day = i8::try_from(number(day, 2)?).ok()?;
        Date::new(year, month, day).ok()
    };
    read().ok_or(BadReason::UnknownDate)
}

/// `18:00`, `18:00:30`, `6:00 pm`, `18:00 Uhr`.
fn clock_time(text: &str) -> Option<Time> {
    let lower = text.to_ascii_lowercase();
    let (digits, half) = if let Some(rest) = lower.strip_suffix("am") {
        (rest, Some(0))
    } else if let Some(rest) = lower.strip_suffix("pm") {
        (rest, Some(12))
    } else {
        (lower.strip_suffix("uhr").unwrap_or(&lower), None)
    };
    let mut parts = digits.trim().splitn(3, ':');
    let number = |text: Option<&str>| -> Option<i8> {
        let text = text?;
        (text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    let hour = number(parts.next())?;
    let minute = number(parts.next())?;
    let second = match parts.next() {
        // Fractions of a second are dropped.
        Some(rest) => number(rest.split('.').next())?,
        None => 0,
    };
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, slashes: Option<SlashDates>, edge: Edge) -> Result<String, BadReason> {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let reader = DateReader {
            zone: &zone,
            slashes,
        };
        reader
            .unix_seconds(text, edge)
            .map(|second| Timestamp::from_second(second).unwrap().to_string())
    }

    #[test]
    fn the_same_moment_is_read_in_every_notation() {
        for text in [
            "2026-11-20T18:00:00+01:00",
            "2026-11-20T17:00:00.25Z",
            "2026-11-20 18:00",
            "2026-11-20T18:00:00",
            "2026/11/20 18:00",
            "20.11.2026 18:00",
            "20.11.2026, 18:00 Uhr",
            "20/11/2026 18:00",
            "11/20/2026 6:00 PM",
            "20-11-2026 18:00:00",
        ] {
            assert_eq!(
                read(text, None, Edge::From),
                Ok("2026-11-20T17:00:00Z".to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_date_of_two_readings_is_refused_until_the_organizer_says_which() {
        let text = "01/02/2026 12:00";
        assert_eq!(read(text, None, Edge::From), Err(BadReason::AmbiguousDate));
        assert_eq!(
            read(text, Some(SlashDates::DayFirst), Edge::From),
            Ok("2026-02-01T11:00:00Z".to_owned())
        );
        assert_eq!(
            read(text, Some(SlashDates::MonthFirst), Edge::From),
            Ok("2026-01-02T11:00:00Z".to_owned())
        );
        assert_eq!(
            read("02/02/2026", None, Edge::From),
            Ok("2026-02-01T23:00:00Z".to_owned())
        );
    }

    #[test]
    fn a_day_alone_is_valid_to_its_end() {
        assert_eq!(
            read("25.10.2026", None, Edge::From),
            Ok("2026-10-24T22:00:00Z".to_owned())
        );
        assert_eq!(
            read("25.10.2026", None, Edge::Until),
            Ok("2026-10-25T23:00:00Z".to_owned())
        );
    }

    #[test]
    fn an_hour_that_comes_twice_is_taken_in_favour_of_the_ticket() {
        assert_eq!(
            read("25.10.2026 02:30", None, Edge::From),
            Ok("2026-10-25T00:30:00Z".to_owned())
        );
        assert_eq!(
            read("25.10.2026 02:30", None, Edge::Until),
            Ok("2026-10-25T01:30:00Z".to_owned())
        );
    }

    #[test]
    fn a_bound_that_means_for_ever_is_none() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let reader = DateReader {
            zone: &zone,
            slashes: None,
        };
        for text in [
            "9999-12-31",
            "31.12.9999 23:59",
            "2999-12-31",
            "31/12/2099",
            "9999-12-31T23:59:59Z",
            "1900-01-01",
            "0000-00-00",
            "0000-00-00 00:00:00",
            "30.12.1899",
            "0001-01-01 00:00",
        ] {
            assert_eq!(reader.bound(text, Edge::Until), Ok(None), "{text}");
        }
        for text in ["1900-01-01", "1970-01-01T00:00:00Z", "01.01.0001"] {
            assert_eq!(reader.bound(text, Edge::From), Ok(None), "{text}");
        }
        // Nothing begins in the year 9999 unless somebody means never.
        assert!(reader.bound("9999-12-31", Edge::From).is_err());
        let end = reader.bound("2026-12-31", Edge::Until);
        assert!(end.is_ok_and(|bound| bound.is_some()));
    }

    #[test]
    fn midnight_may_be_written_as_the_24th_hour() {
        for text in [
            "20.11.2026 24:00",
            "2026-11-20 24:00:00",
            "20/11/2026 24:00",
        ] {
            for edge in [Edge::From, Edge::Until] {
                assert_eq!(
                    read(text, None, edge),
                    Ok("2026-11-20T23:00:00Z".to_owned()),
                    "{text}"
                );
            }
        }
        assert_eq!(
            read("20.11.2026 24:01", None, Edge::Until),
            Err(BadReason::UnknownDate)
        );
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "soon",
            "20.11.26",
            "31.02.2026",
            "2026-13-01",
            "20.11.2026 25:00",
            "46000",
            "20.11.2026 13:00 pm",
            "2026-11-20-1",
            "99999999999.1.1",
            "9999-12-31",
        ] {
            assert_eq!(
                read(text, None, Edge::Until),
                Err(BadReason::UnknownDate),
                "{text}"
            );
        }
    }
}
