//! Attempts: how each ended, and which others are still open as far as one can see.

use crate::hash::Hash;
use crate::ids::AttemptId;
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

/// The attempts that these records end. An admission is a fact: whatever else is written of its attempt,
/// it ended with somebody inside.
#[must_use]
pub fn endings<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<AttemptId, Ending> {
    let mut ended = BTreeMap::new();
    for line in lines {
        match &line.record.body {
            Body::Scan(scan) => {
                if let Some(replaced) = scan.takes_over {
                    ended
                        .entry(replaced)
                        .or_insert(Ending::TakenOver(line.hash));
                }
                match scan.outcome {
                    Outcome::Admit => {
                        ended.insert(scan.attempt, Ending::Admitted(line.hash));
                    }
                    Outcome::Refuse => {
                        let released = Ending::Released(line.hash);
                        ended.entry(scan.attempt).or_insert(released);
                    }
                    Outcome::Refer => {}
                }
            }
            Body::Abort(abort) => {
                let released = Ending::Released(line.hash);
                ended.entry(abort.attempt).or_insert(released);
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
            | Body::Delay(_) => {}
        }
    }
    ended
}

/// The first attempt other than `own` that the ticket's home yielded to in time and that no record ended;
/// `lines` are all known records of the ticket. What a home held back it does not let in, also when it is alone.
#[must_use]
pub fn open_admission<'a>(
    own: AttemptId,
    lines: impl IntoIterator<Item = &'a Line> + Clone,
) -> Option<OpenAdmission> {
    if crate::mutated!(ForgetToHoldBack) {
        return None;
    }
    let ended = endings(lines.clone());
    let unheard = unheard(lines.clone());
    let yields = lines.into_iter().filter_map(|line| {
        let Body::Yield(held) = &line.record.body else {
            return None;
        };
        let is_open = held.attempt != own
            && !ended.contains_key(&held.attempt)
            && !unheard.contains(&held.attempt);
        is_open.then_some(OpenAdmission {
            attempt: held.attempt,
            device: held.to,
            gate: held.gate,
            since: line.record.stamp,
        })
    });
    yields.min_by_key(|open| (open.since, open.attempt))
}

/// Attempts that were referred because somebody had not answered: nothing was granted, whether the home's
/// word came too late or for nothing.
fn unheard<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeSet<AttemptId> {
    let scans = lines
        .into_iter()
        .filter_map(|line| match &line.record.body {
            Body::Scan(scan) if matches!(scan.reason, Reason::HomeSilent | Reason::PeerSilent) => {
                Some(scan.attempt)
            }
            Body::Scan(_)
            | Body::Undo(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_) => None,
        });
    scans.collect()
}

/// How long an open attempt of another gate is taken for somebody who is walking through. Afterwards only
/// a person can find out what happened there.
pub const WALKING_MS: u64 = 30_000;

impl OpenAdmission {
    /// Whether somebody may still be walking through.
    #[must_use]
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        now.since(self.since) <= WALKING_MS
    }
}
