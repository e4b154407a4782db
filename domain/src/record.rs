//! Records: the lines of a log. A record is committed before its verdict shows, never edited, and
//! carries no name and no ticket code.
//!
//! A log belongs to one device and one scope. Each record holds the hash of the one before it, so a
//! log is a chain; [`crate::document::batch`] signs ranges of it.

pub mod kinds;
mod scan;

pub use scan::{Certainty, Confirmed, Direction, Outcome, Scan, Subject};

use crate::cbor;
use crate::code::Identity;
use crate::cose::PublicKey;
use crate::hash::Hash;
use crate::ids::{
    AttemptId, DeviceId, GateId, LogId, ScopeId, SessionId, StaffId, TicketId, ZoneId,
};
use crate::numbers::{AccessNumber, TypeNumber};
use crate::rules::EntryRule;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Whose log.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize,
)]
pub struct LogRef {
    /// The device that writes it; the server writes one too.
    #[n(0)]
    pub device: DeviceId,
    /// Random, new for every log of the device.
    #[n(1)]
    pub log: LogId,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Record {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// 1 for the first record, then without gaps.
    #[n(1)]
    pub sequence: u64,
    /// Hash of the record before; zeros before the first.
    #[n(2)]
    pub previous: Hash,
    /// The scope that all records of the log belong to.
    #[n(3)]
    pub scope: ScopeId,
    /// The time that counts for merging: the largest of device time plus measured offset, latest server
    /// time seen, and 1 + the highest stamp known for the subject.
    #[n(4)]
    pub stamp: UnixMillis,
    /// What happened.
    #[n(5)]
    pub body: Body,
}

impl Record {
    /// The one encoding that is stored, hashed and sent.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// SHA-256 of the encoding. Of a record received the hash is taken over the bytes received: a newer
    /// program may have written more than this one reads.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&[&self.encode()])
    }

    /// Whose state the record concerns, if it is one of a single ticket: what a store finds it by.
    #[must_use]
    pub const fn subject(&self) -> Option<Subject> {
        match &self.body {
            Body::Scan(scan) => Some(scan.subject),
            Body::Undo(undo) => Some(undo.subject),
            Body::Abort(abort) => Some(abort.subject),
            Body::Yield(held) => Some(held.subject),
            Body::Correction(correction) => Some(correction.subject),
            Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::OutTakenBack(_) => None,
        }
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Body {
    /// Somebody showed something at a gate.
    #[n(0)]
    Scan(#[n(0)] Scan),
    /// An operator took a scan back; an undo is never undone.
    #[n(1)]
    Undo(#[n(0)] Undo),
    /// The server learned which ticket an identity belongs to.
    #[n(2)]
    Link(#[n(0)] Link),
    /// The entry rule of a session or of one of its types, from this stamp on.
    #[n(3)]
    Rule(#[n(0)] RuleChange),
    /// A device was revoked: of its log, records after this sequence are quarantined.
    #[n(4)]
    Cut(#[n(0)] Cut),
    /// A person accepted or voided a quarantined record.
    #[n(5)]
    Ruling(#[n(0)] Ruling),
    /// A supervisor sent everyone out: each may re-enter once.
    #[n(6)]
    EveryoneOut(#[n(0)] EveryoneOut),
    /// A supervisor opened a gate for a time: scans are logged without deciding.
    #[n(7)]
    FreeFlow(#[n(0)] FreeFlow),
    /// The device gave an attempt up that it had been granted: nobody went through.
    #[n(8)]
    Abort(#[n(0)] Abort),
    /// A ticket's home holds it back while another device's attempt is open.
    #[n(9)]
    Yield(#[n(0)] Yield),
    /// A supervisor took a device off duty.
    #[n(10)]
    StandDown(#[n(0)] StandDown),
    /// Tickets of another session are let in for a time.
    #[n(11)]
    Honour(#[n(0)] Honour),
    /// Somebody in charge says something to gates.
    #[n(12)]
    Notice(#[n(0)] Notice),
    /// A session has other times; the terms that say so are sealed beside.
    #[n(13)]
    Delay(#[n(0)] Delay),
    /// A supervisor's override key counts, or does so no longer.
    #[n(14)]
    OverrideKey(#[n(0)] OverrideKey),
    /// The server says when it received records whose stamps are ahead of its clock.
    #[n(15)]
    Arrival(#[n(0)] Arrival),
    /// The server's rows say of a scanned ticket what the record of the scan does not.
    #[n(16)]
    Correction(#[n(0)] Correction),
    /// An order to send everyone out was taken back.
    #[n(17)]
    OutTakenBack(#[n(0)] OutTakenBack),
}

impl Body {
    /// The scan that it tells of, if it tells of one.
    #[must_use]
    pub const fn as_scan(&self) -> Option<&Scan> {
        if let Self::Scan(scan) = self {
            Some(scan)
        } else {
            None
        }
    }

    /// The undo that it is, if it is one.
    #[must_use]
    pub const fn as_undo(&self) -> Option<&Undo> {
        if let Self::Undo(undo) = self {
            Some(undo)
        } else {
            None
        }
    }
}

/// An operator took a scan back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Undo {
    /// Hash of the record taken back.
    #[n(0)]
    pub of: Hash,
    /// The session of that record.
    #[n(1)]
    pub session: SessionId,
    /// The subject of that record.
    #[n(2)]
    pub subject: Subject,
    /// Who did it.
    #[n(3)]
    pub operator: Option<StaffId>,
    /// The supervisor's signed approval (`usher/undo/1`), without which no device takes back what another
    /// one recorded.
    #[n(4)]
    pub approval: Option<minicbor::bytes::ByteVec>,
}

/// An identity belongs to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Link {
    /// The identity.
    #[n(0)]
    pub identity: Identity,
    /// The ticket.
    #[n(1)]
    pub ticket: TicketId,
}

/// The entry rule of a session or of one of its types.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RuleChange {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// The type; none for all types that have no rule of their own.
    #[n(1)]
    pub type_number: Option<TypeNumber>,
    /// The rule from now on; none takes a type's own rule away.
    #[n(2)]
    pub rule: Option<EntryRule>,
}

/// Up to where a revoked device's log counts. Several cuts of a log count together: each takes more away.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cut {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// The last sequence that counts without a ruling; 0 if none does.
    #[n(1)]
    pub last: u64,
    /// The records up to which the branches of the log count, each with all that the chain leads back to;
    /// none in the cut of an older program, which goes by sequence.
    #[n(2)]
    pub heads: Option<Vec<Hash>>,
    /// Who made it; none in the cut of an older program.
    #[n(3)]
    pub by: Option<CutBy>,
}

/// Who cut a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum CutBy {
    /// A person, who revoked the device or set the cut back.
    #[n(0)]
    Person,
    /// The server, because a revoked device wrote to a log that was not cut. Where a person cut the log, too,
    /// such a cut does not count.
    #[n(1)]
    Server,
}

/// A person's word on a quarantined record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Ruling {
    /// Hash of the record.
    #[n(0)]
    pub of: Hash,
    /// The word.
    #[n(1)]
    pub word: RulingWord,
}

/// Whether a quarantined record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum RulingWord {
    /// It counts.
    #[n(0)]
    Accept,
    /// It does not.
    #[n(1)]
    Void,
}

/// A supervisor sent everyone out of a session or zone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EveryoneOut {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// The zone; none for the whole venue.
    #[n(1)]
    pub zone: Option<ZoneId>,
    /// Admissions up to this stamp are outside again and may re-enter once.
    #[n(2)]
    pub at: UnixMillis,
}

/// A supervisor took back that everyone was sent out: it was said by mistake, or was no evacuation.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OutTakenBack {
    /// The record of the order.
    #[n(0)]
    pub of: Hash,
    /// Whoever was sent out by the order alone and has not come back up to this stamp is inside again.
    #[n(1)]
    pub at: UnixMillis,
}

/// A supervisor opened a gate for a time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FreeFlow {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// The gate.
    #[n(1)]
    pub gate: GateId,
    /// From.
    #[n(2)]
    pub from: UnixMillis,
    /// Until.
    #[n(3)]
    pub until: UnixMillis,
}

/// The device gave an attempt up.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Abort {
    /// The attempt.
    #[n(0)]
    pub attempt: AttemptId,
    /// The session it was made for.
    #[n(1)]
    pub session: SessionId,
    /// Whom it was about.
    #[n(2)]
    pub subject: Subject,
}

/// A ticket's home holds it back. The word lasts until a record ends the attempt.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Yield {
    /// The attempt.
    #[n(0)]
    pub attempt: AttemptId,
    /// The device whose attempt it is.
    #[n(1)]
    pub to: DeviceId,
    /// Where that device stands.
    #[n(2)]
    pub gate: Option<GateId>,
    /// The session it was made for.
    #[n(3)]
    pub session: SessionId,
    /// The ticket.
    #[n(4)]
    pub subject: Subject,
}

/// A supervisor took a device off duty: nobody waits for its word any more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct StandDown {
    /// The device.
    #[n(0)]
    pub device: DeviceId,
    /// Up to when its log is known; zero if it is not.
    #[n(1)]
    pub since: UnixMillis,
}

/// A session lets tickets of another one in for a time. Of several such words about the same two the last
/// one counts; one that ends when it begins takes the others back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Honour {
    /// The session that lets them in.
    #[n(0)]
    pub session: SessionId,
    /// The session whose tickets they are.
    #[n(1)]
    pub tickets_of: SessionId,
    /// From.
    #[n(2)]
    pub from: UnixMillis,
    /// Until.
    #[n(3)]
    pub until: UnixMillis,
}

/// A session has other times.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Delay {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// When the doors open now.
    #[n(1)]
    pub doors: UnixMillis,
    /// When it starts now.
    #[n(2)]
    pub starts: UnixMillis,
    /// When it ends now.
    #[n(3)]
    pub ends: UnixMillis,
}

/// Something said to gates. The text stands outside the log, in the sealed terms of the session. Said again
/// with a time that has passed, it is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Notice {
    /// The session; none for all of the scope.
    #[n(0)]
    pub session: Option<SessionId>,
    /// The gate; none for all.
    #[n(1)]
    pub gate: Option<GateId>,
    /// SHA-256 of the text.
    #[n(2)]
    pub text: Hash,
    /// Not shown after.
    #[n(3)]
    pub until: UnixMillis,
}

/// A key by which a member of staff signs overrides. Of several records about one key the lowest `until`
/// counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OverrideKey {
    /// The member of staff.
    #[n(0)]
    pub staff: StaffId,
    /// The key.
    #[n(1)]
    pub key: PublicKey,
    /// Overrides with a stamp from this time on are not proved by the key; none while it counts.
    #[n(2)]
    pub until: Option<UnixMillis>,
}

/// When the server received a range of a log whose stamps are further ahead than its clock.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Arrival {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// The first record of the range.
    #[n(1)]
    pub first: u64,
    /// The last record of the range.
    #[n(2)]
    pub last: u64,
    /// Hash of the last record: it names the branch of the log.
    #[n(3)]
    pub hash: Hash,
    /// The server's time when the range arrived.
    #[n(4)]
    pub at: UnixMillis,
}

/// What the server's rows say of a scanned ticket, where its record claims something else. Of several
/// corrections of one record the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Correction {
    /// Hash of the record of the scan.
    #[n(0)]
    pub of: Hash,
    /// The session of that record.
    #[n(1)]
    pub session: SessionId,
    /// The subject of that record.
    #[n(2)]
    pub subject: Subject,
    /// The ticket's type, which chooses the entry rule.
    #[n(3)]
    pub type_number: Option<TypeNumber>,
    /// The ticket's access number, which names the pass over which entries may be counted.
    #[n(4)]
    pub access: Option<AccessNumber>,
    /// Entries of this one ticket, where its row sets them apart from its type.
    #[n(5)]
    pub entries: Option<u16>,
    /// The session whose ticket it is, where the served one let it in beside its own.
    #[n(6)]
    pub honours: Option<SessionId>,
}
