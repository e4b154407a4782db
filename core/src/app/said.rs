//! What somebody in charge says to this gate.

use super::{ApiError, App, words};
use crate::gate::AtGate as _;
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_domain::session::GateNotice;
use usher_domain::time::UnixMillis;

/// What somebody in charge says to this gate, while it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaidView {
    /// The words.
    pub text: String,
    /// Who said it, as the server knows them.
    pub by: String,
    /// When it was said.
    pub at: UnixMillis,
    /// Until when it holds.
    pub until: UnixMillis,
    /// All of it as a sentence.
    pub message: String,
}

impl SaidView {
    fn of(notice: GateNotice, zone: &TimeZone, now: UnixMillis) -> Self {
        Self {
            message: words::said(&notice, zone, now),
            text: notice.text,
            by: notice.by,
            at: notice.at,
            until: notice.until,
        }
    }
}

impl App {
    /// What is said to this gate now, for the session that it serves; the oldest first.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn said(&self) -> Result<Vec<SaidView>, ApiError> {
        let said = self.heeding(self.at_gate(|gate, means| gate.said(means)))?;
        let Some(said) = said else {
            return Ok(Vec::new());
        };
        let zone = TimeZone::get(&said.served.time_zone).unwrap_or(TimeZone::UTC);
        let notices = said.notices.into_iter();
        Ok(notices
            .map(|notice| SaidView::of(notice, &zone, said.now))
            .collect())
    }
}
