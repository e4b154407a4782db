//! `usher import`: tickets from the lists that shops export.

use crate::values::Column;
use clap::Args;
use std::path::PathBuf;

/// Import tickets from what shops export: CSV lists, or pretix API answers
///
/// Delimiter, encoding and columns of a CSV list are found out and reported. Nothing is imported unless
/// all lines are good; importing the same twice changes nothing.
#[derive(Debug, Args)]
pub struct Import {
    /// The event, by slug or id
    pub event: String,
    /// The files; of pretix: orders, and event.json and items.json
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Session of tickets whose line names none, by slug or id; needed if the event has several
    #[arg(long)]
    pub session: Option<String>,
    /// Sales channel of the tickets; the kind of the file if left out
    #[arg(long)]
    pub channel: Option<String>,
    /// A column, where it is not found out, as FIELD=HEADER; repeat it for each
    #[arg(long = "column", value_name = "FIELD=HEADER")]
    pub columns: Vec<Column>,
    /// Format of dates, where they are ambiguous, such as %d/%m/%Y
    #[arg(long, value_name = "FORMAT")]
    pub date_format: Option<String>,
    /// Say what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave bad lines out and import the rest
    #[arg(long)]
    pub skip_bad: bool,
}
