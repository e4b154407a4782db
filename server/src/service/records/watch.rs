//! What a person must see that is no matter of one ticket: unreadable records, clocks that are ahead, and
//! records that wait after a revocation.

use super::lines::{Placed, readable};
use crate::service::error::Result;
use crate::service::incidents::{self, About, Standing};
use crate::storage::{StoredRecord, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::IncidentKind;
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::{Ground, jumped_ahead};
use usher_domain::record::{Body, LogRef};
use usher_domain::time::UnixMillis;

/// Scans that one incident lists at most.
const LISTED_MAX: usize = 1_000;

/// Logs with records that this program cannot interpret.
pub(super) fn unreadable_logs(stored: &[StoredRecord]) -> BTreeSet<LogRef> {
    stored
        .iter()
        .filter(|record| Line::read(&record.bytes).is_err())
        .filter_map(|record| cbor::decode::<Frame>(&record.bytes).ok())
        .map(|frame| frame.log)
        .collect()
}

/// Tells of records that a newer program wrote: they are stored and passed on, but do not count here.
pub(super) fn unreadable(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    logs: &BTreeSet<LogRef>,
    now: UnixMillis,
) -> Result<()> {
    for log in logs {
        let about = About::log(IncidentKind::Unreadable, *log);
        let detail = "records of a kind that this program does not know are stored and do not \
                      count: update the server";
        incidents::raise(txn, organizer, &about, detail, Vec::new(), now)?;
    }
    Ok(())
}

/// Tells of devices whose stamps are ahead of the server's clock.
pub(super) fn clocks(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut ahead: BTreeMap<DeviceId, u64> = BTreeMap::new();
    for (_, line) in arrived.iter().filter(|(_, line)| ground.counts(line)) {
        if let Some(ms) = jumped_ahead(line.record.stamp, now) {
            let most = ahead.entry(line.record.log.device).or_default();
            *most = (*most).max(ms);
        }
    }
    for (device, ms) in ahead {
        let about = About::device(IncidentKind::ClockJump, device);
        let detail = format!(
            "scans are dated up to {} minutes ahead of the server's clock",
            ms / 60_000
        );
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    }
    Ok(())
}

/// Brings the incidents of quarantined logs up to date.
pub(super) fn quarantine(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    ground: &Ground,
    ground_lines: &[Placed],
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut logs = BTreeSet::new();
    for (_, line) in arrived {
        match &line.record.body {
            Body::Cut(cut) => logs.extend([cut.log]),
            Body::Ruling(ruling) => {
                let of = txn.record(scope, &ruling.of)?;
                let of = of.and_then(|record| cbor::decode::<Frame>(&record.bytes).ok());
                logs.extend(of.map(|frame| frame.log));
            }
            Body::Scan(_)
            | Body::Undo(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::Correction(_) => {
                if ground.is_quarantined(line) {
                    logs.insert(line.record.log);
                }
            }
        }
    }
    for log in logs {
        let mut first_cut = None;
        for (_, line) in ground_lines {
            if let Body::Cut(cut) = &line.record.body
                && cut.log == log
            {
                first_cut = Some(first_cut.map_or(cut.last, |first: u64| first.min(cut.last)));
            }
        }
        let Some(first_cut) = first_cut else {
            continue;
        };
        refresh(txn, organizer, ground, log, first_cut, now)?;
    }
    Ok(())
}

fn refresh(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    log: LogRef,
    cut: u64,
    now: UnixMillis,
) -> Result<()> {
    let about = About::log(IncidentKind::Quarantined, log);
    let mut from = cut.saturating_add(1);
    let mut waiting = Vec::new();
    // Page by page: a person may have ruled on many of them.
    loop {
        let page = txn.records_of_log(log, from, 1_000)?;
        let is_last = page.len() < 1_000;
        for (_, line) in readable(page) {
            from = from.max(line.record.sequence.saturating_add(1));
            if ground.is_quarantined(&line) {
                waiting.push(line);
            }
        }
        if is_last || waiting.len() >= LISTED_MAX {
            break;
        }
    }
    if waiting.is_empty() {
        return incidents::settle(txn, organizer, &about);
    }
    let scans = waiting.iter().take(LISTED_MAX).filter_map(|line| {
        let subject = line.record.subject()?;
        incidents::scan_line(line, ground.resolve(subject), Standing::Waits)
    });
    let detail = format!(
        "{} records came after the device was revoked and wait to be accepted or voided",
        waiting.len()
    );
    incidents::raise(
        txn,
        organizer,
        &about,
        &detail,
        scans.collect::<Vec<_>>(),
        now,
    )
}
