//! Logs: writing the next record, signing ranges of a log, and checking ranges that arrive.
//!
//! A record's hash is taken over the bytes received, never over a second encoding: a record of a newer
//! program may say more than this one can read, and must still be stored and passed on unharmed.

use crate::cbor::{self, CborError};
use crate::cose::{self, ContentType, EnvelopeError, PublicKey, SigningKey, VerifyError};
use crate::document::batch::{Batch, BatchHead};
use crate::hash::Hash;
use crate::ids::ScopeId;
use crate::protocol::{BATCH_RECORDS_MAX, BODY_BYTES_MAX, Head};
use crate::record::{Body, LogRef, Record};
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// Bytes of the longest record taken; an admission by override, the longest of all kinds, has some 500.
pub const RECORD_BYTES_MAX: usize = 4096;

/// A record and its hash: what merging reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// SHA-256 of its encoding as it was written.
    pub hash: Hash,
    /// What it says.
    pub record: Record,
}

impl Line {
    /// Reads a stored or received record.
    ///
    /// # Errors
    /// [`CborError`] if this program cannot read it.
    pub fn read(encoded: &[u8]) -> Result<Self, CborError> {
        Ok(Self {
            hash: Hash::of(&[encoded]),
            record: cbor::decode(encoded)?,
        })
    }
}

/// The first fields of a record, which a record of every kind has, also of kinds yet to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Frame {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// Its number in the log.
    #[n(1)]
    pub sequence: u64,
    /// Hash of the record before.
    #[n(2)]
    pub previous: Hash,
    /// The scope.
    #[n(3)]
    pub scope: ScopeId,
    /// The stamp.
    #[n(4)]
    pub stamp: UnixMillis,
}

/// A record with its place in the chain, as it is stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The encoding.
    pub encoded: Vec<u8>,
    /// SHA-256 of it.
    pub hash: Hash,
    /// Its place.
    pub frame: Frame,
    /// What it says; none if its kind is newer than this program. It is kept and passed on all the same.
    pub record: Option<Record>,
}

impl Entry {
    /// The record for merging, if this program can read it.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        self.record.clone().map(|record| Line {
            hash: self.hash,
            record,
        })
    }

    /// The end of its log right after it.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head {
            log: self.frame.log,
            sequence: self.frame.sequence,
            hash: self.hash,
        }
    }
}

/// Where the next record of a log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// The scope of the log.
    pub scope: ScopeId,
    /// Its last record; sequence 0 and zeros for an empty log.
    pub head: Head,
}

impl LogEnd {
    /// The end of a log that has no records.
    #[must_use]
    pub const fn empty(log: LogRef, scope: ScopeId) -> Self {
        let head = Head {
            log,
            sequence: 0,
            hash: Hash::ZERO,
        };
        Self { scope, head }
    }

    /// Writes the next record and moves the end behind it. Nothing of it counts before it is durable: who
    /// fails to store it goes on from a copy of the end before.
    pub fn append(&mut self, stamp: UnixMillis, body: Body) -> Entry {
        let frame = Frame {
            log: self.head.log,
            sequence: self.head.sequence.saturating_add(1),
            previous: self.head.hash,
            scope: self.scope,
            stamp,
        };
        let record = Record {
            log: frame.log,
            sequence: frame.sequence,
            previous: frame.previous,
            scope: frame.scope,
            stamp,
            body,
        };
        let encoded = record.encode();
        let entry = Entry {
            hash: Hash::of(&[&encoded]),
            encoded,
            frame,
            record: Some(record),
        };
        self.head = entry.head();
        entry
    }
}

/// Why a range of a log is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// No record, more than [`BATCH_RECORDS_MAX`], or more bytes than fit a request.
    #[error("a batch has 1 to {BATCH_RECORDS_MAX} records and at most {BODY_BYTES_MAX} bytes")]
    Size,
    /// The head is not signed in our form.
    #[error("the batch's head: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The head is signed by another key, or not at all.
    #[error("the batch's head: {0}")]
    Signature(#[from] VerifyError),
    /// The signed head is not readable.
    #[error("the batch's head: {0}")]
    Head(CborError),
    /// The head speaks of another range than the records.
    #[error("the batch's head does not speak of its records")]
    OtherRange,
    /// A record is too long or has no readable place in a log.
    #[error("record {place} of the batch is not readable")]
    Unreadable {
        /// Counted from 0 in the batch.
        place: usize,
    },
    /// A record is of another log or scope, or does not follow the one before it.
    #[error("record {place} of the batch breaks the chain")]
    Chain {
        /// Counted from 0 in the batch.
        place: usize,
    },
}

/// A range of a log whose signature and chain were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedBatch {
    signed: Vec<u8>,
    head: BatchHead,
    entries: Vec<Entry>,
}

impl VerifiedBatch {
    /// The head as its writer signed it: who keeps it can prove the range to others.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        &self.signed
    }

    /// What the signature covers.
    #[must_use]
    pub const fn head(&self) -> &BatchHead {
        &self.head
    }

    /// The records, in order; at least one.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The records, in order, to keep.
    #[must_use]
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// What a batch claims to be, nothing of it checked: it names the log, so whose key to look up. Nothing
/// else is to be done with it before [`verify_batch`] under that key.
///
/// # Errors
/// [`BatchError`] if the head is not readable.
pub fn unverified_head(batch: &Batch) -> Result<BatchHead, BatchError> {
    let claimed = cose::parse(&batch.head)?.unverified_payload();
    cbor::decode_deterministic(claimed).map_err(BatchError::Head)
}

/// Checks a range of a log: sizes, then the signature over the bytes received, then the chain.
///
/// The key must be the one of the device that the log belongs to: of a device in the roster, or, for the
/// authority's own log, a set key. Merging believes that a log is its device's.
///
/// # Errors
/// [`BatchError`] with the first thing found wrong. Nothing of the batch is then proved.
pub fn verify_batch(batch: &Batch, signer: &PublicKey) -> Result<VerifiedBatch, BatchError> {
    let bytes = batch.records.iter().map(|record| record.len());
    if !is_batch_sized(batch.records.len(), bytes.sum()) {
        return Err(BatchError::Size);
    }
    let signed = cose::parse(&batch.head)?.verify(signer, ContentType::BATCH)?;
    let head: BatchHead = cbor::decode_deterministic(signed).map_err(BatchError::Head)?;
    let entries = read_chain(batch.records.iter().map(|record| record.to_vec()))?;
    if range_of(&entries).as_ref() != Some(&head) && !crate::mutated!(SkipChainCheck) {
        return Err(BatchError::OtherRange);
    }
    Ok(VerifiedBatch {
        signed: batch.head.to_vec(),
        head,
        entries,
    })
}

/// Signs a range of a log, given as the encodings of its records in order.
///
/// # Errors
/// [`BatchError`] if they are no range of one log: what is damaged on the disk is found here and not by
/// everyone it is sent to.
pub fn sign_batch(key: &SigningKey, records: Vec<Vec<u8>>) -> Result<Batch, BatchError> {
    if !is_batch_sized(records.len(), records.iter().map(Vec::len).sum()) {
        return Err(BatchError::Size);
    }
    let entries = read_chain(records)?;
    let head = range_of(&entries).ok_or(BatchError::Size)?;
    Ok(Batch {
        head: cose::sign(key, ContentType::BATCH, &cbor::encode(&head)).into(),
        records: entries
            .into_iter()
            .map(|entry| entry.encoded.into())
            .collect(),
    })
}

fn is_batch_sized(records: usize, bytes: usize) -> bool {
    (1..=BATCH_RECORDS_MAX).contains(&records) && bytes <= BODY_BYTES_MAX
}

/// The range that these records are, without looking between its ends.
fn range_of(entries: &[Entry]) -> Option<BatchHead> {
    let (first, last) = (entries.first()?, entries.last()?);
    Some(BatchHead {
        log: first.frame.log,
        scope: first.frame.scope,
        first: first.frame.sequence,
        count: u64::try_from(entries.len()).ok()?,
        before: first.frame.previous,
        last: last.hash,
    })
}

/// Reads records that must follow each other in one log.
fn read_chain(records: impl IntoIterator<Item = Vec<u8>>) -> Result<Vec<Entry>, BatchError> {
    let mut entries: Vec<Entry> = Vec::new();
    for (place, encoded) in records.into_iter().enumerate() {
        let entry = read_entry(encoded).ok_or(BatchError::Unreadable { place })?;
        let fits = match entries.last() {
            Some(before) => follows(&entry.frame, before),
            None => starts(&entry.frame),
        };
        if !fits && !crate::mutated!(SkipChainCheck) {
            return Err(BatchError::Chain { place });
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Sequence 1, and only it, follows the zeros.
fn starts(frame: &Frame) -> bool {
    frame.sequence > 0 && (frame.sequence == 1) == (frame.previous == Hash::ZERO)
}

fn follows(frame: &Frame, before: &Entry) -> bool {
    frame.log == before.frame.log
        && frame.scope == before.frame.scope
        && Some(frame.sequence) == before.frame.sequence.checked_add(1)
        && frame.previous == before.hash
}

fn read_entry(encoded: Vec<u8>) -> Option<Entry> {
    if encoded.len() > RECORD_BYTES_MAX {
        return None;
    }
    // The frame reads past what it does not know, so a newer kind of record has one too.
    let frame = cbor::decode(&encoded).ok()?;
    Some(Entry {
        hash: Hash::of(&[&encoded]),
        frame,
        record: cbor::decode(&encoded).ok(),
        encoded,
    })
}

#[cfg(test)]
mod tests;
