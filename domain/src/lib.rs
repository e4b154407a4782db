//! What Usher decides, as pure functions over plain values.
//!
//! Nothing here reads a clock, a file, a network, a database or a source of randomness: time and
//! random bytes come in as arguments, so every decision can be repeated and tested.

pub mod cbor;
pub mod cose;
pub mod hash;
pub mod ids;
pub mod keys;
pub mod numbers;
pub mod secret;
