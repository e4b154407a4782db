//! What slow pure functions answered before, kept by the thread that asked.
//!
//! In a simulated evening many devices and a server share one thread and check the same signed documents,
//! so points of the curve, signatures and keys derived from PINs are computed once. The answers are the
//! same ones; only their cost is not. Nothing is kept in a program that serves anybody: without the feature
//! `memo`, which nothing but the simulation asks for, [`recall`] computes.

/// What `compute` answers, or answered before under the same `name` for the same `parts`.
///
/// `parts` are joined: all but the last must have a fixed length, and `compute` must depend on nothing else.
#[cfg(feature = "memo")]
pub(crate) fn recall<T: Clone + 'static>(
    name: &'static str,
    parts: &[&[u8]],
    compute: impl FnOnce() -> T,
) -> T {
    let key = (name, crate::hash::Hash::of(parts));
    let known = table::ANSWERS.with_borrow(|answers| {
        let answer = answers.get(&key)?;
        answer.downcast_ref::<T>().cloned()
    });
    known.unwrap_or_else(|| {
        let answer = compute();
        table::keep(key, Box::new(answer.clone()));
        answer
    })
}

/// What `compute` answers.
#[cfg(not(feature = "memo"))]
pub(crate) fn recall<T>(_: &'static str, _: &[&[u8]], compute: impl FnOnce() -> T) -> T {
    compute()
}

#[cfg(feature = "memo")]
mod table {
    use crate::hash::Hash;
    use std::any::Any;
    use std::cell::RefCell;
    use std::collections::HashMap;

    /// How many answers are kept until all are forgotten; an evening asks for some thousands.
    const MOST: usize = 50_000;

    type Key = (&'static str, Hash);

    thread_local! {
        pub(super) static ANSWERS: RefCell<HashMap<Key, Box<dyn Any>>> = RefCell::default();
    }

    pub(super) fn keep(key: Key, answer: Box<dyn Any>) {
        ANSWERS.with_borrow_mut(|answers| {
            if answers.len() >= MOST {
                answers.clear();
            }
            answers.insert(key, answer);
        });
    }
}
