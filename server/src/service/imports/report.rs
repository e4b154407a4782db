//! What an import tells.

use super::Whole;
use crate::import::{Import, ImportedTicket, Place, Source};
use crate::service::error::Error;
use usher_domain::api::imports::{ImportOptions, ImportReport};
use usher_domain::code::strength::STRONG_BITS;
use usher_domain::hash::Hash;
use usher_domain::ids::OrganizerId;
use usher_domain::problem::Fault;

/// Bad lines that a report lists.
const FAULTS_MAX: usize = 1_000;
/// Tickets that a sentence names.
const NAMED_MAX: usize = 10;

/// Takes what was read apart: what all lines share, the good lines, and a report of the bad ones.
pub(super) fn begin(
    import: Import,
    organizer: OrganizerId,
    event: String,
    options: ImportOptions,
    digest: Hash,
) -> (Whole, Vec<ImportedTicket>, ImportReport) {
    let (format, columns, unused) = match &import.source {
        Source::Pretix(_) => ("pretix".to_owned(), Vec::new(), Vec::new()),
        Source::Csv(found) => {
            let columns = found.columns.iter().map(|column| {
                let header = column.header.as_deref();
                let header = header.map_or_else(|| column.number.to_string(), str::to_owned);
                (column.column.to_string(), header)
            });
            let format = format!("csv; {:?}; {}", found.delimiter, found.encoding.name());
            let unused = found.unused.iter().map(ToString::to_string).collect();
            (format.to_lowercase(), columns.collect(), unused)
        }
    };
    let weak = |ticket: &&ImportedTicket| ticket.code.is_some() && ticket.bits < STRONG_BITS;
    let mut report = ImportReport {
        format,
        files: import.files,
        columns,
        written: false,
        read: (import.tickets.len() + import.bad.len()) as u64,
        created: 0,
        updated: 0,
        unchanged: 0,
        bad: Vec::new(),
        bad_count: 0,
        weak_barcodes: import.tickets.iter().filter(weak).count() as u64,
        warnings: import.warnings.iter().map(ToString::to_string).collect(),
        types_created: Vec::new(),
        refused_here: 0,
        refused_here_tickets: Vec::new(),
        kept_here: 0,
        missing: 0,
        missing_tickets: Vec::new(),
        cancelled: 0,
        cancelled_tickets: Vec::new(),
        used_before: import.used_before,
        unused_columns: unused,
    };
    for bad in &import.bad {
        let fault = Fault {
            at: bad.place.to_string(),
            code: bad.reason.code().to_owned(),
            detail: bad.why(),
        };
        push(&mut report, fault);
    }
    let whole = Whole::new(organizer, event, options, import.source, digest);
    (whole, import.tickets, report)
}

/// A number of things with its word: `1 ticket is`, `2 tickets are`.
pub(super) fn counted(count: u64, one: &str, more: &str) -> String {
    let word = if count == 1 { one } else { more };
    format!("{count} {word}")
}

/// The first of some tickets, and how many more there are: `A-1, A-2 and 3 more`.
pub(super) fn some_of(tickets: &[String]) -> String {
    let shown = tickets.get(..NAMED_MAX).unwrap_or(tickets);
    let names = shown.join(", ");
    match tickets.len().saturating_sub(shown.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// Notes a line that was read well and cannot be imported.
pub(super) fn note_fault(report: &mut ImportReport, place: &Place, error: &Error) {
    let fault = Fault {
        at: place.to_string(),
        code: error.code().as_str().to_owned(),
        detail: error.to_string(),
    };
    push(report, fault);
}

fn push(report: &mut ImportReport, fault: Fault) {
    report.bad_count += 1;
    if report.bad.len() < FAULTS_MAX {
        report.bad.push(fault);
    }
}

/// Whether an error is about the server and not about a line.
pub(super) const fn is_fatal(error: &Error) -> bool {
    matches!(
        error,
        Error::Storage(_) | Error::Internal(_) | Error::KeyExpired(_)
    )
}
