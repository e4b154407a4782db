//! Attempts: how each ended, and which others are still open as far as one can see.

use super::ground::Ground;
use super::proof::proved_overrides;
use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId};
use crate::log::Line;
use crate::record::{Body, Outcome};
use crate::time::UnixMillis;
use crate::verdict::{OpenAdmission, Reason};
use std::collections::{BTreeMap, BTreeSet};

/// How an attempt ended. A referral ends nothing: what follows it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody went through; the record says so from now on.
    Admitted(Hash),
    /// Nobody did: it was refused or given up.
    Released(Hash),
    /// A supervisor's override took its place.
    TakenOver(Hash),
}

/// How the attempts with one ticket ended. An attempt belongs to the device that makes it: no other device
/// ends it, even if it writes the same id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endings {
    by_device: BTreeMap<(DeviceId, AttemptId), Ending>,
    /// Overrides, by the attempt that each takes over, whichever device made that.
    taken_over: BTreeMap<AttemptId, Hash>,
}

impl Endings {
    /// How an attempt of a device ended; none while it is open, as far as one can see.
    #[must_use]
    pub fn of(&self, device: DeviceId, attempt: AttemptId) -> Option<Ending> {
        let mut all = self.by_device.iter();
        let own = all.find(|((of, ended), _)| {
            *ended == attempt && (*of == device || crate::mutated!(AnybodyEndsAttempts))
        });
        let own = own.map(|(_, ending)| *ending);
        own.or_else(|| {
            let over = self.taken_over.get(&attempt);
            over.map(|hash| Ending::TakenOver(*hash))
        })
    }

    /// Whether a record ended an attempt of a device.
    #[must_use]
    pub fn has_ended(&self, device: DeviceId, attempt: AttemptId) -> bool {
        self.of(device, attempt).is_some()
    }
}

/// How the attempts ended that these records of one ticket end. An admission is a fact: whatever else is
/// written of its attempt, it ended with somebody inside. Nothing takes an attempt over but a proved override.
#[must_use]
pub fn endings<'a>(ground: &Ground, lines: impl IntoIterator<Item = &'a Line> + Clone) -> Endings {
    let overrides = proved_overrides(ground, lines.clone());
    let mut ended = Endings::default();
    for line in lines {
        let device = line.record.log.device;
        match &line.record.body {
            Body::Scan(scan) => {
                let is_override = overrides.contains(&line.hash);
                if let Some(replaced) = scan.takes_over.filter(|_| is_override) {
                    ended.taken_over.entry(replaced).or_insert(line.hash);
                }
                let key = (device, scan.attempt);
                match scan.outcome {
                    Outcome::Admit => {
                        ended.by_device.insert(key, Ending::Admitted(line.hash));
                    }
                    Outcome::Refuse => {
                        let released = Ending::Released(line.hash);
                        ended.by_device.entry(key).or_insert(released);
                    }
                    Outcome::Refer => {}
                }
            }
            Body::Abort(abort) => {
                let released = Ending::Released(line.hash);
                let key = (device, abort.attempt);
                ended.by_device.entry(key).or_insert(released);
            }
            Body::Undo(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::OutTakenBack(_)
            | Body::Correction(_) => {}
        }
    }
    ended
}

/// The first attempt other than `own`, which is a device's, that the ticket's home yielded to in time and
/// that nothing ended; `lines` are all known records of the ticket that count, and `is_home` knows whose word holds it back. What
/// a home held back it does not let in, also when it is alone. A supervisor's override settles what was open
/// before, unless somebody may be walking through still.
#[must_use]
pub fn open_admission<'a>(
    ground: &Ground,
    own: (DeviceId, AttemptId),
    lines: impl IntoIterator<Item = &'a Line> + Clone,
    is_home: impl Fn(DeviceId) -> bool,
    now: UnixMillis,
) -> Option<OpenAdmission> {
    if crate::mutated!(ForgetToHoldBack) {
        return None;
    }
    let ended = endings(ground, lines.clone());
    let given_up = referrals(lines.clone());
    let overridden = overridden_at(ground, lines.clone());
    let yields = lines.into_iter().filter_map(|line| {
        let Body::Yield(held) = &line.record.body else {
            return None;
        };
        let open = OpenAdmission {
            attempt: Some(held.attempt),
            device: held.to,
            gate: held.gate,
            since: ground.stamp_of(&line.record),
        };
        let is_open = (held.to, held.attempt) != own
            && is_home(line.record.log.device)
            && !ended.has_ended(held.to, held.attempt)
            && !given_up.contains(&(held.to, held.attempt))
            && !is_settled(&open, overridden, now);
        is_open.then_some(open)
    });
    yields.min_by_key(|open| (open.since, open.device, open.attempt))
}

/// Attempts that their device referred for another reason than an instruction, each with that device: under
/// them it lets nobody in any more, so a home's word for them came too late or for nothing.
#[must_use]
pub fn referrals<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeSet<(DeviceId, AttemptId)> {
    let scans = lines.into_iter().filter_map(|line| {
        let scan = line.record.body.as_scan()?;
        let is_over = scan.outcome == Outcome::Refer && scan.reason != Reason::Instruction;
        is_over.then_some((line.record.log.device, scan.attempt))
    });
    scans.collect()
}

/// Whether a supervisor let the ticket in after an attempt was opened, and nobody can be walking through any
/// more by it.
#[must_use]
pub fn is_settled(open: &OpenAdmission, overridden: Option<UnixMillis>, now: UnixMillis) -> bool {
    overridden.is_some_and(|at| open.since <= at) && !open.is_fresh(now)
}

/// When a supervisor let this ticket in last; overrides that nothing proves are none.
#[must_use]
pub fn overridden_at<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line> + Clone,
) -> Option<UnixMillis> {
    let overrides = proved_overrides(ground, lines.clone());
    let overriding = lines
        .into_iter()
        .filter(|line| overrides.contains(&line.hash));
    ground.latest_stamp(overriding)
}

/// How long an open attempt of another gate is taken for somebody who is walking through. Afterwards only
/// a person can find out what happened there.
pub const WALKING_MS: u64 = 30_000;

impl OpenAdmission {
    /// Whether somebody may still be walking through.
    #[must_use]
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        // A clock that was set back makes nothing fresh that is old.
        now.since(self.since) <= WALKING_MS && self.since.since(now) <= WALKING_MS
    }
}
