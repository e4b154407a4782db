//! The server: access control for organizers, devices and sales systems.

pub mod import;
