//! The `usher` binary: its definition, its commands and what they print.

pub mod command;
pub mod demo;
pub mod error;
pub mod exit;
pub mod globals;
pub mod logs;
pub mod output;
pub mod passphrase;
pub mod qr;
pub mod rules;
pub mod say;
pub mod values;
