//! Earlier scans of this device, as people recognise them.

use super::scan::read_record;
use super::words;
use super::{ApiError, App, SessionView};
use crate::gate::{AtGate as _, Recorded};
use crate::sync::Access as _;
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::record::{Direction, Outcome};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// A scan that this device recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedView {
    /// Its record, which an undo or an override names.
    pub record: String,
    /// When.
    pub at: UnixMillis,
    /// Admit, refuse or refer.
    pub outcome: Outcome,
    /// Why, as a stable code.
    pub reason: Reason,
    /// In or out.
    pub direction: Direction,
    /// The session that was served, if the device still holds it.
    pub session: Option<SessionView>,
    /// The ticket, where one is known.
    pub ticket: Option<TicketId>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// The seat.
    pub seat: Option<String>,
    /// Whether its verdict was shown.
    pub shown: bool,
    /// Which ticket and when, for people: "Regular, A 1, at 19:23:05".
    pub message: String,
}

impl From<Recorded> for RecordedView {
    fn from(recorded: Recorded) -> Self {
        let zone = recorded.session.as_ref().map(|served| &served.time_zone);
        let zone = zone.and_then(|zone| TimeZone::get(zone).ok());
        let at = words::second(recorded.at, &zone.unwrap_or(TimeZone::UTC));
        let named: Vec<&str> = [recorded.type_name.as_deref(), recorded.seat.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let message = match named.as_slice() {
            [] => format!("at {at}"),
            named => format!("{}, at {at}", named.join(", ")),
        };
        Self {
            record: recorded.record.to_string(),
            at: recorded.at,
            outcome: recorded.outcome,
            reason: recorded.reason,
            direction: recorded.direction,
            session: recorded.session.map(Into::into),
            ticket: recorded.ticket,
            type_name: recorded.type_name,
            seat: recorded.seat,
            shown: recorded.shown,
            message,
        }
    }
}

/// Digits by which a record is named at least.
const DIGITS_MIN: usize = 4;
/// Digits of a whole hash.
const DIGITS: usize = 64;
/// Records that an error lists at most.
const LISTED_MAX: u32 = 5;
/// Digits by which it lists them.
const LISTED_DIGITS: usize = 12;

/// The first and the last hash that begin with these digits; none if that is no beginning of a hash.
fn range(digits: &str) -> Option<(Hash, Hash)> {
    let is_beginning = (DIGITS_MIN..=DIGITS).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let filled = |with: &str| {
        let missing = DIGITS.saturating_sub(digits.len());
        let hash = format!("{}{}", digits.to_ascii_lowercase(), with.repeat(missing));
        hash.parse().ok()
    };
    filled("0").zip(filled("f")).filter(|_| is_beginning)
}

impl App {
    /// The record that a person names by its first digits, or by all of them.
    pub(super) fn record_named(&self, digits: &str) -> Result<Hash, ApiError> {
        let range = range(digits.trim()).ok_or_else(|| {
            ApiError::never(
                "invalid_record",
                "a record is named by its hexadecimal digits, the first four at least",
            )
        })?;
        if range.0 == range.1 {
            return Ok(range.0);
        }
        let found = self
            .device
            .with(|store| store.records_between(range, LISTED_MAX))?;
        match found.as_slice() {
            [one] => Ok(one.hash),
            [] => Err(ApiError::never(
                "no_such_scan",
                "this device knows no scan whose record begins so",
            )),
            several => {
                let told = several.iter().map(|line| self.told(line.hash));
                let told = told.collect::<Result<Vec<_>, _>>()?;
                let why = format!(
                    "several records begin so: {}. Give more digits",
                    told.join("; ")
                );
                Err(ApiError::never("ambiguous_record", why))
            }
        }
    }

    /// A record among several: its first digits, and which ticket and when.
    fn told(&self, hash: Hash) -> Result<String, ApiError> {
        let digits: String = hash.to_string().chars().take(LISTED_DIGITS).collect();
        let recorded = self.at_gate(|gate, means| gate.recorded(means, hash))?;
        Ok(match recorded.map(RecordedView::from) {
            Some(view) => format!("{digits} ({})", view.message),
            None => digits,
        })
    }

    /// The scan of a record; none if there is no such scan here.
    ///
    /// # Errors
    /// `invalid_record`, `no_such_scan` and `ambiguous_record` for the first digits of one; what reading the
    /// store says.
    pub fn recorded(&self, record: &str) -> Result<Option<RecordedView>, ApiError> {
        let hash = self.record_named(record)?;
        let recorded = self.heeding(self.at_gate(|gate, means| gate.recorded(means, hash)))?;
        Ok(recorded.map(Into::into))
    }

    /// The last scan that this device recorded, also before the program was started anew.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn last_scan(&self) -> Result<Option<RecordedView>, ApiError> {
        let last = self.heeding(self.at_gate(|gate, means| gate.last_scan(means)))?;
        Ok(last.map(Into::into))
    }

    /// The last scan of this device that let somebody in or out, also before the program was started anew.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn last_admission(&self) -> Result<Option<RecordedView>, ApiError> {
        let last = self.heeding(self.at_gate(|gate, means| gate.last_admission(means)))?;
        Ok(last.map(Into::into))
    }

    /// Notes that a shell has shown the verdict of a record: after a crash people are told of one that was not.
    ///
    /// # Errors
    /// `invalid_record`; what writing the store says.
    pub fn verdict_shown(&self, record: &str) -> Result<(), ApiError> {
        let hash = read_record(record)?;
        self.heeding(self.device.lock().store.note_shown_verdict(hash))
    }
}
