//! Since when each image of a ticket has counted: whoever judges an admission afterwards must know what the
//! ticket was at that moment, not what it is now.
//!
//! The images lie in the ticket itself, so that they change in the transaction that changes it. A ticket that
//! never changed since this program made it has none: its present image always counted. Of a ticket that an
//! older program stored nothing is known before its first change here.

use super::stored::{Body, load};
use crate::service::error::{Error, Result};
use crate::storage::Transaction;
use minicbor::{Decode, Encode};
use usher_domain::api::reports::ForbiddenBy;
use usher_domain::ids::{EventId, SessionId, TicketId};
use usher_domain::numbers::IssueNumber;
use usher_domain::record::Scan;
use usher_domain::table::rows::TicketState;
use usher_domain::time::UnixMillis;

/// Images of one ticket that are remembered, the latest ones. Before the oldest of them nothing is known.
const REMEMBERED_MAX: usize = 32;

/// What decides whether a ticket may enter, as one image of it says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Image {
    /// It counts after this time.
    #[n(0)]
    since: UnixMillis,
    #[n(1)]
    revision: u64,
    #[n(2)]
    state: TicketState,
    #[n(3)]
    issue: IssueNumber,
    /// The sessions that it may enter.
    #[n(4)]
    sessions: Vec<SessionId>,
}

impl Image {
    fn of(body: &Body, since: UnixMillis) -> Self {
        Self {
            since,
            revision: body.revision,
            state: body.state,
            issue: body.issue,
            sessions: body.sessions.clone(),
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        (self.state, self.issue, &self.sessions) == (other.state, other.issue, &other.sessions)
    }

    /// Why this image forbids an admission. A ticket of a session that the served one lets in beside its own
    /// is judged as that session's.
    fn forbids(&self, scan: &Scan, honours: Option<SessionId>) -> Option<ForbiddenBy> {
        let is_for = |session| self.sessions.contains(&session);
        if matches!(self.state, TicketState::Cancelled(_)) {
            return Some(ForbiddenBy::Cancelled);
        }
        if !is_for(scan.session) && !honours.is_some_and(is_for) {
            return Some(ForbiddenBy::OtherSession);
        }
        if self.state == TicketState::Blocked {
            return Some(ForbiddenBy::Blocked);
        }
        let is_superseded = scan.issue.is_some_and(|issue| issue < self.issue);
        is_superseded.then_some(ForbiddenBy::Superseded)
    }
}

/// What is known of a ticket's past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Images {
    /// There is no such ticket.
    #[default]
    NoTicket,
    /// There is, and nothing is known of its past.
    Untold,
    /// Its images by time.
    Dated(Vec<Image>),
}

impl Images {
    /// What is known of a ticket as stored.
    fn of(body: &Body) -> Self {
        match &body.images {
            None => Self::Untold,
            Some(images) if images.is_empty() => {
                Self::Dated(vec![Image::of(body, UnixMillis::default())])
            }
            Some(images) => Self::Dated(images.clone()),
        }
    }

    fn into_dated(self) -> Vec<Image> {
        match self {
            Self::NoTicket | Self::Untold => Vec::new(),
            Self::Dated(images) => images,
        }
    }

    fn in_force(&self, at: UnixMillis) -> Option<&Image> {
        let Self::Dated(images) = self else {
            return None;
        };
        let counts =
            |image: &&Image| image.since < at || usher_domain::mutated!(JudgeByPresentImage);
        images.iter().rfind(counts)
    }

    /// Whether a list could have had the code of a scan, as far as is known.
    pub(crate) fn list(&self, scan: &Scan, at: UnixMillis) -> bool {
        let is_issued = |image: &Image| scan.issue.is_none_or(|issue| issue <= image.issue);
        *self != Self::NoTicket && self.in_force(at).is_none_or(is_issued)
    }

    /// The images of a ticket of an event; none of a ticket that is not known there.
    pub(crate) fn read(txn: &dyn Transaction, event: EventId, ticket: TicketId) -> Result<Self> {
        match load(txn, event, ticket) {
            Ok(loaded) => Ok(Self::of(&loaded.body)),
            Err(Error::NotFound(_)) => Ok(Self::NoTicket),
            // A damaged ticket keeps no record out.
            Err(Error::Internal(_)) => Ok(Self::Untold),
            Err(error) => Err(error),
        }
    }

    /// Why the image that counted at a time forbids an admission.
    pub(crate) fn forbid(
        &self,
        scan: &Scan,
        honours: Option<SessionId>,
        at: UnixMillis,
    ) -> Option<ForbiddenBy> {
        self.in_force(at)?
            .forbids(scan, honours)
            .filter(|_| !usher_domain::mutated!(TellNoForbidden))
    }
}

/// When a change counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Dated {
    /// It is made here now.
    Now(UnixMillis),
    /// It was made before a restore, and is told again now.
    Before {
        /// Since when it counted, at the latest.
        since: UnixMillis,
        /// The time of writing it down. It counts again from then on, whatever was said between.
        now: UnixMillis,
    },
}

impl Dated {
    /// Since when the change counts, and when it is written down.
    fn times(self) -> (UnixMillis, UnixMillis) {
        match self {
            Self::Now(now) => (now, now),
            Self::Before { since, now } => (since.min(now), now),
        }
    }
}

/// Notes in `next` since when it counts; `before` is the ticket as it was.
pub(crate) fn note(next: &mut Body, before: Option<&Body>, dated: Dated) {
    let (since, now) = dated.times();
    let image = Image::of(next, since);
    let mut images = match (before, dated) {
        // What is made here and was never changed needs no history.
        (None, Dated::Now(_)) => {
            next.images = Some(Vec::new());
            return;
        }
        (None, Dated::Before { .. }) => Vec::new(),
        (Some(before), _) => {
            if image.says_the_same(&Image::of(before, since)) {
                next.images.clone_from(&before.images);
                return;
            }
            Images::of(before).into_dated()
        }
    };
    let mut same = images
        .iter_mut()
        .filter(|known| known.revision == image.revision)
        .peekable();
    if same.peek().is_some() {
        // The sets of a pass tell of one change one after the other.
        for known in same {
            *known = Image {
                since: known.since,
                ..image.clone()
            };
        }
    } else {
        let is_overtaken = images.last().is_some_and(|last| last.since > image.since);
        let again = is_overtaken.then(|| Image {
            since: now,
            ..image.clone()
        });
        images.push(image);
        images.extend(again);
        images.sort_by_key(|image| image.since);
    }
    images.drain(..images.len().saturating_sub(REMEMBERED_MAX));
    next.images = Some(images);
}
