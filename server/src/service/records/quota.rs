//! How much a device may have written in an hour: a stolen one fills neither the server's disk nor every
//! gate's.
//!
//! Bytes count against who wrote them, never against who hands them back. They are counted in the
//! transaction that stores them, so that what is refused was not counted; the record stays on the device,
//! its proofs stay where they are, and the others' verdicts name it as long as it has something unsent. A
//! new epoch opens a budget: after a restore everything comes once more.

use crate::service::epoch;
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::service::things;
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::api::reports::IncidentKind;
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::time::UnixMillis;

const HOUR_US: u64 = 3_600_000_000;
/// A person is told again after this.
const TELL_AGAIN_MS: u64 = 600_000;

/// What is known of what a device wrote lately: the generic cell rate algorithm (ITU-T I.371) over bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Written {
    /// The epoch in which it is counted.
    #[n(0)]
    epoch: u32,
    /// When the device will have its whole budget again, in microseconds.
    #[n(1)]
    whole_at_us: u64,
    /// When a person was told last.
    #[n(2)]
    told_at: Option<UnixMillis>,
}

/// The device wrote too much: seconds until it makes sense to send again, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OverQuota(pub(super) u32);

fn written(txn: &dyn Transaction, device: DeviceId) -> Result<Written> {
    let epoch = epoch(txn)?;
    let anew = Written {
        epoch,
        whole_at_us: 0,
        told_at: None,
    };
    let Some(bytes) = txn.value(Space::Written, device.as_bytes())? else {
        return Ok(anew);
    };
    let written: Written =
        cbor::decode(&bytes).map_err(|_| Error::Internal("what was written is not readable"))?;
    Ok(if written.epoch == epoch {
        written
    } else {
        anew
    })
}

/// When the budget is whole again after so many bytes more; how many seconds to wait if that is too late.
fn after(
    whole_at_us: u64,
    bytes: u64,
    per_hour: u64,
    now: UnixMillis,
) -> std::result::Result<u64, OverQuota> {
    let now_us = now.get().saturating_mul(1_000).min(u64::MAX / 4);
    let cost_us = u128::from(bytes) * u128::from(HOUR_US) / u128::from(per_hour.max(1));
    let cost_us = u64::try_from(cost_us).unwrap_or(u64::MAX / 4);
    // A clock set back must not keep anybody out for longer than an hour.
    let begun = whole_at_us.clamp(now_us, now_us + HOUR_US);
    let next = begun.saturating_add(cost_us);
    match next.saturating_sub(now_us + HOUR_US) {
        0 => Ok(next),
        too_far => {
            let seconds = too_far.min(HOUR_US).div_ceil(1_000_000);
            Err(OverQuota(u32::try_from(seconds).unwrap_or(u32::MAX)))
        }
    }
}

/// Counts bytes that a device wrote, if it may have written them; else tells a person.
pub(super) fn count(
    txn: &mut dyn Transaction,
    (organizer, device): (OrganizerId, DeviceId),
    bytes: u64,
    per_hour: u64,
    now: UnixMillis,
) -> Result<std::result::Result<(), OverQuota>> {
    let before = written(txn, device)?;
    let outcome = if usher_domain::mutated!(IgnoreQuota) {
        Ok(before.whole_at_us)
    } else {
        after(before.whole_at_us, bytes, per_hour, now)
    };
    let (counted, outcome) = match outcome {
        Ok(whole_at_us) => {
            let counted = Written {
                whole_at_us,
                ..before
            };
            (counted, Ok(()))
        }
        Err(over) => {
            let told = before.told_at;
            if told.is_some_and(|at| now.get().abs_diff(at.get()) < TELL_AGAIN_MS) {
                return Ok(Err(over));
            }
            tell(txn, organizer, device, per_hour, now)?;
            let counted = Written {
                told_at: Some(now),
                ..before
            };
            (counted, Err(over))
        }
    };
    let bytes = cbor::encode(&counted);
    txn.put_value(Space::Written, device.as_bytes(), &bytes, now)?;
    Ok(outcome)
}

/// Tells a person, with what can be done about it.
fn tell(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    per_hour: u64,
    now: UnixMillis,
) -> Result<()> {
    let known = things::get::<super::StoredDevice>(txn, device.as_bytes())?;
    let detail = format!(
        "{:?} wrote more records than the {} MiB that a device may in an hour. What it wrote beyond stays on \
         it and is taken later; until then the server does not know whom it let in, and the other gates' \
         verdicts name it. If nobody should work there, take it off duty with usher device stand-down, and \
         revoke it if it may be in wrong hands",
        known.value.name,
        per_hour >> 20
    );
    let about = About::device(IncidentKind::TooManyRecords, device);
    incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);
    const MIB: u64 = 1 << 20;

    #[test]
    fn a_whole_budget_may_be_used_at_once_and_comes_back_evenly() {
        let used = after(0, 64 * MIB, 64 * MIB, NOW).unwrap();
        assert_eq!(after(used, MIB, 64 * MIB, NOW), Err(OverQuota(57)));
        let later = NOW.shifted(57_000);
        assert!(after(used, MIB, 64 * MIB, later).is_ok());
        assert!(after(used, 64 * MIB, 64 * MIB, NOW.shifted(3_600_000)).is_ok());
        // More than there ever is waits for ever, an hour at a time.
        assert_eq!(after(0, 200 * MIB, 64 * MIB, NOW), Err(OverQuota(3_600)));
    }

    proptest! {
        #[test]
        fn no_more_than_two_budgets_pass_in_an_hour(
            batches in prop::collection::vec((0_u64..600_000, 1_u64..4 * MIB), 1..200),
        ) {
            let (mut now, mut whole_at, mut passed) = (NOW, 0, 0);
            for (pause, bytes) in batches {
                now = now.shifted(pause as i64);
                if now.since(NOW) > 3_600_000 { break; }
                if let Ok(next) = after(whole_at, bytes, 64 * MIB, now) {
                    whole_at = next;
                    passed += bytes;
                }
            }
            prop_assert!(passed <= 128 * MIB);
        }
    }
}
