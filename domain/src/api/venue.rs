//! Organizers, events, sessions, ticket types, zones and gates.

use super::rules::{Patch, RulesChange};
use crate::document::badge::PinLength;
use crate::ids::{EventId, GateId, OrganizerId, ScopeId, SessionId, ZoneId};
use crate::numbers::{AccessNumber, TypeNumber};
use crate::rules::Rules;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Creates an organizer. The server makes its signing keys; the root key stays with whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewOrganizer {
    /// Short name for paths: 1 to 40 of a–z, 0–9 and `-`.
    pub slug: String,
    /// Name for people.
    pub name: String,
}

/// An organizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Organizer {
    /// Its id.
    pub id: OrganizerId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Public keys the server made for it, to be delegated by the root: 32 bytes each in hex.
    pub keys: OrganizerKeys,
    /// Device id under which the server writes its own log.
    pub server: crate::ids::DeviceId,
    /// Version of the trust document in force; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustStatus>,
    /// How many digits a new PIN of a supervisor has at least.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = u8, minimum = 6, maximum = 12))]
    pub pin_digits: PinLength,
}

/// Changes an organizer's rules. What is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OrganizerChange {
    /// How many digits a new PIN of a supervisor has at least; PINs that were chosen before stay good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>, minimum = 6, maximum = 12))]
    pub pin_digits: Option<PinLength>,
}

/// Public keys of an organizer on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizerKeys {
    /// Signs the roster and enrollments.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub roster: crate::cose::PublicKey,
    /// Signs ticket sets and directories.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub set: crate::cose::PublicKey,
    /// Signs ticket codes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: crate::cose::PublicKey,
}

/// The trust document in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrustStatus {
    /// Epoch of its version.
    pub epoch: u32,
    /// Number of its version.
    pub number: u64,
    /// When it expires.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: Timestamp,
    /// First 16 hex digits of the root key's fingerprint, for comparing by eye.
    pub root: String,
}

/// Hands in a trust document signed by the root, and the root's public key with the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTrust {
    /// The root's public key in hex; the server takes it from the first document and pins it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub root: crate::cose::PublicKey,
    /// The signed document in base64.
    pub document: String,
}

/// Trust documents that devices handed back and that say of keys what the one in force does not, and the epoch in
/// which the next one is signed at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrustHandedBack {
    /// The server's epoch: it rises with every restore, and so does that of a document signed afterwards.
    pub epoch: u32,
    /// The documents in base64, as the root signed them.
    pub documents: Vec<String>,
}

/// Creates an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEvent {
    /// Short name for paths.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// IANA time zone of the venue, such as `Europe/Berlin`.
    pub time_zone: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Whether it was retired: it is kept for what was recorded of it, and nothing new can name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// Creates a session of an event. Times are RFC 3339 with an offset, or local times of the event's time
/// zone such as `2027-10-30 22:00`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// Short name for paths, unique in the event.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// When the doors open.
    pub doors: String,
    /// When it starts; doors if absent.
    #[serde(default)]
    pub starts: Option<String>,
    /// When it ends.
    pub ends: String,
    /// Its rules; what is absent is as usual.
    #[serde(default)]
    pub rules: Option<RulesChange>,
}

/// Changes a session; absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SessionChange {
    /// Short name for paths.
    pub slug: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// When the doors open.
    pub doors: Option<String>,
    /// When it starts.
    pub starts: Option<String>,
    /// When it ends.
    pub ends: Option<String>,
    /// Its rules.
    pub rules: Option<RulesChange>,
    /// The revision that whoever asks takes it to have: if it has another, nothing is changed, and the answer
    /// is the code `conflict`.
    pub revision: Option<u64>,
    /// The times that whoever asks takes it to have: if it has others, nothing is changed, and the answer is
    /// the code `conflict` with the times that it has.
    pub expects: Option<SessionTimes>,
}

/// The times of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionTimes {
    /// When the doors open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub doors: Timestamp,
    /// When it starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub starts: Timestamp,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ends: Timestamp,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its event.
    pub event: EventId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// When the doors open.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub doors: Timestamp,
    /// When it starts.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub starts: Timestamp,
    /// When it ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ends: Timestamp,
    /// Access number of tickets for this session alone.
    pub access: AccessNumber,
    /// The scope it shares with sessions connected by passes.
    pub scope: ScopeId,
    /// Its rules.
    pub rules: Rules,
    /// Counts its changes.
    #[serde(default)]
    pub revision: u64,
    /// Newest version of its ticket set; absent before the first sealing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetStatus>,
    /// Whether it was retired: it is kept for what was recorded of it, and nothing new can name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// The newest version of a ticket set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetStatus {
    /// Epoch of the version.
    pub epoch: u32,
    /// Number of the version.
    pub number: u64,
    /// Tickets in it, cancelled ones included.
    pub tickets: u64,
    /// Its digest in hex.
    pub digest: String,
}

/// Creates a ticket type. With several sessions it is a kind of pass and connects them to one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewType {
    /// Short name for paths, unique in the event.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Sessions of a pass by slug or id; empty for tickets of a single session.
    #[serde(default)]
    pub sessions: Vec<String>,
}

/// A ticket type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TicketType {
    /// Number within the event, as codes carry it.
    pub number: TypeNumber,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Sessions of a pass; empty for tickets of a single session.
    pub sessions: Vec<SessionId>,
    /// Access number of a pass; absent for tickets of a single session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessNumber>,
    /// Whether it came with a list and nobody allowed it yet: where a session's rules name zones, it opens
    /// none of them unless they name its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// Whether it was retired: it is kept for what was recorded of it, and nothing new can name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// Creates a zone of the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewZone {
    /// Short name for paths.
    pub slug: String,
    /// Name for people.
    pub name: String,
}

/// A zone of the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// Whether it was retired: it is kept for what was recorded of it, and nothing new can name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// Creates a gate of the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewGate {
    /// Short name for paths.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The zone it leads to, by slug or id; absent for the whole venue.
    #[serde(default)]
    pub zone: Option<String>,
}

/// A gate of the venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gate {
    /// Its id.
    pub id: GateId,
    /// Short name.
    pub slug: String,
    /// Name for people.
    pub name: String,
    /// The zone it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<ZoneId>,
    /// Whether it was retired: it is kept for what was recorded of it, and nothing new can name it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// Changes what a zone or a ticket type is called; absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct NamesChange {
    /// Short name for paths.
    pub slug: Option<String>,
    /// Name for people.
    pub name: Option<String>,
}

/// Changes an event; absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EventChange {
    /// Short name for paths.
    pub slug: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// IANA time zone of the venue. Sessions stay at their moments, which other clocks show otherwise.
    pub time_zone: Option<String>,
}

/// Changes a gate; absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GateChange {
    /// Short name for paths.
    pub slug: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// The zone it leads to, by slug or id; `null` for the whole venue.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub zone: Patch<String>,
}
