//! Records of a log by the positions that they arrived at.

use crate::service::error::Result;
use crate::storage::{LogPlace, StoredRecord, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::access::Arrived;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::log::{Frame, Line};
use usher_domain::protocol::Head;
use usher_domain::record::{Body, LogRef, Outcome};

/// Records of a log read at once.
const PAGE: u32 = 1_000;

/// Visits all records of a log, by sequence.
fn visit(
    txn: &dyn Transaction,
    log: LogRef,
    mut each: impl FnMut(&LogPlace, &StoredRecord),
) -> Result<()> {
    let mut after = LogPlace::before(0);
    loop {
        let page = txn.records_of_log(log, after, PAGE)?;
        for (place, record) in &page {
            after = *place;
            each(place, record);
        }
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

/// The ends of a log's branches as they stood before a position.
pub(in crate::service) fn ends_before(
    txn: &dyn Transaction,
    log: LogRef,
    position: u64,
) -> Result<Vec<Head>> {
    let mut sequences: BTreeMap<Hash, u64> = BTreeMap::new();
    let mut followed: BTreeSet<Hash> = BTreeSet::new();
    visit(txn, log, |place, record| {
        if record.position < position {
            sequences.insert(record.hash, place.sequence);
            let frame = cbor::decode::<Frame>(&record.bytes);
            followed.extend(frame.ok().map(|frame| frame.previous));
        }
    })?;
    let ends = sequences.into_iter();
    let ends = ends.filter(|(hash, _)| !followed.contains(hash));
    Ok(ends
        .map(|(hash, sequence)| Head {
            log,
            sequence,
            hash,
        })
        .collect())
}

/// Counts the scans of a log that arrived at a position or later.
pub(in crate::service) fn count_from(
    txn: &dyn Transaction,
    log: LogRef,
    position: u64,
    told: &mut Arrived,
) -> Result<()> {
    visit(txn, log, |_, record| {
        if record.position >= position
            && let Ok(line) = Line::read(&record.bytes)
            && let Body::Scan(scan) = &line.record.body
        {
            told.scans += 1;
            told.admitted += u64::from(scan.outcome == Outcome::Admit);
        }
    })
}
