//! Batches: signed ranges of a log (`usher/batch/1`).
//!
//! The signature covers the log, the range and the hash of its last record; the records follow beside
//! it and prove themselves by the chain of hashes. Resending a log in other batches is harmless.

use crate::hash::Hash;
use crate::ids::ScopeId;
use crate::record::LogRef;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// A signed range of a log as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Batch {
    /// COSE_Sign1 of the [`BatchHead`] by the device's key (the server's log: by a set key).
    #[n(0)]
    pub head: ByteVec,
    /// The encodings of the records, in order.
    #[n(1)]
    pub records: Vec<ByteVec>,
}

/// What the signature of a batch covers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BatchHead {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// The scope of the log.
    #[n(1)]
    pub scope: ScopeId,
    /// Sequence of the first record of the range.
    #[n(2)]
    pub first: u64,
    /// Number of records, at least 1.
    #[n(3)]
    pub count: u64,
    /// Hash of the record before the first; zeros at the start of a log.
    #[n(4)]
    pub before: Hash,
    /// Hash of the last record.
    #[n(5)]
    pub last: Hash,
}
