//! How a list is written: its delimiter, whether its first line names the columns, and which column is which.

use super::columns::{Column, ColumnRef, Mapping, fold, is_known};
use super::encoding::FileEncoding;
use super::{ImportError, Options};
use csv::StringRecord;

/// What stands between the cells of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
    /// `|`
    Bar,
}

impl Delimiter {
    const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Bar];

    /// The character.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Bar => b'|',
        }
    }
}

/// Whether the first line names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Header {
    /// It does if one of its cells is a known name or a name of the mapping. If none is and the mapping says
    /// by number where the barcode is, it does unless there is a digit in that cell.
    #[default]
    Detect,
    /// It does.
    Present,
    /// It is the first ticket.
    Absent,
}

/// How a list was found to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDialect {
    /// The delimiter.
    pub delimiter: Delimiter,
    /// The encoding.
    pub encoding: FileEncoding,
    /// The columns that are used, in the order of [`Column`].
    pub columns: Vec<FoundColumn>,
    /// Headers of the columns that are not used, in the order of the file.
    pub unused: Vec<Box<str>>,
}

/// A column that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundColumn {
    /// What it holds.
    pub column: Column,
    /// Which one it is, the first being 1.
    pub number: usize,
    /// Its header, if the list has one.
    pub header: Option<Box<str>>,
}

/// Where the lines begin and which cell is which.
pub(super) struct Layout {
    pub(super) delimiter: Delimiter,
    pub(super) columns: Vec<FoundColumn>,
    /// Byte at which the reader starts.
    pub(super) start: usize,
    /// True if the first record names the columns.
    pub(super) has_header: bool,
    /// Lines above the header, which are left out.
    pub(super) above: u64,
    /// Cells of every line.
    pub(super) width: usize,
    /// Headers of the columns that are not used.
    pub(super) unused: Vec<Box<str>>,
    /// The folded header, if the list has one.
    header: Vec<String>,
    places: Vec<Option<usize>>,
}

impl Layout {
    /// Finds out how the list is written.
    pub(super) fn find(text: &str, options: &Options) -> Result<Self, ImportError> {
        let (declared, start) = declared_delimiter(text);
        let body = text.get(start..).unwrap_or_default();
        let delimiter = options
            .delimiter
            .or(declared)
            .unwrap_or_else(|| guess_delimiter(body, &options.mapping));
        let records = sample(body, delimiter, ABOVE_HEADER_MAX);
        let (above, place) = match options.header {
            Header::Detect => header_place(&records, &options.mapping),
            Header::Present | Header::Absent => (0, 0),
        };
        let first = records.into_iter().nth(place).ok_or(ImportError::Empty)?;
        let start = start + above;
        let names = Names::new(&first, has_header(&first, options));
        let columns = assign(&names, &options.mapping)?;
        let mut places = vec![None; Column::all().count()];
        for found in &columns {
            if let Some(place) = places.get_mut(found.column as usize) {
                *place = Some(found.number - 1);
            }
        }
        let unused = names.without(&columns);
        Ok(Self {
            delimiter,
            columns,
            unused,
            header: names.folded(),
            start,
            has_header: names.header.is_some(),
            above: place as u64,
            width: first.len(),
            places,
        })
    }

    /// Which cell of a line holds this.
    pub(super) fn cell(&self, column: Column) -> Option<usize> {
        self.places.get(column as usize).copied().flatten()
    }

    /// Whether a line is the header again, as where files were put together.
    pub(super) fn is_header(&self, cells: &StringRecord) -> bool {
        let mut named = self.header.iter().zip(cells.iter());
        !self.header.is_empty() && named.all(|(name, cell)| *name == fold(cell))
    }

    /// The header of a column, for messages.
    pub(super) fn header(&self, column: Column) -> Option<Box<str>> {
        let found = self.columns.iter().find(|found| found.column == column)?;
        let name = found.header.as_deref().unwrap_or(column.name());
        Some(name.into())
    }
}

/// A reader of the list; lines may have any number of cells.
pub(super) fn reader(body: &str, delimiter: Delimiter) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter.byte())
        .from_reader(body.as_bytes())
}

/// True if there is nothing in the line.
pub(super) fn is_blank(record: &StringRecord) -> bool {
    record.iter().all(|cell| cell.trim().is_empty())
}

/// `sep=;` as the first line is how Excel declares the delimiter; returns where the next line begins.
fn declared_delimiter(text: &str) -> (Option<Delimiter>, usize) {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    let line = first.trim_end_matches(['\r', '\n']).trim_matches('"');
    let declared = line
        .get(..4)
        .filter(|start| start.eq_ignore_ascii_case("sep="))
        .and_then(|_| line.get(4..))
        .and_then(|rest| {
            Delimiter::ALL
                .into_iter()
                .find(|d| rest.as_bytes() == [d.byte()])
        });
    (declared, declared.map_or(0, |_| first.len()))
}

/// The first lines that are not blank, from the first bytes of the list.
fn sample(body: &str, delimiter: Delimiter, lines: usize) -> Vec<StringRecord> {
    const BYTES: usize = 64 << 10;
    let end = body.floor_char_boundary(BYTES);
    let complete = end == body.len();
    let mut records: Vec<StringRecord> = reader(body.get(..end).unwrap_or(body), delimiter)
        .into_records()
        .map_while(Result::ok)
        .filter(|record| !is_blank(record))
        .take(lines)
        .collect();
    // The last line of a cut sample may be cut itself.
    if !complete && records.len() > 1 && records.len() < lines {
        records.pop();
    }
    records
}

/// Lines among which the header is looked for: programs write a title and the date of the export above it.
const ABOVE_HEADER_MAX: usize = 20;

/// At which byte the header begins and how many lines stand above it: it is the first line that names the
/// barcode, and is not looked for where the first line names columns already.
fn header_place(records: &[StringRecord], mapping: &Mapping) -> (usize, usize) {
    let knows = |record: &StringRecord| record.iter().filter(|c| names_column(c, mapping)).count();
    if records.first().is_none_or(|first| knows(first) > 1) {
        return (0, 0);
    }
    let is_header = |record: &&StringRecord| record.iter().any(|cell| names_barcode(cell, mapping));
    let Some(place) = records.iter().position(|record| is_header(&record)) else {
        return (0, 0);
    };
    let byte = records.get(place).and_then(StringRecord::position);
    let byte = byte.map_or(0, csv::Position::byte);
    match usize::try_from(byte) {
        Ok(byte) if place > 0 => (byte, place),
        Ok(_) | Err(_) => (0, 0),
    }
}

/// Whether a cell is the header of the barcodes.
fn names_barcode(cell: &str, mapping: &Mapping) -> bool {
    let folded = fold(cell);
    match mapping.get(Column::Barcode) {
        Some(ColumnRef::Named(name)) => fold(name) == folded,
        Some(ColumnRef::Numbered(_) | ColumnRef::Absent) => false,
        None => Column::Barcode.headers().contains(&folded.as_str()),
    }
}

/// The delimiter under which most headers are known, else under which the most lines have as many cells
/// as the first.
fn guess_delimiter(body: &str, mapping: &Mapping) -> Delimiter {
    let score = |delimiter: Delimiter| {
        let records = sample(body, delimiter, 40);
        let (_, place) = header_place(&records, mapping);
        let first = records.get(place)?;
        let known = first.iter().filter(|c| names_column(c, mapping)).count();
        let alike = records.iter().filter(|r| r.len() == first.len()).count();
        let splits = first.len() > 1;
        Some((known, splits, alike, first.len()))
    };
    let mut best = (Delimiter::Comma, score(Delimiter::Comma));
    for delimiter in Delimiter::ALL {
        let found = score(delimiter);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    best.0
}

fn names_column(cell: &str, mapping: &Mapping) -> bool {
    let folded = fold(cell);
    !folded.is_empty() && (is_known(&folded) || mapping.names().any(|name| fold(name) == folded))
}

fn has_header(first: &StringRecord, options: &Options) -> bool {
    match options.header {
        Header::Present => true,
        Header::Absent => false,
        Header::Detect => {
            if first
                .iter()
                .any(|cell| names_column(cell, &options.mapping))
            {
                return true;
            }
            match options.mapping.get(Column::Barcode) {
                Some(ColumnRef::Numbered(number)) => !first
                    .get(number - 1)
                    .is_some_and(|cell| cell.contains(|c: char| c.is_ascii_digit())),
                Some(ColumnRef::Named(_) | ColumnRef::Absent) | None => true,
            }
        }
    }
}

/// The names of the columns, as written and folded.
struct Names {
    count: usize,
    header: Option<Vec<(Box<str>, String)>>,
}

impl Names {
    fn new(first: &StringRecord, has_header: bool) -> Self {
        let name = |cell: &str| (shown(cell), fold(cell));
        Self {
            count: first.len(),
            header: has_header.then(|| first.iter().map(name).collect()),
        }
    }

    fn folded(&self) -> Vec<String> {
        let names = self.header.iter().flatten();
        names.map(|(_, folded)| folded.clone()).collect()
    }

    /// The names of columns that are not among these.
    fn without(&self, used: &[FoundColumn]) -> Vec<Box<str>> {
        let names = self.header.iter().flatten().zip(1..);
        let is_free = |number: usize| used.iter().all(|found| found.number != number);
        names
            .filter(|((name, _), number)| !name.is_empty() && is_free(*number))
            .map(|((name, _), _)| name.clone())
            .collect()
    }

    /// Which column is called so.
    fn find(&self, folded: &str) -> Result<Option<usize>, ImportError> {
        let mut places = self
            .header
            .iter()
            .flatten()
            .enumerate()
            .filter(|(_, (_, name))| name == folded);
        let first = places.next();
        match (first, places.next()) {
            (Some((_, (name, _))), Some(_)) => Err(ImportError::ColumnTwice {
                name: name.to_string(),
            }),
            (first, _) => Ok(first.map(|(index, _)| index)),
        }
    }

    fn column(&self, column: Column, index: usize) -> FoundColumn {
        let header = self.header.as_ref().and_then(|header| header.get(index));
        FoundColumn {
            column,
            number: index + 1,
            header: header.map(|(name, _)| name.clone()),
        }
    }

    /// True if there is a header and some column of it is known; else its cells may be a ticket's.
    fn is_certain(&self) -> bool {
        self.header.iter().flatten().any(|(_, name)| is_known(name))
    }

    /// The names, for messages.
    fn listed(&self) -> String {
        if !self.is_certain() {
            return format!("{} columns without known names", self.count);
        }
        let names: Vec<&str> = self
            .header
            .iter()
            .flatten()
            .take(40)
            .map(|(name, _)| &**name)
            .collect();
        names.join(", ")
    }
}

/// Accepted headers that a message shows at most.
const SHOWN_MAX: usize = 8;

/// A header as messages show it.
fn shown(cell: &str) -> Box<str> {
    cell.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(60)
        .collect::<String>()
        .into()
}

fn assign(names: &Names, mapping: &Mapping) -> Result<Vec<FoundColumn>, ImportError> {
    let mut found = Vec::new();
    for column in Column::all() {
        if let Some(place) = mapping.get(column)
            && let Some(index) = mapped(names, place)?
        {
            found.push(names.column(column, index));
        }
    }
    for column in Column::all().filter(|column| mapping.get(*column).is_none()) {
        if let Some(index) = detected(names, column, &found)? {
            found.push(names.column(column, index));
        }
    }
    found.sort_by_key(|found| found.column);
    if found.first().map(|found| found.column) == Some(Column::Barcode) {
        return Ok(found);
    }
    // Some are enough to see what is looked for; all of them would bury what to do.
    let accepted: Vec<&str> = Column::Barcode
        .headers()
        .iter()
        .copied()
        .take(SHOWN_MAX)
        .collect();
    let accepted = format!("{} and the like", accepted.join(", "));
    if names.is_certain() {
        return Err(ImportError::BarcodeColumnMissing {
            found: names.listed(),
            accepted,
        });
    }
    Err(ImportError::NoHeader {
        count: names.count,
        accepted,
    })
}

/// Where a column is by the names accepted for it; a column of the list is used once.
fn detected(
    names: &Names,
    column: Column,
    found: &[FoundColumn],
) -> Result<Option<usize>, ImportError> {
    let free = |index: &usize| found.iter().all(|found| found.number != index + 1);
    for header in column.headers() {
        if let Some(index) = names.find(header)?.filter(free) {
            return Ok(Some(index));
        }
    }
    // pretix calls the session "Date" and writes its start beside it; a "Date" alone is the order's.
    if column == Column::Session && matches!(names.find("startdate"), Ok(Some(_))) {
        return Ok(names.find("date")?.filter(free));
    }
    Ok(None)
}

/// Where a rule of the mapping points to; `None` for nowhere.
fn mapped(names: &Names, place: &ColumnRef) -> Result<Option<usize>, ImportError> {
    let missing = |wanted: String| ImportError::MappedColumnMissing {
        wanted,
        found: names.listed(),
    };
    match place {
        ColumnRef::Absent => Ok(None),
        ColumnRef::Named(name) => match names.find(&fold(name))? {
            Some(index) => Ok(Some(index)),
            None => Err(missing(name.clone())),
        },
        ColumnRef::Numbered(number) => {
            if let Some(index) = names.find(&number.to_string())? {
                return Ok(Some(index));
            }
            match number.checked_sub(1) {
                Some(index) if index < names.count => Ok(Some(index)),
                _ => Err(missing(number.to_string())),
            }
        }
    }
}
