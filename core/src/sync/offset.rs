//! Measuring the device's clock by the server's (Cristian's algorithm, "Probabilistic clock
//! synchronization", 1989): the server's time is taken to be that of the middle of the round trip, so the
//! error is at most half of it.

use crate::clock::Reading;
use usher_domain::time::{ClockTrust, UnixMillis};

/// A measurement this old is replaced by a worse one: clocks drift.
const FRESH_MS: u64 = 10 * 60 * 1000;
/// A round trip longer than this measures nothing.
const ROUND_TRIP_MAX_MS: u64 = 10_000;

/// One comparison of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// What the server's clock showed at `at`, as far as this tells.
    server: UnixMillis,
    /// When the answer came.
    at: Reading,
    round_trip_ms: u64,
}

impl Sample {
    /// What the server's clock showed when the answer came.
    pub(super) const fn server(&self) -> UnixMillis {
        self.server
    }

    /// The comparison that an answer with the server's time makes; none if the device slept or its clock
    /// was set between.
    pub(super) fn of(asked: Reading, server_time: UnixMillis, answered: Reading) -> Option<Self> {
        if asked.era != answered.era {
            return None;
        }
        let round_trip_ms = answered.monotonic_ms.checked_sub(asked.monotonic_ms)?;
        if round_trip_ms > ROUND_TRIP_MAX_MS {
            return None;
        }
        Some(Self {
            server: UnixMillis::new(server_time.get().saturating_add(round_trip_ms / 2)),
            at: answered,
            round_trip_ms,
        })
    }
}

/// Keeps the best comparison: that of the shortest round trip.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    best: Option<Sample>,
}

impl Offsets {
    /// Takes a comparison in; says whether it is the one to go by, for a device whose clock is trusted so.
    pub(super) fn take(&mut self, sample: Sample, trust: ClockTrust) -> bool {
        let better = match self.best {
            None => true,
            Some(best) => {
                let age_ms = sample.at.monotonic_ms.checked_sub(best.at.monotonic_ms);
                best.at.era != sample.at.era
                    || age_ms.is_none_or(|age| age > FRESH_MS)
                    || sample.round_trip_ms <= best.round_trip_ms
                    || trust == ClockTrust::Unproved
            }
        };
        if better {
            self.best = Some(sample);
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Era;

    fn at(wall: u64, monotonic_ms: u64) -> Reading {
        Reading {
            wall: UnixMillis::new(wall),
            monotonic_ms,
            era: Era(1),
        }
    }

    fn sample(asked: u64, server: u64, answered: u64) -> Sample {
        Sample::of(
            at(asked, asked),
            UnixMillis::new(server),
            at(answered, answered),
        )
        .unwrap()
    }

    #[test]
    fn the_servers_time_is_that_of_the_middle() {
        assert_eq!(sample(1_000, 5_100, 1_200).server().get(), 5_200);
    }

    #[test]
    fn a_slow_answer_does_not_replace_a_quick_one_until_that_is_old() {
        let mut offsets = Offsets::default();
        let proved = ClockTrust::Proved;
        assert!(offsets.take(sample(1_000, 5_010, 1_020), ClockTrust::Unproved));
        assert!(!offsets.take(sample(2_000, 9_000, 4_000), proved));
        assert!(offsets.take(sample(2_000 + FRESH_MS, 0, 4_000 + FRESH_MS), proved));
    }

    #[test]
    fn an_unproved_clock_takes_any_measurement() {
        let mut offsets = Offsets::default();
        offsets.take(sample(1_000, 5_010, 1_020), ClockTrust::Unproved);
        assert!(offsets.take(sample(91_000, 9_000, 93_000), ClockTrust::Unproved));
    }

    #[test]
    fn an_answer_after_a_restart_or_an_age_measures_nothing() {
        let other = Reading {
            era: Era(2),
            ..at(5, 5)
        };
        assert_eq!(Sample::of(at(1, 1), UnixMillis::new(9), other), None);
        assert_eq!(Sample::of(at(1, 5), UnixMillis::new(9), at(1, 4)), None);
        assert_eq!(
            Sample::of(at(0, 0), UnixMillis::new(9), at(0, 10_001)),
            None
        );
    }
}
