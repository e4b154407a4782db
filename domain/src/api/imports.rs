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
    /// `seat`, `zone`, `status`, `valid_from`, `valid_until`, `session`, `entries`, `instruction`; each a
    /// header or a number from 1.
    pub mapping: std::collections::BTreeMap<String, String>,
    /// Format of dates, strptime-like, where they are ambiguous.
    pub date_format: Option<String>,
    /// Whether anything is written.
    pub mode: ImportMode,
    /// What bad lines do.
    pub bad_lines: BadLines,
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
    /// Lines of the list or positions of the orders: the sum of the new, changed, unchanged and bad ones.
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
