//! Incidents, statistics and exports.

use crate::ids::{DeviceId, GateId, ScopeId, SessionId, StaffId, TicketId};
use crate::record::{Direction, Outcome, RulingWord};
use crate::secret::Private;
use crate::verdict::Reason;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incident {
    /// Stable id, made of its kind and subject.
    pub id: String,
    /// Its number among the organizer's incidents, by which people call it; it keeps the number when it comes
    /// back.
    #[serde(default)]
    pub number: u32,
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
    /// The session as EVENT/SESSION.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The seller's number of the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_number: Option<String>,
    /// The device's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// When a person closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub closed_at: Option<Timestamp>,
    /// What people wrote down about it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<IncidentNote>,
    /// When it was first seen.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// A sentence for a person, without names and codes.
    pub detail: String,
    /// The scans concerned.
    pub scans: Vec<ScanLine>,
    /// Of excess admissions: the ones that the rule allowed and that they came on top of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<ScanLine>,
}

/// What somebody wrote down about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentNote {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Who: the name of the token.
    pub by: String,
    /// The words.
    pub text: String,
}

/// Writes something down about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewIncidentNote {
    /// The words: one line of 300 bytes at most, without control characters.
    pub text: String,
}

/// Which incidents are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Those that nobody closed.
    #[default]
    Open,
    /// Those that a person closed and that did not come back.
    Closed,
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
    /// A device wrote more records in an hour than it may; the rest waits on it.
    TooManyRecords,
    /// Rows that devices handed back wait for a word, or cannot be.
    HandedBack,
    /// A device's records claim of tickets or gates what the server's rows and orders do not say.
    FalseClaims,
    /// A device let people in by an override that no supervisor signed for it.
    UnprovedOverride,
    /// A device took back what another one had admitted, without a supervisor's signature.
    UnprovedUndo,
    /// A supervisor overrode where or when their badge does not allow it.
    OverrideNotAllowed,
    /// Most of the codes shown at a device are in no list: the list or the scanner may be the wrong one.
    UnknownCodes,
    /// A device's folder is in use twice at once.
    CopiedDevice,
    /// Devices handed back trust documents that say of keys what the one in force does not.
    TrustHandedBack,
    /// A device let people in whom the ticket's state forbade by then: it had not heard of the change.
    ForbiddenAdmission,
}

/// Why an admission should not have been, by what its ticket was at that moment.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum ForbiddenBy {
    /// The ticket was cancelled.
    #[n(0)]
    Cancelled,
    /// It was for another session.
    #[n(1)]
    OtherSession,
    /// It was blocked.
    #[n(2)]
    Blocked,
    /// Its code was of an older issue.
    #[n(3)]
    Superseded,
    /// Its code was signed by a key that was revoked, and it was in no list.
    #[n(4)]
    RevokedKey,
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
    /// The seller's number of the ticket, in incidents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_number: Option<String>,
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
    /// Entries that count, those of people who came back after everyone was sent out included.
    pub entries: u64,
    /// Exits that count.
    pub exits: u64,
    /// People inside now by zone.
    pub zones: Vec<ZoneCount>,
    /// Refusals by reason.
    pub refused: Vec<(Reason, u64)>,
    /// Entries that the state of their tickets forbade, by cause.
    #[serde(default)]
    pub forbidden: Vec<(ForbiddenBy, u64)>,
    /// Entries by gate.
    pub gates: Vec<GateCount>,
    /// Entries by ticket type's slug.
    pub types: Vec<(String, u64)>,
    /// Entries by minute.
    pub minutes: Vec<MinuteCount>,
    /// Entries by quarter of an hour and gate.
    #[serde(default)]
    pub quarters: Vec<QuarterCount>,
    /// People whom a supervisor let in whatever the rules said, by supervisor.
    #[serde(default)]
    pub overrides: Vec<StaffCount>,
    /// Scans that were taken back, by who did it.
    #[serde(default)]
    pub undos: Vec<StaffCount>,
}

/// People inside one zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZoneCount {
    /// The zone's slug; absent for gates that lead to the whole venue and for spares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// People inside.
    pub inside: u64,
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

/// Entries through one gate in one quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarterCount {
    /// The quarter's beginning.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub quarter: Timestamp,
    /// The gate's slug; `spare` for devices without one.
    pub gate: String,
    /// Entries that count.
    pub entries: u64,
}

/// What one member of staff did, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StaffCount {
    /// Who; absent where nobody was signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffId>,
    /// Their name, for tokens that may list staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub name: Option<Private>,
    /// How often.
    pub count: u64,
}

/// Says whether a record counts: one that waits after its device was revoked, or any other that a person
/// found to be wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRulings {
    /// Hashes of the records in hex, 1 to 1,000.
    pub records: Vec<String>,
    /// Whether they count.
    pub word: RulingWord,
}

/// A record that waits until a person accepts or voids it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantinedRecord {
    /// Hash of the record in hex, as a ruling names it.
    pub record: String,
    /// The scan, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<ScanLine>,
}

/// Says that everyone was sent out of a session: each may re-enter once. It names either a zone or
/// everyone, so that it never happens by leaving something out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewEveryoneOut {
    /// The zone by slug or id, if only that was emptied.
    #[serde(default)]
    pub zone: Option<String>,
    /// True if the whole venue was emptied.
    #[serde(default)]
    pub everyone: bool,
    /// Who was admitted until then is outside (RFC 3339); now if absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub at: Option<Timestamp>,
}

/// Takes back the last order to send everyone out that holds. It names either a zone or everyone, as that
/// order did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewOutTakenBack {
    /// The zone by slug or id, if the order was for that one.
    #[serde(default)]
    pub zone: Option<String>,
    /// True if the order was for the whole venue.
    #[serde(default)]
    pub everyone: bool,
}

/// Opens a gate for a time: scans are logged without deciding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewFreeFlow {
    /// The gate by slug or id.
    pub gate: String,
    /// From (RFC 3339); now if absent.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub from: Option<Timestamp>,
    /// Until (RFC 3339); still to come, and a day after `from` at most.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

/// What checking all chains and signatures of a session's scope found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Audit {
    /// The scope.
    pub scope: ScopeId,
    /// Batches checked.
    pub batches: u64,
    /// Records checked, each once.
    pub records: u64,
    /// All logs, by device and log.
    pub logs: Vec<AuditedLog>,
    /// What is wrong; empty if all is well.
    pub faults: Vec<AuditFault>,
    /// Digest of the merged states in hex; equal on a device that knows the same records.
    pub state_digest: String,
}

/// One log of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditedLog {
    /// The device that wrote it; the server's own log has the server's id.
    pub device: DeviceId,
    /// The log's id.
    pub log: String,
    /// Its records.
    pub records: u64,
    /// Its ends; more than one if it is forked.
    pub branches: u64,
}

/// Something wrong that an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditFault {
    /// Position in the feed; absent where a log as a whole is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// The device whose log it is, where that is readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Stable code.
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
}
