//! The live feed: what the server tells a device as soon as it knows it (server-sent events, WHATWG HTML,
//! section 9.2).
//!
//! It only makes faster what [`super::SyncApi`] does anyway: a device that hears nothing, or speaks to a
//! server without it, asks every few seconds and misses nothing. So an event may be skipped, and the
//! connection may end at any moment; positions and versions say what is missing.
//!
//! An event is known by its name. One of a name that this program does not know is skipped, and so are
//! fields at the end of an array.

mod reader;
mod text;

pub use reader::{EventReader, NotAnEvent};

use super::claim::YieldRequest;
use super::{FeedBatch, FeedEnd, TableVersion};
use crate::cbor::CborError;
use crate::hash::Hash;
use crate::ids::ScopeId;
use crate::problem::Problem;
use crate::table::{TableId, Version};
use crate::time::UnixMillis;
use minicbor::bytes::ByteVec;
use minicbor::decode::Error as DecodeError;
use minicbor::{Decode, Decoder, Encode, Encoder};

/// Content type of the answer.
pub const MEDIA_TYPE: &str = "text/event-stream";
/// Bytes of one event's text at most. What is larger is only announced, and asked for.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Bytes of batches, or of a segment, that are told in an event; of more the event says that they are there.
pub const TOLD_BYTES_MAX: usize = 64 * 1024;
/// The server says at least this often that it is there.
pub const PING_EVERY_MS: u64 = 2_000;
/// A device that heard nothing for so long takes the connection for broken: three pings.
pub const SILENCE_MS: u64 = 3 * PING_EVERY_MS;
/// Scopes of one request at most.
pub const PLACES_MAX: usize = 256;

/// Tells a device at once.
#[allow(async_fn_in_trait)]
pub trait LiveApi {
    /// What is told, for as long as it lasts.
    type Events: LiveEvents;

    /// Begins to listen. The first event is [`LiveEvent::Hello`]; then comes everything after the places
    /// named, and nothing of a scope twice.
    async fn listen(&self, request: LiveRequest) -> Result<Self::Events, Problem>;
}

/// What a device is told.
#[allow(async_fn_in_trait)]
pub trait LiveEvents {
    /// Waits for the next event. The future may be dropped; no event is lost by that.
    ///
    /// The error says how it ended; `unreachable` if nothing more came.
    async fn next(&mut self) -> Result<LiveEvent, Problem>;
}

/// How far a device read the feeds of its scopes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveRequest {
    /// One for each scope, [`PLACES_MAX`] at most.
    pub places: Vec<LivePlace>,
}

/// How far a feed was read. As text `scope:epoch:position`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LivePlace {
    /// The scope.
    pub scope: ScopeId,
    /// The epoch of the position.
    pub epoch: u32,
    /// The last position read; 0 for none.
    pub position: u64,
}

/// One thing that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent {
    /// How far the server is, first of all.
    Hello(Hello),
    /// New batches of a feed.
    Feed(FeedNews),
    /// A table has a new version.
    Table(TableNews),
    /// The trust document has a new version.
    Trust(TrustNews),
    /// This device, the home of a ticket, is asked to hold it back.
    Yield(YieldRequest),
    /// The server is there.
    Ping(Ping),
    /// The server ends it. The device asks, and comes back.
    Bye(Bye),
}

/// How far the server is when a device begins to listen.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Hello {
    /// The server's clock.
    #[n(0)]
    pub server_time: UnixMillis,
    /// The server's epoch.
    #[n(1)]
    pub epoch: u32,
    /// Tables of the assignment and their newest versions.
    #[n(2)]
    pub tables: Vec<TableVersion>,
    /// Scopes of the assignment and the ends of their feeds.
    #[n(3)]
    pub feeds: Vec<FeedEnd>,
    /// Version of the trust document.
    #[n(4)]
    pub trust: Version,
}

/// News of a feed. Whoever read it up to `after` may take the batches; whoever did not has missed
/// something and asks. Where the batches are too many to be told, there are none, and `end` says how far to
/// ask.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FeedNews {
    /// The scope.
    #[n(0)]
    pub scope: ScopeId,
    /// The epoch of the positions.
    #[n(1)]
    pub epoch: u32,
    /// The last position before those batches.
    #[n(2)]
    pub after: u64,
    /// All batches between `after` and `end`, by rising position; or none of them.
    #[n(3)]
    pub batches: Vec<FeedBatch>,
    /// The last position that this tells of.
    #[n(4)]
    pub end: u64,
    /// The hash of the last record of the batch at `after`: who read another batch there does not go on from it.
    #[n(5)]
    pub last: Option<Hash>,
}

/// News of a table.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TableNews {
    /// The table.
    #[n(0)]
    pub table: TableId,
    /// Its newest version.
    #[n(1)]
    pub version: Version,
    /// What changed, if it is little.
    #[n(2)]
    pub segment: Option<TableSegment>,
}

/// What changed in a table since a version that most devices hold.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TableSegment {
    /// The version that it goes on from.
    #[n(0)]
    pub since: Version,
    /// The signed manifest it ends at.
    #[n(1)]
    pub manifest: ByteVec,
    /// zstd-compressed rows, each a CBOR byte string.
    #[n(2)]
    pub rows: ByteVec,
}

/// News of the trust document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct TrustNews {
    /// Its newest version.
    #[n(0)]
    pub version: Version,
}

/// The server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Ping {
    /// The server's clock.
    #[n(0)]
    pub server_time: UnixMillis,
}

/// The server ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Bye {
    /// Why.
    #[n(0)]
    pub reason: ByeReason,
}

/// Why the server ends it. Whatever the reason is, the device asks at once how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByeReason {
    /// The server stops.
    Closing,
    /// The device does not read as fast as things happen.
    TooSlow,
    /// The same device began to listen anew.
    Replaced,
    /// The token's time is over.
    SignInAnew,
    /// The device was revoked.
    Revoked,
    /// The server was restored from a backup: positions count anew.
    NewEpoch,
    /// One that this program does not know.
    Other(u8),
}

impl ByeReason {
    const fn number(self) -> u8 {
        match self {
            Self::Closing => 0,
            Self::TooSlow => 1,
            Self::Replaced => 2,
            Self::SignInAnew => 3,
            Self::Revoked => 4,
            Self::NewEpoch => 5,
            Self::Other(number) => number,
        }
    }
}

impl<C> Encode<C> for ByeReason {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.u8(self.number())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ByeReason {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Ok(match d.u8()? {
            0 => Self::Closing,
            1 => Self::TooSlow,
            2 => Self::Replaced,
            3 => Self::SignInAnew,
            4 => Self::Revoked,
            5 => Self::NewEpoch,
            number => Self::Other(number),
        })
    }
}

impl LiveEvent {
    /// The name that an event travels under.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Feed(_) => "feed",
            Self::Table(_) => "table",
            Self::Trust(_) => "trust",
            Self::Yield(_) => "yield",
            Self::Ping(_) => "ping",
            Self::Bye(_) => "bye",
        }
    }

    /// The event's CBOR.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => crate::cbor::encode(hello),
            Self::Feed(news) => crate::cbor::encode(news),
            Self::Table(news) => crate::cbor::encode(news),
            Self::Trust(news) => crate::cbor::encode(news),
            Self::Yield(request) => crate::cbor::encode(request),
            Self::Ping(ping) => crate::cbor::encode(ping),
            Self::Bye(bye) => crate::cbor::encode(bye),
        }
    }

    /// The event of this name and CBOR; none if this program does not know the name.
    ///
    /// # Errors
    /// If the bytes are not what the name says.
    pub fn decode(name: &str, bytes: &[u8]) -> Result<Option<Self>, CborError> {
        Ok(Some(match name {
            "hello" => Self::Hello(crate::cbor::decode(bytes)?),
            "feed" => Self::Feed(crate::cbor::decode(bytes)?),
            "table" => Self::Table(crate::cbor::decode(bytes)?),
            "trust" => Self::Trust(crate::cbor::decode(bytes)?),
            "yield" => Self::Yield(crate::cbor::decode(bytes)?),
            "ping" => Self::Ping(crate::cbor::decode(bytes)?),
            "bye" => Self::Bye(crate::cbor::decode(bytes)?),
            _ => return Ok(None),
        }))
    }
}

#[cfg(test)]
mod tests;
