//! Rows that devices handed back and that wait for the organizer's word.

use crate::ids::DeviceId;
use crate::table::rows::TicketState;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A row that a device handed back and that was not taken: it is newer than what the server holds, it would
/// give rights, and nothing proves that the server lost it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandedBackRow {
    /// The table: `set.`, `roster.` or `directory.` and an id.
    pub table: String,
    /// Id of the ticket, device or member of staff.
    pub id: String,
    /// Counts the changes of the row.
    pub revision: u64,
    /// Revision of the row that the server holds; none if it holds none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<u64>,
    /// What a ticket's state would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TicketState>,
    /// Who handed it back.
    pub device: DeviceId,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// What is to be done with rows that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HandedBackWord {
    /// The server was put back from a backup and lost them: they count.
    Take,
    /// They do not count, and are not asked about again.
    Refuse,
}

/// The organizer's word on rows that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HandedBackDecision {
    /// The word.
    pub word: HandedBackWord,
    /// Only rows of this table, as the list names it; all if absent.
    #[serde(default)]
    pub table: Option<String>,
}

/// What became of rows that waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HandedBackDone {
    /// Rows that count by now.
    pub taken: u64,
    /// Rows that were refused, by the word or because they cannot be.
    pub refused: u64,
    /// Rows that were changed at the server meanwhile, so that its own count.
    pub outdated: u64,
}
