//! Times as people write them: RFC 3339, or local times of the venue's zone.

use super::error::{Error, Result};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, Zoned};
use usher_domain::time::UnixMillis;

/// How a time is written, for whoever wrote it otherwise.
const EXAMPLE: &str =
    "write it as 2027-10-30 22:00 (the venue's clock) or 2027-10-30T22:00:00+02:00";

/// The zone of this IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name)
        .map_err(|_| Error::invalid("time_zone", "not an IANA time zone such as Europe/Berlin"))
}

/// Reads a time: RFC 3339, or a local time of `zone`. One that the clocks there show twice or never is
/// refused: a guess would open doors an hour early or late.
pub(crate) fn read(field: &'static str, text: &str, zone: &TimeZone) -> Result<Timestamp> {
    match text.parse::<Timestamp>() {
        Ok(moment) => held(field, moment),
        Err(_) => held(field, read_local(field, text, zone)?),
    }
}

/// Reads a time where no zone says what a local one means.
pub(crate) fn read_with_offset(field: &'static str, text: &str) -> Result<Timestamp> {
    let moment = text.parse::<Timestamp>().map_err(|_| {
        let why = "the events lie in several time zones: write it as 2027-10-30T22:00:00+02:00";
        Error::invalid(field, why)
    })?;
    held(field, moment)
}

/// A time by the venue's clock, for people.
pub(crate) fn local(moment: UnixMillis, time_zone: &str) -> Result<String> {
    let moment = timestamp(moment)?.to_zoned(zone(time_zone)?);
    Ok(moment.strftime("%a %Y-%m-%d %H:%M").to_string())
}

/// Gates hold times as unix milliseconds.
fn held(field: &'static str, moment: Timestamp) -> Result<Timestamp> {
    unix_millis(moment)
        .map(|_| moment)
        .ok_or_else(|| Error::invalid(field, "before 1970"))
}

fn read_local(field: &'static str, text: &str, zone: &TimeZone) -> Result<Timestamp> {
    let unreadable = |_| Error::invalid(field, EXAMPLE);
    let local: DateTime = text.parse().map_err(unreadable)?;
    let ambiguous = zone.to_ambiguous_zoned(local);
    let why = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            let moment = ambiguous.unambiguous().map_err(unreadable)?;
            return Ok(moment.timestamp());
        }
        AmbiguousOffset::Fold { .. } => {
            "clocks are set back that night and show this time twice: write"
        }
        AmbiguousOffset::Gap { .. } => {
            "clocks are set forward that night and skip this time: write"
        }
    };
    let earlier = ambiguous.clone().earlier().map_err(unreadable)?;
    let later = ambiguous.later().map_err(unreadable)?;
    let written = |moment: &Zoned| moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    Err(Error::invalid(
        field,
        format!("{why} {} or {}", written(&earlier), written(&later)),
    ))
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

    fn berlin(text: &str) -> Result<String> {
        let zone = zone("Europe/Berlin").unwrap();
        read("doors", text, &zone).map(|moment| moment.to_string())
    }

    #[test]
    fn a_night_across_the_end_of_summer_time_is_an_hour_longer() {
        let begin = berlin("2027-10-30 22:00").unwrap();
        let end = berlin("2027-10-31 06:00").unwrap();
        assert_eq!(begin, "2027-10-30T20:00:00Z");
        assert_eq!(end, "2027-10-31T05:00:00Z");
    }

    #[test]
    fn a_local_time_that_comes_twice_is_refused_with_both_readings() {
        let refused = berlin("2027-10-31 02:30").unwrap_err().to_string();
        for reading in ["2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00"] {
            assert!(refused.contains(reading), "{refused}");
            assert!(berlin(reading).is_ok());
        }
        assert!(refused.contains("twice"), "{refused}");
    }

    #[test]
    fn a_local_time_that_clocks_skip_is_refused_with_the_times_around_it() {
        let refused = berlin("2027-03-28 02:30").unwrap_err().to_string();
        for reading in ["2027-03-28T01:30:00+01:00", "2027-03-28T03:30:00+02:00"] {
            assert!(refused.contains(reading), "{refused}");
            assert!(berlin(reading).is_ok());
        }
        assert!(refused.contains("skip"), "{refused}");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "tomorrow", "2027-13-01 10:00", "1969-01-01T00:00:00Z"] {
            assert!(berlin(text).is_err(), "{text}");
        }
        let said = berlin("tomorrow").unwrap_err().to_string();
        assert!(said.contains("2027-10-30 22:00"), "{said}");
    }

    #[test]
    fn without_a_zone_a_time_says_its_offset() {
        assert!(read_with_offset("from", "2027-05-01T18:00:00+02:00").is_ok());
        let refused = read_with_offset("from", "2027-05-01 18:00").unwrap_err();
        assert!(refused.to_string().contains("several time zones"));
    }
}
