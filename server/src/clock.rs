//! The server's clock. Time is an input everywhere else: this is the only place that reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;
use usher_domain::time::UnixMillis;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> UnixMillis;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
        let now = std::time::SystemTime::now();
        // A machine that believes in a time before 1970 is told to be at its beginning.
        let ms = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis::new(u64::try_from(ms.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub const fn at(now: UnixMillis) -> Self {
        Self(AtomicU64::new(now.get()))
    }

    /// Moves it forward.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Puts it to a point in time, earlier ones included.
    pub fn set(&self, now: UnixMillis) {
        self.0.store(now.get(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis::new(self.0.load(Ordering::SeqCst))
    }
}
