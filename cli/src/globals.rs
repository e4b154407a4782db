//! Flags that every command understands.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags that every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Globals {
    /// Write JSON to standard output: one object; of a command that goes on, one a line
    #[arg(long, global = true)]
    pub json: bool,

    /// The folder of a device: its key, ticket sets and scans
    #[arg(long, global = true, value_name = "DIR", env = "USHER_HOME")]
    pub home: Option<PathBuf>,

    /// File that says how to reach the server: address, pin and tokens; `usher init` writes one
    ///
    /// Without it, `client.toml` in the server's data folder is used if it is there.
    #[arg(long, global = true, value_name = "FILE", env = "USHER_PROFILE")]
    pub profile: Option<PathBuf>,

    /// Address of the server, in place of the profile's
    #[arg(long, global = true, value_name = "URL", env = "USHER_SERVER")]
    pub server: Option<String>,

    /// SHA-256 of the server's public key (SubjectPublicKeyInfo) in hex, in place of the profile's
    #[arg(long, global = true, value_name = "HEX", env = "USHER_SERVER_PIN")]
    pub server_pin: Option<String>,

    /// Whose token of the profile is used, where it has several
    #[arg(long, global = true, value_name = "SLUG", env = "USHER_ORGANIZER")]
    pub organizer: Option<String>,

    /// File that holds an API token; the variable USHER_TOKEN can hold the token itself
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Show the ids of records beside what people recognise them by
    #[arg(long, global = true)]
    pub verbose: bool,

    /// How log lines are written to standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum)]
    pub log: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, trace, or a filter such as usher_core=debug
    ///
    /// Usually warn; info for `serve`.
    #[arg(long, global = true, value_name = "LEVEL", env = "USHER_LOG")]
    pub log_level: Option<String>,
}

/// For whom log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}
