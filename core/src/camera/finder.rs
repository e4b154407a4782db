//! Finder patterns: the three squares in the corners of a QR code.
//!
//! A straight line through the middle of one crosses dark, light, dark, light and dark as 1:1:3:1:1,
//! however the pattern is turned (ISO/IEC 18004:2015, 6.3.3 and 12). Rows are searched for these runs;
//! what has them is looked at along four lines.

use super::decoder::Point;
use super::threshold::Mask;

/// The most patterns kept of a picture.
const MAX_FINDERS: usize = 192;

/// The most places of a picture that are looked at closely.
const MAX_LOOKS: usize = 6_000;

/// A pattern that fewer of the rows through it show is an accident.
const LEAST_SUPPORT: f32 = 0.34;

/// Modules to each side of a pattern's middle that a row through its core may be off.
const REACH: f32 = 1.7;

/// The longest arm, in pixels, along which a pattern is measured.
const MAX_ARM: usize = 400;

/// Dark modules on a light ground, or the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Polarity {
    /// Dark on light.
    Normal,
    /// Light on dark.
    Inverted,
}

/// A finder pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finder {
    /// Its middle.
    pub centre: Point,
    /// The side of a module, in pixels.
    pub module: f32,
    /// Which way round it is.
    pub polarity: Polarity,
    /// The share of the rows through its core that show it; about 1 for a good one.
    pub support: f32,
    /// The share of the four lines through its middle that show it.
    pub lines: f32,
}

impl Finder {
    /// How sure it is that this is a pattern: 1 is best.
    pub(super) fn quality(&self) -> f32 {
        self.support.min(1.0) * self.lines
    }

    /// The same pattern in a picture of another size.
    pub(super) fn scaled(self, factor: f32) -> Self {
        Self {
            centre: self.centre.times(factor),
            module: self.module * factor,
            ..self
        }
    }
}

/// All finder patterns of a picture. Every `step`-th row is searched.
pub(super) fn find(mask: &Mask, step: usize) -> Vec<Finder> {
    let mut search = Search {
        mask,
        per_row: step.max(1) as f32,
        found: Vec::new(),
        near: Vec::new(),
        looks: 0,
    };
    let mut edges = Vec::new();
    for y in (step / 2..mask.height()).step_by(step.max(1)) {
        runs(mask.row(y), &mut edges);
        search.row(y, &edges);
        if search.looks >= MAX_LOOKS || search.found.len() >= MAX_FINDERS {
            break;
        }
    }
    search
        .found
        .retain(|finder| finder.support >= LEAST_SUPPORT);
    search.found
}

/// Where the runs of a row begin: 0 and every change.
fn runs(row: &[u8], edges: &mut Vec<u32>) {
    edges.clear();
    edges.push(0);
    let mut last = u64::from(row.first().copied().unwrap_or(0));
    let mut start = 0;
    let words = row.chunks_exact(8);
    let rest = words.remainder();
    for word in words {
        let Ok(bytes) = <[u8; 8]>::try_from(word) else {
            continue;
        };
        let pixels = u64::from_le_bytes(bytes);
        // A byte of 1 wherever a pixel differs from the one before.
        let mut changes = pixels ^ (pixels << 8 | last);
        while changes != 0 {
            edges.push(start + changes.trailing_zeros() / 8);
            changes &= changes - 1;
        }
        last = pixels >> 56;
        start += 8;
    }
    for (x, &pixel) in (start..).zip(rest) {
        if u64::from(pixel) != last {
            edges.push(x);
            last = u64::from(pixel);
        }
    }
    edges.push(u32::try_from(row.len()).unwrap_or(u32::MAX));
}

struct Search<'a> {
    mask: &'a Mask,
    /// Pixels from one searched row to the next.
    per_row: f32,
    found: Vec<Finder>,
    /// Places in `found` of patterns that the row searched may show.
    near: Vec<usize>,
    looks: usize,
}

impl Search<'_> {
    fn row(&mut self, y: usize, edges: &[u32]) {
        let found = &self.found;
        self.near.retain(|&place| {
            let finder = found.get(place);
            finder.is_some_and(|finder| finder.centre.y + REACH * finder.module >= y as f32)
        });
        for window in edges.windows(6) {
            let &[a, b, c, d, e, f] = window else {
                continue;
            };
            let (left, middle, right) = (c - b, d - c, e - d);
            // The quick part of the test: most windows end here.
            if middle < 2 || middle < left || middle < right {
                continue;
            }
            let runs = [b - a, left, middle, right, f - e].map(|run| run as f32);
            if !is_finder(runs) {
                continue;
            }
            let x = (c + d) as f32 / 2.0;
            self.look(Point::new(x, y as f32 + 0.5), runs.iter().sum());
            if self.looks >= MAX_LOOKS {
                return;
            }
        }
    }

    /// Looks at the place where a row shows the runs of a pattern.
    fn look(&mut self, at: Point, width: f32) {
        let found = &self.found;
        let inside = |place: &usize| {
            found.get(*place).is_some_and(|finder| {
                let reach = finder.module * REACH;
                (finder.centre.x - at.x).abs() < reach
                    && (finder.centre.y - at.y).abs() < reach
                    && width < 14.0 * finder.module
                    && width > 4.0 * finder.module
            })
        };
        let known = self.near.iter().copied().find(inside);
        if let Some(known) = known.and_then(|place| self.found.get_mut(place)) {
            known.support += self.per_row / (3.0 * known.module);
            return;
        }
        // The core goes on above and below, but in its first and last rows, which others make up for.
        let (x, y, reach) = (at.x as isize, at.y as isize, (width / 12.0) as isize);
        let middle = self.mask.get(x, y);
        if self.mask.get(x, y - reach) != middle || self.mask.get(x, y + reach) != middle {
            return;
        }
        self.looks += 1;
        if let Some(finder) = self.measured(at, width) {
            let same = |known: &&mut Finder| {
                known.polarity == finder.polarity
                    && known.centre.distance(finder.centre) < 2.0 * known.module
            };
            match self.found.iter_mut().find(same) {
                Some(known) => known.support += finder.support,
                None => {
                    self.near.push(self.found.len());
                    self.found.push(finder);
                }
            }
        }
    }

    /// The pattern at a place, if it is one along the column, the row and a diagonal.
    fn measured(&self, at: Point, width: f32) -> Option<Finder> {
        let arm = (width * 1.25) as usize + 4;
        let down = self.cross(at, (0, 1), arm)?;
        let at = Point::new(at.x, at.y + down.shift);
        let across = self.cross(at, (1, 0), arm)?;
        let at = Point::new(at.x + across.shift, at.y);
        let down = self.cross(at, (0, 1), arm)?;
        let at = Point::new(at.x, at.y + down.shift);
        if across.length > 4.0 * down.length || down.length > 4.0 * across.length {
            return None;
        }
        let diagonals = [(1, 1), (1, -1)].map(|direction| self.cross(at, direction, arm));
        let diagonal = diagonals
            .iter()
            .flatten()
            .map(|cross| cross.length * std::f32::consts::SQRT_2)
            .reduce(f32::min)?;
        // The shortest way through a square is its side; seen from aside the mean counts.
        let side = (across.length * down.length).sqrt().min(diagonal);
        let middle = self.mask.get(at.x as isize, at.y as isize)?;
        Some(Finder {
            centre: at,
            module: side / 7.0,
            polarity: if middle == 1 {
                Polarity::Normal
            } else {
                Polarity::Inverted
            },
            support: self.per_row / (3.0 * (side / 7.0)),
            lines: (2 + diagonals.iter().flatten().count()) as f32 / 4.0,
        })
    }

    /// The five runs along a line through a place, if they are those of a pattern.
    fn cross(&self, at: Point, (dx, dy): (isize, isize), arm: usize) -> Option<Cross> {
        let (x, y) = (at.x as isize, at.y as isize);
        let middle = self.mask.get(x, y)?;
        let ahead = self.arm((x, y), (dx, dy), middle, arm)?;
        let behind = self.arm((x, y), (-dx, -dy), middle, arm)?;
        let ([a, b, c], [d, e, f]) = (ahead, behind);
        let runs = [f - e, e - d, a + d - 1.0, b - a, c - b];
        is_finder(runs).then(|| Cross {
            length: runs.iter().sum(),
            shift: (a - d) / 2.0,
        })
    }

    /// Steps from a place to the first, second and third change. The edge of the picture is one.
    fn arm(
        &self,
        from: (isize, isize),
        direction: (isize, isize),
        middle: u8,
        longest: usize,
    ) -> Option<[f32; 3]> {
        let mut changes = [0.0; 3];
        let mut left = changes.iter_mut();
        let mut next = left.next()?;
        let mut colour = middle;
        let mut step = 0_u16;
        for pixel in self.mask.ray(from, direction).take(longest.min(MAX_ARM)) {
            step += 1;
            if pixel != colour {
                *next = f32::from(step);
                colour = pixel;
                match left.next() {
                    Some(after) => next = after,
                    None => return Some(changes),
                }
            }
        }
        // Only the last change can be the picture's edge, and not for want of length.
        *next = f32::from(step + 1);
        (left.next().is_none() && usize::from(step) < longest.min(MAX_ARM)).then_some(changes)
    }
}

/// What a line through a pattern shows.
struct Cross {
    /// Length of the five runs.
    length: f32,
    /// From where it was measured to the middle.
    shift: f32,
}

/// Whether five runs are 1:1:3:1:1. Blur and exposure make all dark runs longer and all light ones
/// shorter or the other way round, so both kinds have their own measure (as in zxing-cpp).
fn is_finder([a, b, c, d, e]: [f32; 5]) -> bool {
    let outer = (a + c + e) / 5.0;
    let inner = (b + d) / 2.0;
    if outer > 4.0 * inner || inner > 4.0 * outer {
        return false;
    }
    let (may, may_inner) = (outer * 0.75 + 0.5, inner * 0.5 + 0.5);
    (a - outer).abs() < may
        && (e - outer).abs() < may
        && (c - 3.0 * outer).abs() < may
        && (b - inner).abs() < may_inner
        && (d - inner).abs() < may_inner
}

#[cfg(test)]
mod tests {
    use super::super::frame::LumaFrame;
    use super::super::threshold::Bias;
    use super::*;

    #[test]
    fn the_edges_of_a_row_are_where_it_changes() {
        let row = [0, 0, 1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0];
        let mut edges = Vec::new();
        runs(&row, &mut edges);
        assert_eq!(edges, [0, 2, 5, 6, 7, 16, 18, 19]);
        runs(&[], &mut edges);
        assert_eq!(edges, [0, 0]);
    }

    /// A finder of modules of `module` pixels, turned, in the middle of a picture of 120 × 120.
    fn pattern(module: f32, turn: f32, dark: u8, light: u8) -> LumaFrame {
        let (sin, cos) = turn.sin_cos();
        let luma = (0..120 * 120)
            .map(|i| {
                let (x, y) = ((i % 120) as f32 - 59.5, (i / 120) as f32 - 59.5);
                let (u, v) = (x * cos + y * sin, y * cos - x * sin);
                let ring = u.abs().max(v.abs()) / module;
                if ring < 1.5 || (2.5..3.5).contains(&ring) {
                    dark
                } else {
                    light
                }
            })
            .collect();
        LumaFrame::new(luma, 120, 120).unwrap()
    }

    #[test]
    fn a_pattern_is_found_at_any_turn_and_in_any_polarity() {
        for module in [3.0, 5.0, 8.0] {
            for degrees in (0_u8..90).step_by(5) {
                for (dark, light) in [(30, 200), (200, 30)] {
                    let frame = pattern(module, f32::from(degrees).to_radians(), dark, light);
                    let found = find(&Mask::new(frame.as_frame(), Bias::NONE), 3);
                    let inverted = dark > light;
                    let [seen] = found.as_slice() else {
                        panic!("{found:?} at {degrees}°, {module} px")
                    };
                    assert!(
                        seen.centre.distance(Point::new(60.0, 60.0)) < 0.75 * module,
                        "{seen:?}"
                    );
                    assert!(
                        (seen.module / module - 1.0).abs() < 0.25,
                        "{seen:?} {module}"
                    );
                    assert_eq!(seen.polarity == Polarity::Inverted, inverted);
                }
            }
        }
    }
}
