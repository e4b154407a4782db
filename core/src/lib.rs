//! What a device runs.

pub mod camera;
