//! Times as people write them: RFC 3339, or local times of the venue's zone.

use super::error::{Error, Result};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use usher_domain::time::UnixMillis;

/// Which end of a session a time is. It decides which of two equal local times is meant when summer
/// time ends: the one that makes the session longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    Begin,
    End,
}

/// The zone of this IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name)
        .map_err(|_| Error::invalid("time_zone", "not an IANA time zone such as Europe/Berlin"))
}

/// Reads a time.
pub(crate) fn read(
    field: &'static str,
    text: &str,
    zone: &TimeZone,
    edge: Edge,
) -> Result<Timestamp> {
    let moment = match text.parse::<Timestamp>() {
        Ok(moment) => moment,
        Err(_) => read_local(field, text, zone, edge)?,
    };
    // Gates hold times as unix milliseconds.
    unix_millis(moment)
        .map(|_| moment)
        .ok_or_else(|| Error::invalid(field, "before 1970"))
}

fn read_local(field: &'static str, text: &str, zone: &TimeZone, edge: Edge) -> Result<Timestamp> {
    let unreadable = |_| {
        Error::invalid(
            field,
            "neither RFC 3339 nor a local time such as 2027-10-30 22:00",
        )
    };
    let local: DateTime = text.parse().map_err(unreadable)?;
    let ambiguous = zone.to_ambiguous_zoned(local);
    match (ambiguous.offset(), edge) {
        (AmbiguousOffset::Gap { .. }, _) => {
            return Err(Error::invalid(
                field,
                "clocks skip this local time on that day: write it with an offset",
            ));
        }
        (AmbiguousOffset::Unambiguous { .. }, _) | (AmbiguousOffset::Fold { .. }, Edge::Begin) => {
            ambiguous.earlier()
        }
        (AmbiguousOffset::Fold { .. }, Edge::End) => ambiguous.later(),
    }
    .map(|zoned| zoned.timestamp())
    .map_err(unreadable)
}

/// A time as gates hold it; none before 1970.
pub(crate) fn unix_millis(moment: Timestamp) -> Option<UnixMillis> {
    u64::try_from(moment.as_millisecond())
        .ok()
        .map(UnixMillis::new)
}

/// A time as the contract writes it.
pub(crate) fn timestamp(moment: UnixMillis) -> Result<Timestamp> {
    i64::try_from(moment.get())
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .ok_or(Error::Internal("a time is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(text: &str, edge: Edge) -> Result<String> {
        let zone = zone("Europe/Berlin").unwrap();
        read("doors", text, &zone, edge).map(|moment| moment.to_string())
    }

    #[test]
    fn a_night_across_the_end_of_summer_time_is_an_hour_longer() {
        let begin = berlin("2027-10-30 22:00", Edge::Begin).unwrap();
        let end = berlin("2027-10-31 06:00", Edge::End).unwrap();
        assert_eq!(begin, "2027-10-30T20:00:00Z");
        assert_eq!(end, "2027-10-31T05:00:00Z");
    }

    #[test]
    fn of_two_equal_local_times_the_one_that_makes_it_longer_is_meant() {
        let text = "2027-10-31T02:30";
        assert_eq!(berlin(text, Edge::Begin).unwrap(), "2027-10-31T00:30:00Z");
        assert_eq!(berlin(text, Edge::End).unwrap(), "2027-10-31T01:30:00Z");
    }

    #[test]
    fn a_local_time_that_clocks_skip_is_refused() {
        let skipped = berlin("2027-03-28 02:30", Edge::Begin).unwrap_err();
        assert!(skipped.to_string().contains("skip"), "{skipped}");
        assert!(berlin("2027-03-28T02:30:00+01:00", Edge::Begin).is_ok());
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "tomorrow", "2027-13-01 10:00", "1969-01-01T00:00:00Z"] {
            assert!(berlin(text, Edge::Begin).is_err(), "{text}");
        }
    }
}
