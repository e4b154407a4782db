//! Everything that is printed: pages for people, or JSON for programs.

use crate::error::CliError;
use serde::Serialize;
use std::fmt::{Display, Write as _};
use std::io::{self, IsTerminal as _, Write};
use usher_domain::problem::Fault;
use usher_domain::unseen::is_unseen;

/// For whom a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object, or one a line.
    Json,
}

/// Where a command writes.
pub struct Output {
    format: Format,
    paint: Paint,
    ids: Ids,
    to: Box<dyn Write + Send>,
    errors: Box<dyn Write + Send>,
}

/// The format only: what was written is gone.
impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Output({:?}, {:?})", self.format, self.paint)
    }
}

impl Output {
    /// Standard output for results, standard error for what failed: a program that reads results never
    /// takes an error for one.
    ///
    /// Colours appear on a terminal only, and not where `NO_COLOR` forbids them
    /// (<https://no-color.org>).
    #[must_use]
    pub fn standard(format: Format) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let paint = if io::stdout().is_terminal() && !plain {
            Paint::Colours
        } else {
            Paint::Plain
        };
        Self::new(
            format,
            paint,
            Box::new(io::stdout()),
            Box::new(io::stderr()),
        )
    }

    /// Any other place.
    #[must_use]
    pub fn new(
        format: Format,
        paint: Paint,
        to: Box<dyn Write + Send>,
        errors: Box<dyn Write + Send>,
    ) -> Self {
        Self {
            format,
            paint,
            ids: Ids::Hidden,
            to,
            errors,
        }
    }

    /// The same, with the ids of records shown to people or not.
    #[must_use]
    pub fn with_ids(self, ids: Ids) -> Self {
        Self { ids, ..self }
    }

    /// Whether people want to see the ids of records.
    #[must_use]
    pub const fn ids(&self) -> Ids {
        self.ids
    }

    /// For whom this writes.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Whether a person looks on: then long work shows its progress on standard error.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        self.format == Format::Human && io::stderr().is_terminal()
    }

    /// Writes one thing: as JSON on one line, or as the page that `human` fills.
    ///
    /// # Errors
    /// What the system says.
    pub fn show<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        human: impl FnOnce(&mut Page),
    ) -> io::Result<()> {
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut self.to, value)?;
                self.to.write_all(b"\n")?;
            }
            Format::Human => {
                let mut page = Page::new(self.paint);
                human(&mut page);
                self.to.write_all(page.text.as_bytes())?;
            }
        }
        self.to.flush()
    }

    /// Writes a list: as `{"items": […]}`, or as a table with a row for each.
    ///
    /// # Errors
    /// What the system says.
    pub fn list<T: Serialize, const N: usize>(
        &mut self,
        items: &[T],
        head: [&str; N],
        empty: &str,
        row: impl Fn(&T) -> [String; N],
    ) -> io::Result<()> {
        self.list_by(items, |page| {
            let rows: Vec<[String; N]> = items.iter().map(row).collect();
            page.table(head, &rows, empty);
        })
    }

    /// Writes a list: as `{"items": […]}`, or as the page that `human` fills.
    ///
    /// # Errors
    /// What the system says.
    pub fn list_by<T: Serialize>(
        &mut self,
        items: &[T],
        human: impl FnOnce(&mut Page),
    ) -> io::Result<()> {
        self.show(&Items { items }, human)
    }

    /// Writes bytes as they are: a file that was asked for on standard output.
    ///
    /// # Errors
    /// What the system says.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.to.flush()
    }

    /// Says something to a person that is no result: a next step, or that the program is waiting.
    ///
    /// # Errors
    /// What the system says.
    pub fn note(&mut self, sentence: impl Display) -> io::Result<()> {
        match self.format {
            Format::Json => Ok(()),
            Format::Human => writeln!(self.errors, "{}", Printable(sentence)),
        }
    }

    /// Writes why a command failed.
    ///
    /// # Errors
    /// What the system says.
    pub fn failure(&mut self, error: &CliError) -> io::Result<()> {
        let failure = error.failure();
        match self.format {
            Format::Json => {
                serde_json::to_writer(&mut self.errors, &Failed { error: failure })?;
                self.errors.write_all(b"\n")?;
                self.errors.flush()
            }
            Format::Human => {
                // What is wrong with a file may be told on several lines.
                let lines = failure.message.lines();
                let lines: Vec<String> = lines.map(|line| Printable(line).to_string()).collect();
                let message = lines.join("\n");
                writeln!(self.errors, "error: {message} ({})", failure.code)?;
                // A single field at fault is what the sentence says already.
                let unsaid = |fault: &&Fault| !failure.message.contains(&fault.detail);
                for fault in failure.errors.iter().filter(unsaid) {
                    writeln!(
                        self.errors,
                        "  {}: {} ({})",
                        Printable(&fault.at),
                        Printable(&fault.detail),
                        fault.code
                    )?;
                }
                match failure.correlation {
                    Some(id) => writeln!(self.errors, "  correlation id: {id}"),
                    None => Ok(()),
                }
            }
        }
    }
}

#[derive(Serialize)]
struct Items<'a, T> {
    items: &'a [T],
}

#[derive(Serialize)]
struct Failed<'a> {
    error: crate::error::Failure<'a>,
}

/// Whether people are shown the ids of records, which only a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// They are not.
    Hidden,
    /// They are.
    Shown,
}

/// Whether a page may use colours. They never carry a meaning of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Letters alone.
    Plain,
    /// Letters, and colours for who sees them.
    Colours,
}

/// A colour of the words that matter most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Admit.
    Green,
    /// Refuse.
    Red,
    /// Refer, and whatever is amber.
    Amber,
}

/// A text for a person, in the making.
#[derive(Debug)]
pub struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub const fn new(paint: Paint) -> Self {
        Self {
            text: String::new(),
            paint,
        }
    }

    /// What stands on it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{}", Printable(line));
    }

    /// Adds a text of several lines as it is: a QR code for a terminal.
    pub fn block(&mut self, block: &str) {
        self.text.push_str(block);
    }

    /// Adds a word that is seen from afar, and the rest of its line.
    pub fn headline(&mut self, colour: Colour, word: &str, rest: &str) {
        let number = match colour {
            Colour::Green => 42,
            Colour::Red => 41,
            Colour::Amber => 43,
        };
        match self.paint {
            Paint::Plain => self.line(format_args!("{word}  {rest}").to_string().trim_end()),
            // Bold black or white on a full field of colour: readable on any theme.
            Paint::Colours => {
                let letters = if colour == Colour::Red { 97 } else { 30 };
                let rest = Printable(rest).to_string();
                self.block(&format!(
                    "\x1b[1;{letters};{number}m {word} \x1b[0m  {rest}\n"
                ));
            }
        }
    }

    /// Adds a label and a value.
    pub fn field(&mut self, label: &str, value: impl Display) {
        self.line(format_args!("{label:<12} {value}"));
    }

    /// Adds a table; without rows the sentence `empty`.
    pub fn table<const N: usize>(&mut self, head: [&str; N], rows: &[[String; N]], empty: &str) {
        if rows.is_empty() {
            self.line(empty);
            return;
        }
        let head = head.map(str::to_owned);
        let lines =
            std::iter::once(head.as_slice()).chain(rows.iter().map(<[String; N]>::as_slice));
        self.aligned(&lines.collect::<Vec<_>>());
    }

    /// Adds lines of cells that stand under each other.
    pub fn columns(&mut self, lines: &[Vec<String>]) {
        let lines: Vec<&[String]> = lines.iter().map(Vec::as_slice).collect();
        self.aligned(&lines);
    }

    fn aligned(&mut self, lines: &[&[String]]) {
        let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = lines.iter().filter_map(|line| line.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        for line in lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(text, "{cell:<width$}  ");
            }
            self.line(text.trim_end());
        }
    }
}

/// A text without what could turn the direction of what stands beside it, or stand for nothing.
#[must_use]
pub fn printable(text: &str) -> String {
    Printable(text).to_string()
}

/// Shows a text without what could move a terminal's cursor, change its colours, or turn the direction of
/// what follows: names come from strangers.
struct Printable<T>(T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        let shown = |c: char| {
            if is_unseen(c) {
                None
            } else if c.is_control() && c != '\t' {
                Some('\u{fffd}')
            } else {
                Some(c)
            }
        };
        text.chars()
            .filter_map(shown)
            .try_for_each(|c| f.write_char(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut page = Page::new(Paint::Plain);
        let rows = [
            ["a".to_owned(), "long name".to_owned()],
            ["bcd".to_owned(), "x".to_owned()],
        ];
        page.table(["id", "name"], &rows, "none");
        assert_eq!(page.text(), "id   name\na    long name\nbcd  x\n");
    }

    #[test]
    fn a_table_without_rows_says_so() {
        let mut page = Page::new(Paint::Plain);
        page.table(["id"], &[], "No gates yet.");
        assert_eq!(page.text(), "No gates yet.\n");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        let mut page = Page::new(Paint::Plain);
        page.line("Eve\x1b[2J\r\nADMIT");
        assert_eq!(page.text(), "Eve\u{fffd}[2J\u{fffd}\u{fffd}ADMIT\n");
    }

    #[test]
    fn a_name_turns_the_direction_of_nothing_and_moves_no_cursor_wherever_it_is_written() {
        #[derive(Clone, Default)]
        struct Kept(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let (to, errors) = (Box::new(kept.clone()), Box::new(kept.clone()));
        let mut output = Output::new(Format::Human, Paint::Plain, to, errors);
        let name = "\u{202e}E\u{ad}v\u{feff}e\u{2066}\u{2028}\x1b[2J";
        output.show(&(), |page| page.line(name)).unwrap();
        output.note(name).unwrap();
        output.failure(&CliError::Invalid(name.to_owned())).unwrap();
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.matches("Eve\u{fffd}[2J").count(), 3, "{written:?}");
        // Letters that run from right to left stay as they are.
        let mut page = Page::new(Paint::Plain);
        page.line("\u{05d0}\u{05d1}");
        assert_eq!(page.text(), "\u{05d0}\u{05d1}\n");
    }

    #[test]
    fn a_headline_says_its_word_with_and_without_colour() {
        for paint in [Paint::Plain, Paint::Colours] {
            let mut page = Page::new(paint);
            page.headline(Colour::Red, "REFUSE", "Forged.");
            assert!(page.text().contains("REFUSE") && page.text().contains("Forged."));
            assert_eq!(page.text().contains('\x1b'), paint == Paint::Colours);
        }
    }
}
