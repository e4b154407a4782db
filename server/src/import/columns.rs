//! Which column holds what: names as shops write them, or a mapping.

use super::headers::KNOWN;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a column can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// What the ticket's barcode says. The only column that must be there.
    Barcode,
    /// The seller's lasting number of the ticket.
    Number,
    /// The order's number.
    Order,
    /// The position within the order; order and position together are a number of the ticket.
    Position,
    /// The ticket's type.
    Type,
    /// A variation of the type.
    Variation,
    /// The seller's number of the type.
    TypeId,
    /// The holder's full name.
    Name,
    /// The holder's first name.
    FirstName,
    /// The holder's last name.
    LastName,
    /// The seat.
    Seat,
    /// The block of the seat, where the seat comes in parts.
    SeatBlock,
    /// The row of the seat.
    SeatRow,
    /// The number of the seat.
    SeatNumber,
    /// The zone it gives access to.
    Zone,
    /// Whether it may enter, as a word.
    Status,
    /// Whether it is paid: yes or no.
    Paid,
    /// Whether it was used at the shop's own scanners: yes, no, or when.
    Used,
    /// Why it was cancelled or blocked.
    Reason,
    /// Beginning of validity.
    ValidFrom,
    /// End of validity.
    ValidUntil,
    /// How often it may enter.
    Entries,
    /// How many people the line stands for.
    Quantity,
    /// What the staff must do.
    Instruction,
    /// Whether the staff must look closer: yes or no.
    Attention,
    /// The session it is for.
    Session,
    /// The sales channel.
    Channel,
}

impl Column {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|(column, _, _)| *column)
    }

    /// Its name in mappings.
    #[must_use]
    pub fn name(self) -> &'static str {
        KNOWN
            .iter()
            .find(|(column, _, _)| *column == self)
            .map_or("", |(_, name, _)| name)
    }

    /// The headers accepted for it, folded as [`fold`] does, the best first.
    pub(super) fn headers(self) -> &'static [&'static str] {
        KNOWN
            .iter()
            .find(|(column, _, _)| *column == self)
            .map_or(&[], |(_, _, headers)| headers)
    }
}

/// A header without what shops write differently: lower case, letters and digits only, `#` as "no".
pub(super) fn fold(header: &str) -> String {
    let mut folded = String::with_capacity(header.len());
    for c in header.chars() {
        if c == '#' {
            folded.push_str("no");
        } else if c.is_alphanumeric() {
            folded.extend(c.to_lowercase());
        }
    }
    folded
}

/// Parts of folded headers of columns that may say who is let in.
const OF_STATUS: &[&str] = &[
    "status", "state", "zustand", "cancel", "refund", "storn", "erstatt", "void", "valid",
    "gültig", "gueltig", "blocked", "gesperrt", "paid", "bezahlt", "approved", "statut", "annul",
    "estado", "ważn", "valab", "valide", "geldig", "giltig", "expir", "ablauf", "scad", "caduc",
    "rückgab", "rembours", "rimbors", "reembols", "terugbet", "zwróc", "anul", "opłac", "betaald",
    "pagat", "pagad", "stato",
];

/// Whether a header smells of a column that says who is let in.
pub(super) fn may_be_status(header: &str) -> bool {
    let folded = fold(header);
    OF_STATUS.iter().any(|part| folded.contains(part))
}

/// True if the folded header is accepted for any column.
pub(super) fn is_known(folded: &str) -> bool {
    KNOWN
        .iter()
        .any(|(_, _, headers)| headers.contains(&folded))
}

/// Where a mapping says that a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnRef {
    /// Under this header.
    Named(String),
    /// The column with this number, the first being 1; or under this header, if one is called so.
    Numbered(usize),
    /// Nowhere, even if a header looks like it.
    Absent,
}

/// Which column holds what, as the organizer says. Columns that are not mentioned are detected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping(BTreeMap<Column, ColumnRef>);

impl Mapping {
    /// Says where a column is.
    pub fn set(&mut self, column: Column, place: ColumnRef) {
        self.0.insert(column, place);
    }

    /// Where the organizer says a column is.
    #[must_use]
    pub fn get(&self, column: Column) -> Option<&ColumnRef> {
        self.0.get(&column)
    }

    /// The headers it names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|place| match place {
            ColumnRef::Named(name) => Some(name.as_str()),
            ColumnRef::Numbered(_) | ColumnRef::Absent => None,
        })
    }

    /// Adds one rule: `barcode=Ticket Nr.`, `barcode=3`, `zone=-`.
    ///
    /// # Errors
    /// The part before `=` is no column, nothing follows it, or the number is 0.
    pub fn add(&mut self, rule: &str) -> Result<(), InvalidMapping> {
        let (name, place) = rule.split_once('=').ok_or(InvalidMapping::NoRule)?;
        let column = name.parse()?;
        let place = match place.trim() {
            "" => return Err(InvalidMapping::NoRule),
            "-" => ColumnRef::Absent,
            text if text.bytes().all(|b| b.is_ascii_digit()) => match text.parse() {
                Ok(0) | Err(_) => return Err(InvalidMapping::NoColumnNumber),
                Ok(number) => ColumnRef::Numbered(number),
            },
            text => ColumnRef::Named(text.to_owned()),
        };
        self.set(column, place);
        Ok(())
    }
}

impl FromStr for Column {
    type Err = InvalidMapping;

    fn from_str(name: &str) -> Result<Self, InvalidMapping> {
        let wanted = fold(name);
        KNOWN
            .iter()
            .find(|(_, known, _)| fold(known) == wanted)
            .map(|(column, _, _)| *column)
            .ok_or(InvalidMapping::UnknownColumn)
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A rule of a mapping that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMapping {
    /// Not of the form `column=header`.
    #[error("a rule reads column=header, column=number or column=-")]
    NoRule,
    /// Not a number of a column.
    #[error("columns are counted from 1")]
    NoColumnNumber,
    /// Not a column of ours.
    #[error(
        "no such column: barcode, number, order, position, type, variation, type-id, name, first-name, last-name, seat, seat-block, seat-row, seat-number, zone, status, paid, used, reason, valid-from, valid-until, entries, quantity, instruction, attention, session or channel"
    )]
    UnknownColumn,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_accepted_header_is_folded_and_belongs_to_one_column() {
        let mut seen = std::collections::HashSet::new();
        for (_, _, headers) in KNOWN {
            for header in *headers {
                assert_eq!(&fold(header), header);
                assert!(seen.insert(header), "{header} stands twice");
            }
        }
    }

    #[test]
    fn headers_fold_case_and_punctuation() {
        assert_eq!(fold("Barcode #"), "barcodeno");
        assert_eq!(fold("ticket_type"), "tickettype");
        assert_eq!(fold("Attendee name: Given name"), "attendeenamegivenname");
    }

    #[test]
    fn a_mapping_is_read_from_rules() {
        let mut mapping = Mapping::default();
        mapping.add("barcode=Ticket Nr.").unwrap();
        mapping.add("First Name = 3").unwrap();
        mapping.add("zone=-").unwrap();
        assert_eq!(
            mapping.get(Column::Barcode),
            Some(&ColumnRef::Named("Ticket Nr.".into()))
        );
        assert_eq!(
            mapping.get(Column::FirstName),
            Some(&ColumnRef::Numbered(3))
        );
        assert_eq!(mapping.get(Column::Zone), Some(&ColumnRef::Absent));
        assert_eq!(mapping.add("colour=1"), Err(InvalidMapping::UnknownColumn));
        assert_eq!(mapping.add("zone=0"), Err(InvalidMapping::NoColumnNumber));
        assert_eq!(mapping.add("zone"), Err(InvalidMapping::NoRule));
    }

    #[test]
    fn the_list_of_columns_in_the_message_is_complete() {
        let message = InvalidMapping::UnknownColumn.to_string();
        assert!(Column::all().all(|column| message.contains(column.name())));
    }
}
