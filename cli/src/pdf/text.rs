//! Lines of text on paper: letters of any script, in the direction in which they are read.
//!
//! DejaVu Sans has the letters of many scripts and joins those of Arabic. A word that it has not is drawn from
//! GNU Unifont's dots, which every script has.

use crate::output::printable;
use crate::unifont::{Glyph, HEIGHT};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};
use std::ops::Range;
use unicode_bidi::BidiInfo;
use unifont_bitmap::Unifont;

/// How heavy letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// The fonts of a document.
pub(super) struct Fonts {
    regular: Typeface,
    bold: Typeface,
    dots: Unifont,
}

struct Typeface {
    face: Face<'static>,
    font: Font,
}

impl Typeface {
    fn new(bytes: &'static [u8]) -> Option<Self> {
        Some(Self {
            face: Face::from_slice(bytes, 0)?,
            font: Font::new(bytes.into(), 0)?,
        })
    }

    fn has(&self, word: &str) -> bool {
        word.chars().all(|c| self.face.glyph_index(c).is_some())
    }
}

/// A piece of a line in one font, at a size of 1.
enum Piece {
    Outlines {
        weight: Weight,
        text: String,
        glyphs: Vec<KrillaGlyph>,
    },
    Dots(Vec<Glyph>),
}

/// A line ready to be drawn, at a size of 1.
pub(super) struct Line {
    pieces: Vec<(Piece, f32)>,
}

impl Line {
    /// How wide it is at a size.
    pub(super) fn width(&self, size: f32) -> f32 {
        self.pieces.iter().map(|(_, width)| width * size).sum()
    }
}

impl Fonts {
    /// The fonts in this program; `None` if they are broken.
    pub(super) fn open() -> Option<Self> {
        Some(Self {
            regular: Typeface::new(dejavu::sans::regular())?,
            bold: Typeface::new(dejavu::sans::bold())?,
            dots: Unifont::open(),
        })
    }

    const fn of(&self, weight: Weight) -> &Typeface {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }

    /// Sets a text on one line. Marks that would turn the direction of what stands beside it are left out.
    pub(super) fn line(&mut self, text: &str, weight: Weight) -> Line {
        let text = printable(text);
        let bidi = BidiInfo::new(&text, None);
        let mut pieces = Vec::new();
        for paragraph in &bidi.paragraphs {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                let is_rtl = levels.get(run.start).is_some_and(|level| level.is_rtl());
                let mut parts = self.parts(text.get(run).unwrap_or_default(), weight);
                if is_rtl {
                    parts.reverse();
                }
                for part in parts {
                    pieces.push(self.piece(part, weight, is_rtl));
                }
            }
        }
        Line { pieces }
    }

    /// A run cut into parts that DejaVu has, and words that it has not.
    fn parts<'a>(&self, run: &'a str, weight: Weight) -> Vec<(&'a str, bool)> {
        let mut parts: Vec<(Range<usize>, bool)> = Vec::new();
        let mut at = 0;
        for word in run.split_inclusive(' ') {
            let range = at..at + word.len();
            at = range.end;
            let has = self.of(weight).has(word);
            match parts.last_mut() {
                Some((part, same)) if *same == has => part.end = range.end,
                Some(_) | None => parts.push((range, has)),
            }
        }
        let parts = parts.into_iter();
        parts
            .filter_map(|(range, has)| Some((run.get(range)?, has)))
            .collect()
    }

    fn piece(&mut self, (text, has): (&str, bool), weight: Weight, is_rtl: bool) -> (Piece, f32) {
        if !has {
            let mut glyphs: Vec<Glyph> = text
                .chars()
                .filter_map(|c| Glyph::of(c, &mut self.dots))
                .collect();
            if is_rtl {
                glyphs.reverse();
            }
            let dots: u32 = glyphs.iter().map(|glyph| glyph.width).sum();
            return (Piece::Dots(glyphs), dots as f32 / HEIGHT as f32);
        }
        let glyphs = shape(&self.of(weight).face, text, is_rtl);
        let width = glyphs.iter().map(|glyph| glyph.x_advance).sum();
        let piece = Piece::Outlines {
            weight,
            text: text.to_owned(),
            glyphs,
        };
        (piece, width)
    }

    /// Draws a line, from its left end and its baseline on.
    pub(super) fn draw(
        &mut self,
        line: &Line,
        surface: &mut Surface<'_>,
        (mut x, y): (f32, f32),
        size: f32,
    ) {
        for (piece, width) in &line.pieces {
            match piece {
                Piece::Outlines {
                    weight,
                    text,
                    glyphs,
                } => {
                    let font = self.of(*weight).font.clone();
                    surface.draw_glyphs(Point::from_xy(x, y), glyphs, font, text, size, false);
                }
                Piece::Dots(glyphs) => dots(glyphs, &mut self.dots, surface, (x, y), size),
            }
            x += width * size;
        }
    }
}

/// The glyphs of a text of one direction, from left to right.
fn shape(face: &Face<'_>, text: &str, is_rtl: bool) -> Vec<KrillaGlyph> {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(if is_rtl {
        Direction::RightToLeft
    } else {
        Direction::LeftToRight
    });
    let shaped = rustybuzz::shape(face, &[], buffer);
    let mut starts: Vec<usize> = shaped
        .glyph_infos()
        .iter()
        .map(|info| info.cluster as usize)
        .collect();
    starts.push(text.len());
    starts.sort_unstable();
    let em = face.units_per_em() as f32;
    let infos = shaped.glyph_infos().iter().zip(shaped.glyph_positions());
    infos
        .map(|(info, position)| {
            let start = info.cluster as usize;
            let after = starts.partition_point(|other| *other <= start);
            let end = starts.get(after).copied().unwrap_or(text.len());
            KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                position.x_advance as f32 / em,
                position.x_offset as f32 / em,
                position.y_offset as f32 / em,
                position.y_advance as f32 / em,
                start..end,
                None,
            )
        })
        .collect()
}

/// Draws glyphs as squares: two rows of dots hang below the baseline.
fn dots(
    glyphs: &[Glyph],
    font: &mut Unifont,
    surface: &mut Surface<'_>,
    (mut x, y): (f32, f32),
    size: f32,
) {
    const BELOW: f32 = 2.0;
    let dot = size / HEIGHT as f32;
    let top = y - (HEIGHT as f32 - BELOW) * dot;
    let mut path = PathBuilder::new();
    for glyph in glyphs {
        // A combining mark is drawn over the letter before it.
        let left = if glyph.width == 0 { x - size / 2.0 } else { x };
        for (column, row) in glyph.dots(font) {
            let (column, row) = (column as f32 * dot, row as f32 * dot);
            if let Some(square) = Rect::from_xywh(left + column, top + row, dot, dot) {
                path.push_rect(square);
            }
        }
        x += glyph.width as f32 * dot;
    }
    if let Some(path) = path.finish() {
        surface.draw_path(&path);
    }
}
