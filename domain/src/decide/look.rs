//! Looking up what was shown. Gates and the authority look by the same rules, each in what it holds.

use super::{Elsewhere, Found, Shown, SignedDate, Via};
use crate::code::MediumKey;
use crate::ids::{SessionId, TicketId};
use crate::merge::Ground;
use crate::numbers::AccessNumber;
use crate::record::Subject;
use crate::table::rows::TicketRow;

/// Ticket sets to look in.
pub trait Holdings {
    /// One of the sets.
    type Set: Copy;
    /// Why a set cannot be read.
    type Error;

    /// The set of the session that is served.
    fn served(&self) -> Self::Set;

    /// The sets of other sessions.
    fn others(&self) -> impl Iterator<Item = Self::Set>;

    /// Whether tickets of an access number enter the session that is served.
    fn enter_here(&self, access: AccessNumber) -> bool;

    /// How a person is told of a set's session.
    fn place(&self, set: Self::Set) -> Elsewhere;

    /// The links of the served session's scope, if its records are known.
    fn ground(&self) -> Option<&Ground>;

    /// The row of a ticket.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn ticket(&self, set: Self::Set, ticket: TicketId) -> Result<Option<TicketRow>, Self::Error>;

    /// The tickets whose rows list a medium, current or former.
    ///
    /// # Errors
    /// [`Self::Error`].
    fn tickets_of_medium(
        &self,
        set: Self::Set,
        medium: MediumKey,
    ) -> Result<Vec<TicketId>, Self::Error>;
}

/// [`Found`] with its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// In the set of the served session.
    Here {
        /// The row.
        row: Box<TicketRow>,
        /// How it was found.
        via: Via,
    },
    /// In the sets of other sessions.
    Elsewhere(Vec<Elsewhere>),
    /// In none.
    Nowhere,
}

impl Looked {
    /// As deciding takes it.
    #[must_use]
    pub fn found(&self) -> Found<'_> {
        match self {
            Self::Here { row, via } => Found::Here { row, via: *via },
            Self::Elsewhere(places) => Found::Elsewhere(places.clone()),
            Self::Nowhere => Found::Nowhere,
        }
    }

    /// The row, if the served session's set has it.
    #[must_use]
    pub fn row(&self) -> Option<&TicketRow> {
        match self {
            Self::Here { row, .. } => Some(row),
            Self::Elsewhere(_) | Self::Nowhere => None,
        }
    }
}

/// Looks for what was shown: in the served session's set, then by links, then in the other sets. A pass for the
/// served session too is one of its tickets also where another session's set is newer and lists it alone.
///
/// # Errors
/// What reading a set says.
pub fn look<H: Holdings>(holdings: &H, shown: &Shown) -> Result<Looked, H::Error> {
    if let Some((row, via)) = in_set(holdings, holdings.served(), shown)? {
        let row = Box::new(row);
        return Ok(Looked::Here { row, via });
    }
    if let Some(row) = linked(holdings, shown)? {
        let row = Box::new(row);
        let via = Via::CurrentMedium;
        return Ok(Looked::Here { row, via });
    }
    let mut places = Vec::new();
    for other in holdings.others() {
        let Some((row, via)) = in_set(holdings, other, shown)? else {
            continue;
        };
        let enters = holdings.enter_here(row.access) || crate::mutated!(ServeEverySession);
        if enters && !crate::mutated!(PassOfOneSessionOnly) {
            let row = Box::new(row);
            return Ok(Looked::Here { row, via });
        }
        places.push(holdings.place(other));
    }
    Ok(if places.is_empty() {
        Looked::Nowhere
    } else {
        Looked::Elsewhere(places)
    })
}

/// A session whose tickets the served one lets through beside its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Honoured {
    /// The session.
    pub session: SessionId,
    /// Access numbers of its tickets.
    pub accepts: Vec<AccessNumber>,
    /// Dates of a pretix series that it is.
    pub dates: Vec<u64>,
}

/// As [`look`], with the sessions of [`Ground::honoured`] in mind: what is none of the served session's but
/// one of theirs is found there, and the session is told. It belongs into
/// [`super::Context::honours`] and [`crate::record::Scan::honours`].
///
/// # Errors
/// What reading a set says.
pub fn look_honoured<H: Holdings>(
    holdings: &H,
    shown: &Shown,
    honoured: &[Honoured],
) -> Result<(Looked, Option<SessionId>), H::Error> {
    let looked = look(holdings, shown)?;
    if let Looked::Here { .. } = looked {
        return Ok((looked, None));
    }
    for set in holdings.others() {
        let session = holdings.place(set).session;
        if honoured.iter().any(|other| other.session == session)
            && let Some((row, via)) = in_set(holdings, set, shown)?
        {
            let row = Box::new(row);
            return Ok((Looked::Here { row, via }, Some(session)));
        }
    }
    let of_code = match (&looked, shown) {
        // What is for the served session is none of another one's, whatever sets list it.
        (Looked::Nowhere, Shown::Code { code, .. }) if holdings.enter_here(code.access) => None,
        (Looked::Nowhere, Shown::Code { code, .. }) => honoured
            .iter()
            .find(|other| other.accepts.contains(&code.access))
            .map(|other| other.session),
        (
            Looked::Nowhere,
            Shown::Pretix {
                date: Some(SignedDate::Subevent(number)),
                ..
            },
        ) => honoured
            .iter()
            .find(|other| other.dates.contains(number))
            .map(|other| other.session),
        (Looked::Here { .. } | Looked::Elsewhere(_) | Looked::Nowhere, _) => None,
    };
    Ok((looked, of_code))
}

/// By the ticket that a code of ours names, else by the text as a medium.
fn in_set<H: Holdings>(
    holdings: &H,
    set: H::Set,
    shown: &Shown,
) -> Result<Option<(TicketRow, Via)>, H::Error> {
    if let Some(ticket) = shown.ticket()
        && let Some(row) = holdings.ticket(set, ticket)?
    {
        return Ok(Some((row, Via::Code)));
    }
    match shown.medium() {
        Some(medium) => by_medium(holdings, set, medium),
        None => Ok(None),
    }
}

/// A medium may have been handed on from one ticket to another: the one that it opens now counts.
fn by_medium<H: Holdings>(
    holdings: &H,
    set: H::Set,
    medium: MediumKey,
) -> Result<Option<(TicketRow, Via)>, H::Error> {
    let mut former = None;
    for ticket in holdings.tickets_of_medium(set, medium)? {
        match holdings.ticket(set, ticket)? {
            Some(row) if row.is_former(&medium) => former = Some((row, Via::FormerMedium)),
            Some(row) => return Ok(Some((row, Via::CurrentMedium))),
            None => {}
        }
    }
    Ok(former)
}

/// By a link that the server wrote: the medium of a ticket that the set does not name.
fn linked<H: Holdings>(holdings: &H, shown: &Shown) -> Result<Option<TicketRow>, H::Error> {
    let (Some(identity), Some(ground)) = (shown.identity(), holdings.ground()) else {
        return Ok(None);
    };
    match ground.resolve(Subject::Medium(identity)) {
        Subject::Ticket(ticket) => holdings.ticket(holdings.served(), ticket),
        Subject::Medium(_) | Subject::Nothing => Ok(None),
    }
}
