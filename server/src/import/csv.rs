//! A list of tickets as CSV, a line each.

use super::columns::{Column, may_be_status};
use super::dates::{DateReader, Edge};
use super::dialect::{FoundDialect, Layout, is_blank, reader};
use super::encoding::decode;
use super::fields::{Content, clean, code_text, is_no_barcode, is_of_total, was_used, yes_or_no};
use super::report::{BadLine, BadReason, Place, Warning, shown_status};
use super::rounding::RoundedNumbers;
use super::status::{StatusWords, says_used};
use super::ticket::{ImportedTicket, Shared, State, Text, Used};
use super::{Import, ImportError, NamedBytes, Options, Source};
use ::csv::StringRecord;
use std::borrow::Cow;
use usher_domain::api::imports::ImportedFile;
use usher_domain::code::TicketCodeText;
use usher_domain::secret::Private;

/// The type of tickets in a list without types.
const DEFAULT_TYPE: &str = "Ticket";

/// What stands between a type and its variation, as pretix writes it.
pub(super) const VARIATION: &str = " – ";

/// What the staff is told where a shop only says that they must look closer.
pub(super) const ATTENTION: &str = "requires special attention";

/// Reads one list.
pub(super) fn read(file: &NamedBytes<'_>, options: &Options) -> Result<Import, ImportError> {
    let decoded = decode(file.bytes, options.encoding)?;
    let layout = Layout::find(&decoded.text, options)?;
    let mut rows = Rows::new(&layout, options);
    rows.read_all(&decoded.text)?;
    let Rows {
        mut tickets,
        mut bad,
        rounding,
        ..
    } = rows;
    rounding.refuse(&layout, &mut tickets, &mut bad);
    Ok(Import {
        files: vec![ImportedFile {
            name: file.name.to_owned(),
            used_as: Some("list".to_owned()),
        }],
        tickets,
        bad,
        warnings: warnings(decoded.damaged_utf8, &layout, options),
        used_before: 0,
        source: Source::Csv(FoundDialect {
            delimiter: layout.delimiter,
            encoding: decoded.encoding,
            columns: layout.columns,
            unused: layout.unused,
        }),
    })
}

fn warnings(damaged_utf8: bool, layout: &Layout, options: &Options) -> Vec<Warning> {
    let above = (layout.above > 0).then_some(Warning::LinesAboveHeader {
        count: layout.above,
    });
    let damaged = damaged_utf8.then_some(Warning::DamagedUtf8);
    let unused = layout.unused.iter().filter(|header| may_be_status(header));
    let unused = unused.map(|header| Warning::MayBeStatus {
        header: header.to_string(),
    });
    let untyped = untyped(layout, options);
    let warnings = damaged.into_iter().chain(above).chain(unused);
    warnings.chain(untyped).collect()
}

/// That no column of types was found, unless somebody said what the tickets are or no column is left for it.
fn untyped(layout: &Layout, options: &Options) -> Option<Warning> {
    let is_said = options.default_type.is_some() || options.mapping.get(Column::Type).is_some();
    let is_found = layout.cell(Column::Type).is_some();
    (!is_said && !is_found && !layout.unused.is_empty()).then(|| Warning::NoTypeColumn {
        name: DEFAULT_TYPE.to_owned(),
        unused: layout.unused.join(", "),
    })
}

/// A bad cell.
struct Fault {
    column: Option<Column>,
    reason: BadReason,
}

impl Fault {
    const fn of_line(reason: BadReason) -> Self {
        Self {
            column: None,
            reason,
        }
    }

    const fn of(column: Column, reason: BadReason) -> Self {
        Self {
            column: Some(column),
            reason,
        }
    }
}

/// One line, its cells by what they hold.
struct Row<'r> {
    cells: &'r StringRecord,
    layout: &'r Layout,
}

impl<'r> Row<'r> {
    fn raw(&self, column: Column) -> Option<&'r str> {
        self.cells.get(self.layout.cell(column)?)
    }

    fn get(&self, column: Column, content: Content) -> Result<Option<Cow<'r, str>>, Fault> {
        let Some(cell) = self.raw(column) else {
            return Ok(None);
        };
        clean(cell, content).map_err(|reason| Fault::of(column, reason))
    }

    fn number(&self, column: Column) -> Result<Option<Cow<'r, str>>, Fault> {
        self.get(column, Content::Number)
    }

    fn words(&self, column: Column) -> Result<Option<Cow<'r, str>>, Fault> {
        self.get(column, Content::Words)
    }

    fn code(&self) -> Result<Option<TicketCodeText>, Fault> {
        let text = self.number(Column::Barcode)?.unwrap_or_default();
        if is_no_barcode(&text) {
            return Err(Fault::of(Column::Barcode, BadReason::NoTicket));
        }
        code_text(&text).map_err(|reason| Fault::of(Column::Barcode, reason))
    }

    fn says_yes(&self, column: Column) -> Result<bool, Fault> {
        yes_or_no(self.raw(column).unwrap_or_default()).map_err(|reason| Fault::of(column, reason))
    }

    fn holder(&self) -> Result<Option<Private>, Fault> {
        let (first, last) = (
            self.words(Column::FirstName)?,
            self.words(Column::LastName)?,
        );
        let Some(name) = self.words(Column::Name)? else {
            return Ok(joined([first, last], " ").map(Private::new));
        };
        // Beside a last name alone, a "name" may be the first name: "Nombre;Apellidos".
        let lacks = |last: &str| !name.to_lowercase().contains(&last.to_lowercase());
        let is_first = self.layout.cell(Column::FirstName).is_none();
        let last = last.filter(|last| is_first && lacks(last));
        Ok(joined([Some(name), last], " ").map(Private::new))
    }

    fn seat(&self) -> Result<Option<Box<str>>, Fault> {
        if let Some(seat) = self.words(Column::Seat)? {
            // Some shops call the number within the row "seat" and write block and row beside it.
            if self.layout.cell(Column::SeatNumber).is_some()
                || !seat.chars().all(|c| c.is_ascii_digit())
            {
                return Ok(Some(seat.into()));
            }
            let parts = [
                self.words(Column::SeatBlock)?,
                self.words(Column::SeatRow)?,
                Some(seat),
            ];
            return Ok(joined(parts, ", ").map(String::into_boxed_str));
        }
        let parts = [
            self.words(Column::SeatBlock)?,
            self.words(Column::SeatRow)?,
            self.words(Column::SeatNumber)?,
        ];
        Ok(joined(parts, ", ").map(String::into_boxed_str))
    }

    fn entries(&self) -> Result<Option<u32>, Fault> {
        let Some(text) = self.words(Column::Entries)? else {
            return Ok(None);
        };
        match text.parse::<u16>() {
            Ok(entries) if entries > 0 => Ok(Some(entries.into())),
            _ => Err(Fault::of(Column::Entries, BadReason::UnknownEntries)),
        }
    }
}

impl Row<'_> {
    /// Whether the line begins with the word of a sum, and all else in it are numbers or nothing.
    fn sums_up(&self) -> bool {
        let mut cells = self.cells.iter().filter(|cell| !cell.trim().is_empty());
        let is_number = |cell: &str| cell.chars().all(|c| !c.is_alphabetic());
        cells.next().is_some_and(is_of_total) && cells.all(is_number)
    }

    /// How many people one line stands for, if it says so.
    fn quantity(&self) -> Result<Option<u16>, Fault> {
        let Some(text) = self.words(Column::Quantity)? else {
            return Ok(None);
        };
        let (whole, rest) = text.split_once(['.', ',']).unwrap_or((&text, ""));
        let fault = || Fault::of(Column::Quantity, BadReason::UnknownQuantity);
        if !rest.bytes().all(|digit| digit == b'0') {
            return Err(fault());
        }
        whole.parse().map(Some).map_err(|_| fault())
    }
}

fn joined<const N: usize>(parts: [Option<Cow<'_, str>>; N], between: &str) -> Option<String> {
    let parts: Vec<Cow<'_, str>> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

/// Reads line after line.
struct Rows<'a> {
    layout: &'a Layout,
    options: &'a Options,
    dates: DateReader<'a>,
    words: StatusWords,
    texts: Shared,
    tickets: Vec<ImportedTicket>,
    bad: Vec<BadLine>,
    rounding: RoundedNumbers,
}

impl<'a> Rows<'a> {
    fn new(layout: &'a Layout, options: &'a Options) -> Self {
        Self {
            layout,
            options,
            dates: DateReader {
                zone: &options.zone,
                slashes: options.slash_dates,
            },
            words: StatusWords::new(&options.words),
            texts: Shared::default(),
            tickets: Vec::new(),
            bad: Vec::new(),
            rounding: RoundedNumbers::default(),
        }
    }

    fn read_all(&mut self, text: &str) -> Result<(), ImportError> {
        let body = text.get(self.layout.start..).unwrap_or_default();
        let mut lines = Lines::new(text);
        let mut records = reader(body, self.layout.delimiter);
        let mut record = StringRecord::new();
        let mut header_to_come = self.layout.has_header;
        let mut last_start = 0;
        // A decoded text has no bytes that the reader could refuse.
        while let Ok(true) = records.read_record(&mut record) {
            let byte = record.position().map_or(0, ::csv::Position::byte);
            last_start = self.layout.start + usize::try_from(byte).unwrap_or_default();
            if is_blank(&record) {
                continue;
            }
            if std::mem::take(&mut header_to_come) {
                continue;
            }
            if self.tickets.len() + self.bad.len() >= self.options.limits.lines {
                let limit = self.options.limits.lines;
                return Err(ImportError::TooManyLines { limit });
            }
            let line = lines.line_at(last_start);
            match self.ticket(&record, line) {
                Ok(ticket) => self.tickets.push(ticket),
                Err(fault) => self.bad.push(BadLine {
                    place: Place::Line(line),
                    column: fault.column.and_then(|column| self.layout.header(column)),
                    reason: fault.reason,
                }),
            }
        }
        refuse_open_quote(text, last_start, &mut lines)
    }

    fn ticket(&mut self, cells: &StringRecord, line: u64) -> Result<ImportedTicket, Fault> {
        self.expect_width(cells)?;
        if self.layout.is_header(cells) {
            return Err(Fault::of_line(BadReason::HeaderAgain));
        }
        let row = Row {
            cells,
            layout: self.layout,
        };
        if row.sums_up() {
            return Err(Fault::of_line(BadReason::NoTicket));
        }
        let code = row.code()?;
        let order = row.number(Column::Order)?;
        let external = match (row.number(Column::Number)?, &order) {
            (Some(number), _) => Some(number.into()),
            (None, Some(order)) => row
                .number(Column::Position)?
                .map(|position| format!("{order}-{position}").into()),
            (None, None) => None,
        };
        let state = self.state(&row)?;
        let cancelled = matches!(state, State::Cancelled { .. });
        if code.is_none() && !(cancelled && external.is_some()) {
            return Err(Fault::of(Column::Barcode, BadReason::BarcodeMissing));
        }
        let valid_from = self.date(&row, Column::ValidFrom, Edge::From)?;
        let valid_until = self.date(&row, Column::ValidUntil, Edge::Until)?;
        if valid_from
            .zip(valid_until)
            .is_some_and(|(from, until)| from >= until)
        {
            return Err(Fault::of(Column::ValidUntil, BadReason::EndsBeforeItBegins));
        }
        let ticket = ImportedTicket {
            place: Place::Line(line),
            external,
            order: order.map(Into::into),
            type_name: self.type_name(&row)?,
            type_id: self.shared(&row, Column::TypeId)?,
            holder: row.holder()?,
            seat: row.seat()?,
            zone: self.shared(&row, Column::Zone)?,
            state,
            valid_from,
            valid_until,
            entries: row.entries()?,
            quantity: row.quantity()?,
            instruction: self.instruction(&row)?,
            session: self.shared(&row, Column::Session)?,
            other_sessions: Vec::new(),
            channel: self.shared(&row, Column::Channel)?,
            used: self.used(&row),
            code,
            bits: 0,
        };
        self.rounding.count(&ticket);
        Ok(ticket)
    }

    /// More cells than the header come from a delimiter in a value, fewer from a broken quote: either way
    /// the cells may have moved. Empty ones at the end do no harm.
    fn expect_width(&self, cells: &StringRecord) -> Result<(), Fault> {
        let expected = self.layout.width;
        let surplus = cells.iter().skip(expected).any(|c| !c.trim().is_empty());
        if surplus || cells.len() < expected {
            return Err(Fault::of_line(BadReason::CellCount {
                found: cells.len(),
                expected,
            }));
        }
        Ok(())
    }

    fn state(&mut self, row: &Row<'_>) -> Result<State, Fault> {
        let state = if row.layout.cell(Column::Status).is_some() {
            let word = row.words(Column::Status)?.unwrap_or_default();
            self.words.read(&word, &mut self.texts).ok_or_else(|| {
                let word = shown_status(&word);
                Fault::of(Column::Status, BadReason::UnknownStatus { word })
            })?
        } else if row.layout.cell(Column::Paid).is_some() && !row.says_yes(Column::Paid)? {
            State::Pending
        } else {
            State::Valid
        };
        let Some(reason) = row.words(Column::Reason)? else {
            return Ok(state);
        };
        let reason = self.texts.text(&reason);
        Ok(match state {
            State::Cancelled { .. } => State::Cancelled { reason },
            State::Blocked { .. } => State::Blocked { reason },
            State::Valid | State::Pending => state,
        })
    }

    fn used(&self, row: &Row<'_>) -> Used {
        let by_word = row.raw(Column::Status).is_some_and(says_used);
        if by_word || row.raw(Column::Used).is_some_and(was_used) {
            Used::Before
        } else {
            Used::Never
        }
    }

    fn type_name(&mut self, row: &Row<'_>) -> Result<Text, Fault> {
        let given = self.options.default_type.as_deref();
        let product = match row.words(Column::Type)? {
            Some(name) => name,
            None if row.layout.cell(Column::Type).is_none() => {
                Cow::Borrowed(given.unwrap_or(DEFAULT_TYPE))
            }
            None => Cow::Borrowed(given.ok_or(Fault::of(Column::Type, BadReason::TypeMissing))?),
        };
        Ok(match row.words(Column::Variation)? {
            Some(variation) => self.texts.text(&format!("{product}{VARIATION}{variation}")),
            None => self.texts.text(&product),
        })
    }

    fn instruction(&mut self, row: &Row<'_>) -> Result<Option<Text>, Fault> {
        let attention = row
            .says_yes(Column::Attention)?
            .then_some(Cow::Borrowed(ATTENTION));
        let instruction = row.get(Column::Instruction, Content::Prose)?;
        let text = joined([attention, instruction], "; ");
        Ok(text.map(|text| self.texts.text(&text)))
    }

    fn shared(&mut self, row: &Row<'_>, column: Column) -> Result<Option<Text>, Fault> {
        Ok(row.words(column)?.map(|text| self.texts.text(&text)))
    }

    fn date(&self, row: &Row<'_>, column: Column, edge: Edge) -> Result<Option<i64>, Fault> {
        row.words(column)?
            .map(|text| self.dates.bound(&text, edge))
            .transpose()
            .map(Option::flatten)
            .map_err(|reason| Fault::of(column, reason))
    }
}

/// Counts the lines of a text, whatever ends them; bytes are asked for in rising order.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            line: 1,
        }
    }

    /// The line of the first byte from here on that ends no line: the reader reports where it began to
    /// look for a record, not where it found one.
    fn line_at(&mut self, byte: usize) -> u64 {
        while let Some(&this) = self.text.get(self.at) {
            let ends = match this {
                b'\n' => true,
                b'\r' => self.text.get(self.at + 1) != Some(&b'\n'),
                _ => false,
            };
            if self.at >= byte && !matches!(this, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(ends);
            self.at += 1;
        }
        self.line
    }
}

/// A quote that is never closed makes one cell of the rest of the file, and its lines would be lost in it.
fn refuse_open_quote(text: &str, start: usize, lines: &mut Lines<'_>) -> Result<(), ImportError> {
    let last = text.get(start..).unwrap_or_default().trim();
    let quotes = last.bytes().filter(|byte| *byte == b'"').count();
    if quotes % 2 == 1 && last.contains(['\n', '\r']) {
        return Err(ImportError::OpenQuote {
            line: lines.line_at(start),
        });
    }
    Ok(())
}
