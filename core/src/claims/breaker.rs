//! When not to ask: after a claim that nobody answered in time, gates decide alone at once until the line
//! is known to be good again. A bad network costs one slow scan, not every one.
//!
//! The pattern is that of a circuit breaker (M. Nygard, Release It!, chapter 5), with one change: people who
//! wait at a door never try whether the line is good again. Signs of life do, which are sent anyway.

use crate::clock::Entropy;
use crate::sync::Pauses;
use std::time::Duration;
use usher_domain::protocol::claim::CLAIM_BUDGET_MS;

/// How long nothing is asked after the first failure, and at most. Each failure without an answer between
/// them doubles the pause.
const PAUSES: Pauses = Pauses {
    first: Duration::from_secs(2),
    longest: Duration::from_secs(30),
    attempts: u32::MAX,
};

/// How the line to the authority stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Claims are made.
    Good,
    /// A claim failed a moment ago: none is made.
    Bad,
    /// The pause is over: the next sign of life that is answered in time makes it good.
    Trying,
}

/// Decides whether claims are made, by a monotonic clock in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Until when nothing is tried; none while claims are made.
    open_until_ms: Option<u64>,
    /// Failures since a claim was answered.
    failures: u32,
}

impl Breaker {
    /// How the line stands.
    #[must_use]
    pub const fn line(&self, now_ms: u64) -> Line {
        match self.open_until_ms {
            None => Line::Good,
            Some(until_ms) if now_ms < until_ms => Line::Bad,
            Some(_) => Line::Trying,
        }
    }

    /// A claim was answered in time.
    pub const fn answered(&mut self) {
        // One of several claims may have been answered while another was not.
        if self.open_until_ms.is_none() {
            self.failures = 0;
        }
    }

    /// A claim was not answered in time.
    pub fn failed(&mut self, now_ms: u64, entropy: &dyn Entropy) {
        if self.open_until_ms.is_some() {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = PAUSES.after(self.failures, entropy).as_millis();
        let pause_ms = u64::try_from(pause).unwrap_or(u64::MAX);
        self.open_until_ms = Some(now_ms.saturating_add(pause_ms));
    }

    /// A sign of life was answered after `took_ms`. One that takes longer than a claim may take proves
    /// nothing good.
    pub fn probed(&mut self, now_ms: u64, took_ms: u64) {
        if self.line(now_ms) == Line::Trying && took_ms <= CLAIM_BUDGET_MS {
            self.open_until_ms = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::NoEntropy;
    use proptest::prelude::*;

    struct Dice(u8);

    impl Entropy for Dice {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_failure_stops_claims_until_a_sign_of_life_is_answered_in_time() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.line(0), Line::Good);
        breaker.failed(1_000, &Dice(255));
        assert_eq!(breaker.line(2_999), Line::Bad);
        breaker.probed(2_999, 1);
        assert_eq!(breaker.line(3_000), Line::Trying);
        breaker.probed(3_000, CLAIM_BUDGET_MS + 1);
        assert_eq!(breaker.line(3_100), Line::Trying);
        breaker.probed(3_200, CLAIM_BUDGET_MS);
        assert_eq!(breaker.line(3_200), Line::Good);
    }

    #[test]
    fn failures_in_a_row_double_the_pause_up_to_half_a_minute_and_an_answer_resets_it() {
        let mut breaker = Breaker::default();
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            breaker.failed(now, &Dice(255));
            let until = breaker.open_until_ms.unwrap();
            pauses.push(until - now);
            now = until;
            breaker.probed(now, 1);
        }
        assert_eq!(pauses, [2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        breaker.answered();
        breaker.failed(now, &Dice(0));
        assert_eq!(breaker.open_until_ms, Some(now + 1_000));
    }

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Scan,
        Weather(bool),
        Wait(u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            6 => Just(Event::Scan),
            1 => any::<bool>().prop_map(Event::Weather),
            3 => (1_u64..4_000).prop_map(Event::Wait),
        ]
    }

    /// A gate with a breaker: scans when told, gives a sign of life every five seconds.
    struct World {
        breaker: Breaker,
        now: u64,
        beats_at: u64,
        good: bool,
        slow_scans: u32,
        bad_spells: u32,
    }

    impl World {
        fn scan(&mut self, dice: &Dice) {
            if self.breaker.line(self.now) != Line::Good {
                return;
            }
            if self.good {
                self.breaker.answered();
            } else {
                self.slow_scans += 1;
                self.pass(CLAIM_BUDGET_MS);
                self.breaker.failed(self.now, dice);
            }
        }

        fn pass(&mut self, ms: u64) {
            let end = self.now + ms;
            while self.beats_at <= end {
                self.now = self.beats_at;
                self.beats_at += 5_000;
                let took_ms = if self.good { 20 } else { 2_000 };
                self.breaker.probed(self.now, took_ms);
            }
            self.now = end;
        }
    }

    proptest! {
        /// Each spell of bad weather costs one slow scan at most, however many people come; and a sign of
        /// life after the weather turned, at the latest one after the pause, heals.
        #[test]
        fn a_bad_network_costs_one_slow_scan_and_heals_with_a_sign_of_life(
            events in proptest::collection::vec(event(), 0..300),
            dice: u8,
        ) {
            let dice = Dice(dice);
            let mut world = World {
                breaker: Breaker::default(), now: 0, beats_at: 700, good: true, slow_scans: 0, bad_spells: 0,
            };
            for event in events {
                match event {
                    Event::Scan => world.scan(&dice),
                    Event::Weather(good) => {
                        world.bad_spells += u32::from(world.good && !good);
                        world.good = good;
                    }
                    Event::Wait(ms) => world.pass(ms),
                }
                prop_assert!(world.slow_scans <= world.bad_spells);
            }
            world.good = true;
            let pause = world.breaker.open_until_ms.map_or(0, |until| until.saturating_sub(world.now));
            world.pass(pause + 5_000);
            prop_assert_eq!(world.breaker.line(world.now), Line::Good);
        }
    }
}
