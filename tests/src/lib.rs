//! A whole venue in one test: the real server with its real router and database, and any number of named
//! gates, each a real device in a folder of its own that reaches the server over TCP.
//!
//! Nothing sleeps. Time is one clock that the test moves; the network is a small relay in front of each
//! gate that the test cuts, stalls and turns elsewhere; pauses between retries are passed over.
//!
//! ```text
//! gate "north" ── relay ──┐
//! gate "south" ── relay ──┼── server ── SQLite in a temporary folder
//! gate "east"  ── relay ──┘
//! ```
//!
//! [`simulation`] is another way to look at a venue: everything in one thread, on disks in memory, in
//! virtual time, from one seed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot be set up fails at once, and says where"
)]

pub mod clock;
pub mod compare;
pub mod desk;
pub mod gate;
pub mod linear;
pub mod listening;
pub mod network;
pub mod office;
pub mod simulation;
pub mod venue;

pub use gate::{Gate, Said};
pub use office::Sold;
pub use venue::Venue;
