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
pub mod merge;
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
pub mod verdict;
pub mod wire;
