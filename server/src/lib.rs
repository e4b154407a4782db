//! The server: access control for organizers, devices and sales systems.

pub mod clock;
pub mod config;
pub mod import;
pub mod keys;
pub mod service;
pub mod storage;
pub mod tls;
