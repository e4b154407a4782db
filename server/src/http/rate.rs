//! How often one caller may ask: the generic cell rate algorithm (ITU-T I.371), in one number a caller.
//!
//! A caller may use a whole minute's share at once and then gets it back evenly. Only callers that used
//! some of it lately are remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use usher_domain::time::UnixMillis;

const MINUTE_US: u64 = 60_000_000;
/// Callers remembered before those are dropped that have their whole share again.
const SWEEP_FROM: usize = 1_024;

/// Asked too often: seconds until it makes sense again, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOften(pub u32);

/// Counts what each caller asks.
pub(crate) struct RateLimit<K> {
    /// Microseconds in which one request's share comes back.
    step_us: u64,
    callers: Mutex<Callers<K>>,
}

struct Callers<K> {
    /// When each will have its whole share again, in microseconds.
    whole_at: HashMap<K, u64>,
    sweep_at: usize,
}

impl<K: Eq + Hash> RateLimit<K> {
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self {
            step_us: MINUTE_US / u64::from(per_minute.get()),
            callers: Mutex::new(Callers {
                whole_at: HashMap::new(),
                sweep_at: SWEEP_FROM,
            }),
        }
    }

    /// Counts one request of a caller, if it may ask.
    pub(crate) fn take(&self, caller: K, now: UnixMillis) -> Result<(), TooOften> {
        self.take_many(caller, 1, now)
    }

    /// Counts what costs as much as some requests of a caller, if it may ask. What costs more than a minute's
    /// share costs that.
    pub(crate) fn take_many(
        &self,
        caller: K,
        requests: u32,
        now: UnixMillis,
    ) -> Result<(), TooOften> {
        if requests == 0 {
            return Ok(());
        }
        let cost_us = (self.step_us * u64::from(requests)).min(MINUTE_US);
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(callers.whole_at.get(&caller), cost_us, now)?;
        if callers.whole_at.len() >= callers.sweep_at {
            let now_us = microseconds(now);
            callers.whole_at.retain(|_, whole_at| *whole_at > now_us);
            // Twice as many before the next sweep, so that sweeping stays cheap under attack.
            callers.sweep_at = SWEEP_FROM.max(callers.whole_at.len() * 2);
        }
        callers.whole_at.insert(caller, next);
        Ok(())
    }
}

/// When the share will be whole again if this much more is counted now.
fn next(whole_at: Option<&u64>, cost_us: u64, now: UnixMillis) -> Result<u64, TooOften> {
    let now_us = microseconds(now);
    // A clock set back must not lock anybody out for longer than a minute.
    let begun = whole_at.map_or(now_us, |at| (*at).clamp(now_us, now_us + MINUTE_US));
    let next = begun + cost_us;
    let too_far = next.saturating_sub(now_us + MINUTE_US);
    if too_far == 0 {
        Ok(next)
    } else {
        let seconds = too_far.div_ceil(1_000_000);
        Err(TooOften(u32::try_from(seconds).unwrap_or(u32::MAX)))
    }
}

fn microseconds(now: UnixMillis) -> u64 {
    now.get().saturating_mul(1_000).min(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limit(per_minute: u32) -> RateLimit<&'static str> {
        RateLimit::new(NonZeroU32::new(per_minute).unwrap())
    }

    const START: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn a_minutes_share_may_be_used_at_once_and_comes_back_evenly() {
        let limit = limit(3);
        for _ in 0..3 {
            assert_eq!(limit.take("north", START), Ok(()));
        }
        assert_eq!(limit.take("north", START), Err(TooOften(20)));
        assert_eq!(limit.take("north", START.shifted(19_000)), Err(TooOften(1)));
        assert_eq!(limit.take("north", START.shifted(20_000)), Ok(()));
        assert_eq!(
            limit.take("north", START.shifted(20_000)),
            Err(TooOften(20))
        );
    }

    #[test]
    fn one_caller_does_not_use_up_anothers_share() {
        let limit = limit(1);
        assert_eq!(limit.take("north", START), Ok(()));
        assert_eq!(limit.take("south", START), Ok(()));
        assert!(limit.take("north", START).is_err());
    }

    #[test]
    fn what_costs_much_counts_for_as_many_requests() {
        let limit = limit(60);
        assert_eq!(limit.take_many("north", 59, START), Ok(()));
        assert_eq!(limit.take_many("north", 2, START), Err(TooOften(1)));
        assert_eq!(limit.take_many("north", 1, START), Ok(()));
        assert_eq!(limit.take_many("north", 0, START), Ok(()));
        assert_eq!(limit.take_many("south", 1_000, START), Ok(()));
        assert_eq!(limit.take("south", START), Err(TooOften(1)));
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let limit = limit(1);
        assert_eq!(limit.take("north", START), Ok(()));
        let back = START.shifted(-86_400_000);
        assert_eq!(limit.take("north", back), Err(TooOften(60)));
        assert_eq!(
            limit.take("north", back.shifted(120_000)),
            Err(TooOften(60))
        );
    }

    #[test]
    fn callers_long_silent_are_forgotten() {
        let limit = RateLimit::new(NonZeroU32::new(60).unwrap());
        for caller in 0..10_000_u32 {
            let later = START.shifted(i64::from(caller) * 1_000);
            assert_eq!(limit.take(caller, later), Ok(()));
        }
        assert!(limit.callers.lock().unwrap().whole_at.len() <= SWEEP_FROM);
    }

    proptest! {
        #[test]
        fn no_more_than_two_shares_pass_in_a_minute(
            per_minute in 1_u32..500,
            pauses in prop::collection::vec(0_u64..500, 1..2_000),
        ) {
            let limit = limit(per_minute);
            let (mut now, mut passed) = (0, 0);
            for pause in pauses {
                now += pause;
                if now > 60_000 { break; }
                passed += u32::from(limit.take("a", START.shifted(now as i64)).is_ok());
            }
            prop_assert!(passed <= per_minute * 2);
        }
    }
}
