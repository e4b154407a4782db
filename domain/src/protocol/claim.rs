//! Claims: a gate asks the scope's authority before it lets somebody through.
//!
//! An admission that is granted is reserved for one attempt of one device until that device's record ends
//! it. The record is the fact; the reservation only keeps the others from admitting the ticket meanwhile.

use crate::decide::Shown;
use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, GateId, ScopeId, SessionId, StaffId};
use crate::record::{Certainty, Confirmed, Direction, Subject};
use crate::session::Authority;
use crate::table::Version;
use crate::time::UnixMillis;
use crate::verdict::Verdict;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Milliseconds that a gate waits for the answer to a claim before it decides alone.
pub const CLAIM_BUDGET_MS: u64 = 300;
/// Unsent records of one ticket that a claim carries at most: the newest.
pub const CLAIM_UNSENT_MAX: usize = 64;
/// How old the proof of another device's log may be when a claim is confirmed, in milliseconds.
pub const PROOF_MS: u64 = 15_000;

/// Asks to let somebody in or out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClaimRequest {
    /// The attempt. Asking again under the same attempt gives the same answer.
    #[n(0)]
    pub attempt: AttemptId,
    /// The session that the gate serves.
    #[n(1)]
    pub session: SessionId,
    /// Whom the gate takes for the authority.
    #[n(2)]
    pub authority: Authority,
    /// The server's epoch as the gate knows it.
    #[n(3)]
    pub epoch: u32,
    /// Version of the ticket set that the gate holds.
    #[n(4)]
    pub set: Version,
    /// Version of the trust document that the gate holds.
    #[n(5)]
    pub trust: Version,
    /// What was shown, its signature checked by the gate.
    #[n(6)]
    pub shown: Shown,
    /// In or out.
    #[n(7)]
    pub direction: Direction,
    /// Where the gate stands.
    #[n(8)]
    pub gate: Option<GateId>,
    /// Who is signed in.
    #[n(9)]
    pub operator: Option<StaffId>,
    /// What staff confirmed in this attempt.
    #[n(10)]
    pub confirmed: Option<Confirmed>,
    /// Records of this ticket in the device's own log that the server has not acknowledged, the oldest
    /// first, each as it is encoded.
    #[n(11)]
    pub unsent: Vec<ByteVec>,
    /// The record of the newest entry of this ticket that counts by what the device knows. A server that
    /// lacks it was put back and decides nothing.
    #[n(12)]
    pub last_entry: Option<Hash>,
}

/// What the authority says to a claim.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ClaimAnswer {
    /// The verdict.
    #[n(0)]
    Decided(#[n(0)] Decided),
    /// A record ended the attempt before. It is the answer; nothing is reserved.
    #[n(1)]
    Ended {
        /// The record, as it is encoded.
        #[n(0)]
        record: ByteVec,
    },
    /// The gate's documents are behind, or of another epoch, or the server lacks an entry that the gate knows
    /// of: it decides alone and exchanges.
    #[n(2)]
    Behind,
    /// The server is not the authority of the scope, or not in this term.
    #[n(3)]
    NotAuthority {
        /// Who is, as far as the server knows.
        #[n(0)]
        authority: Option<Authority>,
    },
}

/// The authority's verdict. An admission is reserved for the attempt; nothing else is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Decided {
    /// The verdict.
    #[n(0)]
    pub verdict: Verdict,
    /// How sure it is.
    #[n(1)]
    pub certainty: Certainty,
    /// The server's clock when it decided.
    #[n(2)]
    pub at: UnixMillis,
    /// The highest stamp that the authority knows of the ticket: the record comes after it.
    #[n(3)]
    pub after: Option<UnixMillis>,
}

/// A reservation that the server still holds for the device that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct OpenReservation {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// The ticket.
    #[n(2)]
    pub subject: Subject,
    /// The attempt.
    #[n(3)]
    pub attempt: AttemptId,
}

/// Asks a ticket's home to hold it back while another device's attempt is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct YieldRequest {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// The ticket.
    #[n(2)]
    pub subject: Subject,
    /// The attempt.
    #[n(3)]
    pub attempt: AttemptId,
    /// The device whose attempt it is.
    #[n(4)]
    pub to: DeviceId,
    /// Where that device stands.
    #[n(5)]
    pub gate: Option<GateId>,
}
