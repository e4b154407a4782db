//! A symbol that fills its picture: drawn upright, with an even ground around it or none.
//!
//! So come codes out of mails and shops. Their modules may be one pixel wide, where runs along a line say
//! little and accidents look like finder patterns; but the outline alone says where everything is.

use super::decoder::Point;
use super::fit::Fit;
use super::frame::Frame;
use super::measured::Tone;
use super::placement::{FINDER_MIDDLE, Placement};
use super::probes::probes;
use super::pyramid::Pyramid;
use super::qr::{Layout, MAX_SIDE, MIN_SIDE};

/// Grey levels from the darkest to the lightest pixel below which nothing is drawn.
const LEAST_CONTRAST: u8 = 40;

/// Pixels a module at least; a little less than one, for the outline of dots lies within their modules.
const LEAST_MODULE: f32 = 0.95;

/// A symbol's sides differ by this share at most, or by [`ODD_PIXELS`].
const ODD_SHARE: f32 = 0.025;
/// See [`ODD_SHARE`].
const ODD_PIXELS: f32 = 2.0;

/// The modules of a row through the middle of a finder pattern, by their distance from it, and whether
/// they are dark.
const ACROSS_FINDER: [(f32, bool); 5] = [
    (-3.0, true),
    (-2.0, false),
    (0.0, true),
    (2.0, false),
    (3.0, true),
];

/// Where a symbol would be that fills its picture.
#[derive(Debug)]
pub(super) struct Cropped {
    /// Its top left and bottom right corner.
    corners: [Point; 2],
    tone: Tone,
    sign: f32,
}

impl Cropped {
    /// What is dark on light in the picture, and what is light on dark, if its outline is a square.
    pub(super) fn of(frame: Frame<'_>) -> impl Iterator<Item = Self> {
        let extremes = Extremes::of(frame);
        let drawn = extremes
            .range()
            .filter(|(low, high)| high - low >= LEAST_CONTRAST);
        drawn.into_iter().flat_map(move |(low, high)| {
            let middle = low + (high - low) / 2;
            let dark = extremes.outline(|(low, _)| low <= middle);
            let light = extremes.outline(|(_, high)| high > middle);
            [(dark, 1.0), (light, -1.0)]
                .into_iter()
                .filter_map(move |(corners, sign)| {
                    Some(Self {
                        corners: corners?,
                        tone: Tone {
                            middle: f32::from(middle),
                            across: 0.0,
                            down: 0.0,
                            contrast: f32::from(high - low),
                        },
                        sign,
                    })
                })
        })
    }

    /// 1, or −1 for light on dark.
    pub(super) fn sign(&self) -> f32 {
        self.sign
    }

    /// Placements with three finder patterns in the corners, by how well they fit: the best as it is,
    /// then moved until it fits better.
    pub(super) fn placements(&self, pyramid: &Pyramid<'_>) -> Vec<(Placement, f32)> {
        let [first, last] = self.corners;
        let width = last.x - first.x;
        let sides = (MIN_SIDE..=MAX_SIDE).step_by(4);
        let best = sides
            .take_while(|&side| width >= LEAST_MODULE * side as f32)
            .filter_map(|side| {
                let fit = self.fit(pyramid, Layout::of(side)?);
                fit.best(self.upright(side, &fit).into_iter())
            })
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((best, goodness)) = best else {
            return Vec::new();
        };
        let climbed = Layout::of(best.side()).map(|layout| {
            let fit = self.fit(pyramid, layout);
            fit.climbed(best.clone(), goodness)
        });
        [Some((best, goodness)), climbed]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The symbol turned by quarters until the corner without a finder pattern is the fourth. None if
    /// not three corners show one.
    fn upright(&self, side: usize, fit: &Fit<'_>) -> Option<Placement> {
        let [first, last] = self.corners;
        let module = (last.x - first.x) / side as f32;
        let inward = FINDER_MIDDLE * module;
        let corners = [
            Point::new(first.x + inward, first.y + inward),
            Point::new(last.x - inward, first.y + inward),
            Point::new(last.x - inward, last.y - inward),
            Point::new(first.x + inward, last.y - inward),
        ];
        let shows = corners.map(|corner| self.shows_finder(fit, corner, module));
        let missing = shows.iter().position(|shows| !shows).unwrap_or(2);
        if shows.iter().filter(|&&shows| shows).count() < 3 {
            return None;
        }
        let mut corners = corners;
        corners.rotate_left((missing + 2) % 4);
        Placement::flat(side, corners)
    }

    /// Whether a row through a place shows the modules of a finder pattern.
    fn shows_finder(&self, fit: &Fit<'_>, middle: Point, module: f32) -> bool {
        ACROSS_FINDER.iter().all(|&(modules, dark)| {
            let luma = fit
                .view
                .luma(Point::new(middle.x + modules * module, middle.y));
            ((luma <= self.tone.middle) == (self.sign > 0.0)) == dark
        })
    }

    fn fit<'a>(&self, pyramid: &'a Pyramid<'_>, layout: &Layout) -> Fit<'a> {
        let [first, last] = self.corners;
        Fit {
            view: pyramid.view((last.x - first.x) / layout.side() as f32, 2.0),
            sign: self.sign,
            tone: self.tone,
            probes: probes(layout),
        }
    }
}

/// The darkest and the lightest pixel of every row and of every column.
struct Extremes {
    rows: Vec<(u8, u8)>,
    columns: Vec<(u8, u8)>,
}

impl Extremes {
    fn of(frame: Frame<'_>) -> Self {
        let width = frame.width() as usize;
        let (mut lows, mut highs) = (vec![u8::MAX; width], vec![u8::MIN; width]);
        let rows = frame.rows().map(|row| {
            for ((low, high), &luma) in lows.iter_mut().zip(&mut highs).zip(row) {
                *low = luma.min(*low);
                *high = luma.max(*high);
            }
            let low = row.iter().fold(u8::MAX, |low, &luma| luma.min(low));
            let high = row.iter().fold(u8::MIN, |high, &luma| luma.max(high));
            (low, high)
        });
        Self {
            rows: rows.collect(),
            columns: lows.into_iter().zip(highs).collect(),
        }
    }

    /// The darkest and the lightest pixel of all.
    fn range(&self) -> Option<(u8, u8)> {
        let rows = self.rows.iter().copied();
        rows.reduce(|(low, high), (lower, higher)| (low.min(lower), high.max(higher)))
    }

    /// The top left and bottom right corner of everything that is inked, if that is about a square.
    fn outline(&self, inked: impl Fn((u8, u8)) -> bool) -> Option<[Point; 2]> {
        let span = |lines: &[(u8, u8)]| {
            let first = lines.iter().position(|&line| inked(line))?;
            let last = lines.iter().rposition(|&line| inked(line))?;
            Some((first as f32, last as f32 + 1.0))
        };
        let ((left, right), (top, bottom)) = (span(&self.columns)?, span(&self.rows)?);
        let (width, height) = (right - left, bottom - top);
        ((width - height).abs() <= ODD_PIXELS.max(ODD_SHARE * width))
            .then(|| [Point::new(left, top), Point::new(right, bottom)])
    }
}
