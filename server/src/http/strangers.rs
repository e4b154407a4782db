//! Lines in the log for those who proved nothing: asking fills no disk.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use usher_domain::time::UnixMillis;

/// Milliseconds between two lines for one status.
const PAUSE_MS: u64 = 60_000;

/// Whether somebody proved who sent a request; said within, read by who surrounds the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proof(Arc<AtomicBool>);

impl Proof {
    /// Somebody did.
    pub(crate) fn give(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody did.
    pub(crate) fn is_given(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts requests of strangers by the status of their answers.
#[derive(Default)]
pub(crate) struct Strangers {
    by_status: Mutex<BTreeMap<u16, Count>>,
}

struct Count {
    /// When the last line was written.
    told_at: UnixMillis,
    /// Requests since then.
    more: u64,
}

impl Strangers {
    /// Counts a request. Where its line is due: how many others there were since the last one.
    pub(crate) fn count(&self, status: u16, now: UnixMillis) -> Option<u64> {
        let mut by_status = self
            .by_status
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(count) = by_status.get_mut(&status) else {
            let first = Count {
                told_at: now,
                more: 0,
            };
            by_status.insert(status, first);
            return Some(0);
        };
        // A clock that was set back keeps nobody silent.
        if now >= count.told_at && now.since(count.told_at) < PAUSE_MS {
            count.more += 1;
            return None;
        }
        count.told_at = now;
        Some(std::mem::take(&mut count.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_a_line_a_minute_for_each_status_with_a_number() {
        let strangers = Strangers::default();
        let at = |ms: u64| UnixMillis::new(1_800_000_000_000 + ms);
        assert_eq!(strangers.count(404, at(0)), Some(0));
        for ms in 1..=10_000 {
            assert_eq!(strangers.count(404, at(ms)), None);
        }
        assert_eq!(strangers.count(401, at(10_001)), Some(0));
        assert_eq!(strangers.count(404, at(60_000)), Some(10_000));
        assert_eq!(strangers.count(404, at(60_001)), None);
        assert_eq!(strangers.count(404, at(0)), Some(1));
    }
}
