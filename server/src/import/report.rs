//! What an import tells about lines that were not good, and what else the organizer should know.
//!
//! No message holds a code or a name: they point to the line, and the organizer has the file.

use std::fmt;
use usher_domain::code::strength::STRONG_BITS;

/// Where in the input a ticket stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// A line of a list, the first being 1.
    Line(u64),
    /// A position of an order.
    Position {
        /// The file.
        file: std::sync::Arc<str>,
        /// The order's number.
        order: Box<str>,
        /// The position's number, unless the whole order is meant.
        position: Option<u64>,
    },
    /// An entry of a JSON list that could not be read far enough to name it; the first is 1.
    Entry {
        /// The file.
        file: std::sync::Arc<str>,
        /// Which.
        index: usize,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Position {
                file,
                order,
                position: Some(position),
            } => write!(f, "{file}, order {order}, position {position}"),
            Self::Position {
                file,
                order,
                position: None,
            } => write!(f, "{file}, order {order}"),
            Self::Entry { file, index } => write!(f, "{file}, entry {index}"),
        }
    }
}

/// A line that is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Where.
    pub place: Place,
    /// The column as the file names it, or the field of the JSON.
    pub column: Option<Box<str>>,
    /// Why.
    pub reason: BadReason,
}

impl BadLine {
    /// What is wrong, without the place.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.column {
            Some(column) => format!("column “{column}”: {}", self.reason),
            None => self.reason.to_string(),
        }
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}, column “{column}”: {}", self.place, self.reason),
            None => write!(f, "{}: {}", self.place, self.reason),
        }
    }
}

/// Characters of the longest status that is shown.
const STATUS_CHARS_MAX: usize = 40;

/// A status as a message may show it: words, and nothing that may be a code, a number or an address.
pub(super) fn shown_status(cell: &str) -> Option<Box<str>> {
    let is_of_words = |c: char| c.is_alphabetic() || " -_’.,/()".contains(c);
    let is_short = cell.chars().count() <= STATUS_CHARS_MAX;
    (is_short && cell.chars().all(is_of_words)).then(|| cell.into())
}

fn quoted(word: Option<&str>) -> String {
    match word {
        None => "in it".to_owned(),
        Some("") => "of an empty cell".to_owned(),
        Some(word) => format!("“{word}”"),
    }
}

/// Why a line is bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadReason {
    /// No barcode.
    #[error("the barcode is missing")]
    BarcodeMissing,
    /// A word in place of a barcode: totals, or the nothing of a program.
    #[error("this is no barcode: the line seems to be no ticket")]
    NoTicket,
    /// The header again.
    #[error("this is the header again, as where files were put together: take the line out")]
    HeaderAgain,
    /// Scientific notation, rounding, or a decimal point.
    #[error(
        "a spreadsheet has damaged this number (such as 1.23457E+12): export the list again, and do not open it in between or format the column as text"
    )]
    DamagedNumber,
    /// The same barcode again.
    #[error("the same barcode stands at {first}, which counts")]
    BarcodeRepeated {
        /// Where it stands first.
        first: Place,
    },
    /// The same ticket number again, with another barcode.
    #[error("the same ticket number stands already at {first}")]
    NumberRepeated {
        /// Where it stands first.
        first: Place,
    },
    /// A control character.
    #[error("there is a control character in it")]
    ControlCharacter,
    /// Bytes that are no text in this encoding.
    #[error("there are characters in it that do not belong to the encoding of the file")]
    DamagedText,
    /// Too long.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// The line has more or fewer cells than the header.
    #[error("the line has {found} cells, the header has {expected}")]
    CellCount {
        /// Cells of the line.
        found: usize,
        /// Cells of the header.
        expected: usize,
    },
    /// No type although the list has a column for it.
    #[error("the ticket type is missing")]
    TypeMissing,
    /// A status word that is not known.
    #[error(
        "the status {} is not known: say what it means, at the command line with --status '{}=STATE', STATE being valid, pending, blocked, cancelled or refunded",
        quoted(.word.as_deref()),
        .word.as_deref().unwrap_or("WORD")
    )]
    UnknownStatus {
        /// The word, if it looks like one: a column that was taken for the wrong one may hold codes.
        word: Option<Box<str>>,
    },
    /// Neither yes nor no.
    #[error("this is neither yes nor no")]
    NotYesOrNo,
    /// Not a date.
    #[error("this is not a date that is understood, such as 2026-11-20 18:00 or 20.11.2026 18:00")]
    UnknownDate,
    /// A date with two readings.
    #[error("this date can be read in two ways: say whether the day or the month stands first")]
    AmbiguousDate,
    /// Ends before it begins.
    #[error("it ends before it begins")]
    EndsBeforeItBegins,
    /// Not a number of entries.
    #[error("this is not a number of entries between 1 and 65535")]
    UnknownEntries,
    /// Not a number of people.
    #[error(
        "this is not a quantity, such as 1 or 4: if the column is something else, leave it out with --column quantity=-"
    )]
    UnknownQuantity,
    /// An order or position that is not as pretix writes it.
    #[error("it does not look as pretix writes it")]
    Unreadable,
    /// An item or variation that the item list lacks.
    #[error("its product is not in the list of products: export items.json again")]
    UnknownItem,
    /// An order of another event.
    #[error("it belongs to another event")]
    OtherEvent,
    /// A state of an order that is not known.
    #[error("this state of an order is not known")]
    UnknownOrderState,
}

impl BadReason {
    /// The name of this reason for programs; it never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BarcodeMissing => "barcode_missing",
            Self::NoTicket => "no_ticket",
            Self::HeaderAgain => "header_again",
            Self::DamagedNumber => "damaged_number",
            Self::BarcodeRepeated { .. } => "barcode_repeated",
            Self::NumberRepeated { .. } => "number_repeated",
            Self::ControlCharacter => "control_character",
            Self::DamagedText => "damaged_text",
            Self::TooLong { .. } => "too_long",
            Self::CellCount { .. } => "cell_count",
            Self::TypeMissing => "type_missing",
            Self::UnknownStatus { .. } => "unknown_status",
            Self::NotYesOrNo => "not_yes_or_no",
            Self::UnknownDate => "unknown_date",
            Self::AmbiguousDate => "ambiguous_date",
            Self::EndsBeforeItBegins => "ends_before_it_begins",
            Self::UnknownEntries => "unknown_entries",
            Self::UnknownQuantity => "unknown_quantity",
            Self::Unreadable => "unreadable",
            Self::UnknownItem => "unknown_item",
            Self::OtherEvent => "other_event",
            Self::UnknownOrderState => "unknown_order_state",
        }
    }
}

/// What the organizer should know although it stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// Nothing in it.
    #[error("there is no ticket in it")]
    NothingFound,
    /// Barcodes that can be guessed.
    #[error(
        "{weak} of {all} barcodes have less than {STRONG_BITS} bits of entropy: they could be guessed or forged, and names cannot be protected by them"
    )]
    WeakBarcodes {
        /// How many.
        weak: usize,
        /// Of how many.
        all: usize,
    },
    /// Pages of the order list are missing.
    #[error(
        "pretix counts {expected} orders, the files hold {found}: pages are missing or came in the meantime"
    )]
    PagesMissing {
        /// Orders that pretix counts.
        expected: u64,
        /// Different orders in the files.
        found: u64,
    },
    /// Test orders were left out.
    #[error("{count} orders made in test mode were left out")]
    TestOrdersLeftOut {
        /// How many orders.
        count: u64,
    },
    /// Positions that are no tickets.
    #[error("{count} positions are no tickets (add-ons without admission) and were left out")]
    NoTickets {
        /// How many.
        count: u64,
    },
    /// The event's description is missing, and with it its keys.
    #[error("event.json is missing: signed codes cannot be checked against the event's keys")]
    EventMissing,
    /// A file nobody understood.
    #[error("{file} was not needed")]
    FileIgnored {
        /// Its name.
        file: String,
    },
    /// Tickets that were used before, and are let in again.
    #[error(
        "{}{} used before at the shop's own scanners{}: {} let in again. To refuse them, say --used refuse",
        .count,
        if *.count == 1 { " ticket was" } else { " tickets were" },
        on_lists(.lists),
        if *.count == 1 { "it is" } else { "they are" }
    )]
    UsedBefore {
        /// How many.
        count: u64,
        /// The shop's check-in lists on which they were used, if it tells them.
        lists: Vec<String>,
    },
    /// Tickets that were used before, and are refused.
    #[error(
        "{}{} used before at the shop's own scanners{}: refused here",
        .count,
        if *.count == 1 { " ticket was" } else { " tickets were" },
        on_lists(.lists)
    )]
    UsedRefused {
        /// How many.
        count: u64,
        /// The shop's check-in lists on which they were used, if it tells them.
        lists: Vec<String>,
    },
    /// A column that may say who is let in, and that is not used.
    #[error(
        "the column “{header}” is not used: if it says who is let in, say so with --column 'status={header}', or until when with --column 'valid-until={header}'"
    )]
    MayBeStatus {
        /// Its header.
        header: String,
    },
    /// No column of types was found, although some columns are not used.
    #[error(
        "no column names the ticket type, so all are of the type “{name}”: if one does, say --column 'type=HEADER'; not used are {unused}"
    )]
    NoTypeColumn {
        /// The type of all tickets.
        name: String,
        /// Headers that are not used.
        unused: String,
    },
    /// Lines that stand above the header.
    #[error(
        "{}{} the names of the columns and {} left out",
        .count,
        if *.count == 1 { " line stands above" } else { " lines stand above" },
        if *.count == 1 { "is" } else { "are" }
    )]
    LinesAboveHeader {
        /// How many.
        count: u64,
    },
    /// Lines whose one barcode lets several people in.
    #[error(
        "{}{} for several people: {} as often as the quantity says",
        .count,
        if *.count == 1 { " line is" } else { " lines are" },
        if *.count == 1 { "its ticket enters" } else { "their tickets enter" }
    )]
    SeveralPeople {
        /// How many.
        count: u64,
    },
    /// Lines for nobody.
    #[error(
        "{}{} 0 in “{}”: {} cancelled. If the column is something else, leave it out with --column quantity=-",
        .count,
        if *.count == 1 { " line says" } else { " lines say" },
        .header,
        if *.count == 1 { "its ticket is" } else { "their tickets are" }
    )]
    ForNobody {
        /// How many.
        count: u64,
        /// The column.
        header: String,
    },
    /// Lines with a quantity that may be that of a whole order.
    #[error(
        "{}{} a quantity above 1 and one barcode, which lets one person in. If each barcode is for all of them, say --column 'entries={}'",
        .count,
        if *.count == 1 { " line has" } else { " lines have" },
        .header
    )]
    QuantityUnclear {
        /// How many.
        count: u64,
        /// The column.
        header: String,
    },
    /// A check-in list with rules of its own.
    #[error(
        "the check-in list “{list}” is not taken over: {rules}. To take it over, say --check-in-list '{list}'"
    )]
    CheckInListLeftOut {
        /// Its name.
        list: String,
        /// What it says.
        rules: String,
    },
    /// Lines that differ only in the session.
    #[error("{} taken together with another that differs only in the session", if *.count == 1 { "1 line was".to_owned() } else { format!("{} lines were", .count) })]
    LinesTogether {
        /// How many.
        count: u64,
    },
    /// The file is UTF-8 but for some bytes.
    #[error("some bytes of the file are no UTF-8 and could not be read")]
    DamagedUtf8,
}

/// Check-in lists as a part of a sentence.
fn on_lists(lists: &[String]) -> String {
    match lists {
        [] => String::new(),
        [one] => format!(", on list {one}"),
        many => format!(", on lists {}", many.join(", ")),
    }
}

impl Warning {
    /// The name of this warning for programs; it never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NothingFound => "nothing_found",
            Self::WeakBarcodes { .. } => "weak_barcodes",
            Self::PagesMissing { .. } => "pages_missing",
            Self::TestOrdersLeftOut { .. } => "test_orders_left_out",
            Self::NoTickets { .. } => "no_tickets",
            Self::EventMissing => "event_missing",
            Self::FileIgnored { .. } => "file_ignored",
            Self::UsedBefore { .. } => "used_before",
            Self::UsedRefused { .. } => "used_refused",
            Self::MayBeStatus { .. } => "may_be_status",
            Self::NoTypeColumn { .. } => "no_type_column",
            Self::LinesAboveHeader { .. } => "lines_above_header",
            Self::SeveralPeople { .. } => "several_people",
            Self::ForNobody { .. } => "for_nobody",
            Self::QuantityUnclear { .. } => "quantity_unclear",
            Self::CheckInListLeftOut { .. } => "check_in_list_left_out",
            Self::LinesTogether { .. } => "lines_together",
            Self::DamagedUtf8 => "damaged_utf8",
        }
    }
}
