//! The GNU Unifont bitmap font: it has a picture of every letter of every script, so that nobody's name
//! becomes boxes.

use unifont_bitmap::Unifont;

/// Height of a glyph in dots.
pub(crate) const HEIGHT: u32 = 16;
/// Width of a narrow glyph in dots; wide ones take two.
pub(crate) const NARROW: u32 = 8;

/// One character and how wide it is.
pub(crate) struct Glyph {
    pub(crate) character: char,
    /// In dots; none of a mark that is drawn over the letter before it.
    pub(crate) width: u32,
}

impl Glyph {
    /// The glyph of a character; `None` for control characters, which have nothing to show.
    pub(crate) fn of(character: char, font: &mut Unifont) -> Option<Self> {
        if character.is_control() {
            return None;
        }
        let combining = matches!(character, '\u{300}'..='\u{36F}');
        let wide = font.load_bitmap(character.into()).is_wide();
        let width = match (combining, wide) {
            (true, _) => 0,
            (false, false) => NARROW,
            (false, true) => 2 * NARROW,
        };
        Some(Self { character, width })
    }

    /// The dots that are dark, from the upper left corner.
    pub(crate) fn dots(&self, font: &mut Unifont) -> Vec<(u32, u32)> {
        let bitmap = font.load_bitmap(self.character.into());
        let bytes_per_row = if bitmap.is_wide() { 2 } else { 1 };
        let mut dots = Vec::new();
        for (row, bits) in (0..).zip(bitmap.get_bytes().chunks(bytes_per_row)) {
            for (byte, bits) in (0..).zip(bits) {
                let dark = (0..NARROW).filter(|bit| bits >> (NARROW - 1 - bit) & 1 == 1);
                dots.extend(dark.map(|bit| (byte * NARROW + bit, row)));
            }
        }
        dots
    }
}
