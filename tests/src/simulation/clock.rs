//! Time that passes only when nothing else is to be done, and clocks that go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::time::Instant;
use usher_core::clock::{Clock, Era, Reading};
use usher_domain::time::UnixMillis;

/// The true time: the runtime's, which is paused and moves to the next thing that waits.
#[derive(Debug)]
pub struct VirtualTime {
    origin: Instant,
    begin: UnixMillis,
}

impl VirtualTime {
    /// Time that is `begin` now.
    #[must_use]
    pub fn from(begin: UnixMillis) -> Self {
        Self {
            origin: Instant::now(),
            begin,
        }
    }

    /// Milliseconds since the beginning.
    #[must_use]
    pub fn passed_ms(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        UnixMillis::new(self.begin.get() + self.passed_ms())
    }
}

impl usher_server::clock::Clock for VirtualTime {
    fn now(&self) -> UnixMillis {
        Self::now(self)
    }
}

/// A device's clocks: off, drifting, and set by people.
#[derive(Debug)]
pub struct SkewedClock {
    time: Arc<VirtualTime>,
    offset_ms: AtomicI64,
    drift_ppm: i64,
    era: AtomicU64,
}

impl SkewedClock {
    /// A clock that is off by `offset_ms` and gains `drift_ppm` microseconds in a second.
    #[must_use]
    pub fn new(time: Arc<VirtualTime>, offset_ms: i64, drift_ppm: i64) -> Self {
        Self {
            time,
            offset_ms: AtomicI64::new(offset_ms),
            drift_ppm,
            era: AtomicU64::new(1),
        }
    }

    /// Somebody sets the wall clock.
    pub fn jump(&self, by_ms: i64) {
        self.offset_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Whether it is minutes ahead of the true time.
    #[must_use]
    pub fn is_far_ahead(&self) -> bool {
        self.offset_ms.load(Ordering::Relaxed) > 5 * 60_000
    }

    /// Whether it is right to the second.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.offset_ms.load(Ordering::Relaxed).abs() < 1_000
    }

    /// The device is switched off and on.
    pub fn boot(&self) {
        self.era.fetch_add(1, Ordering::Relaxed);
    }
}

impl Clock for SkewedClock {
    fn read(&self) -> Reading {
        let passed = self.time.passed_ms();
        let gained = i64::try_from(passed).unwrap_or(0) * self.drift_ppm / 1_000_000;
        let offset = self.offset_ms.load(Ordering::Relaxed);
        Reading {
            wall: self.time.now().shifted(offset + gained),
            monotonic_ms: passed.saturating_add_signed(gained),
            era: Era(self.era.load(Ordering::Relaxed)),
        }
    }
}
