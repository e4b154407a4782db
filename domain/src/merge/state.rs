//! What folding the records says of one ticket.

use crate::hash::Hash;
use crate::ids::SessionId;
use crate::numbers::AccessNumber;
use crate::verdict::PriorScan;
use minicbor::{Decode, Encode};

/// Over what the entries of a ticket are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Unit {
    /// One session.
    #[n(0)]
    Session(#[n(0)] SessionId),
    /// All sessions of a kind of pass.
    #[n(1)]
    Pass(#[n(0)] AccessNumber),
}

/// What is known of one ticket in one [`Unit`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct SubjectState {
    /// Entries that count: neither undone nor voided, free flow not included.
    #[n(0)]
    pub entries: u32,
    /// Admissions the rule did not allow, by hash of their records, in merge order; overrides are never
    /// among them.
    #[n(1)]
    pub excess: Vec<Hash>,
    /// The entry since which the person is inside.
    #[n(2)]
    pub inside: Option<PriorScan>,
    /// The latest entry that counts.
    #[n(3)]
    pub last_entry: Option<PriorScan>,
    /// The latest exit that counts.
    #[n(4)]
    pub last_exit: Option<PriorScan>,
    /// Set when everyone was sent out while this person was inside and they have not come back: they
    /// may, once.
    #[n(5)]
    pub may_return: Option<PriorScan>,
}
