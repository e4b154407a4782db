//! The record of a scan: what was shown at a gate, what the gate said and how sure it was.

use crate::code::Identity;
use crate::ids::{AttemptId, DeviceId, GateId, SessionId, StaffId, TicketId, ZoneId};
use crate::keys::KeyId;
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::time::UnixMillis;
use crate::verdict::Reason;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Somebody showed something at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Scan {
    /// The session that was served.
    #[n(0)]
    pub session: SessionId,
    /// The gate; none for a spare.
    #[n(1)]
    pub gate: Option<GateId>,
    /// Who was signed in.
    #[n(2)]
    pub operator: Option<StaffId>,
    /// What was shown.
    #[n(3)]
    pub subject: Subject,
    /// In or out.
    #[n(4)]
    pub direction: Direction,
    /// What the gate said.
    #[n(5)]
    pub outcome: Outcome,
    /// Why.
    #[n(6)]
    pub reason: Reason,
    /// How sure the gate was.
    #[n(7)]
    pub certainty: Certainty,
    /// The attempt this record belongs to.
    #[n(8)]
    pub attempt: AttemptId,
    /// Issue of the code shown, or of the row where the medium is opaque.
    #[n(9)]
    pub issue: Option<IssueNumber>,
    /// Ticket type, where known: it chooses the entry rule.
    #[n(10)]
    pub type_number: Option<TypeNumber>,
    /// Access number, where known: it names the pass over which entries may be counted.
    #[n(11)]
    pub access: Option<AccessNumber>,
    /// Zone that the gate leads to.
    #[n(12)]
    pub zone: Option<ZoneId>,
    /// Entries this one ticket has, where its row sets them apart from its type.
    #[n(13)]
    pub entries: Option<u16>,
    /// The supervisor's signed override that this admission rests on (`usher/override/1`).
    #[n(14)]
    pub sanction: Option<minicbor::bytes::ByteVec>,
    /// Whether staff confirmed the instruction that was shown.
    #[n(15)]
    pub confirmed: Option<Confirmed>,
    /// The attempt that this one takes the place of: the refused one, where a supervisor overrides.
    #[n(16)]
    pub takes_over: Option<AttemptId>,
    /// The session whose ticket it is, where the served one lets it in beside its own
    /// ([`Honour`](super::Honour)): the entry is counted there.
    #[n(17)]
    pub honours: Option<SessionId>,
    /// The key that signed the code of ours with which somebody was let in; absent in records of older programs.
    /// It is the gate's word: nothing proves it.
    #[n(18)]
    pub key: Option<KeyId>,
}

impl Scan {
    /// Whether the record says that a supervisor let somebody in, whatever the rules said. Anybody with a
    /// device's key can write that; whether it is proved, [`crate::merge::proved_overrides`] tells.
    #[must_use]
    pub fn claims_override(&self) -> bool {
        self.outcome == Outcome::Admit && self.reason == Reason::Override && self.sanction.is_some()
    }
}

/// Staff said that what the instruction asks was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Confirmed {
    /// It was.
    #[n(0)]
    Instruction,
}

/// What was shown at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Subject {
    /// A ticket.
    #[n(0)]
    Ticket(#[n(0)] TicketId),
    /// A medium that no known ticket lists; the identity stands for it until a link says whose it is.
    #[n(1)]
    Medium(#[n(0)] Identity),
    /// Nothing readable or nothing genuine: it can be counted but not followed.
    #[n(2)]
    Nothing,
}

/// In or out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// In.
    #[n(0)]
    Entry,
    /// Out.
    #[n(1)]
    Exit,
}

/// What a gate said.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Let the person through.
    #[n(0)]
    Admit,
    /// Did not.
    #[n(1)]
    Refuse,
    /// Sent the person to a supervisor, or asked staff to check something first.
    #[n(2)]
    Refer,
}

/// How sure a gate was of what the others had admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(flat)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Certainty {
    /// It decided alone with what the others had told by this time.
    #[n(0)]
    Local {
        /// Up to when the feed was read.
        #[n(0)]
        peers_as_of: UnixMillis,
    },
    /// It reached no server since this time.
    #[n(1)]
    Isolated {
        /// Since when; zero if never.
        #[n(0)]
        since: UnixMillis,
    },
    /// The authority granted the attempt, and every other device on duty had proved shortly before that
    /// its log was uploaded. Admissions that others make later without asking are not excluded.
    #[n(2)]
    Confirmed,
    /// The authority granted the attempt, but some devices on duty had not proved that.
    #[n(3)]
    ConfirmedExcept {
        /// The device that was silent for longest.
        #[n(0)]
        device: DeviceId,
        /// Up to when its log is known; zero if it is not.
        #[n(1)]
        since: UnixMillis,
        /// How many more were silent.
        #[n(2)]
        others: u16,
    },
}
