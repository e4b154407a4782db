//! `usher scan`: a gate at the command line.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Scan tickets on this device
///
/// Each verdict is written down before it shows. Exit codes: 0 admit, 10 refuse, 11 refer; of several
/// codes the worst.
#[derive(Debug, Args)]
pub struct Scan {
    /// The ticket's code as text
    #[arg(required_unless_present_any = ["images", "stdin"], conflicts_with_all = ["images", "stdin"])]
    pub code: Option<String>,
    /// Read codes from pictures (PNG, JPEG)
    #[arg(long = "image", value_name = "FILE", num_args = 1.., conflicts_with = "stdin")]
    pub images: Vec<PathBuf>,
    /// Read codes from standard input, one a line, as hand scanners type them
    #[arg(long)]
    pub stdin: bool,
    /// Whether people come in or go out
    #[arg(long, value_enum, default_value_t = Way::In)]
    pub direction: Way,
    /// The session that is served, by id or name, in place of the timetable's
    #[arg(long)]
    pub session: Option<String>,
    /// Let in everyone of the ticket's order, each with a verdict of their own
    #[arg(long)]
    pub group: bool,
    /// Do not try to reach the server
    #[arg(long)]
    pub offline: bool,
    /// Staff checked what the last verdict asked for
    #[arg(long)]
    pub confirm: bool,
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// They come in
    In,
    /// They go out
    Out,
}

impl From<Way> for usher_domain::record::Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::Entry,
            Way::Out => Self::Exit,
        }
    }
}
