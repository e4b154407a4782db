//! Attacks on a real server, in a process of its own, by clients that keep to no rule. Each ends with an
//! honest gate that claims, and a bound in time.
//!
//! Here time passes. `USHER_PROCESS` names another program to attack than the one built with the tests.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod connections;
mod device;
mod memory;
mod neighbours;
mod stranger;
mod target;
mod writer;
