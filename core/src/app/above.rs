//! What comes to this gate from above: what somebody in charge says and orders, and the session's times.

use super::{ApiError, App, words};
use crate::gate::{Above, AtGate as _};
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_domain::ids::SessionId;
use usher_domain::merge::Order;
use usher_domain::session::{GateNotice, SessionTerms};
use usher_domain::time::UnixMillis;

/// What comes to a gate from above, for the session that it serves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AboveView {
    /// What somebody in charge says, the oldest first.
    pub said: Vec<SaidView>,
    /// What somebody in charge ordered and holds.
    pub orders: Vec<OrderView>,
    /// When the session is; none while the gate serves none.
    pub times: Option<TimesView>,
    /// When this was so.
    #[serde(skip)]
    pub as_of: UnixMillis,
}

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

/// An order that holds at this gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderView {
    /// What was ordered.
    pub order: OrderKind,
    /// What the zone or the session is called that it speaks of, if it speaks of one.
    pub of: Option<String>,
    /// Since when it holds.
    pub at: UnixMillis,
    /// Until when; none if nothing ends it.
    pub until: Option<UnixMillis>,
    /// All of it as a sentence.
    pub message: String,
}

/// A kind of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// The gate lets people through without checking.
    FreeFlow,
    /// Everyone was sent out, and may come in once more.
    EveryoneOut,
    /// Tickets of another session are let in, too.
    Honour,
}

/// When a session is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimesView {
    /// When its doors open.
    pub doors: UnixMillis,
    /// When it begins.
    pub starts: UnixMillis,
    /// When it ends.
    pub ends: UnixMillis,
    /// All of it in words.
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

impl OrderView {
    fn of(order: &Order, terms: &SessionTerms, zone: &TimeZone, now: UnixMillis) -> Self {
        let (kind, at, until) = match *order {
            Order::FreeFlow { from, until } => (OrderKind::FreeFlow, from, Some(until)),
            Order::EveryoneOut { at, .. } => (OrderKind::EveryoneOut, at, None),
            Order::Honour { from, until, .. } => (OrderKind::Honour, from, Some(until)),
        };
        let of = match order {
            Order::FreeFlow { .. } => None,
            Order::EveryoneOut { zone: of, .. } => {
                of.map(|id| terms.zone(id).map_or("a zone", |zone| &zone.name))
            }
            Order::Honour { tickets_of, .. } => {
                let other = terms.others.iter().find(|other| other.id == *tickets_of);
                other.map(|other| &*other.name)
            }
        };
        Self {
            message: words::order(order, of, zone, now),
            order: kind,
            of: of.map(str::to_owned),
            at,
            until,
        }
    }

    /// What a gate says once the order holds no longer.
    #[must_use]
    pub fn over(&self) -> String {
        words::over(self.order, self.of.as_deref())
    }
}

impl From<Above> for AboveView {
    fn from(above: Above) -> Self {
        let (terms, now) = (above.terms, above.now);
        let zone = TimeZone::get(&terms.time_zone).unwrap_or(TimeZone::UTC);
        let notices = above.notices.into_iter();
        let orders = above.orders.iter();
        Self {
            said: notices
                .map(|notice| SaidView::of(notice, &zone, now))
                .collect(),
            orders: orders
                .map(|order| OrderView::of(order, &terms, &zone, now))
                .collect(),
            times: Some(TimesView {
                doors: terms.session.doors,
                starts: terms.session.starts,
                ends: terms.session.ends,
                message: words::times(&terms.session, &zone, now),
            }),
            as_of: now,
        }
    }
}

impl App {
    /// What comes from above now, for the session that is served: the one named, if one is.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn above(&self, named: Option<SessionId>) -> Result<AboveView, ApiError> {
        let above = self.heeding(self.at_gate(|gate, means| gate.above(means, named)))?;
        Ok(above.map(AboveView::from).unwrap_or_default())
    }
}
