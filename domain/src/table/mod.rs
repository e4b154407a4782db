//! Tables that devices hold copies of: ticket sets, directories and the roster.
//!
//! All three travel in the same way: rows of deterministic CBOR in 1,024 buckets, a digest over all of
//! them, and a signed manifest that says which version this is. A row never disappears; removal is a
//! state of it.

mod digest;
mod manifest;
mod plan;
mod row;
pub mod rows;
mod stream;

pub use digest::{
    BUCKETS, Bucket, BucketHasher, Digests, SnapshotDigest, WrongBuckets, bucket_digest,
};
pub use manifest::{TableMismatch, content_type_of, verify_manifest};
pub use plan::{
    REVISION_MAX, REVISIONS_LOST_MAX, RowAction, RowConflict, may_be_handed_back, next_revision,
    plan_row,
};
pub use row::{ROW_BYTES_MAX, Row, RowError, RowHead, RowKey, TableRow, decode_row, encode_row};
pub use stream::{RowReader, write_row};

use crate::hash::Hash;
use crate::ids::{OrganizerId, SessionId};
use crate::session::SessionTerms;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum TableId {
    /// The ticket set of a session.
    #[n(0)]
    Set(#[n(0)] SessionId),
    /// Devices and staff of an organizer.
    #[n(1)]
    Roster(#[n(0)] OrganizerId),
    /// Names and order numbers of a session's tickets, only for devices whose role may search.
    #[n(2)]
    Directory(#[n(0)] SessionId),
}

/// A place in a history: versions of a restored server count on from a higher epoch. Compared as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Version {
    /// How often the server was restored from a backup.
    #[n(0)]
    pub epoch: u32,
    /// Counts every signing.
    #[n(1)]
    pub number: u64,
}

/// Says which rows make a version of a table; signed (`usher/set/1`, `usher/roster/1`, `usher/directory/1`).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Manifest {
    /// The table.
    #[n(0)]
    pub table: TableId,
    /// The version; every signing takes a new one.
    #[n(1)]
    pub version: Version,
    /// Number of rows, those of removed tickets included.
    #[n(2)]
    pub rows: u64,
    /// SHA-256 over the 1,024 bucket digests.
    #[n(3)]
    pub digest: Hash,
    /// When it was signed.
    #[n(4)]
    pub issued_at: UnixMillis,
    /// From when a new device refuses it and a holder shows amber.
    #[n(5)]
    pub expires_at: UnixMillis,
    /// What a gate needs beside the rows; stands in ticket sets alone.
    #[n(6)]
    pub terms: Option<SessionTerms>,
}
