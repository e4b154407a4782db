//! Whole-venue tests: the real server in process, real devices over TCP, one module a subject.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test that finds something else than it expects fails at once, and says where"
)]

mod changes;
mod claims;
mod copies;
mod cuts;
mod enrolling;
mod isolation;
mod kept;
mod live;
mod messages;
mod orders;
mod property;
mod readiness;
mod restores;
mod returned;
mod sessions;
mod staff;
