//! What a gate answers: admit, refuse or refer, with the reason and what a person needs to explain it.

use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, GateId, SessionId, StaffId, ZoneId};
use crate::numbers::IssueNumber;
use crate::record::{Direction, Outcome};
use crate::table::rows::CancelReason;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The answer to one showing of one ticket.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Verdict {
    /// The person goes through.
    #[n(0)]
    Admit(#[n(0)] Admit),
    /// The person does not.
    #[n(1)]
    Refuse(#[n(0)] Refusal),
    /// A supervisor decides, or staff check something first.
    #[n(2)]
    Refer(#[n(0)] Referral),
}

/// Why a person goes through.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Admit {
    /// Why.
    #[n(0)]
    pub why: AdmitWhy,
    /// What the operator should know although the answer is yes: shown in amber.
    #[n(1)]
    pub cautions: Vec<Caution>,
}

/// Why a person goes through.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum AdmitWhy {
    /// A ticket of the set, entering.
    #[n(0)]
    Listed,
    /// A validly signed code that the set does not list, or a newer issue than the set's.
    #[n(1)]
    UnknownSigned,
    /// Everyone was sent out and this ticket comes back.
    #[n(2)]
    BackAfterEveryoneOut,
    /// A supervisor decided.
    #[n(3)]
    Override,
    /// The gate is open: logged, not decided.
    #[n(4)]
    FreeFlow,
    /// The person leaves.
    #[n(5)]
    Exit,
    /// A ticket of another session that is let in for a time.
    #[n(6)]
    Honoured,
}

/// What the operator should know although the answer is yes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Caution {
    /// No server was reached since; other gates' admissions after that are unknown.
    #[n(0)]
    Isolated {
        /// Since when; zero if never.
        #[n(0)]
        since: UnixMillis,
    },
    /// The ticket set is old.
    #[n(1)]
    StaleSet {
        /// When the set was signed.
        #[n(0)]
        issued_at: UnixMillis,
    },
    /// The signed set is past its date.
    #[n(2)]
    ExpiredSet {
        /// When it expired.
        #[n(0)]
        expired_at: UnixMillis,
    },
    /// The clock was not compared with the server's.
    #[n(3)]
    ClockUnproved,
    /// The zone is full by this gate's count.
    #[n(4)]
    OverCapacity {
        /// The zone.
        #[n(0)]
        zone: ZoneId,
        /// People inside by this gate's count, this one not included.
        #[n(1)]
        inside: u32,
    },
}

/// Why a person does not go through, with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Refusal {
    /// The text is a damaged code of ours, empty or too long.
    #[n(0)]
    Malformed,
    /// The signature is not the organizer's.
    #[n(1)]
    Forged,
    /// No such ticket.
    #[n(2)]
    Unknown,
    /// A ticket for another event.
    #[n(3)]
    WrongEvent {
        /// The right event and session by name, where known.
        #[n(0)]
        right: Option<String>,
    },
    /// A ticket for another session.
    #[n(4)]
    WrongSession {
        /// The right sessions by id and name, where known; a pass has several.
        #[n(0)]
        right: Vec<(SessionId, String)>,
    },
    /// A newer issue of the ticket exists.
    #[n(5)]
    Superseded {
        /// The issue shown, where the code names one.
        #[n(0)]
        shown: Option<IssueNumber>,
        /// The valid issue.
        #[n(1)]
        valid: IssueNumber,
    },
    /// The ticket was cancelled.
    #[n(6)]
    Cancelled {
        /// Why.
        #[n(0)]
        reason: CancelReason,
    },
    /// The ticket is held back.
    #[n(7)]
    Blocked,
    /// Too early.
    #[n(8)]
    NotYetValid {
        /// From when.
        #[n(0)]
        from: UnixMillis,
    },
    /// Too late.
    #[n(9)]
    NoLongerValid {
        /// Until when it was.
        #[n(0)]
        until: UnixMillis,
    },
    /// The ticket does not open this zone.
    #[n(10)]
    WrongZone {
        /// Gates that lead where it may go, by name.
        #[n(0)]
        gates: Vec<String>,
    },
    /// The person is inside.
    #[n(11)]
    AlreadyInside(#[n(0)] PriorScan),
    /// The person must leave through an exit scan first.
    #[n(12)]
    ExitRequired(#[n(0)] PriorScan),
    /// All entries are used.
    #[n(13)]
    EntriesUsedUp {
        /// How many there were.
        #[n(0)]
        allowed: u16,
        /// The last one.
        #[n(1)]
        last: PriorScan,
    },
    /// Leaving was asked for but nobody is inside with this ticket.
    #[n(14)]
    NotInside,
    /// The zone is full.
    #[n(15)]
    Full {
        /// The zone.
        #[n(0)]
        zone: ZoneId,
        /// People inside.
        #[n(1)]
        inside: u32,
    },
    /// Another gate is letting somebody in or out with this ticket at this moment.
    #[n(16)]
    BeingAdmitted(#[n(0)] OpenAdmission),
}

/// Why a supervisor or a second look is needed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Referral {
    /// Staff check this and confirm.
    #[n(0)]
    Instruction {
        /// What to check; more than one when type and ticket both say something.
        #[n(0)]
        texts: Vec<String>,
    },
    /// A reason of time, but the clock was not compared with the server's.
    #[n(1)]
    ClockUnproved {
        /// What it would have been.
        #[n(0)]
        refusal: Box<Refusal>,
    },
    /// The rule says that an isolated gate refers.
    #[n(2)]
    Isolated {
        /// Since when; zero if never.
        #[n(0)]
        since: UnixMillis,
    },
    /// An isolated gate may admit this ticket only on its home device.
    #[n(3)]
    NotHome {
        /// The home, if it has one.
        #[n(0)]
        home: Option<DeviceId>,
    },
    /// The rule says that a stale gate refers.
    #[n(4)]
    StaleSet {
        /// When the set was signed.
        #[n(0)]
        issued_at: UnixMillis,
    },
    /// Validly signed but not in the set, and the rule says refer.
    #[n(5)]
    UnknownSigned,
    /// Signed by a key that was revoked and not listed by the set.
    #[n(6)]
    RevokedKey,
    /// The device cannot decide or cannot write its record; the sentence says what is wrong.
    #[n(7)]
    DeviceTrouble {
        /// Stable code of the error.
        #[n(0)]
        code: TroubleCode,
    },
    /// No session is being served by this device.
    #[n(8)]
    NoSession,
    /// The device knows that it was revoked. One that was stolen must not show people in; one that was
    /// revoked by mistake asks a supervisor until it is enrolled anew. Its records wait for an organizer
    /// either way, so nothing it admitted would count by itself.
    #[n(12)]
    DeviceRevoked {
        /// Since when it knows.
        #[n(0)]
        since: UnixMillis,
    },
    /// Another gate began to let somebody through with this ticket and never said how it ended.
    #[n(9)]
    AdmissionOpen(#[n(0)] OpenAdmission),
    /// The ticket has a home that did not answer that it holds the ticket back.
    #[n(10)]
    HomeSilent {
        /// The home.
        #[n(0)]
        home: DeviceId,
    },
    /// A device that could have admitted the ticket is silent, and the rule says refer.
    #[n(11)]
    PeerSilent {
        /// The device that is silent for longest.
        #[n(0)]
        device: DeviceId,
        /// Since when; zero if nothing was ever heard of it.
        #[n(1)]
        since: UnixMillis,
    },
}

/// The stable code of what troubles a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubleCode(Cow<'static, str>);

impl TroubleCode {
    /// A code that this program knows.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TroubleCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<C> Encode<C> for TroubleCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        encoder: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        encoder.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for TroubleCode {
    fn decode(
        decoder: &mut minicbor::Decoder<'b>,
        _: &mut C,
    ) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(Cow::Owned(decoder.str()?.to_owned())))
    }
}

/// Another attempt with the same ticket that has not ended: somebody may be walking through right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct OpenAdmission {
    /// The attempt.
    #[n(0)]
    pub attempt: AttemptId,
    /// The device that it was granted to.
    #[n(1)]
    pub device: DeviceId,
    /// Where that device stood.
    #[n(2)]
    pub gate: Option<GateId>,
    /// Since when.
    #[n(3)]
    pub since: UnixMillis,
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
            Self::RevokedKey => Reason::RevokedKey,
            Self::DeviceTrouble { .. } => Reason::DeviceTrouble,
            Self::NoSession => Reason::NoSession,
            Self::DeviceRevoked { .. } => Reason::DeviceRevoked,
            Self::AdmissionOpen(_) => Reason::AdmissionOpen,
            Self::HomeSilent { .. } => Reason::HomeSilent,
            Self::PeerSilent { .. } => Reason::PeerSilent,
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
                Self::Listed
                    | Self::UnknownSigned
                    | Self::BackAfterEveryoneOut
                    | Self::Override
                    | Self::Honoured
            )
    }
}
