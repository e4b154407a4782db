//! Proving rows that are handed back: the manifest by its signature, the rows by the manifest.

use crate::service::error::{Error, Result};
use crate::service::organizers;
use crate::storage::{StoredRow, Transaction};
use std::collections::BTreeSet;
use std::io::Read as _;
use usher_domain::hash::Hash;
use usher_domain::ids::OrganizerId;
use usher_domain::protocol::HandBack;
use usher_domain::table::{
    Bucket, Digests, Manifest, Row, RowError, RowReader, TableId, bucket_digest, verify_manifest,
};

/// Bytes of rows in one request after decompression at most. A device gathers two million and the rest of
/// a bucket.
const ROWS_BYTES_MAX: usize = 8 << 20;
/// What is decompressed before it is looked at.
const CHUNK_BYTES: usize = 64 << 10;
/// The largest window of a compressed stream that memory is given to, as a power of two.
const WINDOW_LOG_MAX: u32 = 23;

fn not_authentic(why: impl ToString) -> Error {
    Error::NotAuthentic(why.to_string())
}

/// The manifest, if it is signed by a key of the organizer that counts.
pub(super) fn manifest(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    table: TableId,
    signed: &[u8],
) -> Result<Manifest> {
    let trust = organizers::trust(txn, organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    let manifest = verify_manifest(signed, &trust.keys, table).map_err(not_authentic)?;
    Ok(manifest.into_value())
}

/// Takes the rows apart and proves every bucket against the manifest. It needs no database, and no more
/// memory than a request may have rows.
pub(super) fn rows(manifest: &Manifest, request: &HandBack) -> Result<Vec<StoredRow>> {
    let digests = Digests::from_hashes(request.digests.clone()).map_err(not_authentic)?;
    if digests.table_digest() != manifest.digest {
        return Err(not_authentic("the digests do not fit the manifest"));
    }
    let named: BTreeSet<u16> = request.buckets.iter().copied().collect();
    let rows = unpack(&request.rows, &named, manifest.rows)?;
    let mut rest = rows.as_slice();
    for number in named {
        let end = rest.partition_point(|row| row.bucket <= number);
        let (whole, after) = rest.split_at(end);
        rest = after;
        let digest: Hash = bucket_digest(whole.iter().map(|row| row.row.as_slice()));
        let expected = Bucket::new(number).map(|bucket| digests.get(bucket));
        if expected != Some(digest) {
            return Err(not_authentic("the rows of a bucket do not fit its digest"));
        }
    }
    Ok(rows)
}

/// Why a stream of rows is not read on.
enum Unpack {
    Row(RowError),
    Refused(Error),
}

impl From<RowError> for Unpack {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

impl From<Unpack> for Error {
    fn from(error: Unpack) -> Self {
        match error {
            Unpack::Row(error) => Self::invalid("rows", error.to_string()),
            Unpack::Refused(error) => error,
        }
    }
}

/// Rows as they come, and what they may still be.
struct Gathered<'a> {
    rows: Vec<StoredRow>,
    bytes: usize,
    named: &'a BTreeSet<u16>,
    rows_max: u64,
}

impl Gathered<'_> {
    fn take(&mut self, row: Row<'_>) -> std::result::Result<(), Unpack> {
        let refuse = |why| Err(Unpack::Refused(not_authentic(why)));
        let (bucket, key) = (row.bucket().get(), *row.key().as_bytes());
        if !self.named.contains(&bucket) {
            return refuse("rows of a bucket that is not named");
        }
        let last = self.rows.last().map(|last| (last.bucket, last.key));
        if last.is_some_and(|last| last >= (bucket, key)) {
            return refuse("rows that do not follow each other by bucket and key");
        }
        if self.rows.len() as u64 >= self.rows_max {
            return refuse("more rows than the table has");
        }
        self.bytes = self.bytes.saturating_add(row.bytes().len());
        if self.bytes > ROWS_BYTES_MAX {
            let error = Error::too_long("what is handed back", ROWS_BYTES_MAX as u64);
            return Err(Unpack::Refused(error));
        }
        self.rows.push(StoredRow {
            bucket,
            key,
            revision: row.revision(),
            row: row.bytes().to_vec(),
        });
        Ok(())
    }
}

/// Decompresses rows piece by piece and stops at the first that cannot be one of the table's: what is
/// unpacked is never more than what a table of so many rows has.
fn unpack(compressed: &[u8], named: &BTreeSet<u16>, rows_max: u64) -> Result<Vec<StoredRow>> {
    let damaged = |_| Error::invalid("rows", "not compressed as they should be");
    let mut decoder = zstd::stream::read::Decoder::new(compressed).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(damaged)?;
    let mut gathered = Gathered {
        rows: Vec::new(),
        bytes: 0,
        named,
        rows_max,
    };
    let mut reader = RowReader::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = decoder.read(&mut chunk).map_err(damaged)?;
        let Some(read) = chunk.get(..length).filter(|read| !read.is_empty()) else {
            break;
        };
        reader.push(read, |row| gathered.take(row))?;
    }
    reader
        .finish()
        .map_err(|error| Error::invalid("rows", error.to_string()))?;
    Ok(gathered.rows)
}
