//! What a device runs.

pub mod camera;
pub mod clock;
pub mod store;
