//! Rescuing what must not be lost from a damaged file: who the device is, and its own records.
//!
//! Everything else comes from the server again. Two ways are tried one after the other: SQLite reads row
//! by row around what is broken; then the bytes of the file and of its write-ahead log are searched for
//! records, which prove themselves by the hash beside them, and for the identity, which bears a mark.

use super::error::Doing as _;
use super::identity::{self, MARK, Stored};
use super::records::{CLOSED, ensure_log, insert};
use super::{StoreError, documents, records};
use minicbor::Decoder;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use usher_domain::cbor;
use usher_domain::document::trust::Trust;
use usher_domain::document::{Held, Verified, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::log::{Entry, Frame, RECORD_BYTES_MAX};
use usher_domain::record::{LogRef, Record};

/// What was rescued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rescue {
    /// Name of the damaged file, in the device's folder.
    pub file: String,
    /// Whether the device still knows who it is; if not, it must be enrolled again.
    pub identity: bool,
    /// Records of this device that were taken over, sent or not: the server knows those it has.
    pub records: u64,
    /// Records that are known to be missing: between two that were taken over. What came after the last one
    /// is unknown.
    pub missing: u64,
}

/// Rows that SQLite may fail to give in a row before it is believed that there are no more.
const MISSES_MAX: u32 = 24;

type Found = BTreeMap<(LogRef, u64, Hash), Entry>;

/// Takes over into `conn` what is readable in the file set aside.
pub(super) fn rescue(aside: &Path, conn: &mut Connection) -> Result<Rescue, StoreError> {
    let mut found = Found::new();
    let mut who = None;
    let mut trust = None;
    if let Ok(old) = Connection::open_with_flags(
        aside,
        // Writable, because a write-ahead log is read only together with its index, which is made anew.
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    ) {
        who = identity::load(&old).ok().flatten();
        // It proves itself, and remembers that nothing older is to be believed.
        trust = documents::bytes(&old, documents::TRUST).ok().flatten();
        read_rows(&old, &mut found);
    }
    let mut wal = aside.as_os_str().to_owned();
    wal.push("-wal");
    for path in [aside.as_os_str(), wal.as_os_str()] {
        // A file that cannot be read at all gives nothing.
        let bytes = fs::read(path).unwrap_or_default();
        carve_records(&bytes, &mut found);
        who = who.or_else(|| carve_identity(&bytes));
    }
    let device = who.as_ref().and_then(Stored::device);
    let trust = trust.and_then(|bytes| believed(&bytes, who.as_ref()));
    let (records, missing) = take_over(conn, who.as_ref(), trust.as_ref(), device, &found)?;
    Ok(Rescue {
        file: aside
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        identity: who.is_some_and(|who| who.is_enrolled()),
        records,
        missing,
    })
}

/// The trust document, if it verifies under the root of the identity.
fn believed(bytes: &[u8], who: Option<&Stored>) -> Option<Verified<Trust>> {
    verify_trust(bytes, &who?.root_key()?, None).ok()
}

/// Reads record by record; where a page is broken, jumps further and further ahead.
fn read_rows(old: &Connection, found: &mut Found) {
    let mut place = 0_i64;
    let mut misses = 0;
    while misses < MISSES_MAX {
        let row = old
            .prepare_cached(
                "SELECT place, body FROM records WHERE place > ?1 ORDER BY place LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row([place], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            });
        match row {
            Ok(Some((at, body))) => {
                misses = 0;
                place = at;
                let body: Vec<u8> = body;
                keep(&body, found);
            }
            Ok(None) => return,
            Err(_) => {
                place = place.saturating_add(1_i64 << misses);
                misses += 1;
            }
        }
    }
}

fn keep(encoded: &[u8], found: &mut Found) {
    let Ok(frame) = cbor::decode::<Frame>(encoded) else {
        return;
    };
    let entry = Entry {
        encoded: encoded.to_vec(),
        hash: Hash::of(&[encoded]),
        frame,
        record: cbor::decode(encoded).ok(),
    };
    found.insert((frame.log, frame.sequence, entry.hash), entry);
}

/// How every record begins: an array of six, and in it a log, an array of two ids.
const RECORD_START: [u8; 3] = [0x86, 0x82, 0x50];

/// Bytes before a record in which its row keeps its hash: the columns between are short.
const HASH_WITHIN: usize = 128;

/// Finds records in raw bytes. What a page holds of deleted or moved rows may be spliced of two, so only
/// a record in its one encoding whose hash stands before it, as in its row, counts.
fn carve_records(bytes: &[u8], found: &mut Found) {
    for at in starts(bytes, &RECORD_START) {
        let rest = bytes.get(at..).unwrap_or_default();
        let rest = rest.get(..RECORD_BYTES_MAX).unwrap_or(rest);
        let mut decoder = Decoder::new(rest);
        let Ok(record) = decoder.decode::<Record>() else {
            continue;
        };
        let encoded = rest.get(..decoder.position()).unwrap_or_default();
        let before = bytes
            .get(at.saturating_sub(HASH_WITHIN)..at)
            .unwrap_or_default();
        let hash = Hash::of(&[encoded]);
        if record.encode() == encoded && starts(before, hash.as_bytes()).next().is_some() {
            keep(encoded, found);
        }
    }
}

fn carve_identity(bytes: &[u8]) -> Option<Stored> {
    // The mark is a text of 16 bytes within an array, so its head and the array's stand before it.
    starts(bytes, MARK.as_bytes())
        .filter_map(|at| bytes.get(at.checked_sub(2)?..))
        .filter_map(|rest| Decoder::new(rest).decode::<Stored>().ok())
        .filter(Stored::is_marked)
        .max_by_key(Stored::is_enrolled)
}

fn starts<'b>(bytes: &'b [u8], pattern: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    bytes
        .windows(pattern.len())
        .enumerate()
        .filter(move |(_, window)| *window == pattern)
        .map(|(at, _)| at)
}

/// Writes identity and own records into the new store. The logs are closed: what came after the last
/// readable record is unknown, so the device goes on in new ones.
fn take_over(
    conn: &mut Connection,
    who: Option<&Stored>,
    trust: Option<&Verified<Trust>>,
    device: Option<DeviceId>,
    found: &Found,
) -> Result<(u64, u64), StoreError> {
    let doing = "taking rescued records over";
    let tx = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing(doing)?;
    if let Some(who) = who {
        identity::save(&tx, who)?;
    }
    if let Some(trust) = trust {
        let held = Held {
            version: trust.value().version,
            hash: trust.hash(),
            signer: trust.signer(),
        };
        documents::put(&tx, documents::TRUST, trust.bytes(), held)?;
    }
    let mut count = 0;
    let mut sequences: BTreeMap<LogRef, BTreeSet<u64>> = BTreeMap::new();
    for entry in found.values() {
        let frame = &entry.frame;
        if Some(frame.log.device) != device {
            continue;
        }
        let log_no = ensure_log(&tx, frame.log, frame.scope, CLOSED)?;
        let scope_no = records::scope_no(&tx, frame.scope)?;
        count += u64::from(insert(&tx, log_no, scope_no, entry)?);
        sequences
            .entry(frame.log)
            .or_default()
            .insert(frame.sequence);
    }
    tx.commit().doing(doing)?;
    let missing = sequences.values().map(|held| {
        let last = held.last().copied().unwrap_or(0);
        last.saturating_sub(held.len() as u64)
    });
    Ok((count, missing.sum()))
}
