//! The rows of the three tables. Each begins with its 16-byte key and its revision, so that a copy can
//! be kept, compared and repaired without knowing the rest.

use crate::code::MediumKey;
use crate::cose::PublicKey;
use crate::ids::{DeviceId, GateId, LogId, OrderId, StaffId, TicketId, ZoneId};
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::secret::Private;
use crate::time::UnixMillis;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// A ticket as a gate must know it. Removal is a state.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TicketRow {
    /// The ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Counts the changes of this ticket; of two images the higher wins.
    #[n(1)]
    pub revision: u64,
    /// Whether it may enter.
    #[n(2)]
    pub state: TicketState,
    /// The only valid issue.
    #[n(3)]
    pub issue: IssueNumber,
    /// Its type.
    #[n(4)]
    pub type_number: TypeNumber,
    /// Its access number: one session or one kind of pass.
    #[n(5)]
    pub access: AccessNumber,
    /// Index into the manifest's sales channels.
    #[n(6)]
    pub channel: u8,
    /// Opaque media, current ones first; former ones follow after `current` of them.
    #[n(7)]
    pub media: Vec<MediumKey>,
    /// How many of `media` are current.
    #[n(8)]
    pub current: u8,
    /// Not valid before (unix seconds).
    #[n(9)]
    pub valid_from: Option<u32>,
    /// Not valid after (unix seconds).
    #[n(10)]
    pub valid_until: Option<u32>,
    /// The order it was bought in, for group entry.
    #[n(11)]
    pub order: Option<OrderId>,
    /// The only zone it opens; none means what its type says.
    #[n(12)]
    pub zone: Option<ZoneId>,
    /// Seat, for people.
    #[n(13)]
    pub seat: Option<String>,
    /// The one device that may admit it while isolated.
    #[n(14)]
    pub home: Option<DeviceId>,
    /// What staff must check for this ticket alone.
    #[n(15)]
    pub instruction: Option<String>,
    /// Entries for this ticket alone, in place of its type's.
    #[n(16)]
    pub entries: Option<u16>,
    /// Holder data, sealed once per current medium (our own signed code counts as one). Nothing says
    /// which is whose: a gate tries the code it was shown on each.
    #[n(17)]
    pub sealed: Option<Vec<ByteVec>>,
    /// Why it may not enter, in the seller's words; told to who refuses it. Older programs do not read it.
    #[n(18)]
    pub explanation: Option<String>,
}

impl TicketRow {
    /// Media that still open the ticket.
    #[must_use]
    pub fn current_media(&self) -> &[MediumKey] {
        let end = usize::from(self.current).min(self.media.len());
        self.media.get(..end).unwrap_or_default()
    }

    /// Whether this medium belonged to the ticket once but no longer does.
    #[must_use]
    pub fn is_former(&self, medium: &MediumKey) -> bool {
        self.media.contains(medium) && !self.current_media().contains(medium)
    }
}

/// Whether a ticket may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(flat)]
#[serde(rename_all = "snake_case", tag = "state", content = "reason")]
pub enum TicketState {
    /// It may.
    #[n(0)]
    Valid,
    /// It was cancelled.
    #[n(1)]
    Cancelled(#[n(0)] CancelReason),
    /// It is held back, for example until it is paid.
    #[n(2)]
    Blocked,
}

/// Why a ticket was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The money was given back.
    #[n(0)]
    Refunded,
    /// It was exchanged for another ticket.
    #[n(1)]
    Exchanged,
    /// The payment was charged back.
    #[n(2)]
    ChargedBack,
    /// It was made by mistake or twice.
    #[n(3)]
    Mistake,
    /// The holder broke the terms, for example by reselling.
    #[n(4)]
    Withdrawn,
    /// The organizer gave no reason from the list.
    #[n(5)]
    Other,
}

/// A row of the roster.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RosterRow {
    /// The device's or member of staff's id.
    #[n(0)]
    pub key: minicbor::bytes::ByteArray<16>,
    /// Counts the changes of this row.
    #[n(1)]
    pub revision: u64,
    /// Who it is.
    #[n(2)]
    pub entry: RosterEntry,
}

/// Who a row of the roster speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[expect(clippy::large_enum_variant, reason = "rows are handled one at a time")]
pub enum RosterEntry {
    /// An enrolled device.
    #[n(0)]
    Device(#[n(0)] DeviceEntry),
    /// A member of staff.
    #[n(1)]
    Staff(#[n(0)] StaffEntry),
}

/// An enrolled device. Its key never leaves the roster.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceEntry {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// The key that signs its batches.
    #[n(1)]
    pub key: PublicKey,
    /// Name for people.
    #[n(2)]
    pub name: String,
    /// What it may do.
    #[n(3)]
    pub role: DeviceRole,
    /// Where it stands; a spare stands nowhere.
    #[n(4)]
    pub gate: Option<GateId>,
    /// Set when it was revoked: records after these sequences are quarantined.
    #[n(5)]
    pub revoked: Option<Revocation>,
}

/// What a device may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum DeviceRole {
    /// Scans.
    #[n(0)]
    Gate,
    /// Scans and searches by name and order: it holds the directory.
    #[n(1)]
    Desk,
}

/// The end of a device's trust.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Revocation {
    /// When.
    #[n(0)]
    pub at: UnixMillis,
    /// The last record accepted of each of its logs; a log not named had none.
    #[n(1)]
    pub accepted: Vec<AcceptedUpTo>,
}

/// The last record accepted of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AcceptedUpTo {
    /// The log.
    #[n(0)]
    pub log: LogId,
    /// Its last accepted sequence.
    #[n(1)]
    pub sequence: u64,
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StaffEntry {
    /// Who.
    #[n(0)]
    pub staff: StaffId,
    /// Name as the badge shows it.
    #[n(1)]
    pub name: Private,
    /// What they may do.
    #[n(2)]
    pub role: StaffRole,
    /// Gates they may work at; empty means all.
    #[n(3)]
    pub gates: Vec<GateId>,
    /// Public key of the badge's seed.
    #[n(4)]
    pub badge: PublicKey,
    /// Key that signs overrides: made of PIN and seed; only roles that may override have one.
    #[n(5)]
    pub override_key: Option<PublicKey>,
    /// Not valid before.
    #[n(6)]
    pub valid_from: Option<UnixMillis>,
    /// Not valid after.
    #[n(7)]
    pub valid_until: Option<UnixMillis>,
    /// When the badge was revoked.
    #[n(8)]
    pub revoked_at: Option<UnixMillis>,
}

/// What a member of staff may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum StaffRole {
    /// Scans.
    #[n(0)]
    Steward,
    /// Scans and overrides refusals.
    #[n(1)]
    Supervisor,
    /// Searches and sells.
    #[n(2)]
    BoxOffice,
}

/// A row of a directory: who holds a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryRow {
    /// The ticket.
    #[n(0)]
    pub ticket: TicketId,
    /// Counts the changes.
    #[n(1)]
    pub revision: u64,
    /// The holder's name, if the seller told it.
    #[n(2)]
    pub holder: Option<Private>,
    /// The seller's order number.
    #[n(3)]
    pub order: Option<Private>,
}
