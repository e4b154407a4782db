//! Time and randomness as inputs, and how far a device's clock is to be believed.
//!
//! A device has two clocks: the wall clock, which people and time servers may set, and a monotonic one,
//! which only counts. What happens between two readings is told by the monotonic one; if the wall clock
//! moved by more than that, somebody set it, and nothing that depends on the time of day is certain
//! until it is compared with the server's again.

use minicbor::{Decode, Encode};
use usher_domain::time::{ClockTrust, UnixMillis};

/// Milliseconds by which both clocks of a device may drift apart before it counts as a jump.
pub const JUMP_MS: u64 = 2_000;

/// Readings of the monotonic clock compare only within one era: a start of the device where the system
/// tells it, else a start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Era(#[n(0)] pub u64);

/// Both clocks, read at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Reading {
    /// The wall clock.
    #[n(0)]
    pub wall: UnixMillis,
    /// Milliseconds that have passed in this era; time asleep counts where the system tells it.
    #[n(1)]
    pub monotonic_ms: u64,
    /// The era of `monotonic_ms`.
    #[n(2)]
    pub era: Era,
}

impl Reading {
    /// What both clocks would have shown so much later.
    #[must_use]
    pub const fn later(self, ms: u64) -> Self {
        Self {
            wall: UnixMillis::new(self.wall.get().saturating_add(ms)),
            monotonic_ms: self.monotonic_ms.saturating_add(ms),
            era: self.era,
        }
    }

    /// How long before another reading of the same era this one was; 0 if it was not.
    #[must_use]
    pub const fn until_ms(self, later: Self) -> u64 {
        later.monotonic_ms.saturating_sub(self.monotonic_ms)
    }
}

/// The clocks of a device.
pub trait Clock {
    /// Reads both at one moment.
    fn read(&self) -> Reading;
}

/// A source of random bytes that nobody can guess.
pub trait Entropy {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`NoEntropy`] if the system has none.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system gives no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

/// `N` random bytes.
///
/// # Errors
/// [`NoEntropy`].
pub fn random<const N: usize>(entropy: &(impl Entropy + ?Sized)) -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// How this device's clock stands to the server's. Kept in the store, so that a restart of the program
/// alone proves nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ClockState {
    /// Server time minus device time in milliseconds, as last measured; 0 if never.
    #[n(0)]
    offset_ms: i64,
    /// The last reading that was compared with the one before.
    #[n(1)]
    anchor: Reading,
    /// Whether the offset was measured since the device started or its clock jumped.
    #[n(2)]
    proved: bool,
}

/// What the device's clock did behind everybody's back; a person should hear of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockEvent {
    /// The wall clock was set.
    Jumped {
        /// By how much; negative if backwards.
        by_ms: i64,
    },
}

impl ClockState {
    /// Nothing is known yet.
    #[must_use]
    pub const fn unproved(now: Reading) -> Self {
        Self {
            offset_ms: 0,
            anchor: now,
            proved: false,
        }
    }

    /// Takes in that the server's clock showed `server` at the device's `now`.
    pub fn measured(&mut self, server: UnixMillis, now: Reading) {
        self.offset_ms = signed_difference(server, now.wall);
        self.anchor = now;
        self.proved = true;
    }

    /// Compares both clocks with the last reading. After a jump the clock is unproved; an offset that was
    /// measured is corrected by the jump, because the monotonic clock tells how much time really passed.
    pub fn observe(&mut self, now: Reading) -> Option<ClockEvent> {
        let before = std::mem::replace(&mut self.anchor, now);
        if before.era != now.era {
            // The device was restarted: how long it was off, only the wall clock says.
            self.proved = false;
            return None;
        }
        let passed = now.monotonic_ms.saturating_sub(before.monotonic_ms);
        let expected = UnixMillis::new(before.wall.get().saturating_add(passed));
        let by_ms = signed_difference(now.wall, expected);
        if by_ms.unsigned_abs() <= JUMP_MS {
            // A slow drift against the last reading must not add up unseen.
            if by_ms != 0 {
                self.anchor.wall = expected;
            }
            return None;
        }
        if self.proved {
            self.offset_ms = self.offset_ms.saturating_sub(by_ms);
        }
        self.proved = false;
        Some(ClockEvent::Jumped { by_ms })
    }

    /// The best knowledge of the time: device time plus measured offset.
    #[must_use]
    pub const fn corrected(&self, now: Reading) -> UnixMillis {
        now.wall.shifted(self.offset_ms)
    }

    /// Whether what depends on the time of day is certain.
    #[must_use]
    pub const fn trust(&self) -> ClockTrust {
        if self.proved {
            ClockTrust::Proved
        } else {
            ClockTrust::Unproved
        }
    }

    /// The measured offset in milliseconds; none while unproved.
    #[must_use]
    pub fn offset_ms(&self) -> Option<i64> {
        self.proved.then_some(self.offset_ms)
    }
}

fn signed_difference(later: UnixMillis, earlier: UnixMillis) -> i64 {
    let wide = i128::from(later.get()) - i128::from(earlier.get());
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::{SystemClock, SystemEntropy};

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::{Clock, Entropy, Era, NoEntropy, Reading};
    use std::time::{Instant, SystemTime, UNIX_EPOCH};
    use usher_domain::time::UnixMillis;

    /// The clocks of the system that the program runs on.
    #[derive(Debug, Clone)]
    pub struct SystemClock {
        era: Era,
        started: Instant,
    }

    impl SystemClock {
        /// Finds out in which era the monotonic clock counts.
        #[must_use]
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the clocks"
        )]
        pub fn new() -> Self {
            let era = boot().unwrap_or_else(|| {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
                let nanos = since_epoch.map_or(0, |passed| passed.as_nanos());
                Era((nanos as u64) ^ u64::from(std::process::id()))
            });
            Self {
                era,
                started: Instant::now(),
            }
        }
    }

    impl Default for SystemClock {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Clock for SystemClock {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the clocks"
        )]
        fn read(&self) -> Reading {
            let wall = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |passed| u64::try_from(passed.as_millis()).unwrap_or(0));
            Reading {
                wall: UnixMillis::new(wall),
                monotonic_ms: since_boot_ms().unwrap_or_else(|| {
                    u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
                }),
                era: self.era,
            }
        }
    }

    /// Linux and Android name each start of the device.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn boot() -> Option<Era> {
        use sha2::Digest as _;
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let digest = sha2::Sha256::digest(id);
        let first = digest.first_chunk::<8>()?;
        Some(Era(u64::from_be_bytes(*first)))
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn since_boot_ms() -> Option<u64> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).ok()?;
        let nanos = u64::try_from(time.tv_nsec).ok()?;
        Some(seconds * 1_000 + nanos / 1_000_000)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn boot() -> Option<Era> {
        None
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn since_boot_ms() -> Option<u64> {
        None
    }

    /// Random bytes of the system.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct SystemEntropy;

    impl Entropy for SystemEntropy {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            getrandom::fill(bytes).map_err(|_| NoEntropy)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u64, monotonic_ms: u64) -> Reading {
        Reading {
            wall: UnixMillis::new(wall),
            monotonic_ms,
            era: Era(1),
        }
    }

    #[test]
    fn a_measured_offset_corrects_the_time() {
        let mut state = ClockState::unproved(at(1_000_000, 0));
        assert_eq!(state.trust(), ClockTrust::Unproved);
        state.measured(UnixMillis::new(1_005_000), at(1_000_000, 0));
        assert_eq!(state.trust(), ClockTrust::Proved);
        assert_eq!(state.corrected(at(1_001_000, 1_000)).get(), 1_006_000);
    }

    #[test]
    fn a_jump_of_the_wall_clock_unproves_it_and_keeps_the_time_right() {
        let mut state = ClockState::unproved(at(1_000_000, 0));
        state.measured(UnixMillis::new(1_000_000), at(1_000_000, 0));
        let after = at(4_601_000, 1_000);
        assert_eq!(
            state.observe(after),
            Some(ClockEvent::Jumped { by_ms: 3_600_000 })
        );
        assert_eq!(state.trust(), ClockTrust::Unproved);
        assert_eq!(state.corrected(after).get(), 1_001_000);
        assert_eq!(state.observe(at(4_602_000, 2_000)), None);
        assert_eq!(state.trust(), ClockTrust::Unproved);
    }

    #[test]
    fn a_clock_that_runs_normally_stays_proved() {
        let mut state = ClockState::unproved(at(0, 0));
        state.measured(UnixMillis::new(500), at(1_000, 1_000));
        assert_eq!(state.observe(at(61_500, 61_000)), None);
        assert_eq!(state.trust(), ClockTrust::Proved);
    }

    #[test]
    fn many_small_steps_add_up_to_a_jump() {
        let mut state = ClockState::unproved(at(0, 0));
        state.measured(UnixMillis::new(0), at(0, 0));
        let events: Vec<_> = (1..=3)
            .filter_map(|step| state.observe(at(step * 2_000, step * 1_000)))
            .collect();
        assert_eq!(events.len(), 1);
    }

    #[test]
    fn a_restart_of_the_device_unproves_the_clock() {
        let mut state = ClockState::unproved(at(0, 0));
        state.measured(UnixMillis::new(0), at(0, 0));
        let restarted = Reading {
            era: Era(2),
            ..at(9_000, 10)
        };
        assert_eq!(state.observe(restarted), None);
        assert_eq!(state.trust(), ClockTrust::Unproved);
    }
}
