//! The server: access control for organizers, devices and sales systems.

pub mod clock;
pub mod import;
