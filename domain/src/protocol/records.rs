//! Records up and down: batches, heads and feeds.

use crate::document::batch::Batch;
use crate::hash::Hash;
use crate::ids::ScopeId;
use crate::record::LogRef;
use minicbor::{Decode, Encode};

/// What the server did with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum PushAnswer {
    /// Stored; the log now ends at this sequence on the server.
    #[n(0)]
    Stored(#[n(0)] u64),
    /// All of it was there before.
    #[n(1)]
    Known(#[n(0)] u64),
    /// A record before it is missing: send from this sequence on.
    #[n(2)]
    Gap(#[n(0)] u64),
    /// Stored beside another branch of the same log, and an incident was raised: start a new log.
    #[n(3)]
    Forked(#[n(0)] u64),
}

/// The end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Head {
    /// The log.
    #[n(0)]
    pub log: LogRef,
    /// Sequence of its last record.
    #[n(1)]
    pub sequence: u64,
    /// Hash of its last record.
    #[n(2)]
    pub hash: Hash,
}

/// Ends of logs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Heads {
    /// Sorted; a forked log has several.
    #[n(0)]
    pub heads: Vec<Head>,
}

/// Ends of logs as the server has them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HeadsAnswer {
    /// Sorted; a forked log has several.
    #[n(0)]
    pub heads: Vec<Head>,
    /// The server's epoch: in a later one it may have lost some of them.
    #[n(1)]
    pub epoch: u32,
}

/// Whose logs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Whose {
    /// Those of the device that asks.
    #[default]
    Own,
    /// Those of all devices of the scope, and the server's own.
    Everybody,
}

impl Whose {
    /// As it stands in a query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Everybody => "everybody",
        }
    }
}

/// Asks for a page of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedRequest {
    /// The scope.
    pub scope: ScopeId,
    /// The epoch in which `after` was read; of another epoch, the feed starts from its beginning.
    pub epoch: u32,
    /// The last position read; 0 for none.
    pub after: u64,
    /// Batches wanted at most.
    pub limit: u32,
    /// The hash of the last record of the batch at `after`, if the device knows it: a server that has another
    /// batch there was put back from a backup, and its feed is another one.
    pub last: Option<Hash>,
}

/// A page of a feed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedPage {
    /// The epoch of the positions.
    #[n(0)]
    pub epoch: u32,
    /// Batches by rising position, without gaps that a reader could miss.
    #[n(1)]
    pub batches: Vec<FeedBatch>,
    /// The feed's last position when the page was made.
    #[n(2)]
    pub end: u64,
}

/// A batch in a feed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedBatch {
    /// Its position.
    #[n(0)]
    pub position: u64,
    /// The batch as the device signed it.
    #[n(1)]
    pub batch: Batch,
}
