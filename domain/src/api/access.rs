//! Tokens, enrollments, devices and staff.

use super::rules::Patch;
use crate::ids::{DeviceId, GateId, StaffId};
use crate::secret::Private;
use crate::table::rows::{DeviceRole, StaffRole};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a token may do. Each role may do what the ones below it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Reads reports and lists without names.
    Viewer,
    /// Creates and changes tickets: for sales systems.
    Sales,
    /// Everything of one organizer.
    Organizer,
    /// Creates organizers. Made at `usher init`.
    Admin,
}

/// Creates a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// When it ends (RFC 3339); never if absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
}

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Its id, the part before the dot of the token.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: TokenRole,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// A new token with its secret, shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuedToken {
    /// The token's description.
    pub token: Token,
    /// What to send as `Authorization: Bearer …`; the server keeps only its hash.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub secret: Private,
}

/// Creates an enrollment code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEnrollment {
    /// Gate the devices will stand at, by slug or id; absent for spares.
    #[serde(default)]
    pub gate: Option<String>,
    /// What the devices may do.
    pub role: DeviceRole,
    /// How many devices may use it.
    pub uses: u32,
    /// Until when (RFC 3339); an hour from now if absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub until: Option<Timestamp>,
    /// Whether an organizer must compare six digits before a device counts.
    #[serde(default)]
    pub confirmation: Confirmation,
    /// Events whose sessions the devices hold, by slug or id; all if empty.
    #[serde(default)]
    pub events: Vec<String>,
    /// Address under which devices reach the server, if not the one this request came to.
    #[serde(default)]
    pub server: Option<String>,
}

/// Whether an organizer must compare six digits before a device counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// The code alone is enough.
    #[default]
    None,
    /// Both screens show six digits that must match.
    Digits,
}

/// An enrollment code in a list; its text was shown once, when it was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnrollmentStatus {
    /// Its id.
    pub id: String,
    /// Gate the devices will stand at; absent for spares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// What the devices may do.
    pub role: DeviceRole,
    /// How many devices may use it.
    pub uses: u32,
    /// The devices that used it.
    pub devices: Vec<DeviceId>,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
    /// Whether an organizer must compare six digits before a device counts.
    pub confirmation: Confirmation,
    /// Whether it enrolls a device.
    pub state: EnrollmentState,
}

/// Whether an enrollment code enrolls a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EnrollmentState {
    /// It does.
    Open,
    /// As many devices as may use it did.
    UsedUp,
    /// Its time is over.
    Over,
    /// Somebody withdrew it.
    Withdrawn,
}

/// A new enrollment code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IssuedEnrollment {
    /// Its id, by which it is withdrawn.
    pub id: String,
    /// The code as text; shown as QR too. A secret until it is used up.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub code: Private,
    /// How many devices may use it.
    pub uses: u32,
    /// Until when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

/// A device in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: DeviceRole,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// The gate's slug.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_slug: Option<String>,
    /// Waiting for its digits, active or revoked.
    pub state: DeviceState,
    /// Six digits to compare, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<String>,
    /// When it was last heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub seen: Option<Timestamp>,
    /// Its clock's offset at the last heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// Records on the device that the server lacks, as of the last heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u64>,
    /// The program's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Bytes left on its disk, as of the last heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_left: Option<u64>,
    /// Whether others wait for its word, and up to when they have it; none if it is not on duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<Duty>,
    /// Since when its folder is known to be in use twice at once: until it is revoked, nothing that it says
    /// proves what it admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub copied: Option<Timestamp>,
    /// Whether it was retired: lists for people leave it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

/// The duty of a device: it holds a session's tickets and may admit without asking, so no admission of
/// others is confirmed without its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Duty {
    /// Up to when all that it recorded is known to be here; absent while nothing is known, as after a
    /// restart of the server until it is heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub known_until: Option<Timestamp>,
}

/// The life of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Its six digits were not compared yet.
    Waiting,
    /// It counts.
    Active,
    /// It does not any more.
    Revoked,
}

/// Changes a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "do")]
pub enum DeviceChange {
    /// The six digits match.
    Confirm {
        /// The digits as the device shows them.
        digits: String,
    },
    /// It is called otherwise.
    Rename {
        /// Name for people.
        name: String,
    },
    /// It stands elsewhere now; without a gate it is a spare.
    Move {
        /// Gate by slug or id.
        gate: Option<String>,
    },
    /// It does not count any more.
    Revoke,
    /// It was in wrong hands since then: it does not count any more, and what arrived of it since waits for
    /// a person. Of a device that is revoked already this takes more away, and never gives anything back.
    RevokeSince {
        /// A time by the server's clock, not by the device's: a thief dates scans at will.
        #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
        since: Timestamp,
    },
    /// It is of no use any more: it does not count, and lists for people leave it out. Only one that is not on
    /// duty and has nothing to send.
    Retire,
    /// It was retired by mistake: lists have it again. It counts again once it is enrolled anew.
    Restore,
    /// It died or is lost for now: nobody waits for its word. A sign of life brings it back on duty.
    StandDown,
}

/// What arrived of a device since a time, in all sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Arrived {
    /// Scans, refused ones included.
    pub scans: u64,
    /// Those of them that let somebody in or out.
    pub admitted: u64,
}

/// Adds a member of staff. Keys are made where the badge is made; the server sees public keys alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// Name as the badge shows it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Private,
    /// What they may do.
    pub role: StaffRole,
    /// Gates they may work at, by slug or id; all if empty.
    #[serde(default)]
    pub gates: Vec<String>,
    /// Public key of the badge's seed, in hex.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub badge: crate::cose::PublicKey,
    /// Public key made of PIN and seed, in hex; for supervisors.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub override_key: Option<crate::cose::PublicKey>,
    /// Valid from: RFC 3339, or a local time of the zone that all events share.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// Valid until: RFC 3339, or a local time of the zone that all events share.
    #[serde(default)]
    pub valid_until: Option<String>,
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Staff {
    /// Their id.
    pub id: StaffId,
    /// Name as the badge shows it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: Private,
    /// What they may do.
    pub role: StaffRole,
    /// Gates they may work at; all if empty.
    pub gates: Vec<GateId>,
    /// Whether the badge was revoked.
    pub revoked: bool,
    /// Whether the person was retired: lists for people leave them out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
    /// Valid from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub valid_from: Option<Timestamp>,
    /// Valid until.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub valid_until: Option<Timestamp>,
}

/// Changes a member of staff; absent fields stay as they are. Name and dates on a badge that was printed stay
/// what they are; what counts is what is said here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StaffChange {
    /// Name for people.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub name: Option<Private>,
    /// Gates they may work at, by slug or id; all if empty.
    pub gates: Option<Vec<String>>,
    /// Valid from: RFC 3339, or a local time of the zone that all events share; `null`: from the beginning.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub valid_from: Patch<String>,
    /// Valid until, the same way; `null`: for good.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub valid_until: Patch<String>,
}
