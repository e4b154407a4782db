//! The server: access control for organizers, devices and sales systems.

pub mod backup;
pub mod clock;
pub mod config;
pub mod http;
pub mod import;
pub mod init;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod private;
pub mod serve;
pub mod service;
pub mod storage;
pub mod tls;
