//! What a process remembers of the claims it makes: which attempts are under way, how the line to the
//! authority stands, and whether an exchange is wanted sooner than planned.

mod breaker;

pub use breaker::{Breaker, Line};

use crate::clock::{Entropy, Reading};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use usher_domain::ids::AttemptId;
use usher_domain::record::Subject;

/// The claims of one process. Nothing of it is kept: an attempt that a process did not end is given up by
/// the next one.
#[derive(Debug, Default)]
pub struct Claims {
    made: Mutex<BTreeMap<AttemptId, Subject>>,
    breaker: Mutex<Breaker>,
    exchange: Notify,
}

impl Claims {
    /// Says that an attempt with a ticket is under way, until what this returns is dropped.
    #[must_use]
    pub fn begin(&self, attempt: AttemptId, subject: Subject) -> Making<'_> {
        locked(&self.made).insert(attempt, subject);
        Making {
            claims: self,
            attempt,
        }
    }

    /// Whether the attempt is under way.
    #[must_use]
    pub fn is_making(&self, attempt: AttemptId) -> bool {
        locked(&self.made).contains_key(&attempt)
    }

    /// Whether an attempt with one of these subjects is under way.
    #[must_use]
    pub fn is_making_with(&self, subjects: &[Subject]) -> bool {
        let made = locked(&self.made);
        made.values().any(|subject| subjects.contains(subject))
    }

    /// How the line to the authority stands.
    #[must_use]
    pub fn line(&self, now: Reading) -> Line {
        locked(&self.breaker).line(now.monotonic_ms)
    }

    /// The authority answered a claim in time.
    pub fn answered(&self) {
        locked(&self.breaker).answered();
    }

    /// A claim was not answered in time, or not at all.
    pub fn failed(&self, now: Reading, entropy: &dyn Entropy) {
        locked(&self.breaker).failed(now.monotonic_ms, entropy);
    }

    /// The server answered a sign of life of this device.
    pub fn probed(&self, asked: Reading, answered: Reading) {
        let took_ms = answered.monotonic_ms.saturating_sub(asked.monotonic_ms);
        locked(&self.breaker).probed(answered.monotonic_ms, took_ms);
    }

    /// Wants an exchange as soon as one can be had.
    pub fn want_exchange(&self) {
        self.exchange.notify_one();
    }

    /// Returns when an exchange is wanted; at once if it was wanted since this returned last.
    pub async fn exchange_wanted(&self) {
        self.exchange.notified().await;
    }
}

/// An attempt that is under way as long as this lives.
#[derive(Debug)]
pub struct Making<'c> {
    claims: &'c Claims,
    attempt: AttemptId,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        locked(&self.claims.made).remove(&self.attempt);
    }
}

/// Whoever panicked holding it left it whole: every change is one assignment.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::ids::TicketId;

    #[test]
    fn an_attempt_is_under_way_until_it_is_dropped() {
        let claims = Claims::default();
        let attempt = AttemptId::from_bytes([1; 16]);
        let subject = Subject::Ticket(TicketId::from_bytes([2; 16]));
        let making = claims.begin(attempt, subject);
        assert!(claims.is_making(attempt));
        assert!(claims.is_making_with(&[Subject::Nothing, subject]));
        drop(making);
        assert!(!claims.is_making(attempt));
        assert!(!claims.is_making_with(&[subject]));
    }
}
