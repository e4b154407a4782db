//! Incidents, statistics and exports.

use crate::ids::{DeviceId, GateId, SessionId, TicketId};
use crate::record::{Direction, Outcome};
use crate::verdict::Reason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// Stable id, made of its kind and subject.
    pub id: String,
    /// What kind.
    pub kind: IncidentKind,
    /// The session, where it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The ticket, where it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The device, where it concerns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// When it was first seen.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// A sentence for a person, without names and codes.
    pub detail: String,
    /// The scans concerned.
    pub scans: Vec<ScanLine>,
}

/// Kinds of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// A ticket was admitted more often than its rule allows.
    ExcessAdmission,
    /// A log has two branches.
    ForkedLog,
    /// A clock jumped.
    ClockJump,
    /// A device's table differs from the server's.
    SetDiffers,
    /// A record could not be interpreted; it is kept.
    Unreadable,
    /// Records came from a revoked device.
    Quarantined,
    /// A signed document of one version came with different bytes.
    DocumentMismatch,
    /// A badge is in use on two devices at once.
    BadgeTwice,
    /// A device knows more than a server that was not declared restored.
    ServerBehind,
}

/// One scan in reports and exports: no name, no code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScanLine {
    /// Hash of the record in hex, as an undo or a ruling names it.
    pub record: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// By which device.
    pub device: DeviceId,
    /// At which gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateId>,
    /// The session.
    pub session: SessionId,
    /// The ticket, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// In or out.
    pub direction: Direction,
    /// What the gate said.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// Whether it counts: not undone, not quarantined, not void.
    pub counts: bool,
}

/// What happened at a session so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Statistics {
    /// The session.
    pub session: SessionId,
    /// Tickets that may enter.
    pub tickets: u64,
    /// People inside now.
    pub inside: u64,
    /// Tickets that entered at least once.
    pub arrived: u64,
    /// Entries that count.
    pub entries: u64,
    /// Exits that count.
    pub exits: u64,
    /// Refusals by reason.
    pub refused: Vec<(Reason, u64)>,
    /// Entries by gate.
    pub gates: Vec<GateCount>,
    /// Entries by ticket type's slug.
    pub types: Vec<(String, u64)>,
    /// Entries by minute.
    pub minutes: Vec<MinuteCount>,
}

/// Entries through one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GateCount {
    /// The gate's slug; `spare` for devices without one.
    pub gate: String,
    /// Entries that count.
    pub entries: u64,
    /// Refusals.
    pub refused: u64,
}

/// Entries in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MinuteCount {
    /// The minute's beginning.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub minute: Timestamp,
    /// Entries that count.
    pub entries: u64,
}
