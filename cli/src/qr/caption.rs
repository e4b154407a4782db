//! Lines for people under a picture, in the GNU Unifont bitmap font.

use crate::unifont::{Glyph, HEIGHT as GLYPH_HEIGHT, NARROW};
use image::{GrayImage, Luma, imageops};
use unifont_bitmap::Unifont;

/// Narrow glyphs that fit in a line: few enough to be read at arm's length.
const LINE: u32 = 26;
/// The longest word that is drawn whole: one longer than a line makes the picture wider.
const LONGEST_WORD: u32 = 2 * LINE;
/// Of a paragraph, more lines than this are cut, with an ellipsis.
const MAX_LINES: usize = 3;

/// `picture` with `text` under it, centred: each of its lines in as many as it needs.
pub(super) fn under(picture: &GrayImage, text: &str) -> GrayImage {
    let mut font = Unifont::open();
    let lines: Vec<Vec<Glyph>> = text
        .lines()
        .flat_map(|paragraph| lines(paragraph, &mut font))
        .collect();
    let dot = (picture.width() / (LINE * NARROW)).max(1);
    // The picture may be narrower than a line at one pixel a dot.
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0) * dot;
    let sheet_width = picture.width().max(widest + 2 * NARROW * dot);
    let line_height = (GLYPH_HEIGHT + 2) * dot;
    let text_height = line_height * lines.len() as u32;
    let margin = GLYPH_HEIGHT * dot / 2;
    let mut sheet = GrayImage::from_pixel(
        sheet_width,
        picture.height() + text_height + margin,
        Luma([255]),
    );
    let left = (sheet_width - picture.width()) / 2;
    imageops::replace(&mut sheet, picture, i64::from(left), 0);
    let mut top = picture.height();
    for line in &lines {
        let mut x = (sheet_width - width(line) * dot) / 2;
        for glyph in line {
            // A combining mark is drawn over the letter before it.
            let at = if glyph.width == 0 {
                x.saturating_sub(NARROW * dot)
            } else {
                x
            };
            draw(&mut sheet, &mut font, glyph, (at, top), dot);
            x += glyph.width * dot;
        }
        top += line_height;
    }
    sheet
}

fn width(line: &[Glyph]) -> u32 {
    line.iter().map(|glyph| glyph.width).sum()
}

/// Breaks a paragraph into lines at spaces, never inside a word: one longer than a line has its own, and
/// one longer than two is shortened.
fn lines(text: &str, font: &mut Unifont) -> Vec<Vec<Glyph>> {
    let mut lines: Vec<Vec<Glyph>> = Vec::new();
    for word in text.split_whitespace() {
        let mut word: Vec<Glyph> = word.chars().filter_map(|c| Glyph::of(c, font)).collect();
        if width(&word) > LONGEST_WORD * NARROW {
            shorten(&mut word, LONGEST_WORD, font);
        }
        match lines.last_mut() {
            Some(line) if width(line) + NARROW + width(&word) <= LINE * NARROW => {
                line.extend(Glyph::of(' ', font));
                line.extend(word);
            }
            Some(_) | None => lines.push(word),
        }
    }
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES);
        if let Some(line) = lines.last_mut() {
            shorten(line, LINE, font);
        }
    }
    lines
}

/// Ends a line with an ellipsis, within so many narrow glyphs.
fn shorten(line: &mut Vec<Glyph>, narrow: u32, font: &mut Unifont) {
    while width(line) + NARROW > narrow * NARROW {
        line.pop();
    }
    line.extend(Glyph::of('…', font));
}

/// Draws a glyph in squares of `dot` pixels.
fn draw(
    sheet: &mut GrayImage,
    font: &mut Unifont,
    glyph: &Glyph,
    (left, top): (u32, u32),
    dot: u32,
) {
    for (x, y) in glyph.dots(font) {
        let square = GrayImage::from_pixel(dot, dot, Luma([0]));
        let (x, y) = (left + x * dot, top + y * dot);
        imageops::replace(sheet, &square, i64::from(x), i64::from(y));
    }
}
