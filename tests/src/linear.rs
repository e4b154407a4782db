//! Whether a history of concurrent operations could have happened one after the other.
//!
//! An operation takes effect at one moment between its call and its answer; one whose answer nobody heard
//! takes effect at any later moment, or never. A history is linearizable if such moments can be chosen so
//! that every answer is right. Objects are judged apart, which loses nothing: Herlihy and Wing,
//! "Linearizability: a correctness condition for concurrent objects" (1990), theorem 1. The search is that
//! of Wing and Gong (1993) with the memory of Lowe, "Testing for linearizability" (2017).

use std::collections::HashSet;
use std::hash::Hash;

/// Operations on one object that a search can hold.
pub const OPERATIONS_MAX: usize = 128;

/// What an object does with operations, one after the other.
pub trait Model {
    /// What the object is.
    type State: Clone + Eq + Hash;
    /// What is done to it, with the answer that was heard.
    type Operation;

    /// What it becomes if `operation` takes effect with its answer; none if that answer would be wrong.
    fn step(state: &Self::State, operation: &Self::Operation) -> Option<Self::State>;
}

/// An operation and when it happened, in any unit of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed<O> {
    /// When it was called.
    pub called: u64,
    /// When its answer was heard. Without one it may never take effect.
    pub answered: Option<u64>,
    /// What was done.
    pub operation: O,
}

/// Whether `history` of one object that begins as `initial` is linearizable.
///
/// # Panics
/// If the history has more than [`OPERATIONS_MAX`] operations.
#[must_use]
pub fn is_linearizable<M: Model>(initial: M::State, history: &[Timed<M::Operation>]) -> bool {
    assert!(history.len() <= OPERATIONS_MAX, "too long a history");
    let must = bits(history, |timed| timed.answered.is_some());
    let mut seen = HashSet::new();
    let mut open = vec![(0_u128, initial)];
    while let Some((done, state)) = open.pop() {
        if done & must == must {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let left = || {
            let all = history.iter().enumerate();
            all.filter(|(index, _)| done & (1 << index) == 0)
        };
        // What was called after an answer of one that is still to come must come after that one.
        let first_answer = left().filter_map(|(_, timed)| timed.answered).min();
        for (index, timed) in left() {
            if first_answer.is_some_and(|first| timed.called > first) {
                continue;
            }
            if let Some(next) = M::step(&state, &timed.operation) {
                open.push((done | (1 << index), next));
            }
        }
    }
    false
}

fn bits<O>(history: &[Timed<O>], is: impl Fn(&Timed<O>) -> bool) -> u128 {
    let of = history.iter().enumerate().filter(|(_, timed)| is(timed));
    of.fold(0, |bits, (index, _)| bits | (1 << index))
}

/// The right to one entry, as the authority holds it: free, or taken by an attempt.
#[derive(Debug)]
pub struct Entry;

/// What is done to an [`Entry`], by the number of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The authority granted it.
    Granted(u32),
    /// The authority said that somebody else has it.
    Denied(u32),
    /// Taken if it was free; nobody heard whether. An admission that a gate decided alone is one.
    Tried(u32),
    /// Given up, if this attempt had it.
    GivenUp(u32),
}

impl Model for Entry {
    type State = Option<u32>;
    type Operation = Act;

    fn step(state: &Option<u32>, act: &Act) -> Option<Option<u32>> {
        match (*act, *state) {
            (Act::Granted(by), None) => Some(Some(by)),
            (Act::Granted(by), Some(has)) => (has == by).then_some(Some(by)),
            (Act::Denied(by), Some(has)) => (has != by).then_some(Some(has)),
            (Act::Denied(_), None) => None,
            (Act::Tried(by), None) => Some(Some(by)),
            (Act::Tried(_), Some(has)) => Some(Some(has)),
            (Act::GivenUp(by), Some(has)) if has == by => Some(None),
            (Act::GivenUp(_), state) => Some(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(called: u64, answered: impl Into<Option<u64>>, operation: Act) -> Timed<Act> {
        Timed {
            called,
            answered: answered.into(),
            operation,
        }
    }

    fn holds(history: &[Timed<Act>]) -> bool {
        is_linearizable::<Entry>(None, history)
    }

    #[test]
    fn two_grants_of_one_entry_cannot_have_happened() {
        assert!(!holds(&[
            act(0, 5, Act::Granted(1)),
            act(1, 6, Act::Granted(2))
        ]));
        let lost = [
            act(0, 5, Act::Granted(1)),
            act(1, None, Act::Tried(2)),
            act(2, 6, Act::Denied(3)),
        ];
        assert!(holds(&lost));
    }

    #[test]
    fn nobody_is_denied_before_anybody_has_it() {
        assert!(!holds(&[
            act(0, 1, Act::Denied(1)),
            act(2, 3, Act::Granted(2))
        ]));
        assert!(holds(&[
            act(0, 3, Act::Denied(1)),
            act(2, 4, Act::Granted(2))
        ]));
    }

    #[test]
    fn what_was_given_up_is_free_again_and_only_then() {
        let history = |given_up| {
            [
                act(0, 1, Act::Granted(1)),
                act(given_up, None, Act::GivenUp(1)),
                act(4, 5, Act::Granted(2)),
            ]
        };
        assert!(holds(&history(2)));
        assert!(!holds(&history(6)));
    }

    #[test]
    fn an_answer_that_nobody_heard_may_be_the_reason_of_a_denial() {
        assert!(holds(&[
            act(0, None, Act::Tried(1)),
            act(2, 3, Act::Denied(2))
        ]));
        assert!(!holds(&[
            act(4, None, Act::Tried(1)),
            act(2, 3, Act::Denied(2))
        ]));
    }

    /// Plays acts on a real entry at seeded moments within their calls: such a history always holds.
    #[test]
    fn what_happened_one_after_the_other_is_found_to_have_done_so() {
        for seed in 0..500 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut taken: Option<u32> = None;
            let mut history = Vec::new();
            for attempt in 0..20 {
                let at = u64::from(attempt) * 10;
                let called = at - random.u64(..30).min(at);
                let answered = at + random.u64(..30);
                let heard = random.u8(..4) > 0;
                let operation = match taken {
                    _ if !heard => Act::Tried(attempt),
                    None => Act::Granted(attempt),
                    Some(_) => Act::Denied(attempt),
                };
                taken.get_or_insert(attempt);
                history.push(act(called, heard.then_some(answered), operation));
                if random.u8(..3) == 0
                    && let Some(by) = taken.take()
                {
                    history.push(act(at, None, Act::GivenUp(by)));
                }
            }
            assert!(holds(&history), "seed {seed}: {history:?}");
            // A second grant without anybody giving up is no history of an entry.
            history.retain(|timed| !matches!(timed.operation, Act::GivenUp(_)));
            history.push(act(500, 501, Act::Granted(98)));
            history.push(act(502, 503, Act::Granted(99)));
            assert!(!holds(&history), "seed {seed}");
        }
    }
}
