//! The reasons that records and reports carry, and which of them every answer has.

use super::{AdmitWhy, Referral, Refusal};
use crate::record::Direction;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The reasons that records and reports carry; stable for all time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A ticket of the set entered.
    #[n(0)]
    Listed,
    /// Signed, not in the set, admitted or referred by rule.
    #[n(1)]
    UnknownSigned,
    /// Came back after everyone was sent out.
    #[n(2)]
    BackAfterEveryoneOut,
    /// A supervisor decided.
    #[n(3)]
    Override,
    /// The gate was open.
    #[n(4)]
    FreeFlow,
    /// Left.
    #[n(5)]
    Exit,
    /// Damaged code.
    #[n(6)]
    Malformed,
    /// Wrong signature.
    #[n(7)]
    Forged,
    /// No such ticket.
    #[n(8)]
    Unknown,
    /// Another event's.
    #[n(9)]
    WrongEvent,
    /// Another session's.
    #[n(10)]
    WrongSession,
    /// An older issue.
    #[n(11)]
    Superseded,
    /// Cancelled.
    #[n(12)]
    Cancelled,
    /// Held back.
    #[n(13)]
    Blocked,
    /// Too early.
    #[n(14)]
    NotYetValid,
    /// Too late.
    #[n(15)]
    NoLongerValid,
    /// Another zone's.
    #[n(16)]
    WrongZone,
    /// Inside already.
    #[n(17)]
    AlreadyInside,
    /// Must leave first.
    #[n(18)]
    ExitRequired,
    /// No entries left.
    #[n(19)]
    EntriesUsedUp,
    /// Nobody inside to leave.
    #[n(20)]
    NotInside,
    /// Zone full.
    #[n(21)]
    Full,
    /// Staff check something first.
    #[n(22)]
    Instruction,
    /// Time-dependent, clock unproved.
    #[n(23)]
    ClockUnproved,
    /// Isolated gate refers.
    #[n(24)]
    Isolated,
    /// Isolated and not the home device.
    #[n(25)]
    NotHome,
    /// Stale gate refers.
    #[n(26)]
    StaleSet,
    /// Signed by a revoked key.
    #[n(27)]
    RevokedKey,
    /// The device could not decide.
    #[n(28)]
    DeviceTrouble,
    /// No session being served.
    #[n(29)]
    NoSession,
    /// The device was revoked and knows it.
    #[n(34)]
    DeviceRevoked,
    /// Being let through elsewhere at this moment.
    #[n(30)]
    BeingAdmitted,
    /// Another gate's attempt never ended.
    #[n(31)]
    AdmissionOpen,
    /// The ticket's home did not answer.
    #[n(32)]
    HomeSilent,
    /// A device that could have admitted it is silent.
    #[n(33)]
    PeerSilent,
    /// Another session's ticket, let in for a time.
    #[n(35)]
    Honoured,
    /// Nobody signed in where somebody must be.
    #[n(36)]
    OperatorRequired,
    /// A ticket of certain zones at a device without a gate.
    #[n(37)]
    NoGate,
}

impl Reason {
    /// Whether an admission for this reason counts as an entry of a person.
    #[must_use]
    pub const fn is_entry(self, direction: Direction) -> bool {
        matches!(direction, Direction::Entry)
            && matches!(
                self,
                Self::Listed
                    | Self::UnknownSigned
                    | Self::BackAfterEveryoneOut
                    | Self::Override
                    | Self::Honoured
            )
    }
}

impl AdmitWhy {
    /// The reason as records carry it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Listed => Reason::Listed,
            Self::UnknownSigned => Reason::UnknownSigned,
            Self::BackAfterEveryoneOut => Reason::BackAfterEveryoneOut,
            Self::Override => Reason::Override,
            Self::FreeFlow => Reason::FreeFlow,
            Self::Exit => Reason::Exit,
            Self::Honoured => Reason::Honoured,
        }
    }
}

impl Refusal {
    /// The reason as records carry it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Malformed => Reason::Malformed,
            Self::Forged => Reason::Forged,
            Self::Unknown => Reason::Unknown,
            Self::WrongEvent { .. } => Reason::WrongEvent,
            Self::WrongSession { .. } => Reason::WrongSession,
            Self::Superseded { .. } => Reason::Superseded,
            Self::Cancelled { .. } => Reason::Cancelled,
            Self::Blocked => Reason::Blocked,
            Self::NotYetValid { .. } => Reason::NotYetValid,
            Self::NoLongerValid { .. } => Reason::NoLongerValid,
            Self::WrongZone { .. } => Reason::WrongZone,
            Self::AlreadyInside(_) => Reason::AlreadyInside,
            Self::ExitRequired(_) => Reason::ExitRequired,
            Self::EntriesUsedUp { .. } => Reason::EntriesUsedUp,
            Self::NotInside => Reason::NotInside,
            Self::Full { .. } => Reason::Full,
            Self::BeingAdmitted(_) => Reason::BeingAdmitted,
        }
    }
}

impl Referral {
    /// The reason as records carry it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Instruction { .. } => Reason::Instruction,
            Self::ClockUnproved { .. } => Reason::ClockUnproved,
            Self::Isolated { .. } => Reason::Isolated,
            Self::NotHome { .. } => Reason::NotHome,
            Self::StaleSet { .. } => Reason::StaleSet,
            Self::UnknownSigned => Reason::UnknownSigned,
            Self::TypeNotAllowed => Reason::WrongZone,
            Self::RevokedKey => Reason::RevokedKey,
            Self::DeviceTrouble { .. } => Reason::DeviceTrouble,
            Self::NoSession => Reason::NoSession,
            Self::DeviceRevoked { .. } => Reason::DeviceRevoked,
            Self::OperatorRequired => Reason::OperatorRequired,
            Self::NoGate => Reason::NoGate,
            Self::AdmissionOpen(_) => Reason::AdmissionOpen,
            Self::HomeSilent { .. } => Reason::HomeSilent,
            Self::PeerSilent { .. } => Reason::PeerSilent,
        }
    }
}
