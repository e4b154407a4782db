//! A badge in use on two devices at once: somebody copied it.
//!
//! For each member of staff and device the stretches of time are kept in which the badge was in use there:
//! scans that follow each other within a minute are one stretch. A person who walks from one device to the
//! next leaves stretches that follow each other. Where two overlap, the badge was used here, there, and here
//! again within a minute.
//!
//! Batches come in any order, so a step adds its scans to what is kept and compares the stretches that grew.

use super::lines::Placed;
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, OrganizerId, StaffId};
use usher_domain::merge::Ground;
use usher_domain::record::Body;
use usher_domain::time::UnixMillis;

/// Scans further apart than this belong to different stretches.
const PAUSE_MS: u64 = 60_000;
/// Stretches kept of a badge on one device: the newest.
const KEPT_MAX: usize = 200;

/// A time in which a badge was in use on a device, from its first scan to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
struct Stretch {
    #[n(0)]
    first: UnixMillis,
    #[n(1)]
    last: UnixMillis,
}

impl Stretch {
    fn overlaps(self, other: Self) -> bool {
        self.first < other.last && other.first < self.last
    }
}

/// Where a badge was in use on a device, by time and without overlaps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct Stretches(#[n(0)] Vec<Stretch>);

impl Stretches {
    /// Adds scans and joins what is no longer apart.
    fn add(&mut self, scans: impl Iterator<Item = UnixMillis>) {
        self.0.extend(scans.map(|at| Stretch {
            first: at,
            last: at,
        }));
        self.0.sort_unstable();
        let mut joined: Vec<Stretch> = Vec::with_capacity(self.0.len());
        for stretch in self.0.drain(..) {
            match joined.last_mut() {
                Some(before) if stretch.first.since(before.last) <= PAUSE_MS => {
                    before.last = before.last.max(stretch.last);
                }
                Some(_) | None => joined.push(stretch),
            }
        }
        joined.drain(..joined.len().saturating_sub(KEPT_MAX));
        self.0 = joined;
    }

    fn overlap(&self, other: &Self) -> Option<UnixMillis> {
        // Both are sorted: whichever ends first cannot overlap with anything later.
        let (mut ours, mut theirs) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some(our), Some(their)) = (ours.peek(), theirs.peek()) {
            if our.overlaps(**their) {
                return Some(our.first.max(their.first));
            }
            if our.last < their.last {
                ours.next();
            } else {
                theirs.next();
            }
        }
        None
    }
}

/// Stretches of a badge by device.
type InUse = BTreeMap<DeviceId, Stretches>;

fn place(organizer: OrganizerId, staff: StaffId) -> Vec<u8> {
    [organizer.as_bytes().as_slice(), staff.as_bytes()].concat()
}

fn load(txn: &dyn Transaction, place: &[u8]) -> Result<InUse> {
    let Some(bytes) = txn.value(Space::BadgeUse, place)? else {
        return Ok(InUse::new());
    };
    let rows: Vec<(DeviceId, Stretches)> = cbor::decode(&bytes)
        .map_err(|_| Error::Internal("where a badge was in use is not readable"))?;
    Ok(rows.into_iter().collect())
}

/// Takes the scans of a step in, and raises an incident for each badge that was in use twice.
pub(super) fn watch(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut scans: BTreeMap<StaffId, BTreeMap<DeviceId, Vec<UnixMillis>>> = BTreeMap::new();
    for (_, line) in arrived.iter().filter(|(_, line)| ground.counts(line)) {
        if let Body::Scan(scan) = &line.record.body
            && let Some(staff) = scan.operator
        {
            let devices = scans.entry(staff).or_default();
            let times = devices.entry(line.record.log.device).or_default();
            times.push(ground.stamp_of(&line.record));
        }
    }
    for (staff, devices) in scans {
        let place = place(organizer, staff);
        let mut in_use = load(txn, &place)?;
        let grew: BTreeSet<DeviceId> = devices.keys().copied().collect();
        for (device, times) in devices {
            in_use.entry(device).or_default().add(times.into_iter());
        }
        if let Some((one, other, at)) = twice(&in_use, &grew) {
            let about = About::badge(staff);
            let detail = format!(
                "the badge of staff member {staff} was in use on the devices {one} and {other} at once, \
                 at {}",
                incidents::shown(at)
            );
            incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
        }
        let rows: Vec<(DeviceId, Stretches)> = in_use.into_iter().collect();
        txn.put_value(Space::BadgeUse, &place, &cbor::encode(&rows), now)?;
    }
    Ok(())
}

/// Two devices on which a badge was in use at once, the lower first, and when; one of them `grew`.
fn twice(in_use: &InUse, grew: &BTreeSet<DeviceId>) -> Option<(DeviceId, DeviceId, UnixMillis)> {
    let pairs = grew.iter().flat_map(|device| {
        let others = in_use.iter().filter(move |(other, _)| *other != device);
        others.map(move |(other, stretches)| (*device, *other, stretches))
    });
    let mut overlaps = pairs.filter_map(|(device, other, stretches)| {
        let at = in_use.get(&device)?.overlap(stretches)?;
        Some((device.min(other), device.max(other), at))
    });
    overlaps.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stretches(seconds: &[u64]) -> Stretches {
        let mut stretches = Stretches::default();
        stretches.add(seconds.iter().map(|s| UnixMillis::new(s * 1_000)));
        stretches
    }

    #[test]
    fn whoever_walks_from_one_device_to_the_next_is_no_incident() {
        let here = stretches(&[0, 20, 40, 500, 520]);
        let there = stretches(&[41, 60, 100, 300]);
        assert_eq!(here.overlap(&there), None);
    }

    #[test]
    fn here_there_and_here_again_within_a_minute_is_twice() {
        let here = stretches(&[0, 20, 60]);
        let there = stretches(&[30, 50]);
        assert_eq!(here.overlap(&there), Some(UnixMillis::new(30_000)));
        assert_eq!(there.overlap(&here), here.overlap(&there));
    }

    proptest! {
        #[test]
        fn scans_may_come_in_any_order_and_in_any_parts(
            seconds in proptest::collection::vec(0_u64..2_000, 1..60),
            split in 0_usize..60,
        ) {
            let mut sorted = seconds.clone();
            sorted.sort_unstable();
            let (one, other) = seconds.split_at(split.min(seconds.len()));
            let mut parts = stretches(other);
            parts.add(one.iter().map(|s| UnixMillis::new(s * 1_000)));
            prop_assert_eq!(parts, stretches(&sorted));
        }
    }
}
