//! What a device runs.

pub mod camera;
pub mod clock;
#[cfg(test)]
mod fixture;
pub mod gate;
pub mod http;
pub mod store;
pub mod sync;
