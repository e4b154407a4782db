//! The parts of the `usher` binary.

pub mod demo;
pub mod qr;
