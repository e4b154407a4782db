//! CSV exports, read piece by piece: each piece is a read transaction of its own, so that a slow reader
//! holds up nobody, and memory stays bounded whatever the size of the session.
//!
//! Cells that a spreadsheet would take for a formula get an apostrophe in front, because some of them hold
//! texts of ticket buyers (OWASP, "CSV Injection").

mod attendance;
mod scans;

use super::Service;
use super::error::{Error, Result};
use super::statistics::find_session;
use crate::storage::Transaction;
use usher_domain::api::venue::{Event, Session};
use usher_domain::ids::OrganizerId;
use usher_domain::unseen::is_unseen;

/// Whether the text begins with the byte order mark that some spreadsheets need to see UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrderMark {
    /// With.
    Written,
    /// Without.
    Omitted,
}

/// Whether names of people are told, and order numbers; they are for roles that may see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// They are.
    Shown,
    /// They are not.
    Hidden,
}

/// Which session of whom.
#[derive(Clone)]
struct Place {
    organizer: OrganizerId,
    event: Event,
    session: Session,
}

/// What is exported, and from where the next piece goes on.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// Scans of batches after this position.
    Scans(u64, Names),
    /// Tickets of this bucket and some after it.
    Attendance(u16, Names),
    End,
}

/// A running export.
pub struct Export {
    service: Service,
    place: Place,
    next: Next,
    /// What comes before the first row.
    opening: Vec<u8>,
}

/// Rows of CSV in memory.
struct Rows(csv::Writer<Vec<u8>>);

impl Rows {
    fn new() -> Self {
        Self(csv::WriterBuilder::new().from_writer(Vec::new()))
    }

    fn row(&mut self, cells: &[String]) -> Result<()> {
        let safe = cells.iter().map(|cell| harmless(cell));
        self.0
            .write_record(safe)
            .map_err(|_| Error::Internal("a row of CSV cannot be written"))
    }

    fn into_bytes(self) -> Result<Vec<u8>> {
        self.0
            .into_inner()
            .map_err(|_| Error::Internal("CSV cannot be written"))
    }
}

/// The cell in a form that no spreadsheet calculates and that turns the direction of nothing beside it.
fn harmless(cell: &str) -> String {
    let cell: String = cell.chars().filter(|c| !is_unseen(*c)).collect();
    match cell.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            format!("'{cell}")
        }
        Some(_) | None => cell,
    }
}

/// A value as the contract writes it: `already_inside`, `entry`.
fn word<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .ok_or(Error::Internal("a word of the contract is no text"))
}

fn piece(txn: &dyn Transaction, place: &Place, next: Next) -> Result<(Vec<u8>, Next)> {
    match next {
        Next::Scans(after, names) => scans::piece(txn, place, after, names),
        Next::Attendance(bucket, names) => attendance::piece(txn, place, bucket, names),
        Next::End => Ok((Vec::new(), Next::End)),
    }
}

impl Export {
    /// The next piece of the text, or none after the last.
    ///
    /// # Errors
    /// [`Error::Storage`]; what was handed out before is then not the whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if !self.opening.is_empty() {
            return Ok(Some(std::mem::take(&mut self.opening)));
        }
        while !matches!(self.next, Next::End) {
            let (place, from) = (self.place.clone(), self.next);
            let (bytes, next) = self
                .service
                .read(move |txn| piece(txn, &place, from))
                .await?;
            self.next = next;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl Service {
    async fn export(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        mark: ByteOrderMark,
        (header, next): (&[&str], Next),
    ) -> Result<Export> {
        let (event, session) = self
            .read(move |txn| find_session(txn, organizer, &event, &session))
            .await?;
        let mut rows = Rows::new();
        let cells: Vec<String> = header.iter().map(|&cell| cell.to_owned()).collect();
        rows.row(&cells)?;
        let mut opening = match mark {
            ByteOrderMark::Written => "\u{feff}".as_bytes().to_vec(),
            ByteOrderMark::Omitted => Vec::new(),
        };
        opening.extend(rows.into_bytes()?);
        Ok(Export {
            service: self.clone(),
            place: Place {
                organizer,
                event,
                session,
            },
            next,
            opening,
        })
    }

    /// All scans of a session in the order of their coming, refused ones included.
    ///
    /// # Errors
    /// [`Error::NotFound`] for event or session.
    pub async fn export_scans(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        mark: ByteOrderMark,
        names: Names,
    ) -> Result<Export> {
        let what = (scans::HEADER, Next::Scans(0, names));
        self.export(organizer, event, session, mark, what).await
    }

    /// All tickets of a session with who came: state, entries, first entry, last exit, gate.
    ///
    /// # Errors
    /// [`Error::NotFound`] for event or session.
    pub async fn export_attendance(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        mark: ByteOrderMark,
        names: Names,
    ) -> Result<Export> {
        let what = (attendance::HEADER, Next::Attendance(0, names));
        self.export(organizer, event, session, mark, what).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_made_a_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(cell), format!("'{cell}"));
        }
        assert_eq!(harmless("\u{feff}=1"), "'=1");
        assert_eq!(harmless("\u{202e}evE\u{2066}"), "evE");
        for cell in ["", "A=1", "Müller, Ada", "12"] {
            assert_eq!(harmless(cell), cell);
        }
    }
}
