//! What a device runs.

pub mod app;
pub mod camera;
pub mod claims;
pub mod clock;
pub mod error;
#[cfg(test)]
mod fixture;
pub mod gate;
pub mod http;
pub mod store;
pub mod sync;
