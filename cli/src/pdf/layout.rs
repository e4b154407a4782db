//! Where on which page everything of a document stands.

use super::text::{Fonts, Line, Weight};
use crate::document::{Document, Part, Section};

/// A4, in points.
pub(super) const WIDTH: f32 = 595.28;
/// A4, in points.
pub(super) const HEIGHT: f32 = 841.89;
/// Empty paper at every side.
pub(super) const MARGIN: f32 = 56.0;

const TITLE: f32 = 16.0;
const HEADING: f32 = 11.5;
const BODY: f32 = 9.0;
/// Height of a line, in sizes of its letters.
const LEADING: f32 = 1.5;
/// Between two columns.
const GUTTER: f32 = 14.0;
/// Lines that stand on a page together with the heading above them.
const TOGETHER: f32 = 4.0;
/// Widest column of labels, as most of a line's length lies between a label and its figure otherwise.
const LABELS_MAX: f32 = 240.0;

/// Something on a page.
pub(super) enum Item {
    /// A line of letters of a size, by its left end and baseline.
    Text(Line, f32, f32, f32),
    /// A thin line from margin to margin, or as far as a table goes.
    Rule(f32, f32),
}

/// The pages of a document.
pub(super) struct Layout<'a> {
    fonts: &'a mut Fonts,
    pub(super) pages: Vec<Vec<Item>>,
    y: f32,
}

/// Where cells stand in their column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl<'a> Layout<'a> {
    pub(super) fn of(document: &Document, fonts: &'a mut Fonts) -> Vec<Vec<Item>> {
        let mut layout = Self {
            fonts,
            pages: vec![Vec::new()],
            y: MARGIN,
        };
        layout.paragraph(&document.title, TITLE, Weight::Bold);
        for line in &document.under {
            layout.paragraph(line, BODY, Weight::Regular);
        }
        for section in &document.sections {
            layout.section(section);
        }
        layout.pages
    }

    fn put(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    /// Room for something of a height; a new page if there is too little. Tells whether it began one.
    fn room(&mut self, height: f32) -> bool {
        // The lowest line of a page is its number.
        let is_over = self.y + height > HEIGHT - MARGIN - BODY * LEADING;
        if is_over {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        is_over
    }

    fn paragraph(&mut self, text: &str, size: f32, weight: Weight) {
        for line in self.wrap(text, size, weight, WIDTH - 2.0 * MARGIN) {
            self.room(size * LEADING);
            self.y += size * LEADING;
            self.put(Item::Text(line, size, MARGIN, self.y));
        }
    }

    fn section(&mut self, section: &Section) {
        if !self.room(HEADING * LEADING * 2.0 + TOGETHER * BODY * LEADING) {
            self.y += HEADING;
        }
        self.paragraph(&section.title, HEADING, Weight::Bold);
        self.y += BODY / 3.0;
        for part in &section.parts {
            match part {
                Part::Sentence(sentence) => self.paragraph(sentence, BODY, Weight::Regular),
                Part::Figures(figures) => {
                    let rows = figures.iter();
                    let rows = rows.map(|(label, figure)| vec![label.clone(), figure.clone()]);
                    self.table(None, &rows.collect::<Vec<_>>());
                }
                Part::Table { head, rows } => {
                    self.table(Some(head), rows);
                    self.y += BODY;
                }
            }
        }
    }

    fn table(&mut self, head: Option<&Vec<String>>, rows: &[Vec<String>]) {
        let widths = self.widths(head, rows);
        if let Some(head) = head {
            self.row(head, Weight::Bold, &widths, None);
            self.rule(&widths);
        }
        for row in rows {
            self.row(row, Weight::Regular, &widths, head);
        }
    }

    fn rule(&mut self, widths: &[f32]) {
        let length: f32 = widths.iter().map(|width| width + GUTTER).sum();
        self.y += BODY / 3.0;
        self.put(Item::Rule(self.y, MARGIN + length - GUTTER));
    }

    /// One row, whose cells have as many lines as they need; a new page begins with the head again.
    fn row(
        &mut self,
        cells: &[String],
        weight: Weight,
        widths: &[f32],
        head: Option<&Vec<String>>,
    ) {
        let cells: Vec<Vec<Line>> = cells
            .iter()
            .zip(widths)
            .map(|(cell, width)| self.wrap(cell, BODY, weight, *width))
            .collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
        if self.room(lines as f32 * BODY * LEADING)
            && let Some(head) = head
        {
            self.row(head, Weight::Bold, widths, None);
            self.rule(widths);
        }
        let (top, mut left, mut side) = (self.y, MARGIN, Side::Left);
        for (lines, width) in cells.into_iter().zip(widths) {
            self.y = top;
            for line in lines {
                self.y += BODY * LEADING;
                let x = match side {
                    Side::Left => left,
                    Side::Right => left + width - line.width(BODY),
                };
                self.put(Item::Text(line, BODY, x, self.y));
            }
            left += width + GUTTER;
            side = Side::Right;
        }
        self.y = top + lines as f32 * BODY * LEADING;
    }

    /// Widths of columns: what their cells need, but none so wide that the table leaves the paper.
    fn widths(&mut self, head: Option<&Vec<String>>, rows: &[Vec<String>]) -> Vec<f32> {
        let mut widths: Vec<f32> = Vec::new();
        for row in head.into_iter().chain(rows) {
            for (column, cell) in row.iter().enumerate() {
                let width = self.fonts.line(cell, Weight::Bold).width(BODY);
                match widths.get_mut(column) {
                    Some(widest) => *widest = widest.max(width),
                    None => widths.push(width),
                }
            }
        }
        if head.is_none()
            && let Some(labels) = widths.first_mut()
        {
            *labels = labels.clamp(LABELS_MAX / 2.0, LABELS_MAX);
        }
        let room = WIDTH - 2.0 * MARGIN - GUTTER * widths.len().saturating_sub(1) as f32;
        let most = widest(&widths, room);
        widths.into_iter().map(|width| width.min(most)).collect()
    }

    /// Breaks a text into lines at spaces; a word longer than a line is broken where the line ends.
    fn wrap(&mut self, text: &str, size: f32, weight: Weight, width: f32) -> Vec<Line> {
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            let longer = lines.last().map(|line| format!("{line} {word}"));
            match longer.filter(|line| self.fits(line, size, weight, width)) {
                Some(longer) => {
                    lines.pop();
                    lines.push(longer);
                }
                None => lines.extend(self.broken(word, size, weight, width)),
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
        let lines = lines.iter();
        lines.map(|line| self.fonts.line(line, weight)).collect()
    }

    fn fits(&mut self, text: &str, size: f32, weight: Weight, width: f32) -> bool {
        // Widths are sums of rounded numbers.
        self.fonts.line(text, weight).width(size) <= width + 0.01
    }

    fn broken(&mut self, word: &str, size: f32, weight: Weight, width: f32) -> Vec<String> {
        if self.fits(word, size, weight, width) {
            return vec![word.to_owned()];
        }
        let mut parts = vec![String::new()];
        for c in word.chars() {
            let mut longer = parts.last().cloned().unwrap_or_default();
            longer.push(c);
            if longer.chars().count() == 1 || self.fits(&longer, size, weight, width) {
                parts.pop();
                parts.push(longer);
            } else {
                parts.push(c.to_string());
            }
        }
        parts
    }
}

/// The widest that columns may be so that together they are no wider than `room`.
fn widest(widths: &[f32], room: f32) -> f32 {
    let mut sorted = widths.to_vec();
    sorted.sort_by(f32::total_cmp);
    let (mut left, mut columns) = (room, sorted.len());
    for width in sorted {
        let share = left / columns as f32;
        if width > share {
            return share;
        }
        left -= width;
        columns -= 1;
    }
    f32::INFINITY
}
