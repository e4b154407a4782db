//! Times as people write them: one grammar for every option that takes one.

use crate::client::Client;
use crate::error::CliError;
use crate::shell::Shell;
use crate::values::seconds;
use crate::zone::Wall;
use jiff::civil::{Date, DateTime, Time as Clock, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};
use std::str::FromStr;
use usher_domain::api::venue::Event;

/// How a time is written, for whoever wrote it otherwise.
const GRAMMAR: &str = "write a time of the venue's clock as 20:15, \"tomorrow 19:00\", \"sat 19:00\" or \
    \"2027-05-01 20:15\", or 2027-05-01T20:15:00+02:00, or how far away as 90m, 2h or 3d";

/// Where the venue's clock is not known.
const SEVERAL_ZONES: &str =
    "the events do not share one time zone: write the time as 2027-05-01T20:15:00+02:00";

/// A time: `now`, how far away (`90m`, `+2h`, `-3d`), RFC 3339, or as the venue's clock shows it, with or
/// without a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    /// So many seconds from now, before or after it by what the option means.
    Away(i64),
    /// So many seconds after now, or before it if negative.
    Offset(i64),
    /// At this time.
    At(Timestamp),
    /// As the venue's clock shows it.
    Shown(Day, Clock),
}

/// The day of a time that a clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// Not said.
    Unsaid,
    /// So many days after today.
    After(i64),
    /// The day of this name.
    Named(Weekday),
    /// This day.
    On(Date),
}

/// What an option asks for, where a time can be read in several ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tense {
    /// The next such time.
    ToCome,
    /// The last such time; one to come is refused.
    Passed,
    /// The nearest such time; how far away counts back.
    Nearest,
    /// A time that plans a day: the day is said.
    Planned,
}

/// What is needed to read times.
#[derive(Debug, Clone)]
pub struct Calendar {
    now: Timestamp,
    zone: Option<TimeZone>,
}

impl Calendar {
    /// By the clock of an event.
    ///
    /// # Errors
    /// [`CliError`] if the server does not know the event.
    pub async fn of_event(shell: &Shell, client: &Client, event: &str) -> Result<Self, CliError> {
        let event: Event = client.get(&["events", event]).await?;
        Self::by(shell, &Wall::Of(event.time_zone))
    }

    /// By the clock that all events share.
    ///
    /// # Errors
    /// [`CliError`] if the server does not answer.
    pub async fn of_all(shell: &Shell, client: &Client) -> Result<Self, CliError> {
        Self::by(shell, &Wall::of_events(client, &[]).await?)
    }

    /// By this clock.
    ///
    /// # Errors
    /// [`CliError::Invalid`] if this machine's clock is beyond the calendar.
    pub fn by(shell: &Shell, wall: &Wall) -> Result<Self, CliError> {
        Ok(Self {
            now: shell.today()?,
            zone: wall.zone().and_then(|zone| TimeZone::get(zone).ok()),
        })
    }

    /// The time that an option says.
    ///
    /// # Errors
    /// A sentence for a time that cannot be meant.
    pub fn read(&self, time: Time, tense: Tense) -> Result<Timestamp, String> {
        let read = match time {
            Time::At(at) => Ok(at),
            Time::Offset(seconds) => self.away(seconds),
            Time::Away(seconds) => match tense {
                Tense::ToCome | Tense::Planned => self.away(seconds),
                Tense::Passed | Tense::Nearest => self.away(-seconds),
            },
            Time::Shown(day, clock) => self.shown(day, clock, tense),
        }?;
        if tense == Tense::Passed && read > self.now {
            return Err(
                "that time is still to come: write the date to mean an earlier day".to_owned(),
            );
        }
        Ok(read)
    }

    /// The time that an option says, if it is given.
    ///
    /// # Errors
    /// [`CliError::Invalid`] for a time that cannot be meant.
    pub fn maybe(&self, time: Option<Time>, tense: Tense) -> Result<Option<Timestamp>, CliError> {
        time.map(|time| self.read(time, tense).map_err(CliError::Invalid))
            .transpose()
    }

    /// The same as the server reads it.
    ///
    /// # Errors
    /// [`CliError::Invalid`] for a time that cannot be meant.
    pub fn written(&self, time: Option<Time>, tense: Tense) -> Result<Option<String>, CliError> {
        Ok(self.maybe(time, tense)?.map(|at| at.to_string()))
    }

    fn away(&self, seconds: i64) -> Result<Timestamp, String> {
        self.now
            .checked_add(SignedDuration::from_secs(seconds))
            .map_err(|_| beyond())
    }

    fn shown(&self, day: Day, clock: Clock, tense: Tense) -> Result<Timestamp, String> {
        let zone = self.zone.as_ref().ok_or(SEVERAL_ZONES)?;
        let today = self.now.to_zoned(zone.clone()).date();
        let on = |date: Date| moment(date.to_datetime(clock), zone);
        // The day so many days after `date`.
        let days = |date: Date, days: i64| {
            date.checked_add(SignedDuration::from_hours(24 * days))
                .map_err(|_| beyond())
        };
        match day {
            Day::On(date) => on(date),
            Day::After(count) => on(days(today, count)?),
            Day::Named(weekday) => {
                let ahead = i64::from(today.weekday().until(weekday));
                let this = days(today, ahead)?;
                let is_over = on(this)? <= self.now;
                match tense {
                    Tense::ToCome | Tense::Planned if is_over => on(days(this, 7)?),
                    Tense::ToCome | Tense::Planned => on(this),
                    Tense::Passed | Tense::Nearest if is_over => on(this),
                    Tense::Passed | Tense::Nearest => on(days(this, -7)?),
                }
            }
            Day::Unsaid => {
                let at = on(today)?;
                match tense {
                    Tense::Planned => Err(format!(
                        "say the day, as \"today {shown}\" or \"tomorrow {shown}\"",
                        shown = clock.strftime("%H:%M")
                    )),
                    Tense::ToCome if at <= self.now => on(days(today, 1)?),
                    Tense::ToCome => Ok(at),
                    // Shortly after midnight it is yesterday evening's. A little later than now is a slip, or
                    // as good.
                    Tense::Passed | Tense::Nearest
                        if at.duration_since(self.now) > SignedDuration::from_hours(12) =>
                    {
                        on(days(today, -1)?)
                    }
                    Tense::Passed | Tense::Nearest => Ok(at),
                }
            }
        }
    }
}

fn beyond() -> String {
    format!("that is beyond the year 9999: {GRAMMAR}")
}

/// The moment at which clocks show this. One that they show twice or never is refused: a guess would be an
/// hour off.
fn moment(shown: DateTime, zone: &TimeZone) -> Result<Timestamp, String> {
    let ambiguous = zone.to_ambiguous_zoned(shown);
    let why = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => {
            let moment = ambiguous.unambiguous().map_err(|_| beyond())?;
            return Ok(moment.timestamp());
        }
        AmbiguousOffset::Fold { .. } => "are set back that night and show this time twice",
        AmbiguousOffset::Gap { .. } => "are set forward that night and skip this time",
    };
    let earlier = ambiguous.clone().earlier().map_err(|_| beyond())?;
    let later = ambiguous.later().map_err(|_| beyond())?;
    let written = |moment: &Zoned| moment.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
    Err(format!(
        "clocks {why}: write {} or {}",
        written(&earlier),
        written(&later)
    ))
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Offset(0));
        }
        if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        }
        let sign = text.strip_prefix('+').map(|rest| (1, rest));
        if let Some((sign, rest)) = sign.or_else(|| text.strip_prefix('-').map(|rest| (-1, rest))) {
            let away = seconds(rest).ok_or_else(|| GRAMMAR.to_owned())?;
            return Ok(Self::Offset(sign * away));
        }
        if let Some(away) = seconds(text) {
            return Ok(Self::Away(away));
        }
        let (day, clock) = match text.rsplit_once([' ', 'T']) {
            Some((day, clock)) => (read_day(day.trim()), clock),
            None => (Some(Day::Unsaid), text),
        };
        let day = day.ok_or_else(|| GRAMMAR.to_owned())?;
        let clock = Clock::strptime("%H:%M", clock)
            .or_else(|_| Clock::strptime("%H:%M:%S", clock))
            .map_err(|_| GRAMMAR.to_owned())?;
        Ok(Self::Shown(day, clock))
    }
}

fn read_day(text: &str) -> Option<Day> {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        "yesterday" => return Some(Day::After(-1)),
        "today" => return Some(Day::After(0)),
        "tomorrow" => return Some(Day::After(1)),
        _ => {}
    }
    if let Ok(date) = Date::strptime("%Y-%m-%d", &text) {
        return Some(Day::On(date));
    }
    let names = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let mut named = names.into_iter();
    named
        .find(|(name, _)| text.len() >= 3 && name.starts_with(&text))
        .map(|(_, day)| Day::Named(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Saturday, shortly after midnight.
    const NOW: &str = "2027-05-01T00:30:00+02:00";

    fn calendar(now: &str) -> Calendar {
        Calendar {
            now: now.parse().unwrap(),
            zone: Some(TimeZone::get("Europe/Berlin").unwrap()),
        }
    }

    fn read(text: &str, tense: Tense) -> Result<String, String> {
        let at = calendar(NOW).read(text.parse()?, tense)?;
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let shown = at.to_zoned(zone);
        Ok(shown.strftime("%a %m-%d %H:%M").to_string())
    }

    #[test]
    fn a_time_is_read_by_what_the_option_means() {
        for (text, to_come, passed, nearest) in [
            (
                "20m",
                "Sat 05-01 00:50",
                "Sat 05-01 00:10",
                "Sat 05-01 00:10",
            ),
            (
                "now",
                "Sat 05-01 00:30",
                "Sat 05-01 00:30",
                "Sat 05-01 00:30",
            ),
            (
                "00:15",
                "Sun 05-02 00:15",
                "Sat 05-01 00:15",
                "Sat 05-01 00:15",
            ),
            (
                "20:15",
                "Sat 05-01 20:15",
                "Fri 04-30 20:15",
                "Fri 04-30 20:15",
            ),
            (
                "sat 00:10",
                "Sat 05-08 00:10",
                "Sat 05-01 00:10",
                "Sat 05-01 00:10",
            ),
            (
                "friday 19:00",
                "Fri 05-07 19:00",
                "Fri 04-30 19:00",
                "Fri 04-30 19:00",
            ),
            (
                "yesterday 19:00",
                "Fri 04-30 19:00",
                "Fri 04-30 19:00",
                "Fri 04-30 19:00",
            ),
        ] {
            assert_eq!(read(text, Tense::ToCome).as_deref(), Ok(to_come), "{text}");
            assert_eq!(read(text, Tense::Passed).as_deref(), Ok(passed), "{text}");
            assert_eq!(read(text, Tense::Nearest).as_deref(), Ok(nearest), "{text}");
        }
    }

    #[test]
    fn every_way_to_write_a_time_is_understood_by_every_option() {
        for text in [
            "tomorrow 19:00",
            "Tomorrow 19:00",
            "sun 19:00",
            "2027-05-02 19:00",
            "2027-05-02T19:00",
            "2027-05-02 19:00:00",
            "2027-05-02T19:00:00+02:00",
        ] {
            for tense in [Tense::ToCome, Tense::Planned] {
                assert_eq!(
                    read(text, tense).as_deref(),
                    Ok("Sun 05-02 19:00"),
                    "{text}"
                );
            }
        }
        assert_eq!(
            read("+6h", Tense::Planned).as_deref(),
            Ok("Sat 05-01 06:30")
        );
        assert_eq!(
            read("-20m", Tense::ToCome).as_deref(),
            Ok("Sat 05-01 00:10")
        );
    }

    #[test]
    fn what_is_no_time_says_how_one_is_written() {
        for text in [
            "",
            "m",
            "+",
            "+6",
            "2w",
            "soon",
            "tomorrow",
            "su",
            "25:00",
            "2027-13-01 10:00",
            "ü",
            "+2027-05-01T18:00:00+02:00",
            "2027-05-01",
        ] {
            let said = text.parse::<Time>().unwrap_err();
            assert!(said.contains("tomorrow 19:00"), "{text}: {said}");
        }
    }

    #[test]
    fn what_passed_is_not_to_come_and_what_is_planned_has_a_day() {
        assert!(
            read("00:45", Tense::Passed)
                .unwrap_err()
                .contains("to come")
        );
        assert_eq!(
            read("00:45", Tense::Nearest).as_deref(),
            Ok("Sat 05-01 00:45")
        );
        assert!(read("+5m", Tense::Passed).is_err());
        let said = read("19:00", Tense::Planned).unwrap_err();
        assert!(said.contains("\"tomorrow 19:00\""), "{said}");
    }

    #[test]
    fn a_time_beyond_the_calendar_says_what_to_write() {
        let said = read("4294967295d", Tense::ToCome).unwrap_err();
        assert!(said.contains("write a time"), "{said}");
        assert!(read("-4294967295d", Tense::ToCome).is_err());
    }

    #[test]
    fn a_time_that_clocks_show_twice_or_never_is_refused_with_the_times_around_it() {
        for (text, first, second) in [
            ("2027-10-31 02:30", "02:30:00+02:00", "02:30:00+01:00"),
            ("2027-03-28 02:30", "01:30:00+01:00", "03:30:00+02:00"),
        ] {
            let said = read(text, Tense::Planned).unwrap_err();
            assert!(said.contains(first) && said.contains(second), "{said}");
        }
    }

    #[test]
    fn without_one_zone_a_time_says_its_offset() {
        let mut calendar = calendar(NOW);
        calendar.zone = None;
        let read = |text: &str| calendar.read(text.parse().unwrap(), Tense::ToCome);
        assert!(read("20:15").unwrap_err().contains("time zone"));
        assert!(read("2h").is_ok() && read("2027-05-01T20:15:00+02:00").is_ok());
    }
}
