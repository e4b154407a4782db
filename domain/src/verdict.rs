//! What a gate answers: admit, refuse or refer, with the reason and what a person needs to explain it.

use crate::hash::Hash;
use crate::ids::{DeviceId, GateId, SessionId, StaffId, ZoneId};
use crate::numbers::IssueNumber;
use crate::record::{Direction, Outcome};
use crate::table::rows::CancelReason;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The answer to one showing of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The person goes through.
    Admit(Admit),
    /// The person does not.
    Refuse(Refusal),
    /// A supervisor decides, or staff check something first.
    Refer(Referral),
}

/// Why a person goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admit {
    /// Why.
    pub why: AdmitWhy,
    /// What the operator should know although the answer is yes: shown in amber.
    pub cautions: Vec<Caution>,
}

/// Why a person goes through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdmitWhy {
    /// A ticket of the set, entering.
    Listed,
    /// A validly signed code that the set does not list, or a newer issue than the set's.
    UnknownSigned,
    /// Everyone was sent out and this ticket comes back.
    BackAfterEveryoneOut,
    /// A supervisor decided.
    Override,
    /// The gate is open: logged, not decided.
    FreeFlow,
    /// The person leaves.
    Exit,
}

/// What the operator should know although the answer is yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caution {
    /// No server was reached since; other gates' admissions after that are unknown.
    Isolated {
        /// Since when; zero if never.
        since: UnixMillis,
    },
    /// The ticket set is old.
    StaleSet {
        /// When the set was signed.
        issued_at: UnixMillis,
    },
    /// The signed set is past its date.
    ExpiredSet {
        /// When it expired.
        expired_at: UnixMillis,
    },
    /// The clock was not compared with the server's.
    ClockUnproved,
    /// The zone is full by this gate's count.
    OverCapacity {
        /// The zone.
        zone: ZoneId,
        /// People inside by this gate's count, this one not included.
        inside: u32,
    },
}

/// Why a person does not go through, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The text is a damaged code of ours, empty or too long.
    Malformed,
    /// The signature is not the organizer's.
    Forged,
    /// No such ticket.
    Unknown,
    /// A ticket for another event.
    WrongEvent {
        /// The right event and session by name, where known.
        right: Option<String>,
    },
    /// A ticket for another session.
    WrongSession {
        /// The right sessions by id and name, where known; a pass has several.
        right: Vec<(SessionId, String)>,
    },
    /// A newer issue of the ticket exists.
    Superseded {
        /// The issue shown, where the code names one.
        shown: Option<IssueNumber>,
        /// The valid issue.
        valid: IssueNumber,
    },
    /// The ticket was cancelled.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// The ticket is held back.
    Blocked,
    /// Too early.
    NotYetValid {
        /// From when.
        from: UnixMillis,
    },
    /// Too late.
    NoLongerValid {
        /// Until when it was.
        until: UnixMillis,
    },
    /// The ticket does not open this zone.
    WrongZone {
        /// Gates that lead where it may go, by name.
        gates: Vec<String>,
    },
    /// The person is inside.
    AlreadyInside(PriorScan),
    /// The person must leave through an exit scan first.
    ExitRequired(PriorScan),
    /// All entries are used.
    EntriesUsedUp {
        /// How many there were.
        allowed: u16,
        /// The last one.
        last: PriorScan,
    },
    /// Leaving was asked for but nobody is inside with this ticket.
    NotInside,
    /// The zone is full.
    Full {
        /// The zone.
        zone: ZoneId,
        /// People inside.
        inside: u32,
    },
}

/// Why a supervisor or a second look is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referral {
    /// Staff check this and confirm.
    Instruction {
        /// What to check; more than one when type and ticket both say something.
        texts: Vec<String>,
    },
    /// A reason of time, but the clock was not compared with the server's.
    ClockUnproved {
        /// What it would have been.
        refusal: Box<Refusal>,
    },
    /// The rule says that an isolated gate refers.
    Isolated {
        /// Since when; zero if never.
        since: UnixMillis,
    },
    /// An isolated gate may admit this ticket only on its home device.
    NotHome {
        /// The home, if it has one.
        home: Option<DeviceId>,
    },
    /// The rule says that a stale gate refers.
    StaleSet {
        /// When the set was signed.
        issued_at: UnixMillis,
    },
    /// Validly signed but not in the set, and the rule says refer.
    UnknownSigned,
    /// Signed by a key that was revoked and not listed by the set.
    RevokedKey,
    /// The device cannot decide or cannot write its record; the sentence says what is wrong.
    DeviceTrouble {
        /// Stable code of the error.
        code: &'static str,
    },
    /// No session is being served by this device.
    NoSession,
    /// The device knows that it was revoked. One that was stolen must not show people in; one that was
    /// revoked by mistake asks a supervisor until it is enrolled anew. Its records wait for an organizer
    /// either way, so nothing it admitted would count by itself.
    DeviceRevoked {
        /// Since when it knows.
        since: UnixMillis,
    },
}

/// An earlier scan as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct PriorScan {
    /// When.
    #[n(0)]
    pub at: UnixMillis,
    /// By which device.
    #[n(1)]
    pub device: DeviceId,
    /// Hash of its record, which an undo names.
    #[n(2)]
    #[serde(skip)]
    pub record: Hash,
    /// For which session.
    #[n(3)]
    pub session: SessionId,
    /// At which gate.
    #[n(4)]
    pub gate: Option<GateId>,
    /// Into or out of which zone.
    #[n(5)]
    pub zone: Option<ZoneId>,
    /// By whom.
    #[n(6)]
    pub operator: Option<StaffId>,
}

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
}

impl Verdict {
    /// Admit, refuse or refer.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::Admit(_) => Outcome::Admit,
            Self::Refuse(_) => Outcome::Refuse,
            Self::Refer(_) => Outcome::Refer,
        }
    }

    /// The reason as records carry it.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Admit(admit) => admit.why.reason(),
            Self::Refuse(refusal) => refusal.reason(),
            Self::Refer(referral) => referral.reason(),
        }
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
            Self::RevokedKey => Reason::RevokedKey,
            Self::DeviceTrouble { .. } => Reason::DeviceTrouble,
            Self::NoSession => Reason::NoSession,
            Self::DeviceRevoked { .. } => Reason::DeviceRevoked,
        }
    }
}

impl Reason {
    /// Whether an admission for this reason counts as an entry of a person.
    #[must_use]
    pub const fn is_entry(self, direction: Direction) -> bool {
        matches!(direction, Direction::Entry)
            && matches!(
                self,
                Self::Listed | Self::UnknownSigned | Self::BackAfterEveryoneOut | Self::Override
            )
    }
}
