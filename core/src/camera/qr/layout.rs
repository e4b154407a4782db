//! Where things stand in a QR symbol (ISO/IEC 18004:2015, 6.3 and 7.7 to 7.9).

use std::sync::OnceLock;

use rxing::qrcode::common::{Version, VersionRef};

/// Modules along a side of the smallest and of the largest symbol.
pub(in crate::camera) const MIN_SIDE: usize = 21;
/// See [`MIN_SIDE`].
pub(in crate::camera) const MAX_SIDE: usize = 177;

/// Modules along a side of a finder pattern.
pub(in crate::camera) const FINDER: usize = 7;

/// How many versions there are.
pub(in crate::camera) const VERSIONS: usize = 40;

/// From this version on a symbol says its version.
const FIRST_WITH_VERSION: usize = 7;

/// A module's place: column and row, from the top left.
pub(in crate::camera) type Place = (usize, usize);

/// What is fixed in all symbols of a version.
#[derive(Debug)]
pub(in crate::camera) struct Layout {
    side: usize,
    version: VersionRef,
    centres: Vec<usize>,
    data: Vec<Place>,
    known: Vec<Option<bool>>,
}

/// The layouts made so far, by version.
static LAYOUTS: [OnceLock<Option<Layout>>; VERSIONS] = [const { OnceLock::new() }; VERSIONS];

impl Layout {
    /// The layout of symbols with `side` modules along a side; none if there are no such symbols.
    pub(in crate::camera) fn of(side: usize) -> Option<&'static Self> {
        let number = version_number(side)?;
        let layout = LAYOUTS
            .get(number - 1)?
            .get_or_init(|| Self::made(side, number));
        layout.as_ref()
    }

    fn made(side: usize, number: usize) -> Option<Self> {
        let version = Version::Model2(u32::try_from(number).ok()?).ok()?;
        let centres: Vec<usize> = version
            .getAlignmentPatternCenters()
            .iter()
            .map(|&centre| centre as usize)
            .collect();
        let mut layout = Self {
            side,
            version,
            centres,
            data: Vec::new(),
            known: Vec::new(),
        };
        layout.data = layout.data_places();
        layout.known = layout.known_modules();
        Some(layout)
    }

    /// Modules along a side.
    pub(in crate::camera) fn side(&self) -> usize {
        self.side
    }

    /// The version as the library knows it, with its error correction blocks.
    pub(super) fn version(&self) -> VersionRef {
        self.version
    }

    /// Columns (and rows) on which centres of alignment patterns stand.
    pub(in crate::camera) fn centres(&self) -> &[usize] {
        &self.centres
    }

    /// Centres of all alignment patterns.
    pub(in crate::camera) fn alignments(&self) -> impl Iterator<Item = Place> + '_ {
        let far = self.side - FINDER;
        let free = move |&(x, y): &Place| {
            !(x < FINDER && (y < FINDER || y >= far) || y < FINDER && x >= far)
        };
        let places = self.centres.iter();
        places
            .flat_map(|&y| self.centres.iter().map(move |&x| (x, y)))
            .filter(free)
    }

    /// For each module, row by row, whether it is dark in all symbols of this version; none if that
    /// differs from symbol to symbol.
    pub(in crate::camera) fn known(&self) -> &[Option<bool>] {
        &self.known
    }

    fn known_modules(&self) -> Vec<Option<bool>> {
        let side = self.side;
        let mut known = vec![None; side * side];
        let mut set = |x: usize, y: usize, dark: bool| {
            if let Some(module) = known.get_mut(y * side + x) {
                *module = Some(dark);
            }
        };
        for place in FINDER..side - FINDER {
            set(place, 6, place % 2 == 0);
            set(6, place, place % 2 == 0);
        }
        for (x, y) in self.alignments() {
            squares(5).for_each(|(column, row, dark)| set(x - 2 + column, y - 2 + row, dark));
        }
        let far = side - FINDER;
        // The light separators first, as squares of which the finder covers all but two sides.
        for (x, y) in [(0, 0), (far - 1, 0), (0, far - 1)] {
            (0..=FINDER)
                .for_each(|row| (0..=FINDER).for_each(|column| set(x + column, y + row, false)));
        }
        for (x, y) in [(0, 0), (far, 0), (0, far)] {
            squares(FINDER).for_each(|(column, row, dark)| set(x + column, y + row, dark));
        }
        known
    }

    /// The places of the bits of all codewords, in their order.
    pub(super) fn data(&self) -> &[Place] {
        &self.data
    }

    /// Columns go in pairs from the right, up and down in turn; the timing column is left out.
    fn data_places(&self) -> Vec<Place> {
        let fixed = self.fixed();
        let pairs = (0..self.side)
            .rev()
            .filter(|&column| column != 6)
            .collect::<Vec<_>>();
        let mut places = Vec::with_capacity(self.side * self.side);
        for (turn, pair) in pairs.chunks(2).enumerate() {
            for step in 0..self.side {
                let y = if turn % 2 == 0 {
                    self.side - 1 - step
                } else {
                    step
                };
                places.extend(
                    pair.iter()
                        .map(|&x| (x, y))
                        .filter(|&(x, y)| fixed.get(y * self.side + x) == Some(&false)),
                );
            }
        }
        places
    }

    /// For each module, row by row, whether it is part of a pattern or of format and version.
    fn fixed(&self) -> Vec<bool> {
        let side = self.side;
        let mut fixed = vec![false; side * side];
        let mut fix = |left: usize, top: usize, width: usize, height: usize| {
            for row in fixed.chunks_mut(side).skip(top).take(height) {
                row.iter_mut()
                    .skip(left)
                    .take(width)
                    .for_each(|module| *module = true);
            }
        };
        // Finders with their separators and the format.
        fix(0, 0, 9, 9);
        fix(side - 8, 0, 8, 9);
        fix(0, side - 8, 9, 8);
        // Timing.
        fix(6, 0, 1, side);
        fix(0, 6, side, 1);
        for (x, y) in self.alignments() {
            fix(x - 2, y - 2, 5, 5);
        }
        if version_number(side).is_some_and(|number| number >= FIRST_WITH_VERSION) {
            fix(side - 11, 0, 3, 6);
            fix(0, side - 11, 6, 3);
        }
        fixed
    }
}

/// The modules of squares within each other, dark outside: a finder or an alignment pattern.
pub(in crate::camera) fn squares(size: usize) -> impl Iterator<Item = (usize, usize, bool)> {
    (0..size).flat_map(move |y| {
        (0..size).map(move |x| {
            let edge = x.min(y).min(size - 1 - x).min(size - 1 - y);
            (x, y, edge != 1)
        })
    })
}

/// The number of the version with this many modules along a side.
pub(in crate::camera) fn version_number(side: usize) -> Option<usize> {
    let known = (MIN_SIDE..=MAX_SIDE).contains(&side) && side % 4 == 1;
    known.then(|| (side - 17) / 4)
}

/// Whether a mask turns the module at a place (table 10 of the standard).
pub(super) fn masked(mask: u8, (x, y): Place) -> bool {
    match mask {
        0 => (x + y) % 2 == 0,
        1 => y % 2 == 0,
        2 => x % 3 == 0,
        3 => (x + y) % 3 == 0,
        4 => (y / 2 + x / 3) % 2 == 0,
        5 => x * y % 2 + x * y % 3 == 0,
        6 => (x * y % 2 + x * y % 3) % 2 == 0,
        _ => ((x + y) % 2 + x * y % 3) % 2 == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_as_many_data_modules_as_the_standard_says() {
        for side in (MIN_SIDE..=MAX_SIDE).step_by(4) {
            let layout = Layout::of(side).unwrap();
            let words = layout.version().getTotalCodewords() as usize;
            let bits = layout.data().len();
            // Up to seven remainder bits follow the codewords.
            assert!((words * 8..words * 8 + 8).contains(&bits), "side {side}");
        }
    }

    #[test]
    fn other_sides_have_no_layout() {
        for side in [0, 17, 20, 22, 23, 24, 181] {
            assert!(Layout::of(side).is_none());
        }
    }
}
