//! What comes to a gate from above, in plain words.

use super::time;
use crate::app::OrderKind;
use jiff::tz::TimeZone;
use usher_domain::merge::Order;
use usher_domain::session::{GateNotice, SessionSummary};
use usher_domain::time::UnixMillis;

/// What somebody in charge says to a gate, with who said it and how long it holds.
#[must_use]
pub(crate) fn said(notice: &GateNotice, zone: &TimeZone, now: UnixMillis) -> String {
    format!(
        "NOTICE from {}, until {}: {}",
        notice.by,
        time(notice.until, now, zone),
        notice.text
    )
}

/// That something is said no longer.
#[must_use]
pub(crate) fn taken_back(text: &str) -> String {
    format!("NOTICE taken back: {text}")
}

/// An order that holds, with what it means at a gate. `of` is what the zone or the session is called that it
/// speaks of.
#[must_use]
pub(crate) fn order(order: &Order, of: Option<&str>, zone: &TimeZone, now: UnixMillis) -> String {
    match order {
        Order::FreeFlow { until, .. } => format!(
            "FREE FLOW until {}: let people through; tickets are counted, not checked.",
            time(*until, now, zone)
        ),
        Order::EveryoneOut { at, zone: part } => {
            let of = match (part, of) {
                (None, _) => String::new(),
                (Some(_), of) => format!(" of {}", of.unwrap_or("a zone")),
            };
            format!(
                "EVERYONE OUT{of} at {}: who was inside by then may come in once more.",
                time(*at, now, zone)
            )
        }
        Order::Honour { until, .. } => format!(
            "LET IN, TOO, until {}: tickets of {}.",
            time(*until, now, zone),
            of.unwrap_or(ANOTHER)
        ),
    }
}

/// That an order holds no longer.
#[must_use]
pub(crate) fn over(kind: OrderKind, of: Option<&str>) -> String {
    match kind {
        OrderKind::FreeFlow => "FREE FLOW is over: tickets are checked again.".to_owned(),
        OrderKind::EveryoneOut => "What was said of everyone out holds no longer.".to_owned(),
        OrderKind::Honour => format!("LET IN NO LONGER: tickets of {}.", of.unwrap_or(ANOTHER)),
    }
}

/// The times of a session.
#[must_use]
pub(crate) fn times(session: &SessionSummary, zone: &TimeZone, now: UnixMillis) -> String {
    let time = |at| time(at, now, zone);
    format!(
        "doors {}, begins {}, ends {}",
        time(session.doors),
        time(session.starts),
        time(session.ends)
    )
}

/// A session that this device does not know by name.
const ANOTHER: &str = "another session";
