//! What shops export, read into tickets: pure, without storage and without HTTP.
//!
//! Two kinds of input are understood: one list as CSV ([`csv`]), and the answers of pretix's REST API as
//! JSON files ([`pretix`]). Every line becomes an [`ImportedTicket`] or a [`BadLine`] with its place and
//! reason; nothing is guessed where a wrong guess would let a person in or keep one out.

mod columns;
mod csv;
mod dates;
mod dialect;
mod encoding;
mod error;
mod fields;
mod headers;
mod pretix;
mod quantity;
mod repeats;
mod report;
mod rounding;
mod status;
mod strength;
mod ticket;
mod used;

pub use columns::{Column, ColumnRef, InvalidMapping, Mapping};
pub use dates::SlashDates;
pub use dialect::{Delimiter, FoundColumn, FoundDialect, Header};
pub use encoding::{FileEncoding, UnknownEncoding};
pub use error::ImportError;
pub use pretix::{
    ListedProduct, PretixCheckInList, PretixDates, PretixFacts, PretixItem, PretixSubevent,
    RefusedSecrets, TakenList, TestOrders,
};
pub use report::{BadLine, BadReason, Place, Warning};
pub(crate) use status::named as state_named;
pub use ticket::{ImportedTicket, State, Text, Used};
pub use used::UsedTickets;

use jiff::tz::TimeZone;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::imports::ImportedFile;

/// A file as it came in.
#[derive(Clone, Copy)]
pub struct NamedBytes<'a> {
    /// Its name without a folder; only shown, never trusted.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What kind of input the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One list of tickets, a line each.
    Csv,
    /// Answers of pretix's REST API.
    Pretix,
}

/// Bounds of one import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: usize,
    /// Lines of a list, or positions of all orders.
    pub lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 512 << 20,
            lines: 2_000_000,
        }
    }
}

/// What the organizer says about the files. Everything but the time zone has a sensible default.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of the session: dates without an offset are local there.
    pub zone: TimeZone,
    /// Which column holds what; wins over what is detected.
    pub mapping: Mapping,
    /// The delimiter, if it is not to be detected.
    pub delimiter: Option<Delimiter>,
    /// The encoding, if it is not to be detected.
    pub encoding: Option<FileEncoding>,
    /// Whether the first line names the columns.
    pub header: Header,
    /// How `01/02/2026` is read; without it such a date is a bad line.
    pub slash_dates: Option<SlashDates>,
    /// The organizer's own status words and what they mean; an empty word means an empty cell.
    pub words: BTreeMap<String, State>,
    /// The type of tickets that name none.
    pub default_type: Option<String>,
    /// The language of names that come in several; then English, then any.
    pub locale: Option<String>,
    /// What becomes of orders made in pretix's test mode.
    pub test_orders: TestOrders,
    /// What becomes of tickets that were used before at the shop's own scanners.
    pub used: UsedTickets,
    /// Names or numbers of pretix's check-in lists whose rules are taken over.
    pub check_in_lists: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

impl Options {
    /// Detect everything; dates are local to `zone`.
    #[must_use]
    pub fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            mapping: Mapping::default(),
            delimiter: None,
            encoding: None,
            header: Header::default(),
            slash_dates: None,
            words: BTreeMap::new(),
            default_type: None,
            locale: None,
            test_orders: TestOrders::default(),
            used: UsedTickets::default(),
            check_in_lists: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// What was read.
#[derive(Debug)]
pub struct Import {
    /// The good lines, in the order of the file.
    pub tickets: Vec<ImportedTicket>,
    /// The files, and what each was used for.
    pub files: Vec<ImportedFile>,
    /// The bad lines, in the order of the file.
    pub bad: Vec<BadLine>,
    /// What the organizer should know although it stops nothing.
    pub warnings: Vec<Warning>,
    /// Tickets that may enter and were used before at the shop's own scanners.
    pub used_before: u64,
    /// Where it came from.
    pub source: Source,
}

/// Where an import came from, with what only that kind knows.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each import")]
pub enum Source {
    /// A list, and how it was read.
    Csv(FoundDialect),
    /// pretix.
    Pretix(PretixFacts),
}

/// Tells the kind of the files by their first character: JSON begins with a brace or a bracket.
///
/// # Errors
/// No file, a mixture, several lists, or more bytes than the default bound.
pub fn detect(files: &[NamedBytes<'_>]) -> Result<Kind, ImportError> {
    let json = files.iter().filter(|file| is_json(file.bytes)).count();
    match (files.len(), json) {
        (0, _) => Err(ImportError::NoFile),
        (1, 0) => Ok(Kind::Csv),
        (all, json) if all == json => Ok(Kind::Pretix),
        (_, 0) => Err(ImportError::SeveralLists),
        _ => Err(ImportError::MixedKinds),
    }
}

/// Reads the files.
///
/// # Errors
/// What makes the whole input unreadable: see [`ImportError`]. A single bad line is not an error, it is
/// listed in [`Import::bad`].
pub fn read(files: &[NamedBytes<'_>], options: &Options) -> Result<Import, ImportError> {
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    if bytes > options.limits.bytes {
        return Err(ImportError::TooLarge {
            limit: options.limits.bytes,
        });
    }
    let mut import = match (detect(files)?, files) {
        (Kind::Csv, _) if !options.check_in_lists.is_empty() => {
            return Err(ImportError::CheckInListOfCsv);
        }
        (Kind::Csv, [list, ..]) => csv::read(list, options)?,
        (Kind::Csv, []) => return Err(ImportError::NoFile),
        (Kind::Pretix, _) => pretix::read(files, options)?,
    };
    repeats::refuse_repeated(&mut import);
    let lists = match &mut import.source {
        Source::Csv(_) => BTreeSet::new(),
        Source::Pretix(facts) => std::mem::take(&mut facts.used_on),
    };
    quantity::judge(&mut import);
    used::judge(&mut import, options.used, &lists);
    strength::estimate(&mut import);
    if import.tickets.is_empty() && import.bad.is_empty() {
        import.warnings.push(Warning::NothingFound);
    }
    Ok(import)
}

fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
}

#[cfg(test)]
mod tests;
