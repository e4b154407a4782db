//! Tickets, as sales systems create and change them.

use crate::ids::TicketId;
use crate::numbers::{AccessNumber, IssueNumber};
use crate::secret::Private;
use crate::table::rows::{CancelReason, TicketState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Creates a ticket. Without a medium the answer holds a signed code of ours.
///
/// `external` is the seller's own number of the ticket: creating it again with the same content answers
/// with the ticket that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTicket {
    /// Type by slug or number.
    pub kind: String,
    /// Session by slug or id; absent for a pass.
    #[serde(default)]
    pub session: Option<String>,
    /// The seller's number of the ticket, unique in the event.
    #[serde(default)]
    pub external: Option<String>,
    /// The seller's order number.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub order: Option<Private>,
    /// Sales channel; `api` if absent.
    #[serde(default)]
    pub channel: Option<String>,
    /// The holder's name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub holder: Option<Private>,
    /// Opaque media: barcodes of the seller, wristbands.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub media: Vec<Private>,
    /// Seat.
    #[serde(default)]
    pub seat: Option<String>,
    /// The only zone it opens, by slug or id.
    #[serde(default)]
    pub zone: Option<String>,
    /// Not valid before: RFC 3339, or a local time of the event's time zone such as `2027-10-30 22:00`.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Not valid after: RFC 3339, or a local time of the event's time zone such as `2027-10-30 22:00`.
    #[serde(default)]
    pub valid_until: Option<String>,
    /// What staff must check.
    #[serde(default)]
    pub instruction: Option<String>,
    /// Entries, in place of its type's.
    #[serde(default)]
    pub entries: Option<u16>,
    /// The one device that may admit it while isolated, by id.
    #[serde(default)]
    pub home: Option<crate::ids::DeviceId>,
}

/// Changes a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "do")]
#[expect(
    clippy::large_enum_variant,
    reason = "changes are handled one at a time"
)]
pub enum TicketChange {
    /// Other details; absent fields stay.
    Update(TicketDetails),
    /// A new code; the old one, and all opaque media with it, is refused from now on.
    Reissue {
        /// Opaque media of the new issue; none for a signed code of ours.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
        media: Vec<Private>,
    },
    /// It may not enter any more.
    Cancel {
        /// Why. Without it a ticket that is cancelled already keeps its reason, and any other gets `other`.
        #[serde(default)]
        reason: Option<CancelReason>,
    },
    /// It is held back.
    Block,
    /// It is held back no longer.
    Unblock,
    /// It may enter again, after it was cancelled or held back. Refused while the last list that was imported
    /// refuses it.
    Restore {
        /// Why, in a sentence.
        reason: String,
        /// Whether it may although its money was given back or charged back, or another ticket took its place.
        #[serde(default)]
        although_refunded: bool,
    },
    /// One more medium opens it.
    Attach {
        /// The medium's code.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        medium: Private,
    },
}

/// Details of a ticket that can be changed; absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct TicketDetails {
    /// The holder's name.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub holder: Option<Private>,
    /// Seat.
    pub seat: Option<String>,
    /// Type by slug or number.
    pub kind: Option<String>,
    /// Session by slug or id: the ticket is moved there. A signed code of ours is a new one then, and the
    /// old one is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Zone by slug or id.
    pub zone: Option<String>,
    /// Not valid before: RFC 3339, or a local time of the event's time zone.
    pub valid_from: Option<String>,
    /// Not valid after: RFC 3339, or a local time of the event's time zone.
    pub valid_until: Option<String>,
    /// What staff must check.
    pub instruction: Option<String>,
    /// Entries, in place of its type's.
    pub entries: Option<u16>,
    /// The one device that may admit it while isolated.
    pub home: Option<crate::ids::DeviceId>,
    /// What the ticket shall no longer have.
    pub clear: Vec<TicketDetail>,
}

/// A detail that a ticket can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TicketDetail {
    /// The holder's name.
    Holder,
    /// Its seat.
    Seat,
    /// The only zone it opens: without it, those of its type.
    Zone,
    /// The time before which it is not valid.
    ValidFrom,
    /// The time after which it is not valid.
    ValidUntil,
    /// What staff must check.
    Instruction,
    /// Its entries: without them, its type's.
    Entries,
    /// The one device that may admit it while isolated.
    Home,
}

/// A ticket as the organizer and the seller see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Type's slug.
    pub kind: String,
    /// Access number.
    pub access: AccessNumber,
    /// Whether it may enter.
    #[serde(flatten)]
    pub state: TicketState,
    /// Why it may not, in the seller's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Why it was let live again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// The valid issue.
    pub issue: IssueNumber,
    /// Counts its changes.
    pub revision: u64,
    /// The seller's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<String>,
    /// The seller's order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub order: Option<Private>,
    /// Sales channel.
    pub channel: String,
    /// The holder's name; only for roles that may see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub holder: Option<Private>,
    /// Seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// What staff must check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
    /// Slug of the only zone that it opens, where it is the ticket's own and not its type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Entries, where they are the ticket's own and not its type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u16>,
    /// The one device that may admit it while isolated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<crate::ids::DeviceId>,
    /// Slugs of the sessions that it opens.
    #[serde(default)]
    pub sessions: Vec<String>,
    /// Slugs of sessions that it was moved away from while its holder was inside, and was not seen leaving.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_inside: Vec<String>,
    /// Not valid before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub valid_from: Option<Timestamp>,
    /// Not valid after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub valid_until: Option<Timestamp>,
    /// The code to print or show: our signed one, or the first barcode of a ticket that never had one;
    /// only for roles that may issue it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub code: Option<Private>,
    /// Everything that is or was presented for it: what opens it first, the signed code before barcodes.
    #[serde(default)]
    pub media: Vec<TicketMedium>,
}

/// What is presented for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketMedium {
    /// What it is.
    pub kind: MediumKind,
    /// Whether it opens the ticket.
    pub standing: MediumStanding,
    /// Its text; only for roles that may issue it, and where the server knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub code: Option<Private>,
}

/// What is presented for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MediumKind {
    /// A signed code of ours.
    Signed,
    /// A text of another shop, or a wristband.
    Barcode,
}

/// Whether a medium opens its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MediumStanding {
    /// It does.
    Current,
    /// It was replaced, and is refused.
    Former,
}

/// Which tickets of an event are listed; what is absent restricts nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct TicketQuery {
    /// The `next` of the page before; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Items wanted at most; 100 if absent. A page may hold fewer although others follow: `next` tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Those that open this session, by slug or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub state: Option<StateWord>,
    /// Those of this type, by slug or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Those whose number, seat, order number or holder's name contains this text, or whose barcode is
    /// this text; names, orders and barcodes only for roles that may see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(value_type = Option<String>))]
    pub text: Option<Private>,
}

/// The state of a ticket without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateWord {
    /// It may enter.
    Valid,
    /// It may not enter any more.
    Cancelled,
    /// It is held back.
    Blocked,
}

impl From<TicketState> for StateWord {
    fn from(state: TicketState) -> Self {
        match state {
            TicketState::Valid => Self::Valid,
            TicketState::Cancelled(_) => Self::Cancelled,
            TicketState::Blocked => Self::Blocked,
        }
    }
}
