//! A session that gets other times: what the trail says of it, and that nobody undoes what another did.

use crate::service::error::{Error, Result};
use crate::service::times;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_domain::api::venue::{Session, SessionTimes};
use usher_domain::record::{Body, Delay};

const fn of(session: &Session) -> SessionTimes {
    SessionTimes {
        doors: session.doors,
        starts: session.starts,
        ends: session.ends,
    }
}

/// What the trail says of other times.
pub(crate) fn record(before: &Session, after: &Session) -> Result<Option<Body>> {
    if of(before) == of(after) {
        return Ok(None);
    }
    let millis = |at| times::unix_millis(at).ok_or(Error::Internal("a time is before 1970"));
    Ok(Some(Body::Delay(Delay {
        session: after.id,
        doors: millis(after.doors)?,
        starts: millis(after.starts)?,
        ends: millis(after.ends)?,
    })))
}

/// Refuses a change by somebody who has not heard of the one before it.
pub(crate) fn as_expected(
    session: &Session,
    expects: Option<SessionTimes>,
    zone: &TimeZone,
) -> Result<()> {
    let are = of(session);
    if expects.is_none_or(|expects| expects == are) {
        return Ok(());
    }
    let local = |at: Timestamp| {
        let at = at.to_zoned(zone.clone());
        at.strftime("%Y-%m-%d %H:%M").to_string()
    };
    Err(Error::OtherTimes {
        doors: local(are.doors),
        starts: local(are.starts),
        ends: local(are.ends),
    })
}
