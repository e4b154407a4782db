//! What Usher decides, as pure functions over plain values.
//!
//! Nothing here reads a clock, a file, a network, a database or a source of randomness: time and
//! random bytes come in as arguments, so every decision can be repeated and tested.

pub mod api;
mod bytes;
pub mod cbor;
pub mod challenge;
pub mod code;
pub mod cose;
pub mod decide;
pub mod document;
pub mod hash;
pub mod ids;
pub mod keys;
pub mod log;
mod memo;
pub mod merge;
#[cfg(feature = "mutants")]
pub mod mutant;
pub mod numbers;
pub mod problem;
pub mod protocol;
pub mod record;
pub mod rules;
pub mod seal;
pub mod secret;
pub mod session;
pub mod table;
pub mod time;
pub mod timetable;
pub mod unseen;
pub mod verdict;
pub mod wire;

/// Whether a rule is broken on purpose in this thread. In every program that serves somebody, and in
/// every other that was built without the feature `mutants`, this is the word `false`.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutated {
    ($mutant:ident) => {
        $crate::mutant::is_broken($crate::mutant::Mutant::$mutant)
    };
}

/// Whether a rule is broken on purpose: never.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutated {
    ($mutant:ident) => {
        false
    };
}
