//! What a gate answers: admit, refuse or refer, with the reason and what a person needs to explain it.

mod evidence;
mod reason;
mod trouble;

pub use evidence::{OpenAdmission, PriorScan};
pub use reason::Reason;
pub use trouble::TroubleCode;

use crate::ids::{DeviceId, SessionId, ZoneId};
use crate::numbers::IssueNumber;
use crate::record::Outcome;
use crate::table::rows::CancelReason;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

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
    /// A revoked device let somebody in with this ticket. That does not count until a person accepts it.
    #[n(5)]
    Quarantined(#[n(0)] PriorScan),
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
    /// Nobody is signed in at the gate, and the rules say that somebody must be.
    #[n(14)]
    OperatorRequired,
    /// The ticket opens certain zones, and the device stands at no gate that is known.
    #[n(15)]
    NoGate,
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
    /// Rules name zones, and nobody said yet which of them this new type of ticket opens. Older programs
    /// refuse it as one of another zone.
    #[n(13)]
    TypeNotAllowed,
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
