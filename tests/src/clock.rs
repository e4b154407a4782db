//! Time, chance and patience of a venue.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use usher_core::clock::{Clock, Entropy, Era, NoEntropy, Reading};
use usher_core::sync::Timer;
use usher_domain::time::UnixMillis;
use usher_server::clock::{Clock as _, ManualClock};

/// A device's clocks: they follow the venue's, with an offset of the wall clock that a test may change.
#[derive(Debug)]
pub struct DeviceClock {
    venue: Arc<ManualClock>,
    offset_ms: AtomicI64,
    era: AtomicU64,
}

impl DeviceClock {
    /// A clock that shows the venue's time.
    #[must_use]
    pub fn following(venue: Arc<ManualClock>) -> Self {
        Self {
            venue,
            offset_ms: AtomicI64::new(0),
            era: AtomicU64::new(1),
        }
    }

    /// Sets the wall clock wrong by this many milliseconds, as a person would.
    pub fn set_wrong_by(&self, ms: i64) {
        self.offset_ms.store(ms, Ordering::SeqCst);
    }

    /// The device is switched off and on: its monotonic clock begins anew.
    pub fn switch_off_and_on(&self) {
        self.era.fetch_add(1, Ordering::SeqCst);
    }
}

impl Clock for DeviceClock {
    fn read(&self) -> Reading {
        let now = self.venue.now();
        Reading {
            wall: now.shifted(self.offset_ms.load(Ordering::SeqCst)),
            monotonic_ms: now.get(),
            era: Era(self.era.load(Ordering::SeqCst)),
        }
    }
}

/// Chance that a seed repeats.
#[derive(Debug)]
pub struct Dice(Mutex<fastrand::Rng>);

impl Dice {
    /// The same seed, the same bytes.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Entropy for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        self.0.lock().unwrap().fill(bytes);
        Ok(())
    }
}

/// Lets every pause between two tries be over at once.
#[derive(Debug, Clone, Copy)]
pub struct Impatient;

impl Timer for Impatient {
    async fn sleep(&self, _: Duration) {
        tokio::task::yield_now().await;
    }
}

/// The instant that an RFC 3339 text names.
#[must_use]
pub fn at(text: &str) -> UnixMillis {
    let instant: jiff::Timestamp = text.parse().unwrap();
    UnixMillis::new(u64::try_from(instant.as_millisecond()).unwrap())
}
