//! How much of a snapshot to ask for at once.
//!
//! A part that did not come whole is lost, so on a poor line a smaller one is asked for, down to what even
//! such a line brings within the bound of time of one request.

use crate::http::SNAPSHOT_PART_BYTES;
use std::sync::atomic::{AtomicU64, Ordering};

/// No part is smaller: 30 s at some 10 kbit/s.
const PORTION_MIN: u64 = 32 * 1024;

/// The bytes to ask for: half as many after each part that did not come, twice as many after one that did.
#[derive(Debug)]
pub(super) struct Portion(AtomicU64);

impl Default for Portion {
    fn default() -> Self {
        Self(AtomicU64::new(SNAPSHOT_PART_BYTES))
    }
}

impl Portion {
    /// The bytes to ask for now. Until [`Portion::came`] is told, the part counts as one that did not come.
    pub(super) fn ask(&self) -> u64 {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store((now / 2).max(PORTION_MIN), Ordering::Relaxed);
        now
    }

    /// The part asked for last came. The next is twice as large, within what one request may bring.
    pub(super) fn came(&self) {
        let asked = self.0.load(Ordering::Relaxed).saturating_mul(2);
        let next = asked.saturating_mul(2).min(SNAPSHOT_PART_BYTES);
        self.0.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_get_smaller_while_none_comes_and_larger_again_afterwards() {
        let portion = Portion::default();
        let asked: Vec<u64> = (0..7).map(|_| portion.ask() / 1024).collect();
        assert_eq!(asked, [1024, 512, 256, 128, 64, 32, 32]);
        portion.came();
        let mut asked = Vec::new();
        for _ in 0..5 {
            asked.push(portion.ask() / 1024);
            portion.came();
        }
        assert_eq!(asked, [128, 256, 512, 1024, 1024]);
    }
}
