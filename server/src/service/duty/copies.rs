//! Copies: a device's folder that is in use twice at once, on two machines or on one.
//!
//! Each start of a device's program draws an instance id and tells it in every sign of life, with the latest
//! time of the server's clock that it had heard. Whoever heard the server at a time was running then: it had
//! asked before, and took the answer in. The programs of one folder run one after the other, for the folder
//! is locked. So where one heard the server before and after another did, there are two folders. The order in
//! which signs of life arrive does not matter, and one that comes late says nothing new; nor does a device
//! that was restarted, moved, or put back from its own backup, for its earlier program is heard no more.
//!
//! What one copy says does not bind the other. From then on nothing that the device says proves what it
//! admitted, until a person revokes it and enrolls both folders anew.

use crate::keys;
use crate::service::devices::{self, DeviceStatus};
use crate::service::epoch;
use crate::service::error::Result;
use crate::service::incidents::{self, About, shown};
use crate::storage::Transaction;
use serde::{Deserialize, Serialize};
use usher_domain::api::reports::IncidentKind;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::protocol::Heartbeat;
use usher_domain::time::UnixMillis;

/// Runs of a device's program that are remembered: the longest, and some of those that were heard once. A
/// program that is started for each scan makes many.
const RUNS_MAX: usize = 64;

/// One run of a device's program: it was running from the one time of the server's clock to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    instance: u64,
    first: UnixMillis,
    last: UnixMillis,
}

impl Run {
    /// Whether two runs were there at once. One that ends in the millisecond in which another begins was not.
    fn meets(&self, other: &Self) -> bool {
        self.instance != other.instance && self.first < other.last && other.first < self.last
    }
}

/// The runs of a device's program that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runs {
    /// The epoch in which they were heard: a restored server may have another clock.
    epoch: u32,
    known: Vec<Run>,
    /// Since when it is known that there are copies.
    copied: Option<UnixMillis>,
    /// Whether the device's program tells its runs.
    #[serde(default)]
    told: bool,
}

impl Runs {
    /// Since when it is known that the device is copied.
    pub(crate) const fn copied(&self) -> Option<UnixMillis> {
        self.copied
    }

    /// Whether a sign of life leaves out which run gives it, although the device's program tells that.
    pub(super) const fn is_hidden(&self, heartbeat: &Heartbeat) -> bool {
        self.told && heartbeat.instance.is_none()
    }

    /// Takes in a sign of life that arrives at `now`. Returns two runs that were there at once, if that is news.
    fn take_in(
        &mut self,
        heartbeat: &Heartbeat,
        epoch: u32,
        now: UnixMillis,
    ) -> Option<(Run, Run)> {
        // Of a server's clock that was set back, nobody can say what was before and what after.
        if self.epoch != epoch || self.known.iter().any(|run| run.last > now) {
            self.known.clear();
            self.epoch = epoch;
        }
        let instance = heartbeat.instance?;
        self.told = true;
        let heard = heartbeat.heard?;
        if heard.epoch != epoch || heard.at > now {
            return None;
        }
        let mut of = self.known.iter_mut();
        let run = match of.find(|run| run.instance == instance) {
            Some(run) => {
                run.first = run.first.min(heard.at);
                run.last = run.last.max(heard.at);
                *run
            }
            None => self.begin(instance, heard.at),
        };
        let other = *self.known.iter().find(|other| other.meets(&run))?;
        if self.copied.is_some() {
            return None;
        }
        self.copied = Some(now);
        Some((run, other))
    }

    fn begin(&mut self, instance: u64, at: UnixMillis) -> Run {
        let run = Run {
            instance,
            first: at,
            last: at,
        };
        if self.known.len() >= RUNS_MAX {
            self.forget_one();
        }
        self.known.push(run);
        run
    }

    /// Makes room. A run that was heard twice proves more than any that was heard once; which of those goes,
    /// nobody can foresee, so that no copy pushes the other one out by drawing new ids.
    fn forget_one(&mut self) {
        self.known.sort_by_key(|run| run.last.since(run.first));
        let once = self.known.partition_point(|run| run.first == run.last);
        let drawn = keys::random().map_or(0, u64::from_be_bytes);
        let which = usize::try_from(drawn % once.max(1) as u64).unwrap_or(0);
        self.known.swap_remove(which);
    }
}

/// Notes which run of a device's program gives a sign of life, and tells people once it shows that there are
/// copies. `before` is what the device told last.
pub(in crate::service) fn note_run(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    heartbeat: &Heartbeat,
    before: Option<&DeviceStatus>,
    now: UnixMillis,
) -> Result<Runs> {
    let mut runs = before.map(|before| before.runs.clone()).unwrap_or_default();
    let Some((one, other)) = runs.take_in(heartbeat, epoch(txn)?, now) else {
        return Ok(runs);
    };
    let (longer, other) = if one.first < other.first {
        (one, other)
    } else {
        (other, one)
    };
    let detail = format!(
        "the folder of this device is in use twice: one program with its key was running from {} to {} at \
         least, another at {}; nothing is confirmed without naming it, until both are enrolled anew, each \
         with a code of its own, and this device is revoked",
        shown(longer.first),
        shown(longer.last),
        shown(other.first),
    );
    let about = About::device(IncidentKind::CopiedDevice, device);
    incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
    // Claims read anew who stands how.
    super::touch(txn, now)?;
    Ok(runs)
}

/// Whether a device is known to be copied.
pub(super) fn is_copied(txn: &dyn Transaction, device: DeviceId) -> Result<bool> {
    if usher_domain::mutated!(IgnoreCopies) {
        return Ok(false);
    }
    let status = devices::status(txn, device)?;
    Ok(status.is_some_and(|status| status.runs.copied.is_some()))
}

/// Whether a sign of life leaves out which program gives it, although the device told that before: it may be
/// a copy's, and speaks for nobody.
pub(super) fn is_hidden(
    txn: &dyn Transaction,
    device: DeviceId,
    heartbeat: &Heartbeat,
) -> Result<bool> {
    let status = devices::status(txn, device)?;
    Ok(status.is_some_and(|status| status.runs.is_hidden(heartbeat)))
}

/// A revoked device admits nobody, however many copies there are.
pub(in crate::service) fn settle(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<()> {
    let about = About::device(IncidentKind::CopiedDevice, device);
    incidents::settle(txn, organizer, &about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use usher_domain::protocol::Heard;

    fn at(second: u64) -> UnixMillis {
        UnixMillis::new(1_800_000_000_000 + second * 1_000)
    }

    fn beat(instance: u64, heard: Option<u64>) -> Heartbeat {
        Heartbeat {
            device_time: at(0),
            heads: Vec::new(),
            tables: Vec::new(),
            program: "0.1.0".to_owned(),
            clock_offset_ms: None,
            storage_left: None,
            digests: None,
            acknowledged: None,
            heard: heard.map(|second| Heard {
                at: at(second),
                epoch: 1,
            }),
            trust: None,
            instance: Some(instance),
        }
    }

    /// Instance, second heard if any, second of arrival; whether that showed copies.
    fn noticed(told: &[(u64, Option<u64>, u64)]) -> Option<u64> {
        let mut runs = Runs::default();
        let found = told.iter().find(|(instance, heard, arrives)| {
            let beat = beat(*instance, *heard);
            runs.take_in(&beat, 1, at(*arrives)).is_some()
        });
        found.map(|(_, _, arrives)| *arrives)
    }

    #[test]
    fn a_program_that_was_heard_before_and_after_another_shows_two_folders() {
        let (a, b) = (1, 2);
        let told = [
            (a, None, 0),
            (a, Some(0), 5),
            (b, None, 6),
            (a, Some(5), 8),
            (b, Some(6), 9),
            (a, Some(8), 12),
        ];
        assert_eq!(noticed(&told), Some(12));
    }

    #[test]
    fn a_restart_is_no_copy_and_nor_is_a_sign_of_life_that_comes_late() {
        let (a, b, c) = (1, 2, 3);
        let told = [
            (a, None, 0),
            (a, Some(0), 5),
            (b, None, 6),
            (b, Some(6), 9),
            // The answer to the one sent at 5 was lost, and it was sent again before the restart.
            (a, Some(5), 10),
            (b, Some(9), 12),
            (c, None, 13),
            // Only now the first word of a program that ended long ago.
            (a, None, 14),
            (c, Some(13), 20),
            (b, Some(12), 21),
            (c, Some(20), 25),
        ];
        assert_eq!(noticed(&told), None);
    }

    #[test]
    fn programs_that_end_and_begin_within_a_millisecond_are_no_copies() {
        assert_eq!(
            noticed(&[(1, Some(0), 5), (2, Some(0), 5), (1, Some(0), 6)]),
            None
        );
        assert_eq!(
            noticed(&[(1, Some(0), 5), (1, Some(4), 5), (2, Some(4), 6)]),
            None
        );
    }

    #[test]
    fn a_clock_that_was_set_back_and_a_restore_show_no_copies() {
        let mut runs = Runs::default();
        assert_eq!(runs.take_in(&beat(1, Some(100)), 1, at(101)), None);
        // Set back by 50 seconds while the device is restarted.
        assert_eq!(runs.take_in(&beat(2, None), 1, at(55)), None);
        assert_eq!(runs.take_in(&beat(2, Some(56)), 1, at(60)), None);
        assert_eq!(runs.take_in(&beat(2, Some(120)), 1, at(121)), None);
        let mut restored = beat(2, Some(60));
        restored.heard = restored.heard.map(|heard| Heard { epoch: 2, ..heard });
        assert_eq!(runs.take_in(&restored, 2, at(122)), None);
        assert_eq!(runs.known.len(), 1);
    }

    #[test]
    fn copies_are_noticed_once_and_however_many_programs_were_started_between() {
        let mut runs = Runs::default();
        let mut news = 0;
        for second in 0..200 {
            // One copy runs on, the other is started for each scan.
            let beats = [beat(1, Some(second)), beat(100 + second, Some(second))];
            for beat in &beats {
                news += u32::from(runs.take_in(beat, 1, at(second + 1)).is_some());
            }
            assert!(runs.known.len() <= RUNS_MAX);
        }
        assert_eq!(news, 1);
    }

    /// Whether a copy that draws a new id for each of twelve signs of life a second is noticed within
    /// ten minutes of a program that gives one each five seconds, and is started anew meanwhile or not.
    fn is_noticed_among_many(restarted: bool) -> bool {
        let ms = |ms: u64| UnixMillis::new(at(0).get() + ms);
        let told = |instance, heard, arrives| {
            let mut beat = beat(instance, Some(0));
            beat.heard = Some(Heard {
                at: ms(heard),
                epoch: 1,
            });
            (beat, ms(arrives))
        };
        let mut runs = Runs::default();
        let (mut heard, mut drawn) = (0, 1_000);
        (1..=600_000).any(|now| {
            let mut news = false;
            if now > 10_000 && now % 83 == 0 {
                drawn += 1;
                let (beat, arrives) = told(drawn, now - 20, now);
                news |= runs.take_in(&beat, 1, arrives).is_some();
            }
            if now % 5_000 == 0 {
                let instance = if restarted && now > 10_000 { 2 } else { 1 };
                let (beat, arrives) = told(instance, heard, now);
                news |= runs.take_in(&beat, 1, arrives).is_some();
                heard = now;
            }
            news
        })
    }

    #[test]
    fn a_copy_that_draws_a_new_id_each_time_hides_behind_none_of_them() {
        for restarted in [false, true] {
            assert!(is_noticed_among_many(restarted), "{restarted}");
        }
    }

    #[test]
    fn who_told_its_runs_once_is_hidden_without() {
        let mut runs = Runs::default();
        let mut without = beat(1, Some(0));
        without.instance = None;
        assert!(!runs.is_hidden(&without));
        runs.take_in(&beat(1, None), 1, at(1));
        runs.take_in(&without, 1, at(2));
        assert!(runs.is_hidden(&without));
        assert!(!runs.is_hidden(&beat(2, Some(0))));
    }

    proptest! {
        #[test]
        fn runs_one_after_the_other_are_no_copies_in_whatever_order_they_are_told(
            lengths in prop::collection::vec(1_u64..6, 1..12),
            order in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut second = 0;
            let mut told = Vec::new();
            for (instance, length) in (1_u64..).zip(lengths) {
                for _ in 0..length {
                    told.push((instance, Some(second), 1_000));
                    second += 1;
                }
            }
            for (from, to) in order.iter().enumerate() {
                let (from, to) = (from % told.len(), to.index(told.len()));
                told.swap(from, to);
            }
            prop_assert_eq!(noticed(&told), None);
        }
    }
}
