//! Digests that say whether two copies of a table are equal, and where they differ.
//!
//! ```text
//! bucket of a row = first 10 bits of SHA-256(key)
//! bucket digest   = SHA-256(rows of the bucket in key order, one after the other)
//! table digest    = SHA-256(1,024 bucket digests)
//! ```
//!
//! Rows are CBOR and therefore end by themselves, so nothing has to stand between them.

use super::row::{Row, RowError, RowKey};
use crate::hash::Hash;
use sha2::{Digest as _, Sha256};

/// Number of buckets of every table: a power of two, so that buckets are equally full.
pub const BUCKETS: usize = 1 << BUCKET_BITS;
const BUCKET_BITS: u32 = 10;

/// One of the 1,024 buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The first of all.
    pub const FIRST: Self = Self(0);

    /// The bucket that a key falls into.
    #[must_use]
    pub fn of(key: &RowKey) -> Self {
        let digest = Hash::of(&[key.as_bytes()]);
        let [first, second, ..] = *digest.as_bytes();
        Self(u16::from_be_bytes([first, second]) >> (u16::BITS - BUCKET_BITS))
    }

    /// The bucket of this number, if there is one.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if (number as usize) < BUCKETS {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number, 0 to 1,023.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// All buckets in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..BUCKETS as u16).map(Self)
    }

    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The digest of one bucket, made row by row as a store hands them out.
#[derive(Debug, Clone, Default)]
pub struct BucketHasher(Sha256);

impl BucketHasher {
    /// Takes in the encoding of the next row. That the rows come in key order is the caller's word: copies
    /// keep them so.
    pub fn push(&mut self, row: &[u8]) {
        self.0.update(row);
    }

    /// The digest of all rows taken in; the hasher then begins anew.
    pub fn finish(&mut self) -> Hash {
        Hash::from_bytes(self.0.finalize_reset().into())
    }
}

/// The digest of one bucket whose rows are at hand, all of them in key order.
#[must_use]
pub fn bucket_digest<'b>(rows: impl IntoIterator<Item = &'b [u8]>) -> Hash {
    let mut hasher = BucketHasher::default();
    rows.into_iter().for_each(|row| hasher.push(row));
    hasher.finish()
}

/// There must be one digest for each of the 1,024 buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one digest for each of the {BUCKETS} buckets")]
pub struct WrongBuckets;

/// The digests of all buckets of a table.
#[derive(Clone, PartialEq, Eq)]
pub struct Digests(Box<[Hash; BUCKETS]>);

impl Digests {
    /// Those of a table without rows.
    #[must_use]
    pub fn empty() -> Self {
        Self(Box::new([bucket_digest([]); BUCKETS]))
    }

    /// Those that another side told or a store kept.
    ///
    /// # Errors
    /// [`WrongBuckets`] if there are more or fewer than 1,024.
    pub fn from_hashes(hashes: Vec<Hash>) -> Result<Self, WrongBuckets> {
        Box::try_from(hashes.into_boxed_slice())
            .map(Self)
            .map_err(|_| WrongBuckets)
    }

    /// All of them, in the order of the buckets.
    #[must_use]
    pub fn hashes(&self) -> &[Hash; BUCKETS] {
        &self.0
    }

    /// That of one bucket.
    #[must_use]
    pub fn get(&self, bucket: Bucket) -> Hash {
        self.0.get(bucket.index()).copied().unwrap_or_default()
    }

    /// Takes in the new digest of a bucket whose rows changed.
    pub fn set(&mut self, bucket: Bucket, digest: Hash) {
        if let Some(slot) = self.0.get_mut(bucket.index()) {
            *slot = digest;
        }
    }

    /// The digest of the table.
    #[must_use]
    pub fn table_digest(&self) -> Hash {
        let mut hasher = Sha256::new();
        for hash in self.0.iter() {
            hasher.update(hash.as_bytes());
        }
        Hash::from_bytes(hasher.finalize().into())
    }

    /// The buckets in which two copies differ: what a repair fetches.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<Bucket> {
        Bucket::all()
            .filter(|bucket| self.get(*bucket) != other.get(*bucket))
            .collect()
    }
}

impl std::fmt::Debug for Digests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digests({})", self.table_digest())
    }
}

/// Digests of a table whose rows pass by once, in the order of bucket and key, as a snapshot has them.
#[derive(Debug)]
pub struct SnapshotDigest {
    digests: Digests,
    rows: u64,
    last: Option<(Bucket, RowKey)>,
    hasher: BucketHasher,
}

impl Default for SnapshotDigest {
    fn default() -> Self {
        Self {
            digests: Digests::empty(),
            rows: 0,
            last: None,
            hasher: BucketHasher::default(),
        }
    }
}

impl SnapshotDigest {
    /// Takes the next row in and says which bucket it belongs to.
    ///
    /// # Errors
    /// [`RowError::Order`] unless the row stands after the one before.
    pub fn push(&mut self, row: &Row<'_>) -> Result<Bucket, RowError> {
        let place = (row.bucket(), row.key());
        match self.last {
            Some(last) if last >= place => return Err(RowError::Order),
            Some((bucket, _)) if bucket != place.0 => self.close(bucket),
            Some(_) | None => {}
        }
        self.hasher.push(row.bytes());
        self.last = Some(place);
        self.rows += 1;
        Ok(place.0)
    }

    /// The digests and the number of rows.
    #[must_use]
    pub fn finish(mut self) -> (Digests, u64) {
        if let Some((bucket, _)) = self.last {
            self.close(bucket);
        }
        (self.digests, self.rows)
    }

    fn close(&mut self, bucket: Bucket) {
        let digest = self.hasher.finish();
        self.digests.set(bucket, digest);
    }
}

#[cfg(test)]
mod tests;
