//! Reports on paper: PDF files of A4 pages, the same bytes for the same words.

mod layout;
mod text;

use crate::document::Document;
use crate::error::CliError;
use crate::output::printable;
use krilla::geom::PathBuilder;
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Stroke;
use layout::{HEIGHT, Item, Layout, MARGIN, WIDTH};
use text::{Fonts, Weight};

/// Size of the page number's letters.
const FOOT: f32 = 7.5;
/// Width of the line under a table's head.
const THIN: f32 = 0.5;

/// A document as a PDF file.
///
/// # Errors
/// [`CliError::Invalid`] if it cannot be written.
pub fn file(document: &Document) -> Result<Vec<u8>, CliError> {
    let broken = || CliError::Invalid("the PDF file cannot be made".to_owned());
    let mut fonts = Fonts::open().ok_or_else(broken)?;
    let pages = Layout::of(document, &mut fonts);
    let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(broken)?;
    let mut pdf = krilla::Document::new();
    let title = printable(&document.title);
    let metadata = Metadata::new().title(title).language("en".to_owned());
    pdf.set_metadata(metadata.creator("Usher".to_owned()));
    let count = pages.len();
    for (number, items) in (1..).zip(pages) {
        let mut page = pdf.start_page_with(settings.clone());
        let mut surface = page.surface();
        for item in &items {
            match item {
                Item::Text(line, size, x, y) => fonts.draw(line, &mut surface, (*x, *y), *size),
                Item::Rule(y, end) => {
                    let mut path = PathBuilder::new();
                    path.move_to(MARGIN, *y);
                    path.line_to(*end, *y);
                    surface.set_stroke(Some(Stroke {
                        width: THIN,
                        ..Stroke::default()
                    }));
                    if let Some(path) = path.finish() {
                        surface.draw_path(&path);
                    }
                    surface.set_stroke(None);
                }
            }
        }
        let foot = format!("Page {number} of {count}");
        let foot = fonts.line(&foot, Weight::Regular);
        let right = WIDTH - MARGIN - foot.width(FOOT);
        fonts.draw(&foot, &mut surface, (right, HEIGHT - MARGIN), FOOT);
        surface.finish();
        page.finish();
    }
    pdf.finish().map_err(|_| broken())
}

#[cfg(test)]
mod tests;
