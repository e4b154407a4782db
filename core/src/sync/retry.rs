//! Asking again: when, how often, and after which pauses.

use crate::clock::{Entropy, random};
use std::future::Future;
use std::time::Duration;
use usher_domain::problem::{Problem, Retry};

/// Waits. Passed in, so that no test sleeps and a browser waits in its own way.
#[allow(async_fn_in_trait)]
pub trait Timer {
    /// Returns after `pause`, or a little later.
    async fn sleep(&self, pause: Duration);

    /// What `work` comes to; none if that takes longer than `limit`.
    async fn within<V>(&self, limit: Duration, work: impl Future<Output = V>) -> Option<V> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.sleep(limit) => None,
        }
    }
}

/// Waits by tokio's clock.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer;

#[cfg(not(target_arch = "wasm32"))]
impl Timer for TokioTimer {
    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

/// Pauses that double from `first` to `longest`, each drawn between its half and its whole, so that
/// devices which lost the network together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// The first pause.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
    /// How often to ask, the first time included.
    pub attempts: u32,
}

impl Pauses {
    /// For one request of an exchange.
    pub const REQUEST: Self = Self {
        first: Duration::from_millis(250),
        longest: Duration::from_secs(8),
        attempts: 4,
    };
    /// Between exchanges while the server cannot be reached.
    pub const OFFLINE: Self = Self {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(60),
        attempts: u32::MAX,
    };

    /// The same on duty: others rely on the device, and people wait.
    pub const ON_DUTY: Self = Self {
        first: Duration::from_secs(2),
        longest: Duration::from_secs(5),
        attempts: u32::MAX,
    };

    /// Before listening again after the connection broke.
    pub const LISTEN: Self = Self {
        first: Duration::from_millis(250),
        longest: Duration::from_secs(16),
        attempts: u32::MAX,
    };

    /// The pause after failure number `failures`, counted from 1.
    #[must_use]
    pub fn after(&self, failures: u32, entropy: &dyn Entropy) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doublings).min(self.longest);
        jittered(whole, entropy)
    }
}

/// Between half of `whole` and all of it.
pub(super) fn jittered(whole: Duration, entropy: &dyn Entropy) -> Duration {
    // Without randomness all devices wait equally long, which is no reason to fail.
    let [dice] = random::<1>(entropy).unwrap_or([u8::MAX]);
    let half = whole / 2;
    half + half * u32::from(dice) / u32::from(u8::MAX)
}

/// What to do after a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask again after this pause.
    AskAgain(Duration),
    /// It has no sense, or it was tried often enough.
    GiveUp,
}

/// What to do after failure number `failures` of a request.
fn next(problem: &Problem, failures: u32, pauses: &Pauses, entropy: &dyn Entropy) -> Next {
    match problem.retry() {
        Retry::Never => Next::GiveUp,
        // The connection signed in anew already; the server does not want this device now.
        Retry::AfterSignIn => Next::GiveUp,
        Retry::Later if failures >= pauses.attempts => Next::GiveUp,
        // Minutes: the rest of the exchange does not wait for that.
        Retry::Later if problem.is_of_writer() => Next::GiveUp,
        Retry::Later => {
            let told = problem.retry_after.map_or(Duration::ZERO, |seconds| {
                // A server that asks for hours does not get them: a gate asks again on its own.
                Duration::from_secs(seconds.into()).min(pauses.longest * 4)
            });
            Next::AskAgain(pauses.after(failures, entropy).max(told))
        }
    }
}

/// The attempts at one request.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    pauses: Pauses,
    failures: u32,
}

impl Attempts {
    /// None failed yet.
    #[must_use]
    pub const fn new(pauses: Pauses) -> Self {
        Self {
            pauses,
            failures: 0,
        }
    }

    /// Counts a failure and says what to do.
    pub fn failed(&mut self, problem: &Problem, entropy: &dyn Entropy) -> Next {
        self.failures = self.failures.saturating_add(1);
        next(problem, self.failures, &self.pauses, entropy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::NoEntropy;
    use usher_domain::problem::Code;

    struct Dice(u8);

    impl Entropy for Dice {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
            bytes.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let ms: Vec<_> = (1..=7)
            .map(|n| Pauses::REQUEST.after(n, &Dice(255)).as_millis())
            .collect();
        assert_eq!(ms, [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert_eq!(Pauses::REQUEST.after(1, &Dice(0)).as_millis(), 125);
        assert!(Pauses::OFFLINE.after(u32::MAX, &Dice(255)) <= Pauses::OFFLINE.longest);
    }

    #[test]
    fn every_code_says_whether_to_ask_again() {
        for &code in usher_domain::problem::Code::ALL {
            let problem = Problem::new(code, "");
            let expected = code.retry() == Retry::Later;
            let asks = next(&problem, 1, &Pauses::REQUEST, &Dice(1)) != Next::GiveUp;
            assert_eq!(asks, expected, "{code}");
            assert_eq!(next(&problem, 4, &Pauses::REQUEST, &Dice(1)), Next::GiveUp);
        }
    }

    #[test]
    fn the_servers_wish_counts_within_bounds() {
        let mut problem = Problem::new(Code::RateLimited, "");
        problem.retry_after = Some(3);
        let pause = |problem: &Problem| next(problem, 1, &Pauses::REQUEST, &Dice(0));
        assert_eq!(pause(&problem), Next::AskAgain(Duration::from_secs(3)));
        problem.retry_after = Some(86_400);
        assert_eq!(pause(&problem), Next::AskAgain(Duration::from_secs(32)));
    }
}
