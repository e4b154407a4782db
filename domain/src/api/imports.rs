//! What an import found and did.

use crate::problem::Fault;
use serde::{Deserialize, Serialize};

/// How to read files and what to do with bad lines; the `options` part of an import's form.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// Session of tickets whose line names none, by slug or id. Needed unless the event has only one.
    pub session: Option<String>,
    /// Sales channel of the tickets; the file's kind if absent.
    pub channel: Option<String>,
    /// Columns by field: `barcode`, `name`, `first_name`, `last_name`, `type`, `order`, `external`,
    /// `seat`, `zone`, `status`, `used`, `valid_from`, `valid_until`, `session`, `entries`, `instruction`; each a
    /// header or a number from 1.
    pub mapping: std::collections::BTreeMap<String, String>,
    /// Format of dates, strptime-like, where they are ambiguous.
    pub date_format: Option<String>,
    /// Whether anything is written.
    pub mode: ImportMode,
    /// What bad lines do.
    pub bad_lines: BadLines,
    /// The shop's own status words, each with what it means: `valid`, `pending`, `blocked`, `cancelled` or
    /// `refunded`.
    pub status: std::collections::BTreeMap<String, String>,
    /// What becomes of tickets that were used before at the shop's own scanners.
    pub used: UsedTickets,
    /// What becomes of tickets of the last import that the files no longer name.
    pub missing: MissingTickets,
    /// How many of them may be cancelled; a tenth of the list, at least 2, if absent. If more are missing,
    /// nothing is imported.
    pub missing_max: Option<u64>,
    /// What becomes of files that were imported before, and others of the same list since.
    pub old_lists: OldLists,
    /// pretix's check-in lists whose rules are taken over, by name or number: who enters and how often becomes
    /// the rules of the session, times and unpaid orders those of the tickets. `-` takes over none any more.
    pub check_in_lists: Vec<String>,
}

/// What becomes of tickets that were used before at the shop's own scanners, and whose holders were not seen
/// leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UsedTickets {
    /// They are let in, and counted.
    #[default]
    Admit,
    /// They are held back.
    Refuse,
}

/// What becomes of tickets that a list no longer names. A position that is missing in an order of pretix is
/// always cancelled, for such an order is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissingTickets {
    /// They stay as they are and are counted.
    #[default]
    Keep,
    /// They are cancelled: the files are the whole list.
    Cancel,
}

/// What becomes of files that were imported before, and others of the same list since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OldLists {
    /// If they would change something, nothing is imported.
    #[default]
    Refuse,
    /// They are imported like others.
    Import,
}

/// Whether an import writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ImportMode {
    /// It does.
    #[default]
    Write,
    /// It says what it would do.
    DryRun,
}

/// What bad lines do to an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BadLines {
    /// One bad line and nothing is imported.
    #[default]
    Refuse,
    /// They are left out and reported.
    Skip,
}

/// A file of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedFile {
    /// Its name, without a folder.
    pub name: String,
    /// What it was used for, for example `list`, `orders` or `items`; absent if it was not needed.
    pub used_as: Option<String>,
}

/// What an import found and did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    /// What the files were taken for, for example `csv; delimiter ;; windows-1252`.
    pub format: String,
    /// The files, and what each was used for.
    #[serde(default)]
    pub files: Vec<ImportedFile>,
    /// Columns used: field and header.
    pub columns: Vec<(String, String)>,
    /// Whether anything was written.
    pub written: bool,
    /// Tickets that the list or the orders tell of: the sum of the new, changed, unchanged and bad ones.
    pub read: u64,
    /// New tickets.
    pub created: u64,
    /// Tickets that were there and differ.
    pub updated: u64,
    /// Tickets that were there and are the same.
    pub unchanged: u64,
    /// Bad lines with their reasons, the first 1,000.
    pub bad: Vec<Fault>,
    /// Number of bad lines.
    pub bad_count: u64,
    /// Barcodes that can be guessed: they get no sealed holder data.
    pub weak_barcodes: u64,
    /// What a person should look at.
    pub warnings: Vec<String>,
    /// Types that were created because the files name them.
    pub types_created: Vec<String>,
    /// Tickets that the files let in and that stay refused because of what was said here.
    #[serde(default)]
    pub refused_here: u64,
    /// All of those, by the seller's number or, where it tells none, by id.
    #[serde(default)]
    pub refused_here_tickets: Vec<String>,
    /// Tickets with details that were changed here and in the files, and stay as they were said here.
    #[serde(default)]
    pub kept_here: u64,
    /// Tickets of the last import of this list that the files do not name.
    #[serde(default)]
    pub missing: u64,
    /// All of those, named likewise.
    #[serde(default)]
    pub missing_tickets: Vec<String>,
    /// Tickets that were cancelled because the list, or the order that they were in, no longer has them.
    #[serde(default)]
    pub cancelled: u64,
    /// All of those, named likewise.
    #[serde(default)]
    pub cancelled_tickets: Vec<String>,
    /// Tickets that may enter by what the files say and were used before at the shop's own scanners.
    #[serde(default)]
    pub used_before: u64,
    /// Headers of the list's columns that are not used.
    #[serde(default)]
    pub unused_columns: Vec<String>,
}

impl ImportReport {
    /// One sentence: how the files were read, and what the lines are.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} lines: {} new, {} changed, {} unchanged, {} bad (read as {})",
            self.read, self.created, self.updated, self.unchanged, self.bad_count, self.format
        )
    }
}
