//! How long the work on a frame may take.

use std::time::Duration;

/// Where nothing looks like a code, no more than this is spent, whatever the budget: a gate looks at an
/// empty hall most of the time.
const IDLE: Duration = Duration::from_micros(2_200);

/// A budget of time, by a clock that is passed in.
pub(super) struct Budget<'a> {
    clock: Option<&'a dyn Fn() -> Duration>,
    end: Duration,
    idle_end: Duration,
}

impl<'a> Budget<'a> {
    /// A budget that begins now.
    pub(super) fn new(clock: &'a dyn Fn() -> Duration, budget: Duration) -> Self {
        let now = clock();
        Self {
            clock: Some(clock),
            end: now.saturating_add(budget),
            idle_end: now.saturating_add(budget.min(IDLE)),
        }
    }

    /// No limit but those of the steps themselves.
    pub(super) const fn unlimited() -> Self {
        Self {
            clock: None,
            end: Duration::MAX,
            idle_end: Duration::MAX,
        }
    }

    /// Whether nothing is left.
    pub(super) fn spent(&self) -> bool {
        self.clock.is_some_and(|clock| clock() >= self.end)
    }

    /// Whether nothing is left for looking where nothing was seen.
    pub(super) fn idle_spent(&self) -> bool {
        self.clock.is_some_and(|clock| clock() >= self.idle_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_budget_is_spent_when_its_time_is_over() {
        let now = Cell::new(Duration::from_secs(100));
        let clock = || now.get();
        let budget = Budget::new(&clock, Duration::from_millis(33));
        assert!(!budget.spent() && !budget.idle_spent());
        now.set(now.get() + IDLE);
        assert!(!budget.spent() && budget.idle_spent());
        now.set(now.get() + Duration::from_millis(33));
        assert!(budget.spent());
        assert!(!Budget::unlimited().spent());
    }
}
