//! The exchange between a device and the server: one contract, implemented by both ends.
//!
//! Bodies are deterministic CBOR. Signed things travel as the bytes that were signed and are verified
//! by whoever takes them in; nothing else a server says is believed without being checked against them.
//!
//! Every call may be repeated: a lost answer is asked for again with the same request.

pub mod claim;
pub mod live;
pub mod paths;
mod records;

pub use records::{FeedBatch, FeedPage, FeedRequest, Head, Heads, HeadsAnswer, PushAnswer, Whose};

use self::claim::{ClaimAnswer, ClaimRequest, OpenReservation, YieldRequest};
use crate::cose::PublicKey;
use crate::document::batch::Batch;
use crate::document::enrollment::ConfirmationNonce;
use crate::hash::Hash;
use crate::ids::{DeviceId, GateId, ScopeId};
use crate::problem::Problem;
use crate::record::LogRef;
use crate::secret::Seed;
use crate::table::{TableId, Version};
use crate::time::UnixMillis;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// Content type of bodies.
pub const MEDIA_TYPE: &str = "application/cbor";
/// Version of the exchange; the first part of every path. Devices one release older are still served.
pub const PATH_PREFIX: &str = "/sync/v1";
/// Records in one batch at most.
pub const BATCH_RECORDS_MAX: usize = 1_000;
/// Bytes of one request body at most.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Heads of logs that a device tells of at once at most: of more, those that it wrote last.
pub const HEADS_MAX: usize = 1_024;
/// Tables that a device tells of at once at most.
pub const TABLES_MAX: usize = 1_024;
/// Batches in one page of a feed at most.
pub const FEED_PAGE_MAX: u32 = 500;

/// What a device asks of the server. The device is known by its connection's token; only
/// [`SyncApi::enroll`] comes without.
#[allow(async_fn_in_trait)]
pub trait SyncApi {
    /// Takes a use of an enrollment code for a key. The same key may ask again and gets the same answer.
    async fn enroll(&self, request: EnrollRequest) -> Result<EnrollAnswer, Problem>;

    /// What this device should hold now, and the documents that say whom to believe.
    async fn assignment(&self) -> Result<Assignment, Problem>;

    /// A part of the prepared snapshot of a table. Without `of` the newest prepared one; with it exactly
    /// that one, or `snapshot_gone`.
    async fn snapshot(&self, request: SnapshotRequest) -> Result<SnapshotPart, Problem>;

    /// All rows that changed after `since`, each in its latest image, up to a signed manifest.
    async fn changes(&self, table: TableId, since: Version) -> Result<Changes, Problem>;

    /// The 1,024 bucket digests of the newest version.
    async fn buckets(&self, table: TableId) -> Result<BucketDigests, Problem>;

    /// All rows of some buckets of the newest version.
    async fn bucket_rows(&self, table: TableId, buckets: Vec<u16>) -> Result<BucketRows, Problem>;

    /// Gives rows to a server that was restored from a backup: those of higher revision than its own
    /// are taken in before it seals again.
    async fn hand_back(&self, request: HandBack) -> Result<HandBackAnswer, Problem>;

    /// Gives a server a trust document that it has not, or may have lost: the root signed it, and people are told
    /// to sign one that unites all of them.
    async fn hand_back_trust(&self, request: TrustHandBack) -> Result<(), Problem>;

    /// Stores a batch: of this device's log, or of another's as its writer signed it, where a server that
    /// was restored from a backup has lost it. Storing comes before interpreting: no authentic record is
    /// refused. One whose writer wrote too much within an hour is put off: see [`Problem::is_of_writer`].
    async fn push(&self, batch: Batch) -> Result<PushAnswer, Problem>;

    /// The server's heads of logs in a scope.
    async fn heads(&self, scope: ScopeId, whose: Whose) -> Result<HeadsAnswer, Problem>;

    /// Batches of all devices of a scope after a position.
    async fn feed(&self, request: FeedRequest) -> Result<FeedPage, Problem>;

    /// Asks the scope's authority whether to let somebody through, and reserves the admission.
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, Problem>;

    /// Takes the device off duty: it admits nobody any more until it holds a session's set again. Its logs
    /// must be uploaded before.
    async fn sign_off(&self, heads: Vec<Head>) -> Result<(), Problem>;

    /// Tells that the device is alive and how far it is; the answer says how far the server is.
    async fn heartbeat(&self, heartbeat: Heartbeat) -> Result<HeartbeatAnswer, Problem>;
}

/// Asks for an enrollment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The secret of the enrollment code.
    pub token: Seed,
    /// The device's new key.
    pub key: PublicKey,
    /// Name for people.
    pub name: String,
    /// Signature of the token under the key (`usher/challenge/1`), which proves that the key is there.
    pub proof: Vec<u8>,
}

/// Answer to [`EnrollRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[expect(
    clippy::large_enum_variant,
    reason = "one answer at a time, at enrollment"
)]
pub enum EnrollAnswer {
    /// Enrolled.
    #[n(0)]
    Enrolled {
        /// Signed [`crate::document::enrollment::Enrollment`].
        #[n(0)]
        document: ByteVec,
        /// Signed [`crate::document::trust::Trust`].
        #[n(1)]
        trust: ByteVec,
        /// The organizer's root public key; its SHA-256 must be the code's.
        #[n(2)]
        root: PublicKey,
    },
    /// An organizer must compare the six digits that both screens show; ask again.
    #[n(1)]
    Waiting {
        /// Milliseconds until asking again makes sense.
        #[n(0)]
        retry_ms: u32,
        /// What the digits are made of besides token and key. It is drawn once for the key that took the
        /// use of the code.
        #[n(1)]
        nonce: ConfirmationNonce,
    },
}

/// What a device should hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Assignment {
    /// Signed trust document.
    #[n(0)]
    pub trust: ByteVec,
    /// Tables and their newest versions.
    #[n(1)]
    pub tables: Vec<TableVersion>,
    /// Scopes whose feeds to follow.
    #[n(2)]
    pub scopes: Vec<ScopeId>,
    /// Where the device stands now; it may have been moved.
    #[n(3)]
    pub gate: Option<GateId>,
    /// The server's clock.
    #[n(4)]
    pub server_time: UnixMillis,
    /// The server's epoch.
    #[n(5)]
    pub epoch: u32,
}

/// A table and its newest version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct TableVersion {
    /// The table.
    #[n(0)]
    pub table: TableId,
    /// Its newest version.
    #[n(1)]
    pub version: Version,
}

/// Asks for a part of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRequest {
    /// The table.
    pub table: TableId,
    /// The snapshot begun before, to go on with; none starts with the newest.
    pub of: Option<Version>,
    /// First byte wanted of the compressed snapshot.
    pub from: u64,
    /// Bytes wanted at most.
    pub length: u64,
}

/// A part of a snapshot: zstd-compressed rows in bucket and key order, each a CBOR byte string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPart {
    /// Which snapshot.
    pub version: Version,
    /// Size of the whole in bytes.
    pub total: u64,
    /// First byte of this part.
    pub from: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The signed manifest of the snapshot; may be left empty where the asker named the snapshot and so
    /// has it.
    pub manifest: Vec<u8>,
}

/// What changed in a table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Changes {
    /// Nothing.
    #[n(0)]
    UpToDate,
    /// A segment.
    #[n(1)]
    Segment {
        /// The signed manifest it ends at.
        #[n(0)]
        manifest: ByteVec,
        /// zstd-compressed rows, each a CBOR byte string.
        #[n(1)]
        rows: ByteVec,
    },
    /// The version asked from is of another history or too long ago: take a snapshot, or repair.
    #[n(2)]
    TakeSnapshot,
}

/// Digests of all buckets at a version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BucketDigests {
    /// The signed manifest.
    #[n(0)]
    pub manifest: ByteVec,
    /// 1,024 digests.
    #[n(1)]
    pub digests: Vec<Hash>,
}

/// Rows of buckets at a version.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BucketRows {
    /// The signed manifest.
    #[n(0)]
    pub manifest: ByteVec,
    /// zstd-compressed rows, each a CBOR byte string.
    #[n(1)]
    pub rows: ByteVec,
}

/// Rows that a restored server may have lost.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HandBack {
    /// The table.
    #[n(0)]
    pub table: TableId,
    /// The signed manifest that the device holds from before.
    #[n(1)]
    pub manifest: ByteVec,
    /// The device's 1,024 bucket digests, which prove the rows against the manifest.
    #[n(2)]
    pub digests: Vec<Hash>,
    /// The buckets handed back, whole.
    #[n(3)]
    pub buckets: Vec<u16>,
    /// zstd-compressed rows of those buckets, each a CBOR byte string.
    #[n(4)]
    pub rows: ByteVec,
}

/// A trust document that a restored server may have lost.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TrustHandBack {
    /// Signed [`crate::document::trust::Trust`].
    #[n(0)]
    pub document: ByteVec,
}

/// What the server did with rows handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct HandBackAnswer {
    /// Rows of higher revision that were taken in and are not in a signed version yet. The device takes the
    /// table once this is zero: before, it would lose them again.
    #[n(0)]
    pub taken: u64,
    /// Rows that wait until a person decides about them. The device keeps what it gave until none waits: a
    /// server that is put back once more has forgotten them. Older servers do not tell.
    #[n(1)]
    pub waiting: Option<u64>,
}

/// A device's sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Heartbeat {
    /// The device's clock when it asked.
    #[n(0)]
    pub device_time: UnixMillis,
    /// Heads of its logs as they stand on the device.
    #[n(1)]
    pub heads: Vec<Head>,
    /// Tables it holds.
    #[n(2)]
    pub tables: Vec<TableVersion>,
    /// Version of the program.
    #[n(3)]
    pub program: String,
    /// Measured offset to the server's clock in milliseconds, if known.
    #[n(4)]
    pub clock_offset_ms: Option<i64>,
    /// Bytes left on its disk, if known.
    #[n(5)]
    pub storage_left: Option<u64>,
    /// Digest of each of `tables` in the same order, as the device's rows give it. Older programs do not
    /// tell.
    #[n(6)]
    pub digests: Option<Vec<Hash>>,
    /// What the server acknowledged of the device's logs. Older programs do not tell.
    #[n(7)]
    pub acknowledged: Option<Vec<Acknowledged>>,
    /// The latest time of the server's clock that the device had heard of when it wrote this: the statement
    /// is younger. Older programs do not tell, and prove nothing.
    #[n(8)]
    pub heard: Option<Heard>,
    /// Version of the trust document that the device goes by. Older programs do not tell.
    #[n(9)]
    pub trust: Option<Version>,
    /// Drawn by each start of the device's program. Two that heard the server while the other was running are
    /// copies of one device. Older programs do not tell.
    #[n(10)]
    pub instance: Option<u64>,
}

/// A point of the server's time that a device heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Heard {
    /// The server's clock.
    #[n(0)]
    pub at: UnixMillis,
    /// The epoch in which the server said so.
    #[n(1)]
    pub epoch: u32,
}

/// How much of a device's log the server said it had stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Acknowledged {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// Sequence of the last record acknowledged.
    #[n(1)]
    pub sequence: u64,
    /// The server's epoch when it said so: a server restored since may have lost it, and asks again.
    #[n(2)]
    pub epoch: u32,
}

/// How far the server is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HeartbeatAnswer {
    /// The server's clock.
    #[n(0)]
    pub server_time: UnixMillis,
    /// The server's epoch.
    #[n(1)]
    pub epoch: u32,
    /// Tables of the assignment and their newest versions.
    #[n(2)]
    pub tables: Vec<TableVersion>,
    /// Scopes and the ends of their feeds.
    #[n(3)]
    pub feeds: Vec<FeedEnd>,
    /// Version of the trust document.
    #[n(4)]
    pub trust: Version,
    /// The asking device's id, as the server knows it.
    #[n(5)]
    pub device: DeviceId,
    /// Reservations that the server holds for the device. Those of attempts that the device neither is
    /// making nor has a record of, it gives up.
    #[n(6)]
    pub open: Option<Vec<OpenReservation>>,
    /// Tickets of which the device is the home and which it is asked to hold back.
    #[n(7)]
    pub yields: Option<Vec<YieldRequest>>,
    /// How long the server waited for what had changed before to be signed: no part of the way there and
    /// back. Older servers do not tell.
    #[n(8)]
    pub waited_ms: Option<u64>,
    /// Drawn by each start of the server's program. Only between two starts can its database have been put
    /// back: rows that waited for a person then are offered again. Older servers do not tell.
    #[n(9)]
    pub instance: Option<u64>,
    /// Since when the server knows that the device's folder is in use twice; none while it does not. Older
    /// servers do not tell.
    #[n(10)]
    pub copied: Option<UnixMillis>,
}

/// The end of a scope's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct FeedEnd {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// Its last position.
    #[n(1)]
    pub position: u64,
}
