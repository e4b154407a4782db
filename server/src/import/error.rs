//! What makes a whole input unreadable.

/// Why nothing could be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// No file was given.
    #[error("no file was given")]
    NoFile,
    /// Several lists at once.
    #[error("several lists at once: import them one after the other")]
    SeveralLists,
    /// Lists and JSON at once.
    #[error("lists and JSON files cannot be imported together")]
    MixedKinds,
    /// Too many bytes.
    #[error("the files are larger than {limit} bytes")]
    TooLarge {
        /// The bound.
        limit: usize,
    },
    /// Too many lines.
    #[error("there are more than {limit} lines")]
    TooManyLines {
        /// The bound.
        limit: usize,
    },
    /// A spreadsheet in its own format.
    #[error("this is a spreadsheet, not a list: save it as CSV (UTF-8) first")]
    Spreadsheet,
    /// No text.
    #[error("this is not a text file")]
    NoText,
    /// The file has no line with anything in it.
    #[error("the file is empty")]
    Empty,
    /// A quote is opened and never closed, so the rest of the file would be one cell.
    #[error("a quotation mark opened in line {line} is never closed")]
    OpenQuote {
        /// The line.
        line: u64,
    },
    /// The first line names no column that is known. Its cells are not shown: they may be a ticket.
    #[error(
        "none of the {count} cells of the first line names a column that is known ({accepted} for the barcode): say which column holds what, at the command line with --column barcode=1 --column type=2"
    )]
    NoHeader {
        /// Cells of the first line.
        count: usize,
        /// Names accepted for the barcode.
        accepted: String,
    },
    /// The column of the barcodes is missing.
    #[error(
        "no column holds the barcode: found {found}; accepted are {accepted}; or say which it is, at the command line with --column barcode=1 or --column 'barcode=My header'"
    )]
    BarcodeColumnMissing {
        /// The header of the file.
        found: String,
        /// Names accepted.
        accepted: String,
    },
    /// The mapping names a column that the file has not.
    #[error("the mapping names column “{wanted}”, which the file has not: found {found}")]
    MappedColumnMissing {
        /// What the mapping says.
        wanted: String,
        /// The header of the file, or how many columns it has.
        found: String,
    },
    /// Two columns of one name.
    #[error("two columns are called “{name}”: say by number which one is meant")]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// Broken JSON.
    #[error("{file} is not JSON: line {line}, column {column}")]
    Json {
        /// The file.
        file: String,
        /// Line, the first being 1.
        line: usize,
        /// Column, the first being 1.
        column: usize,
    },
    /// JSON, but not of pretix.
    #[error("{file} is JSON, but not an answer of pretix that is understood")]
    UnknownJson {
        /// The file.
        file: String,
    },
    /// No page of orders.
    #[error("there is no page of orders among the files")]
    OrdersMissing,
    /// No list of products.
    #[error("the list of products (items.json) is missing: it names the ticket types")]
    ItemsMissing,
    /// A check-in list is asked for, and the file is no answer of pretix.
    #[error("a CSV list has no check-in lists: their rules come with the answers of pretix's API")]
    CheckInListOfCsv,
    /// No check-in list of this name.
    #[error("{}", unknown_list(.wanted, .known))]
    CheckInListUnknown {
        /// The name that was asked for.
        wanted: String,
        /// The names of all lists.
        known: Vec<String>,
    },
    /// Two check-in lists for the same tickets.
    #[error(
        "the check-in lists “{one}” and “{other}” are for the same tickets: take over one of them, for a session has one set of rules"
    )]
    CheckInListsMeet {
        /// The name of one.
        one: String,
        /// The name of the other.
        other: String,
    },
    /// A check-in list with a rule that cannot be taken over.
    #[error(
        "the check-in list “{list}” has a rule that cannot be taken over: {rule}. Nothing was imported. Import without this list, and set the rules of the session by hand, at the command line with usher session change"
    )]
    CheckInListRule {
        /// The name of the list.
        list: String,
        /// The rule, as the list has it.
        rule: String,
    },
    /// A verification key of the event that is none.
    #[error("key {index} of the event is not an Ed25519 public key")]
    BadKey {
        /// Which, the first being 1.
        index: usize,
    },
}

fn unknown_list(wanted: &str, known: &[String]) -> String {
    if known.is_empty() {
        return format!(
            "no file holds check-in lists, so “{wanted}” is not among them: give checkinlists.json as well"
        );
    }
    format!(
        "no check-in list is called “{wanted}”: there are {}",
        known.join(", ")
    )
}

impl ImportError {
    /// The name of this error for programs; it never changes.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoFile => "import_no_file",
            Self::SeveralLists => "import_several_lists",
            Self::MixedKinds => "import_mixed_kinds",
            Self::TooLarge { .. } => "import_too_large",
            Self::TooManyLines { .. } => "import_too_many_lines",
            Self::Spreadsheet => "import_spreadsheet",
            Self::NoText => "import_no_text",
            Self::Empty => "import_empty",
            Self::OpenQuote { .. } => "import_open_quote",
            Self::NoHeader { .. } => "import_no_header",
            Self::BarcodeColumnMissing { .. } => "import_barcode_column_missing",
            Self::MappedColumnMissing { .. } => "import_mapped_column_missing",
            Self::ColumnTwice { .. } => "import_column_twice",
            Self::Json { .. } => "import_json",
            Self::UnknownJson { .. } => "import_unknown_json",
            Self::OrdersMissing => "import_orders_missing",
            Self::ItemsMissing => "import_items_missing",
            Self::CheckInListOfCsv => "import_check_in_list_of_csv",
            Self::CheckInListUnknown { .. } => "import_check_in_list_unknown",
            Self::CheckInListsMeet { .. } => "import_check_in_lists_meet",
            Self::CheckInListRule { .. } => "import_check_in_list_rule",
            Self::BadKey { .. } => "import_bad_key",
        }
    }
}
