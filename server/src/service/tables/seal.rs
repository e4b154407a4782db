//! One sealing: the rows that wait become the next signed version.

use super::counts::Counts;
use super::hand_back::reached;
use super::{organizer_of, terms};
use crate::keys::{self, KeyUse};
use crate::service::error::{Error, Result};
use crate::service::{Settings, epoch, organizers};
use crate::storage::{Pending, StorageError, TableHead, Transaction};
use std::collections::BTreeSet;
use usher_domain::document::sign;
use usher_domain::hash::Hash;
use usher_domain::table::{
    Bucket, Digests, Manifest, TableId, Version, bucket_digest, content_type_of,
};
use usher_domain::time::UnixMillis;

/// What a sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// A new version is signed, and no row waits.
    Sealed,
    /// A new version is signed, and more rows wait for the next one.
    Part,
    /// The organizer has handed in no trust document yet; nothing it signs could be believed.
    NoTrust,
}

/// What the next version goes on from.
struct Base {
    /// The version before; none of a table that was never sealed.
    before: Option<Version>,
    digests: Digests,
    counts: Counts,
}

impl Base {
    fn load(txn: &dyn Transaction, table: TableId) -> Result<Self> {
        let Some(head) = txn.table_head(table)? else {
            return Ok(Self {
                before: None,
                digests: Digests::empty(),
                counts: Counts::default(),
            });
        };
        Ok(Self {
            before: Some(head.version),
            digests: read_digests(&head.digests)?,
            counts: Counts::read(&head.counts)?,
        })
    }
}

/// Digests as stored: 1,024 times 32 bytes.
pub(crate) fn read_digests(bytes: &[u8]) -> Result<Digests> {
    let (hashes, _) = bytes.as_chunks::<32>();
    let hashes = hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect();
    Digests::from_hashes(hashes).map_err(|_| Error::Internal("stored digests are not readable"))
}

fn write_digests(digests: &Digests) -> Vec<u8> {
    digests
        .hashes()
        .iter()
        .flat_map(|hash| *hash.as_bytes())
        .collect()
}

/// Seals a table: its terms, and as many of its waiting rows as one version takes. More rows than that
/// become several versions, so that others may write in between.
pub(crate) fn seal(
    txn: &mut dyn Transaction,
    table: TableId,
    settings: &Settings,
    now: UnixMillis,
) -> Result<Sealing> {
    let organizer = organizer_of(txn, table)?;
    let Some(trust) = organizers::trust(txn, organizer)? else {
        return Ok(Sealing::NoTrust);
    };
    let key_use = match table {
        TableId::Roster(_) => KeyUse::Roster,
        TableId::Set(_) | TableId::Directory(_) => KeyUse::Set,
    };
    let key = keys::load(txn, organizer, key_use)?;
    // Where a key was revoked, devices ask for documents issued after that, also if the clock of whoever
    // revoked it is ahead of this server's.
    let issued_at = trust.keys.last_revocation().map_or(now, |at| now.max(at));
    organizers::may_sign(&trust, key.kid(), content_type_of(table), issued_at)?;

    let mut base = Base::load(txn, table)?;
    let touched = count_pending(txn, table, settings.seal_rows_max, &mut base.counts)?;
    let version = Version {
        epoch: epoch(txn)?,
        number: base
            .before
            .map_or(0, |before| before.number)
            .checked_add(1)
            .ok_or(Error::Internal("the versions of a table are used up"))?,
    };
    if let Some(before) = base.before.filter(|before| before.epoch != version.epoch) {
        reached::note(txn, table, before, now)?;
    }
    txn.seal_pending(table, version.number, settings.seal_rows_max)?;
    for bucket in touched {
        base.digests.set(bucket, digest_of(txn, table, bucket)?);
    }
    let manifest = Manifest {
        table,
        version,
        rows: base.counts.rows,
        digest: base.digests.table_digest(),
        issued_at,
        expires_at: issued_at.shifted(i64::try_from(settings.manifest_life_ms).unwrap_or(i64::MAX)),
        terms: match table {
            TableId::Set(session) => {
                Some(terms::of_session(txn, organizer, session, &base.counts)?)
            }
            TableId::Roster(_) | TableId::Directory(_) => None,
        },
    };
    let head = TableHead {
        version,
        manifest: sign(&manifest, &key),
        digests: write_digests(&base.digests),
        counts: usher_domain::cbor::encode(&base.counts),
        sealed_at: now,
    };
    txn.put_table_head(table, &head)?;
    let mut waiting = Sealing::Sealed;
    txn.pending_rows(table, 1, &mut |_| {
        waiting = Sealing::Part;
        Ok(())
    })?;
    Ok(waiting)
}

/// Takes the waiting rows into the counts and tells their buckets.
fn count_pending(
    txn: &dyn Transaction,
    table: TableId,
    limit: u32,
    counts: &mut Counts,
) -> Result<BTreeSet<Bucket>> {
    let mut touched = BTreeSet::new();
    let mut broken = None;
    let visited = txn.pending_rows(table, limit, &mut |Pending { bucket, new, old }| {
        touched.extend(Bucket::new(bucket));
        counts.change(table, old, new).map_err(|error| {
            broken = Some(error);
            StorageError::Aborted
        })
    });
    match (broken, visited) {
        (Some(error), _) => Err(error),
        (None, visited) => {
            visited?;
            Ok(touched)
        }
    }
}

fn digest_of(txn: &dyn Transaction, table: TableId, bucket: Bucket) -> Result<Hash> {
    let mut rows = Vec::new();
    txn.sealed_rows(table, bucket.get()..=bucket.get(), &mut |_, row| {
        rows.push(row.to_vec());
        Ok(())
    })?;
    Ok(bucket_digest(rows.iter().map(Vec::as_slice)))
}
