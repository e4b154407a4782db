//! What folding the records says of one ticket, and whether its rule lets it enter once more.

use crate::ids::SessionId;
use crate::numbers::AccessNumber;
use crate::rules::{Counted, EntryMode, EntryRule};
use crate::verdict::PriorScan;
use minicbor::{Decode, Encode};

/// Over what the entries of a ticket are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Unit {
    /// One session.
    #[n(0)]
    Session(#[n(0)] SessionId),
    /// All sessions of a kind of pass.
    #[n(1)]
    Pass(#[n(0)] AccessNumber),
}

impl Unit {
    /// The unit in which a ticket with this access number is counted at a session.
    ///
    /// An access number of one session alone needs no case of its own: its "pass" has that one session.
    #[must_use]
    pub fn of(rule: EntryRule, session: SessionId, access: Option<AccessNumber>) -> Self {
        match (rule.counted, access) {
            (Counted::PerPass, Some(_)) if crate::mutated!(CountPassesApart) => {
                Self::Session(session)
            }
            (_, Some(access)) if crate::mutated!(CountPassesTogether) => Self::Pass(access),
            (Counted::PerPass, Some(access)) => Self::Pass(access),
            (Counted::PerSession, _) | (Counted::PerPass, None) => Self::Session(session),
        }
    }
}

/// What is known of one ticket in one [`Unit`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct SubjectState {
    /// Entries that count: neither undone nor voided, free flow and coming back after everyone was sent
    /// out not included.
    #[n(0)]
    pub entries: u32,
    /// Admissions the rule did not allow, in merge order; overrides are never among them.
    #[n(1)]
    pub excess: Vec<PriorScan>,
    /// The latest entry of the person who is inside. An excess admission stands here only if nobody was
    /// inside before it.
    #[n(2)]
    pub inside: Option<PriorScan>,
    /// The latest entry that counts, likewise.
    #[n(3)]
    pub last_entry: Option<PriorScan>,
    /// The latest exit that counts.
    #[n(4)]
    pub last_exit: Option<PriorScan>,
    /// Set when everyone was sent out while this person was inside and they have not come back: they
    /// may, once. It is the entry they had made.
    #[n(5)]
    pub may_return: Option<PriorScan>,
    /// Entries of people who came in by this ticket beside the one who is [`Self::inside`]: those that were
    /// excess, and those whom an exit of somebody else left behind. They bar no entry, and are counted where
    /// people are counted until they are seen leaving.
    #[n(6)]
    pub others_inside: Vec<PriorScan>,
}

/// How a ticket may enter once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entering {
    /// As an entry that counts.
    Counted,
    /// As one who was sent out and comes back.
    Returning,
}

/// Why a ticket may not enter once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred<'a> {
    /// It enters once and the person is inside.
    Inside(&'a PriorScan),
    /// It enters again only after leaving, and the person is inside.
    ExitFirst(&'a PriorScan),
    /// All entries are used.
    UsedUp {
        /// How many there were.
        allowed: u16,
        /// The last one.
        last: &'a PriorScan,
    },
    /// It has no entries at all.
    NoEntries,
}

impl SubjectState {
    /// The entries of everybody who is inside by this ticket.
    pub fn everybody_inside(&self) -> impl Iterator<Item = &PriorScan> {
        self.inside.iter().chain(&self.others_inside)
    }

    /// Whether a rule lets the ticket in once more. Deciding and merging both ask here, so that what a
    /// gate admits with full knowledge is never excess.
    ///
    /// # Errors
    /// [`Barred`] with the scan that stands in the way.
    pub fn may_enter(&self, mode: EntryMode) -> Result<Entering, Barred<'_>> {
        if self.may_return.is_some() {
            return Ok(Entering::Returning);
        }
        match mode {
            EntryMode::Single => match (&self.inside, &self.last_entry) {
                (Some(inside), _) => Err(Barred::Inside(inside)),
                (None, Some(last)) => Err(Barred::UsedUp { allowed: 1, last }),
                (None, None) => Ok(Entering::Counted),
            },
            EntryMode::Reentry => match &self.inside {
                Some(inside) => Err(Barred::ExitFirst(inside)),
                None => Ok(Entering::Counted),
            },
            EntryMode::Times(allowed) if self.entries < u32::from(allowed) => Ok(Entering::Counted),
            EntryMode::Times(allowed) => match &self.last_entry {
                Some(last) => Err(Barred::UsedUp { allowed, last }),
                None => Err(Barred::NoEntries),
            },
        }
    }
}
