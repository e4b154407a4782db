//! `usher import`: tickets from the lists that shops export.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::progress;
use crate::shell::Shell;
use crate::values::{Column, words};
use clap::Args;
use indicatif::ProgressBar;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use usher_domain::api::imports::{
    BadLines, ImportMode, ImportOptions, ImportReport, MissingTickets, OldLists, UsedTickets,
};

/// Import tickets from what shops export: CSV lists, or pretix API answers
///
/// Delimiter, encoding and columns of a CSV list are found out and reported. Nothing is imported unless
/// all lines are good; importing the same twice changes nothing, and after an import that was cut off
/// it does the rest.
///
/// Importing a newer list takes over what the list changed since its last import. What was said here stays:
/// a ticket cancelled or held back here comes back by no list, and the report says so.
///
/// Where the printed codes hold the listed one inside of an address or another text, gates find it by
/// themselves if exactly one ticket fits; `usher session change --code-after TEXT` says where it stands.
#[derive(Debug, Args)]
pub struct Import {
    /// The event, by slug or id
    pub event: String,
    /// A CSV list; or of pretix the orders, event.json and items.json, or the folder that holds them
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Session of tickets whose line names none, by slug or id; needed if the event has several
    #[arg(long)]
    pub session: Option<String>,
    /// Sales channel of the tickets; the kind of the file if left out
    #[arg(long)]
    pub channel: Option<String>,
    /// A column, where it is not found out, as FIELD=HEADER or FIELD=NUMBER, such as barcode=1; repeat
    /// it for each
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
    /// What a status word of the shop means, as WORD=STATE: valid, pending, blocked, cancelled or
    /// refunded; repeat it for each
    #[arg(long, value_name = "WORD=STATE")]
    pub status: Vec<StatusWord>,
    /// What becomes of tickets that were used before at the shop's own scanners: they are let in and
    /// counted, or refused
    #[arg(long, value_name = "admit|refuse", value_parser = words::<UsedTickets>(USED), default_value = "admit", hide_default_value = true, hide_possible_values = true)]
    pub used: UsedTickets,
    /// What becomes of tickets of the last import that the file no longer names: they are kept and
    /// counted, or cancelled, if the file is the whole list
    #[arg(long, value_name = "keep|cancel", value_parser = words::<MissingTickets>(MISSING), default_value = "keep", hide_default_value = true, hide_possible_values = true)]
    pub missing: MissingTickets,
    /// How many may be cancelled because they are missing; if left out, one in ten
    #[arg(long, value_name = "COUNT")]
    pub missing_max: Option<u64>,
    /// Take over the rules of a check-in list of pretix, by name or number: who enters, how often and when.
    /// A list of one date rules its session alone; repeat it for the lists of several dates. `-` takes over
    /// none any more
    #[arg(long = "check-in-list", value_name = "NAME")]
    pub check_in_lists: Vec<String>,
    /// Import a list that was imported before, although a newer one was imported since
    #[arg(long)]
    pub old_list: bool,
}

/// What becomes of missing tickets.
const MISSING: &[&str] = &["keep", "cancel"];
/// What becomes of tickets that were used before.
const USED: &[&str] = &["admit", "refuse"];

/// What a status word of a shop means: `WORD=STATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusWord {
    /// The shop's word.
    pub word: String,
    /// The state.
    pub state: String,
}

/// States that a status word of a shop may mean.
const WORD_STATES: &[&str] = &["valid", "pending", "blocked", "cancelled", "refunded"];

impl FromStr for StatusWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A word of a shop may hold the sign itself.
        match text.rsplit_once('=') {
            Some((word, state)) if WORD_STATES.contains(&state) => Ok(Self {
                word: word.to_owned(),
                state: state.to_owned(),
            }),
            _ => Err(format!(
                "write it as WORD=STATE, for example Comp=valid; the states are {}",
                WORD_STATES.join(", ")
            )),
        }
    }
}

impl Import {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`]; with bad lines the server's problem names each.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let options = ImportOptions {
            session: self.session,
            channel: self.channel,
            mapping: self
                .columns
                .into_iter()
                .map(|column| (column.field, column.header))
                .collect(),
            date_format: self.date_format,
            mode: if self.dry_run {
                ImportMode::DryRun
            } else {
                ImportMode::Write
            },
            bad_lines: if self.skip_bad {
                BadLines::Skip
            } else {
                BadLines::Refuse
            },
            status: self
                .status
                .into_iter()
                .map(|status| (status.word, status.state))
                .collect(),
            used: self.used,
            missing: self.missing,
            missing_max: self.missing_max,
            check_in_lists: self.check_in_lists,
            old_lists: if self.old_list {
                OldLists::Import
            } else {
                OldLists::Refuse
            },
        };
        let mut files = Vec::new();
        for named in &self.files {
            for file in behind(named)? {
                files.push(read(&file)?);
            }
        }
        let total = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let bar = progress::bytes(&shell.output, "importing", Some(total));
        let options = serde_json::to_string(&options).map_err(CliError::invalid)?;
        let mut form = Form::new().text("options", options);
        for (name, bytes) in files {
            form = form.part("file", part(name, bytes, bar.clone()));
        }
        let answer = client
            .upload(&["events", &self.event, "imports"], form)
            .await;
        bar.finish_and_clear();
        let report: ImportReport = answer?;
        shell
            .output
            .show(&report, |page| report_page(page, &report))?;
        // Skipping is a wish; otherwise a bad line means that not all is, or would be, imported.
        if report.bad_count > 0 && !self.skip_bad {
            return Ok(Exit::Failed);
        }
        Ok(Exit::Done)
    }
}

/// The files that an argument names: itself, or the JSON files of a folder by name.
fn behind(named: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !named.is_dir() {
        return Ok(vec![named.to_owned()]);
    }
    let failed = |error| CliError::reading(named, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(named).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|ending| ending == "json") {
            found.push(file);
        }
    }
    if found.is_empty() {
        return Err(CliError::bad_file(named, "the folder holds no JSON files"));
    }
    found.sort();
    Ok(found)
}

fn read(file: &Path) -> Result<(String, Vec<u8>), CliError> {
    let bytes = std::fs::read(file).map_err(|error| CliError::reading(file, error))?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((name, bytes))
}

/// A file of the form, in chunks that move the bar as they are sent.
fn part(name: String, bytes: Vec<u8>, bar: ProgressBar) -> Part {
    const CHUNK: usize = 64 * 1024;
    let length = bytes.len() as u64;
    let chunks: Vec<Vec<u8>> = bytes.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let sent = futures_util::stream::iter(chunks.into_iter().map(move |chunk| {
        bar.inc(chunk.len() as u64);
        Ok::<_, std::io::Error>(chunk)
    }));
    Part::stream_with_length(Body::wrap_stream(sent), length).file_name(name)
}

fn report_page(page: &mut Page, report: &ImportReport) {
    page.line(format_args!("Read as {}", report.format));
    for (field, header) in &report.columns {
        page.line(format_args!("  {field:<12} {header}"));
    }
    if !report.unused_columns.is_empty() {
        let unused = report.unused_columns.join(", ");
        page.line(format_args!("  not used:    {unused}"));
    }
    if report.files.len() > 1 {
        for file in &report.files {
            let used = file.used_as.as_deref().unwrap_or("not needed");
            page.line(format_args!("  {:<24} {used}", file.name));
        }
    }
    let done = if report.written {
        "imported"
    } else {
        "not imported"
    };
    page.line(format_args!(
        "{} lines, {done}: {} new, {} changed, {} unchanged, {} bad",
        report.read, report.created, report.updated, report.unchanged, report.bad_count
    ));
    if !report.types_created.is_empty() {
        page.line(format_args!(
            "New ticket types: {}",
            report.types_created.join(", ")
        ));
    }
    for warning in &report.warnings {
        page.line(format_args!("Warning: {warning}"));
    }
    if report.bad_count > report.bad.len() as u64 {
        page.line(format_args!("The first {} bad lines:", report.bad.len()));
    }
    for fault in &report.bad {
        page.line(format_args!(
            "  {}: {} ({})",
            fault.at, fault.detail, fault.code
        ));
    }
}
