//! The timetable: which of several sessions a gate serves, and when it seems to serve the wrong one.

use crate::ids::{EventId, SessionId};
use crate::rules::Rules;
use crate::session::SessionSummary;
use crate::time::UnixMillis;
use std::collections::{BTreeMap, VecDeque};

/// The session a gate serves at `now`, of those that it holds.
///
/// 1. Of the sessions whose entry window is open (from some minutes before the doors until some minutes
///    after the end), the one whose doors open last: while the matinee still plays, who comes to the
///    open doors of the evening has an evening ticket.
///    Between events that are open at once this says nothing: a gate that began to serve one, `loyal_to`,
///    stays with it, and nobody's new event takes it away from the people who stand before it.
/// 2. If none is open, the one that opens next, so that a gate can be made ready.
/// 3. After all have ended, none.
///
/// Of sessions with the same doors the one that starts later is served, then the one of the higher id:
/// any fixed choice does, for staff sees which it is and can choose another.
#[must_use]
pub fn serving<'a>(
    now: UnixMillis,
    loyal_to: Option<EventId>,
    sessions: impl IntoIterator<Item = (&'a SessionSummary, &'a Rules)>,
) -> Option<SessionId> {
    let mut open: Option<&SessionSummary> = None;
    let mut next: Option<(UnixMillis, &SessionSummary)> = None;
    for (session, rules) in sessions {
        let (opens, closes) = session.entry_window(rules);
        if now > closes {
            continue;
        }
        if now < opens {
            let sooner = |(held, other): &(UnixMillis, &SessionSummary)| {
                (opens, session.starts, session.id) < (*held, other.starts, other.id)
            };
            if next.as_ref().is_none_or(sooner) {
                next = Some((opens, session));
            }
        } else if open.is_none_or(|held| precedence(session, loyal_to) > precedence(held, loyal_to))
        {
            open = Some(session);
        }
    }
    open.or(next.map(|(_, session)| session))
        .map(|session| session.id)
}

fn precedence(
    session: &SessionSummary,
    loyal_to: Option<EventId>,
) -> (bool, UnixMillis, UnixMillis, SessionId) {
    let loyal = loyal_to == Some(session.event);
    (loyal, session.doors, session.starts, session.id)
}

/// Scans looked back on.
pub const LOOK_BACK: usize = 10;
/// Scans of other sessions among them from which the gate warns.
const WARN_FROM: usize = 5;
/// Scans among them of what nobody knows from which the list or the scanner may be the wrong one.
pub const UNKNOWN_FROM: usize = 8;

/// Remembers to which sessions the last scans belonged, and tells when a gate seems to serve the wrong
/// one.
#[derive(Debug, Clone, Default)]
pub struct RecentScans {
    belong_to: VecDeque<Option<SessionId>>,
}

impl RecentScans {
    /// Notes the session that a scanned ticket belongs to: the served one if it enters there, else the
    /// first right one, or none if nobody knows.
    pub fn note(&mut self, session: Option<SessionId>) {
        if self.belong_to.len() == LOOK_BACK {
            self.belong_to.pop_front();
        }
        self.belong_to.push_back(session);
    }

    /// How many of the last ten scans were of something that nobody knows, if they are most of them: then the
    /// list or the scanner may be the wrong one.
    #[must_use]
    pub fn mostly_unknown(&self) -> Option<usize> {
        let unknown = self.belong_to.iter().filter(|session| session.is_none());
        Some(unknown.count()).filter(|unknown| *unknown >= UNKNOWN_FROM)
    }

    /// If half of the last scans belong to other sessions than the one served, the one that most of them
    /// belong to.
    #[must_use]
    pub fn rather(&self, serving: SessionId) -> Option<SessionId> {
        let others = || {
            let known = self.belong_to.iter().flatten();
            known.filter(|session| **session != serving)
        };
        if others().count() < WARN_FROM {
            return None;
        }
        let mut counts: BTreeMap<SessionId, usize> = BTreeMap::new();
        for session in others() {
            *counts.entry(*session).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count)?;
        Some(most.0)
    }
}

#[cfg(test)]
mod tests;
