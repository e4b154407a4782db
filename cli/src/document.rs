//! A report as parts that are printed on a terminal or on paper: the same words on both.

use crate::output::Page;

/// A report for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What it is about.
    pub title: String,
    /// What stands under the title, a line each.
    pub under: Vec<String>,
    /// What it says, in order.
    pub sections: Vec<Section>,
}

/// A part of a report with a heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// What it says, in order.
    pub parts: Vec<Part>,
}

/// Something that a section says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A sentence.
    Sentence(String),
    /// What is counted, and how often.
    Figures(Vec<(String, String)>),
    /// Rows under a head, each with as many cells as it.
    Table {
        /// What the columns are.
        head: Vec<String>,
        /// The rows.
        rows: Vec<Vec<String>>,
    },
}

impl Document {
    /// Writes it to a page of a terminal.
    pub fn show(&self, page: &mut Page) {
        page.line(&self.title);
        for line in &self.under {
            page.line(line);
        }
        for section in &self.sections {
            page.line("");
            page.line(&section.title);
            for part in &section.parts {
                part.show(page);
            }
        }
    }
}

impl Part {
    fn show(&self, page: &mut Page) {
        match self {
            Self::Sentence(sentence) => page.line(format_args!("  {sentence}")),
            Self::Figures(figures) => {
                let rows = figures.iter();
                let rows: Vec<Vec<String>> = rows
                    .map(|(label, figure)| vec![format!("  {label}"), figure.clone()])
                    .collect();
                page.columns(&rows);
            }
            Self::Table { head, rows } => {
                let lines = std::iter::once(head).chain(rows);
                let lines: Vec<Vec<String>> = lines
                    .map(|line| {
                        let mut line = line.clone();
                        if let Some(first) = line.first_mut() {
                            first.insert_str(0, "  ");
                        }
                        line
                    })
                    .collect();
                page.columns(&lines);
            }
        }
    }
}
