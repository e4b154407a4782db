//! What the device's ticket sets say of a thing shown, and what both together tell of the ticket.

use super::shown::Shown;
use crate::ids::{EventId, SessionId};
use crate::merge::state::Unit;
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::record::Subject;
use crate::rules::{EntryRule, Rules};
use crate::table::rows::TicketRow;
use crate::time::UnixMillis;

/// Where a thing shown was found.
#[derive(Debug, Clone)]
pub enum Found<'a> {
    /// In the set of the session being served. Of the images of this row in all sets of the device the
    /// caller gives the one of the highest revision.
    Here {
        /// The row.
        row: &'a TicketRow,
        /// How it was found.
        via: Via,
    },
    /// Not in this session's set but in others that the device holds.
    Elsewhere(Vec<Elsewhere>),
    /// In no set of the device.
    Nowhere,
}

/// How a row was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// By the ticket id in a code of ours.
    Code,
    /// By a medium that the row lists and that opens the ticket.
    CurrentMedium,
    /// By a medium that once opened the ticket.
    FormerMedium,
}

/// A session in whose set something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The session.
    pub session: SessionId,
    /// Its name.
    pub name: String,
    /// Its event.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
}

/// What is known of the ticket: the row's word before the code's, except where the code is newer.
///
/// It names the state to look up before deciding and fills the record afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Whose state counts.
    pub subject: Subject,
    /// Issue of the code shown, or of the row where a medium was shown.
    pub issue: Option<IssueNumber>,
    /// Ticket type.
    pub type_number: Option<TypeNumber>,
    /// Access number.
    pub access: Option<AccessNumber>,
    /// Entries of this one ticket, where its row sets them.
    pub entries: Option<u16>,
    /// Not valid before.
    pub valid_from: Option<UnixMillis>,
    /// Not valid after.
    pub valid_until: Option<UnixMillis>,
}

impl Known {
    /// Puts together what was shown and what was found.
    #[must_use]
    pub fn of(shown: &Shown, found: &Found<'_>) -> Self {
        match (found, shown) {
            (
                Found::Here {
                    row,
                    via: Via::Code,
                },
                Shown::Code { code, .. },
            ) => {
                let row_says = Self::of_row(row);
                if code.issue > row.issue {
                    // Reissued after the last sync: the code was signed later than the row.
                    Self {
                        entries: row.entries,
                        ..Self::of_shown(shown)
                    }
                } else {
                    Self {
                        issue: Some(code.issue),
                        ..row_says
                    }
                }
            }
            (Found::Here { row, .. }, _) => {
                // A bound that the shop signed holds where the row tells none.
                let signed = Self::of_shown(shown);
                let row_says = Self::of_row(row);
                Self {
                    valid_from: row_says.valid_from.or(signed.valid_from),
                    valid_until: row_says.valid_until.or(signed.valid_until),
                    ..row_says
                }
            }
            (Found::Elsewhere(_) | Found::Nowhere, _) => Self::of_shown(shown),
        }
    }

    fn of_row(row: &TicketRow) -> Self {
        Self {
            subject: Subject::Ticket(row.ticket),
            issue: Some(row.issue),
            type_number: Some(row.type_number),
            access: Some(row.access),
            entries: row.entries,
            valid_from: row.valid_from.map(UnixMillis::from_seconds),
            valid_until: row.valid_until.map(UnixMillis::from_seconds),
        }
    }

    fn of_shown(shown: &Shown) -> Self {
        let nothing = Self {
            subject: Subject::Nothing,
            issue: None,
            type_number: None,
            access: None,
            entries: None,
            valid_from: None,
            valid_until: None,
        };
        match shown {
            Shown::Unreadable | Shown::Malformed { .. } | Shown::Forged { .. } => nothing,
            Shown::Code { code, .. } => Self {
                subject: Subject::Ticket(code.ticket),
                issue: Some(code.issue),
                type_number: Some(code.type_number),
                access: Some(code.access),
                entries: None,
                valid_from: code.not_before.map(UnixMillis::from_seconds),
                valid_until: code.not_after.map(UnixMillis::from_seconds),
            },
            Shown::Pretix {
                identity,
                type_number,
                valid_from,
                valid_until,
                date: _,
            } => Self {
                subject: Subject::Medium(*identity),
                type_number: *type_number,
                valid_from: *valid_from,
                valid_until: *valid_until,
                ..nothing
            },
            Shown::Opaque { identity } => Self {
                subject: Subject::Medium(*identity),
                ..nothing
            },
        }
    }

    /// The entry rule of the ticket under a session's rules.
    #[must_use]
    pub fn entry_rule(&self, rules: &Rules) -> EntryRule {
        rules.entry_for(self.type_number).with_entries(self.entries)
    }

    /// The unit in which its entries are counted at a session: with [`Self::subject`], the key of its
    /// state.
    #[must_use]
    pub fn unit(&self, session: SessionId, rules: &Rules) -> Unit {
        Unit::of(self.entry_rule(rules), session, self.access)
    }
}
