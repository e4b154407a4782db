//! What comes to this gate from above: what somebody in charge says and orders, and the session's times.

use super::{ApiError, App, words};
use crate::gate::{Above, AtGate as _, GateError};
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_domain::ids::SessionId;
use usher_domain::merge::Order;
use usher_domain::session::GateNotice;
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
    /// That the device's folder is in use twice at once; none while nobody knows of it.
    pub copied: Option<CopiedView>,
    /// For which session.
    #[serde(skip)]
    pub session: Option<SessionId>,
    /// When this was so.
    #[serde(skip)]
    pub as_of: UnixMillis,
}

/// That the folder of this device is in use twice at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedView {
    /// Since when the server knows.
    pub since: UnixMillis,
    /// What to do about it.
    pub message: String,
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
    /// The zone or the session that it speaks of, if it speaks of one.
    pub of: Option<SpokenOf>,
    /// Since when it holds.
    pub at: UnixMillis,
    /// Until when; none if nothing ends it.
    pub until: Option<UnixMillis>,
    /// All of it as a sentence.
    pub message: String,
}

/// A zone or a session that an order speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpokenOf {
    /// Its id.
    pub id: String,
    /// What it is called, if this device knows.
    pub name: Option<String>,
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

    /// The same once it was taken back.
    #[must_use]
    pub fn taken_back(&self) -> Self {
        Self {
            message: words::taken_back(&self.text),
            ..self.clone()
        }
    }
}

impl OrderView {
    fn of(order: &Order, called: Option<String>, zone: &TimeZone, now: UnixMillis) -> Self {
        let (kind, of, at, until) = match *order {
            Order::FreeFlow { from, until } => (OrderKind::FreeFlow, None, from, Some(until)),
            Order::EveryoneOut { zone, at } => (
                OrderKind::EveryoneOut,
                zone.map(|id| id.to_string()),
                at,
                None,
            ),
            Order::Honour {
                tickets_of,
                from,
                until,
            } => (
                OrderKind::Honour,
                Some(tickets_of.to_string()),
                from,
                Some(until),
            ),
        };
        Self {
            message: words::order(order, called.as_deref(), zone, now),
            order: kind,
            of: of.map(|id| SpokenOf { id, name: called }),
            at,
            until,
        }
    }

    /// The same once it holds no longer.
    #[must_use]
    pub fn over(&self) -> Self {
        let called = self.of.as_ref().and_then(|of| of.name.as_deref());
        Self {
            message: words::over(self.order, called),
            ..self.clone()
        }
    }
}

impl From<Above> for AboveView {
    fn from(above: Above) -> Self {
        let (session, now) = (above.session, above.now);
        let zone = TimeZone::get(&above.time_zone).unwrap_or(TimeZone::UTC);
        let notices = above.notices.into_iter();
        let orders = above.orders.into_iter();
        Self {
            said: notices
                .map(|notice| SaidView::of(notice, &zone, now))
                .collect(),
            orders: orders
                .map(|(order, called)| OrderView::of(&order, called, &zone, now))
                .collect(),
            times: Some(TimesView {
                doors: session.doors,
                starts: session.starts,
                ends: session.ends,
                message: words::times(&session, &zone, now),
            }),
            copied: None,
            session: Some(session.id),
            as_of: now,
        }
    }
}

impl From<UnixMillis> for CopiedView {
    fn from(since: UnixMillis) -> Self {
        Self {
            since,
            message: words::COPIED.to_owned(),
        }
    }
}

impl App {
    /// What comes from above now, for the session that is served: the one named, if one is.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn above(&self, named: Option<SessionId>) -> Result<AboveView, ApiError> {
        let read = self.at_gate(|gate, means| {
            let above = gate.above(means, named)?;
            Ok::<_, GateError>((above, means.store.copied()?))
        });
        let (above, copied) = self.heeding(read)?;
        Ok(AboveView {
            copied: copied.map(CopiedView::from),
            ..above.map(AboveView::from).unwrap_or_default()
        })
    }
}
