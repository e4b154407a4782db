//! What a manifest that is handed back says of its rows: that this server lost them, or nothing for sure.
//!
//! A server that was restored from a backup knows how far it had come by then, table by table. What it
//! signed after that in an earlier epoch is what it lost. Everything else may be the history of a server
//! that was put back without a word, or a forgery under a stolen key: nobody can tell the two apart but a
//! person.

use super::change::Word;
use crate::service::error::{Error, Result};
use crate::service::{epoch, restored_at};
use crate::storage::{Space, Transaction};
use usher_domain::cbor;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// For how long after a declared restore devices hand back what was lost without asking anybody: some are
/// switched on for the next weekend only.
const OPEN_MS: u64 = 14 * 24 * 3_600_000;

/// The last version of each epoch before the present one.
fn ends(txn: &dyn Transaction, table: TableId) -> Result<Vec<Version>> {
    let Some(bytes) = txn.value(Space::ReachedVersions, &cbor::encode(&table))? else {
        return Ok(Vec::new());
    };
    cbor::decode(&bytes).map_err(|_| Error::Internal("how far a table came is not readable"))
}

/// Notes that a table goes on from `before` in a new epoch.
pub(crate) fn note(
    txn: &mut dyn Transaction,
    table: TableId,
    before: Version,
    now: UnixMillis,
) -> Result<()> {
    let mut ends = ends(txn, table)?;
    ends.retain(|end| end.epoch != before.epoch);
    ends.push(before);
    let key = cbor::encode(&table);
    txn.put_value(Space::ReachedVersions, &key, &cbor::encode(&ends), now)?;
    Ok(())
}

/// How far this database came with a table in an epoch.
fn reached(txn: &dyn Transaction, table: TableId, epoch: u32) -> Result<u64> {
    let newest = txn.table_version(table)?;
    let mut known = ends(txn, table)?;
    known.extend(newest);
    let of_epoch = known.iter().filter(|version| version.epoch == epoch);
    Ok(of_epoch.map(|version| version.number).max().unwrap_or(0))
}

/// By whose word rows under a manifest of this version are taken in.
pub(super) fn word_for(
    txn: &dyn Transaction,
    table: TableId,
    version: Version,
    now: UnixMillis,
) -> Result<Word> {
    let is_open = restored_at(txn)?.is_some_and(|at| now.since(at) <= OPEN_MS);
    let is_lost =
        version.epoch < epoch(txn)? && version.number > reached(txn, table, version.epoch)?;
    Ok(match is_open && is_lost {
        true => Word::Restore,
        false => Word::Nobody,
    })
}
