//! Batches of records in the order of their coming, what they are about, and what a person must see.
//!
//! What records fold to is not stored: a subject has few records, and they are found by it.

use super::Result;
use minicbor::{Decode, Encode};
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId};
use usher_domain::protocol::Head;
use usher_domain::record::{LogRef, Subject};
use usher_domain::time::UnixMillis;

/// Whether a record of a batch was stored before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// It is new in its scope.
    New,
    /// It came in another batch before; it is kept only to serve this batch as it was signed.
    Repeated,
}

/// What a record may change that is about no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The whole scope: the authority wrote it.
    Scope,
    /// Nothing: another wrote it, or it is about a subject. Of such records there may be any number, and
    /// nobody who reads those that reach the scope comes upon them.
    Nothing,
}

/// A record of a batch with what it can be found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// SHA-256 of the encoding.
    pub hash: Hash,
    /// Its place in the log.
    pub sequence: u64,
    /// The time that counts for merging.
    pub stamp: UnixMillis,
    /// Whom it is about; none for what is about a session, a log or another record.
    pub subject: Option<Subject>,
    /// What it may change, where it is about no subject.
    pub reach: Reach,
    /// The session, where it names one.
    pub session: Option<SessionId>,
    /// The encoding.
    pub bytes: Vec<u8>,
    /// Whether it was stored before.
    pub novelty: Novelty,
}

/// A batch to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBatch {
    /// The scope.
    pub scope: ScopeId,
    /// The log.
    pub log: LogRef,
    /// The signed head.
    pub head: Vec<u8>,
    /// The records, in order.
    pub lines: Vec<BatchLine>,
    /// When it came.
    pub at: UnixMillis,
}

/// A record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// SHA-256 of the encoding.
    pub hash: Hash,
    /// Position of its batch in the feed.
    pub position: u64,
    /// The encoding.
    pub bytes: Vec<u8>,
}

/// A place in a log. Where a log has branches, several records have one sequence; their hashes tell them
/// apart, so that a reader who goes on after a place leaves none of them out and reads none twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct LogPlace {
    /// The number of the record in its log.
    #[n(0)]
    pub sequence: u64,
    /// The record's hash.
    #[n(1)]
    pub hash: Hash,
}

impl LogPlace {
    /// The place before every record of this sequence.
    #[must_use]
    pub const fn before(sequence: u64) -> Self {
        Self {
            sequence,
            hash: Hash::ZERO,
        }
    }
}

/// A stored record whose stamp is later than the time of its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamped {
    /// Its log.
    pub log: LogRef,
    /// Its place in the log.
    pub sequence: u64,
    /// SHA-256 of the encoding.
    pub hash: Hash,
    /// When it came.
    pub arrived: UnixMillis,
}

/// Bytes that could not be interpreted, kept for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Who sent them.
    pub device: DeviceId,
    /// Why they are kept: a stable code.
    pub reason: String,
    /// When they came.
    pub at: UnixMillis,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An incident: what a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIncident {
    /// Stable id, made of its kind and subject.
    pub id: String,
    /// The session, where it concerns one.
    pub session: Option<SessionId>,
    /// When it was first seen.
    pub at: UnixMillis,
    /// Everything else; only services read it.
    pub body: Vec<u8>,
}

/// Records, feed positions, log heads, incidents and kept bytes.
pub trait Records {
    /// Stores a batch at the next position of its scope's feed and answers with the position.
    /// Positions have no gaps and become visible in their order.
    ///
    /// # Errors
    /// [`super::StorageError::Taken`] if a line said to be new is there already.
    fn append_batch(&mut self, batch: &NewBatch) -> Result<u64>;

    /// Batches after a position, at most `limit`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn feed(&self, scope: ScopeId, after: u64, limit: u32) -> Result<Vec<(u64, Batch)>>;

    /// Scope, position and signed head of all batches of a device, in all scopes. Rarely asked: it looks
    /// at every batch.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn batch_heads(&self, device: DeviceId) -> Result<Vec<(ScopeId, u64, Vec<u8>)>>;

    /// By scope, the position of the first batch of a device that arrived at a time or later. Rarely asked:
    /// it looks at every batch.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn first_batches_since(
        &self,
        device: DeviceId,
        since: UnixMillis,
    ) -> Result<Vec<(ScopeId, u64)>>;

    /// Puts another signature over the same range in place of a batch's head.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_batch_head(&mut self, scope: ScopeId, position: u64, head: &[u8]) -> Result<()>;

    /// The hash of the last record of the batch at a position; none if there is no such batch.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn last_record_at(&self, scope: ScopeId, position: u64) -> Result<Option<Hash>>;

    /// The last position of a scope's feed; 0 if it is empty.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn feed_end(&self, scope: ScopeId) -> Result<u64>;

    /// The record of this hash.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn record(&self, scope: ScopeId, hash: &Hash) -> Result<Option<StoredRecord>>;

    /// All records about a subject, or with `None` those that reach the whole scope, by (stamp, hash).
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn records_about(&self, scope: ScopeId, subject: Option<&Subject>)
    -> Result<Vec<StoredRecord>>;

    /// Records of a log after a place, at most `limit`, by (sequence, hash): all branches. A reader of many
    /// goes on after the place of the last one.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn records_of_log(
        &self,
        log: LogRef,
        after: LogPlace,
        limit: u32,
    ) -> Result<Vec<(LogPlace, StoredRecord)>>;

    /// Records about subjects with a stamp after `at` that came before their stamps, by (device, log,
    /// sequence, hash).
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn stamped_after(&self, scope: ScopeId, at: UnixMillis) -> Result<Vec<Stamped>>;

    /// Visits all records of a scope in the order of their coming, or those of one session alone.
    ///
    /// # Errors
    /// [`super::StorageError`], also the visitor's.
    fn visit_records(
        &self,
        scope: ScopeId,
        session: Option<SessionId>,
        visit: &mut dyn FnMut(StoredRecord) -> Result<()>,
    ) -> Result<()>;

    /// Heads of all logs of a scope, sorted; a forked log has several.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn heads(&self, scope: ScopeId) -> Result<Vec<Head>>;

    /// Heads of all logs of a device in all scopes, sorted by scope and head.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn heads_of_device(&self, device: DeviceId) -> Result<Vec<(ScopeId, Head)>>;

    /// Replaces all heads of a log.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_heads(&mut self, scope: ScopeId, log: LogRef, heads: &[Head]) -> Result<()>;

    /// Records of the batches after position `after` up to and including `upto`, each in the batch it came
    /// in first, in the order of their coming.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn records_between(&self, scope: ScopeId, after: u64, upto: u64) -> Result<Vec<StoredRecord>>;

    /// Visits all records of a scope that are about a subject, those of one subject after each other.
    ///
    /// # Errors
    /// [`super::StorageError`], also the visitor's.
    fn visit_by_subject(
        &self,
        scope: ScopeId,
        visit: &mut dyn FnMut(Subject, StoredRecord) -> Result<()>,
    ) -> Result<()>;

    /// The incident of this id.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn incident(&self, organizer: OrganizerId, id: &str) -> Result<Option<StoredIncident>>;

    /// Incidents by (time, id), at most `limit`, those after the incident of id `after`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn incidents(
        &self,
        organizer: OrganizerId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredIncident>>;

    /// Creates or replaces an incident; the time it was first seen stays.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn put_incident(&mut self, organizer: OrganizerId, incident: &StoredIncident) -> Result<()>;

    /// Takes away an incident that merging no longer finds, for example after an undo.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn drop_incident(&mut self, organizer: OrganizerId, id: &str) -> Result<()>;

    /// Keeps bytes that cannot be interpreted; the same bytes again change nothing.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn keep(&mut self, organizer: OrganizerId, kept: &Kept) -> Result<()>;

    /// Kept bytes in the order of their coming: number and bytes, at most `limit`, after a number.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn kept(&self, organizer: OrganizerId, after: u64, limit: u32) -> Result<Vec<(u64, Kept)>>;
}
