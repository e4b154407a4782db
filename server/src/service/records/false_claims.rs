//! Devices whose records claim of tickets or gates what the server's rows and orders do not cover: a stolen
//! device, or one whose clock is far off. One incident for each device, with the admissions that say so.

use super::corrections::Contradictions;
use super::lines::{Placed, readable};
use crate::service::error::Result;
use crate::service::incidents::{self, About, Standing};
use crate::storage::Transaction;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{IncidentKind, ScanLine};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::log::Line;
use usher_domain::merge::Ground;
use usher_domain::record::Body;
use usher_domain::time::UnixMillis;

/// Scans that one incident lists at most: enough to know what the device does.
const LISTED_MAX: usize = 100;

/// Open incidents that are looked at again when an order arrives.
const INCIDENTS_LOOKED_AT_MAX: u32 = 1_000;

/// Brings the incidents of devices up to date whose claims these records make or judge.
pub(super) fn watch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    (ground, server): (&Ground, DeviceId),
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut concerned: BTreeMap<DeviceId, BTreeSet<Hash>> = BTreeMap::new();
    let mut has_orders = false;
    for (_, line) in arrived {
        let is_own = line.record.log.device == server;
        match &line.record.body {
            Body::Scan(_) if ground.uncovered(line).is_some() => {
                let of_device = concerned.entry(line.record.log.device).or_default();
                of_device.insert(line.hash);
            }
            Body::Correction(correction) if is_own => {
                if let Some(corrected) = line_of(txn, scope, &correction.of)? {
                    let device = corrected.record.log.device;
                    concerned.entry(device).or_default().insert(corrected.hash);
                }
            }
            Body::Honour(_) | Body::FreeFlow(_) => has_orders |= is_own,
            Body::Scan(_)
            | Body::Undo(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::OutTakenBack(_)
            | Body::Correction(_) => {}
        }
    }
    if has_orders {
        for incident in incidents::open(txn, organizer, INCIDENTS_LOOKED_AT_MAX)? {
            if let (IncidentKind::FalseClaims, Some(device)) = (incident.kind, incident.device) {
                let listed = incident.scans.iter();
                let listed = listed.filter_map(|scan| scan.record.parse::<Hash>().ok());
                concerned.entry(device).or_default().extend(listed);
            }
        }
    }
    for (device, records) in concerned {
        bring_up_to_date(
            txn,
            organizer,
            scope,
            (ground, server),
            (device, records),
            now,
        )?;
    }
    Ok(())
}

fn line_of(txn: &dyn Transaction, scope: ScopeId, hash: &Hash) -> Result<Option<Line>> {
    let stored = txn.record(scope, hash)?;
    let mut lines = readable(stored.into_iter().collect());
    Ok(lines.next().map(|(_, line)| line))
}

fn bring_up_to_date(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    (ground, server): (&Ground, DeviceId),
    (device, records): (DeviceId, BTreeSet<Hash>),
    now: UnixMillis,
) -> Result<()> {
    let about = About::device(IncidentKind::FalseClaims, device);
    let mut scans: Vec<ScanLine> = incidents::scans_of(txn, organizer, &about)?;
    let before = scans.len();
    let mut has_changed = false;
    let mut contradictions = Contradictions::new(txn, scope, server);
    for hash in records {
        let record = hash.to_string();
        let place = scans.iter().position(|scan| scan.record == record);
        if place.is_none() && scans.len() >= LISTED_MAX {
            continue;
        }
        let Some(line) = line_of(txn, scope, &hash)? else {
            continue;
        };
        let is_false = ground.uncovered(&line).is_some() || contradictions.has(&line)?;
        match (place, is_false) {
            (Some(place), false) => {
                scans.remove(place);
                has_changed = true;
            }
            (None, true) => {
                let subject = line.record.subject();
                let scan = subject.and_then(|subject| {
                    incidents::scan_line(
                        &line,
                        ground.stamp_of(&line.record),
                        ground.resolve(subject),
                        Standing::Counts,
                    )
                });
                scans.extend(scan);
                has_changed = true;
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    if !has_changed {
        return Ok(());
    }
    if scans.is_empty() {
        return if before == 0 {
            Ok(())
        } else {
            incidents::settle(txn, organizer, &about)
        };
    }
    let detail = match scans.len() {
        1 => "an admission of the device claims of its ticket or its gate what the server's rows and \
              orders do not say"
            .to_owned(),
        more => format!(
            "{more} admissions of the device claim of their tickets or its gate what the server's rows \
             and orders do not say"
        ),
    };
    incidents::raise(txn, organizer, &about, &detail, scans, now)
}
