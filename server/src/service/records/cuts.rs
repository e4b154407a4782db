//! Cuts of logs: making them, and knowing which records they let count.
//!
//! A cut names the ends of the branches that count by hash. What the chain leads back to from there never
//! changes, so it is followed once and kept.

use super::difference::Found;
use super::lines::Placed;
use super::progress::Extent;
use crate::service::error::{Error, Result};
use crate::storage::{LogPlace, Space, Transaction};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::{Ancestors, Ground};
use usher_domain::protocol::Head;
use usher_domain::record::{Body, Cut, CutBy, LogRef};
use usher_domain::time::UnixMillis;

/// Ends of branches that one cut names at most: more do not fit a record. What hangs on the others waits for
/// a person.
const HEADS_MAX: usize = 64;
/// Records of a log read at once.
const PAGE: u32 = 1_000;

/// A cut of a log behind these ends of its branches.
pub(in crate::service) fn cut(log: LogRef, heads: &[Head], by: CutBy) -> Cut {
    let mut ends: Vec<(u64, Hash)> = heads
        .iter()
        .filter(|head| head.log == log)
        .map(|head| (head.sequence, head.hash))
        .collect();
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.truncate(HEADS_MAX);
    Cut {
        log,
        last: ends.first().map_or(0, |(sequence, _)| *sequence),
        heads: Some(ends.into_iter().map(|(_, hash)| hash).collect()),
        by: Some(by),
    }
}

/// Whether this record of the authority's own log is a cut of a log.
pub(super) fn is_cut_of(line: &Line, authority: DeviceId, log: LogRef) -> bool {
    line.record.log.device == authority
        && matches!(&line.record.body, Body::Cut(cut) if cut.log == log)
}

/// The ground that scope-wide records make, with the logs of its cuts followed as far as they are stored at
/// positions that `is_read` chooses.
pub(in crate::service) fn ground_of<'a>(
    txn: &dyn Transaction,
    scope: ScopeId,
    authority: DeviceId,
    lines: impl IntoIterator<Item = &'a Line>,
    is_read: impl Fn(u64) -> bool,
) -> Result<Ground> {
    let mut ground = Ground::of(scope, authority, lines);
    let mut chains: BTreeMap<LogRef, BTreeMap<Hash, Hash>> = BTreeMap::new();
    for open in ground.open_cuts() {
        if let Some(kept) = txn.value(Space::CutExtent, open.cut.as_bytes())? {
            ground.followed(&open, read_extent(&kept)?);
            continue;
        }
        let chain = match chains.entry(open.log) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(missing) => missing.insert(chain(txn, open.log, &is_read)?),
        };
        let found = Ancestors::follow(&open.heads, |hash| -> Result<Option<Hash>> {
            Ok(chain.get(hash).copied())
        })?;
        ground.followed(&open, found);
    }
    Ok(ground)
}

/// The ground of everything that is stored of a scope.
pub(in crate::service) fn ground_of_all(
    txn: &dyn Transaction,
    scope: ScopeId,
    authority: DeviceId,
    lines: &[Placed],
) -> Result<Ground> {
    let lines = lines.iter().map(|(_, line)| line);
    ground_of(txn, scope, authority, lines, |_| true)
}

/// Keeps what cuts let count whose logs could be followed to their beginning.
pub(super) fn keep_extents(
    txn: &mut dyn Transaction,
    scope: ScopeId,
    authority: DeviceId,
    lines: &[Placed],
    extent: &Extent,
    now: UnixMillis,
) -> Result<()> {
    let known = lines.iter().filter(|(position, _)| extent.holds(*position));
    let known: Vec<&Line> = known.map(|(_, line)| line).collect();
    let ground = Ground::of(scope, authority, known);
    for open in ground.open_cuts() {
        if txn.value(Space::CutExtent, open.cut.as_bytes())?.is_some() {
            continue;
        }
        let chain = chain(txn, open.log, |position| extent.reaches(position))?;
        let found = Ancestors::follow(&open.heads, |hash| -> Result<Option<Hash>> {
            Ok(chain.get(hash).copied())
        })?;
        if found.is_complete() {
            let records = found.records().iter();
            let bytes: Vec<u8> = records.flat_map(|hash| *hash.as_bytes()).collect();
            txn.put_value(Space::CutExtent, open.cut.as_bytes(), &bytes, now)?;
        }
    }
    Ok(())
}

fn read_extent(bytes: &[u8]) -> Result<Ancestors> {
    let hashes = bytes.chunks(32).map(|hash| -> Result<Hash> {
        let hash: [u8; 32] = hash
            .try_into()
            .map_err(|_| Error::Internal("what a cut lets count is not readable"))?;
        Ok(Hash::from_bytes(hash))
    });
    Ok(Ancestors::complete(
        hashes.collect::<Result<BTreeSet<_>>>()?,
    ))
}

/// The record before each record of a log.
fn chain(
    txn: &dyn Transaction,
    log: LogRef,
    is_read: impl Fn(u64) -> bool,
) -> Result<BTreeMap<Hash, Hash>> {
    let mut chain = BTreeMap::new();
    let mut after = LogPlace::before(0);
    loop {
        let page = txn.records_of_log(log, after, PAGE)?;
        let is_full = page.len() == PAGE as usize;
        for (place, record) in page {
            after = place;
            if is_read(record.position)
                && let Ok(frame) = cbor::decode::<Frame>(&record.bytes)
            {
                chain.insert(record.hash, frame.previous);
            }
        }
        if !is_full {
            return Ok(chain);
        }
    }
}

/// Whether cuts change the standing of records that were interpreted: cuts that arrived, and those that let
/// more count once records came that were missing.
pub(super) fn reach_back(
    txn: &dyn Transaction,
    found: &Found,
    before: &Extent,
    arrived: &[Placed],
) -> Result<bool> {
    let mut logs: BTreeSet<LogRef> = found.old.open_cuts().iter().map(|open| open.log).collect();
    for (_, line) in arrived {
        if let Body::Cut(cut) = &line.record.body
            && line.record.log.device == found.authority
        {
            logs.insert(cut.log);
        }
    }
    for log in logs {
        if changes_standing(txn, log, (&found.old, &found.new), before)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one ground takes away a record of a log that the other one lets count, among those that were
/// interpreted.
fn changes_standing(
    txn: &dyn Transaction,
    log: LogRef,
    (old, new): (&Ground, &Ground),
    before: &Extent,
) -> Result<bool> {
    let mut after = LogPlace::before(0);
    loop {
        let page = txn.records_of_log(log, after, PAGE)?;
        let is_full = page.len() == PAGE as usize;
        for (place, record) in page {
            after = place;
            let is_off =
                |ground: &Ground| ground.is_place_cut_off(log, place.sequence, &record.hash);
            if before.holds(record.position) && is_off(old) != is_off(new) {
                return Ok(true);
            }
        }
        if !is_full {
            return Ok(false);
        }
    }
}

/// From which sequence on a log may have records that a cut takes away. Where the log has branches, or could
/// not be followed to its beginning, that is all of it.
pub(super) fn first_cut_off(
    txn: &dyn Transaction,
    log: LogRef,
    ground: &Ground,
    (authority, lines): (DeviceId, &[Placed]),
) -> Result<Option<u64>> {
    let own = lines
        .iter()
        .filter(|(_, line)| is_cut_of(line, authority, log));
    let lasts = own.filter_map(|(_, line)| {
        let Body::Cut(cut) = &line.record.body else {
            return None;
        };
        Some(cut.last)
    });
    let Some(last) = lasts.min() else {
        return Ok(None);
    };
    let heads = txn.heads_of_device(log.device)?;
    let branches = heads.iter().filter(|(_, head)| head.log == log).count();
    let is_open = ground.open_cuts().iter().any(|open| open.log == log);
    Ok(Some(if branches > 1 || is_open {
        0
    } else {
        last.saturating_add(1)
    }))
}
