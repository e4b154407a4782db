//! A list of staff as CSV: every line is read, and all that is wrong is told at once.

use super::making::{Person, Workshop};
use crate::error::CliError;
use crate::times::{Calendar, Tense, Time};
use crate::values::STAFF_ROLES;
use csv::StringRecord;
use serde::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use std::path::Path;
use usher_domain::problem::Fault;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;

/// Columns that a list may have; only the first must be there.
const COLUMNS: [&str; 5] = ["name", "role", "gates", "valid_from", "valid_until"];

/// What separates the cells of a line.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A person, and the line that speaks of them, counted from 1.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) person: Person,
}

/// What lines are checked against.
pub(super) struct Known<'a> {
    pub(super) workshop: &'a Workshop<'a>,
    /// The clock by which times are read.
    pub(super) calendar: Calendar,
}

/// Reads a list.
///
/// # Errors
/// [`CliError::BadFile`] if it is no list of people, [`CliError::BadLines`] with everything that is wrong
/// with its lines.
pub(super) fn read(file: &Path, known: &Known<'_>) -> Result<Vec<Line>, CliError> {
    let bytes = std::fs::read(file).map_err(|error| CliError::reading(file, error))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| CliError::bad_file(file, "the list is not UTF-8: save it as CSV UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(text))
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let head = reader
        .headers()
        .map_err(|error| CliError::bad_file(file, error))?;
    let columns = columns(head).map_err(|why| CliError::bad_file(file, why))?;
    let mut lines = Vec::new();
    let mut faults = Vec::new();
    for record in reader.records() {
        // The text is UTF-8 and lines may differ in length: nothing else is wrong with CSV.
        let record = record.map_err(|error| CliError::bad_file(file, error))?;
        let number = record.position().map_or(0, csv::Position::line);
        let mut cells = Cells {
            record: &record,
            columns,
            number,
            faults: &mut faults,
        };
        if let Some(person) = cells.person(known) {
            lines.push(Line { number, person });
        }
    }
    if faults.is_empty() {
        Ok(lines)
    } else {
        Err(CliError::BadLines {
            path: file.to_owned(),
            faults,
        })
    }
}

/// The delimiter that stands most often in the first line.
fn delimiter(text: &str) -> u8 {
    let head = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| head.bytes().filter(|byte| byte == delimiter).count();
    // Of those that stand there equally often the last is taken.
    let best = DELIMITERS.into_iter().rev().max_by_key(count);
    best.unwrap_or(b',')
}

/// Where the columns stand.
fn columns(head: &StringRecord) -> Result<[Option<usize>; 5], String> {
    let place = |name: &str| head.iter().position(|cell| cell.eq_ignore_ascii_case(name));
    let unknown = |cell: &&str| {
        !cell.is_empty() && !COLUMNS.iter().any(|name| cell.eq_ignore_ascii_case(name))
    };
    if place("name").is_none() {
        let columns = COLUMNS.join(", ");
        return Err(format!("no column is called name; columns are {columns}"));
    }
    match head.iter().find(unknown) {
        Some(cell) => Err(format!(
            "a column is called {cell}; columns are {}",
            COLUMNS.join(", ")
        )),
        None => Ok(COLUMNS.map(place)),
    }
}

/// The cells of a line, and what is found wrong with them.
struct Cells<'a> {
    record: &'a StringRecord,
    columns: [Option<usize>; 5],
    number: u64,
    faults: &'a mut Vec<Fault>,
}

impl Cells<'_> {
    fn fault(&mut self, code: &str, detail: String) {
        self.faults.push(Fault {
            at: format!("line {}", self.number),
            code: code.to_owned(),
            detail,
        });
    }

    /// The person of the line, if nothing is wrong with it.
    fn person(&mut self, known: &Known<'_>) -> Option<Person> {
        let wrong = self.faults.len();
        let record = self.record;
        let [name, role, gates, from, until] = self
            .columns
            .map(|column| column.and_then(|column| record.get(column)).unwrap_or(""));
        if name.is_empty() {
            self.fault("name_missing", "the name is missing".to_owned());
        }
        let person = Person {
            name: Private::new(name),
            role: self.role(role),
            gates: self.gates(gates, known),
            valid_from: self.time("valid_from", from, known),
            valid_until: self.time("valid_until", until, known),
        };
        (self.faults.len() == wrong).then_some(person)
    }

    fn role(&mut self, cell: &str) -> StaffRole {
        if cell.is_empty() {
            return StaffRole::Steward;
        }
        let word = cell.to_ascii_lowercase().replace([' ', '-'], "_");
        StaffRole::deserialize(StrDeserializer::<ValueError>::new(&word)).unwrap_or_else(|_| {
            let roles = STAFF_ROLES.join(", ");
            self.fault("role", format!("“{cell}” is no role: one of {roles}"));
            StaffRole::Steward
        })
    }

    fn gates(&mut self, cell: &str, known: &Known<'_>) -> Vec<String> {
        let names: Vec<String> = cell.split_whitespace().map(str::to_owned).collect();
        for name in &names {
            if known.workshop.gate(name).is_none() {
                self.fault("gate", format!("there is no gate “{name}”"));
            }
        }
        names
    }

    fn time(&mut self, column: &str, cell: &str, known: &Known<'_>) -> Option<String> {
        if cell.is_empty() {
            return None;
        }
        let time = cell.parse::<Time>();
        match time.and_then(|time| known.calendar.read(time, Tense::Planned)) {
            Ok(at) => Some(at.to_string()),
            Err(why) => {
                self.fault("time", format!("{column} “{cell}”: {why}"));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_of_the_head_counts() {
        assert_eq!(delimiter("name,role\nA;B,steward"), b',');
        assert_eq!(delimiter("name;role;gates\nA,B;steward;"), b';');
        assert_eq!(delimiter("name\trole"), b'\t');
        assert_eq!(delimiter("name"), b',');
    }

    #[test]
    fn columns_are_found_by_their_names_whatever_their_order() {
        let found = |head: &[&str]| columns(&StringRecord::from(head.to_vec()));
        let places = found(&["Role", "NAME"]).unwrap();
        assert_eq!(places, [Some(1), Some(0), None, None, None]);
        assert!(found(&["role"]).unwrap_err().contains("called name"));
        assert!(found(&["name", "rank"]).unwrap_err().contains("rank"));
    }
}
