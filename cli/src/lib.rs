//! The `usher` binary: its definition, its commands and what they print.

mod ask;
pub mod cameras;
pub mod client;
pub mod command;
pub mod demo;
pub mod document;
pub mod error;
pub mod exit;
pub mod files;
pub mod globals;
pub mod logs;
pub mod output;
pub mod passphrase;
pub mod pdf;
pub mod pictures;
pub mod profile;
pub mod progress;
pub mod qr;
pub mod rules;
mod run;
pub mod shell;
mod synonyms;
pub mod times;
pub mod trust;
mod unifont;
pub mod values;
pub mod zone;

pub use run::main;
