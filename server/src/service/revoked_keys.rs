//! Since when codes of a revoked key count no more where no list has them.
//!
//! The time is that at which this server took in the trust document that revokes the key, and so many seconds
//! later as a record's stamp may be ahead of its arrival: no admission that was interpreted before changes its
//! meaning, and a gate had the time to hear of it.

use super::error::{Error, Result};
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;
use usher_domain::cbor;
use usher_domain::document::TrustedKeys;
use usher_domain::ids::OrganizerId;
use usher_domain::keys::KeyId;
use usher_domain::merge::STAMP_AHEAD_MS;
use usher_domain::time::UnixMillis;

/// The revoked keys of an organizer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RevokedKeys(BTreeMap<KeyId, UnixMillis>);

#[derive(Encode, Decode)]
struct Entry {
    #[n(0)]
    key: KeyId,
    #[n(1)]
    since: UnixMillis,
}

fn place(organizer: OrganizerId) -> Vec<u8> {
    [b"revoked keys ".as_slice(), organizer.as_bytes()].concat()
}

impl RevokedKeys {
    pub(crate) fn read(txn: &dyn Transaction, organizer: OrganizerId) -> Result<Self> {
        let Some(bytes) = txn.value(Space::Server, &place(organizer))? else {
            return Ok(Self::default());
        };
        let entries: Vec<Entry> = cbor::decode(&bytes)
            .map_err(|_| Error::Internal("the times of revoked keys are not readable"))?;
        let entries = entries.into_iter().map(|entry| (entry.key, entry.since));
        Ok(Self(entries.collect()))
    }

    /// Whether a key was revoked before a time.
    pub(crate) fn revoked_before(&self, key: KeyId, at: UnixMillis) -> bool {
        self.0.get(&key).is_some_and(|since| *since < at)
    }
}

/// Notes which keys a trust document revokes that were good until now.
pub(crate) fn note(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    keys: &TrustedKeys,
    now: UnixMillis,
) -> Result<()> {
    let mut known = RevokedKeys::read(txn, organizer)?;
    let before = known.clone();
    let ahead = i64::try_from(STAMP_AHEAD_MS).unwrap_or(i64::MAX);
    let delegations = keys.trust().delegations.iter();
    for delegation in delegations.filter(|delegation| delegation.revoked_at.is_some()) {
        let key = delegation.key.kid();
        known.0.entry(key).or_insert_with(|| now.shifted(ahead));
    }
    if known == before {
        return Ok(());
    }
    let entries = known.0.into_iter();
    let entries: Vec<Entry> = entries.map(|(key, since)| Entry { key, since }).collect();
    txn.put_value(
        Space::Server,
        &place(organizer),
        &cbor::encode(&entries),
        now,
    )?;
    Ok(())
}
