//! Which files were imported into an event, to know an old list when it comes again.

use crate::service::error::{Error, Result};
use crate::service::tickets::said::Mark;
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{EventId, SessionId};
use usher_domain::time::UnixMillis;

/// Imports of an event that are remembered, the latest ones.
const REMEMBERED_MAX: usize = 64;

/// An import that changed something.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Entry {
    /// The list that it was of.
    #[n(0)]
    list: Mark,
    /// Digest of its files.
    #[n(1)]
    digest: Hash,
    /// When it was imported last.
    #[n(2)]
    at: UnixMillis,
    /// The session that somebody named for its tickets.
    #[n(3)]
    session: Option<SessionId>,
}

/// The list that files are of, and for which of the event's sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    /// Kind, sales channel and shop.
    pub(super) mark: Mark,
    /// The session that somebody named for its tickets; without one they may be of any.
    pub(super) session: Option<SessionId>,
}

impl List {
    /// Whether an import was of this list. Lists of two sessions are two lists; one whose session nobody
    /// named may be that of any session.
    fn is_of(self, entry: &Entry) -> bool {
        let named = self.session.zip(entry.session);
        self.mark == entry.list && named.is_none_or(|(this, that)| this == that)
    }
}

/// Files that were imported before others of the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Older {
    /// When they were imported last.
    pub(super) at: UnixMillis,
    /// How many imports of the list came after.
    pub(super) since: u64,
}

/// The digest of files, in whatever order they come.
pub(super) fn digest(files: &[(String, Vec<u8>)]) -> Hash {
    let mut all: Vec<Hash> = files.iter().map(|(_, bytes)| Hash::of(&[bytes])).collect();
    all.sort_unstable();
    let all: Vec<&[u8]> = all.iter().map(|hash| hash.as_bytes().as_slice()).collect();
    Hash::of(&all)
}

fn place(event: EventId) -> Vec<u8> {
    [b"imported ", event.as_bytes().as_slice()].concat()
}

fn read(txn: &dyn Transaction, event: EventId) -> Result<Vec<Entry>> {
    match txn.value(Space::Event, &place(event))? {
        None => Ok(Vec::new()),
        Some(bytes) => cbor::decode(&bytes)
            .map_err(|_| Error::Internal("the journal of imports is not readable")),
    }
}

/// Whether these files were imported before, and others of the same list since.
pub(super) fn older(
    txn: &dyn Transaction,
    event: EventId,
    list: List,
    digest: Hash,
) -> Result<Option<Older>> {
    let entries = read(txn, event)?;
    let of_list = entries.iter().rev().filter(|entry| list.is_of(entry));
    let found = (0..).zip(of_list).find(|(_, entry)| entry.digest == digest);
    let found = found.map(|(since, entry)| Older {
        at: entry.at,
        since,
    });
    Ok(found.filter(|older| older.since > 0))
}

/// Notes that files were imported.
pub(super) fn note(
    txn: &mut dyn Transaction,
    event: EventId,
    list: List,
    digest: Hash,
    now: UnixMillis,
) -> Result<()> {
    let mut entries = read(txn, event)?;
    entries.retain(|entry| !list.is_of(entry) || entry.digest != digest);
    entries.push(Entry {
        list: list.mark,
        digest,
        at: now,
        session: list.session,
    });
    let surplus = entries.len().saturating_sub(REMEMBERED_MAX);
    entries.drain(..surplus);
    txn.put_value(Space::Event, &place(event), &cbor::encode(&entries), now)?;
    Ok(())
}
