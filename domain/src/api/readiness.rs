//! Whether everything is in place before the doors open.

use super::access::Device;
use super::venue::SetStatus;
use crate::ids::SessionId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What was found when all devices that a session expects were asked for proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// The session.
    pub session: SessionId,
    /// When it was looked at, by the server's clock.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Whether the doors may open: the session itself is in order, there is a device at a gate, and every
    /// such device is ready. Spares and devices off duty do not count.
    pub ready: bool,
    /// The version that devices must hold; absent before the first sealing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<SetStatus>,
    /// Its tickets by sales channel.
    pub channels: Vec<ChannelTickets>,
    /// What concerns the session as a whole.
    pub findings: Vec<Finding>,
    /// Devices at gates.
    pub devices: Vec<DeviceReadiness>,
    /// Devices without a gate.
    pub spares: Vec<DeviceReadiness>,
    /// Devices that were taken off duty, by themselves or by a person, and did not come back: they admit
    /// nobody, and nobody waits for them.
    #[serde(default)]
    pub off_duty: Vec<Device>,
    /// Devices that were revoked: they admit nobody, and nobody waits for them.
    pub revoked: Vec<Device>,
}

/// How many tickets of one sales channel are in a ticket set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChannelTickets {
    /// The channel's name.
    pub channel: String,
    /// Tickets that may enter.
    pub valid: u64,
    /// Cancelled ones.
    pub cancelled: u64,
    /// Blocked ones.
    pub blocked: u64,
}

/// One device and what it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceReadiness {
    /// The device, with what it last told of itself.
    pub device: Device,
    /// Whether nothing stands against it.
    pub ready: bool,
    /// What stands against it, and what a person should know besides.
    pub findings: Vec<Finding>,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What kind.
    pub what: FindingKind,
    /// Whether the doors should wait for it.
    pub weight: Weight,
    /// A sentence for a person: what differs.
    pub detail: String,
    /// A sentence for a person: what to do about it.
    pub advice: String,
}

/// Whether the doors should wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// They should.
    Blocks,
    /// It is only good to know.
    Remark,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// No device stands at a gate.
    NoDevices,
    /// The session's ticket set was never sealed.
    NoSet,
    /// Ticket types came with a list, and nobody said which zones they open.
    TypesNotAllowed,
    /// Changes wait to be signed.
    NotSealed,
    /// The rows that the server holds are not those that the signed manifest counts.
    CountsDiffer,
    /// The signature of the set ends before the session does.
    SetExpires,
    /// It is too early: devices are not given this session yet.
    TooEarly,
    /// A device waits for its six digits to be compared.
    Waiting,
    /// The server never heard of it.
    NeverHeard,
    /// The server has not heard of it for longer than its proofs last: what it admits is unknown.
    Silent,
    /// Its folder is in use twice at once: what it admits is unknown.
    Copied,
    /// A table that it needs is not on it.
    TableMissing,
    /// It holds an older version of a table.
    TableBehind,
    /// It holds other rows, or another history, than the version says.
    TableDiffers,
    /// It does not say which rows it holds.
    TableUnproved,
    /// It knows another trust document than the server, mostly an older one.
    TrustBehind,
    /// Its clock was not compared with the server's.
    ClockUnproved,
    /// Its clock differs from the server's.
    ClockOff,
    /// Its disk is nearly full.
    StorageLow,
    /// It does not say how much room it has.
    StorageUnknown,
    /// It has records that the server lacks.
    Unsent,
    /// Its program is of another version than the server's.
    OtherProgram,
}
