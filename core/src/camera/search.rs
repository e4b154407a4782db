//! The way from a frame to texts, within a budget: cheap steps first.

use super::budget::Budget;
use super::cropped::Cropped;
use super::decoder::{Detection, Point};
use super::finder::{self, Finder};
use super::frame::Frame;
use super::measured::Measured;
use super::placement::Placement;
use super::pyramid::Pyramid;
use super::qr::{self, Layout};
use super::sampler::Samples;
use super::surface::Surface;
use super::threshold::{Bias, Mask};
use super::triple::{Triple, triples};
use usher_domain::secret::Private;

/// What the picture must have in common with a symbol's fixed patterns before its modules are read.
const LEAST_GOODNESS: f32 = 0.5;

/// With so much in common a symbol is read before its placement is improved.
const GOOD_ENOUGH: f32 = 0.8;

/// The same before a placement is improved.
const LEAST_START: f32 = 0.35;

/// How much modules are set off from their neighbours, try by try.
const SHARPENINGS: [f32; 3] = [0.0, 0.5, 1.2];

/// How many triples of a level are tried before the next level is looked at.
const FIRST_TRIPLES: usize = 24;

/// The most symbols that were placed and not read whose surface is followed.
const MAX_FOLLOWED: usize = 24;

/// What was seen in a frame.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// The codes that were read.
    pub read: Vec<Detection>,
    /// Where a code seems to be that could not be read.
    pub unread: Option<[Point; 4]>,
}

/// How far a search goes on where a code is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Not beyond codes of about the same size.
    SameSize,
    /// To smaller codes, too.
    Smaller,
}

/// Reads the codes of a frame as far as the budget goes. `turn` counts frames in which nothing was
/// read: what is tried first and what last changes from turn to turn.
pub(super) fn read(frame: Frame<'_>, budget: &Budget<'_>, turn: usize, reach: Reach) -> Sight {
    let pyramid = Pyramid::new(frame);
    let mut reading = Reading {
        pyramid: &pyramid,
        budget,
        reach,
        read: Vec::new(),
        tried: Vec::new(),
        unread: Vec::new(),
        likeliest: None,
        promising: false,
    };
    reading.cropped();
    let passes = if reading.read.is_empty() {
        BIASES.len()
    } else {
        0
    };
    for pass in 0..passes {
        let bias = BIASES.iter().cycle().nth(turn + pass).copied();
        reading.pass(
            bias.unwrap_or(Bias::NONE),
            if pass == 0 { Care::Quick } else { Care::Close },
        );
        if !reading.read.is_empty() || reading.out_of_time() {
            break;
        }
    }
    Sight {
        read: reading.read,
        unread: reading.likeliest.map(|unread| unread.placement.outline()),
    }
}

/// Thresholds, in turn.
const BIASES: [Bias; 3] = [Bias::NONE, Bias::DARK, Bias::LIGHT];

/// How many rows of a picture are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    Quick,
    Close,
}

/// Which levels of a pyramid are searched in which order, and every how many rows. Large codes are
/// found where little is to be searched.
fn levels(pyramid: &Pyramid<'_>, care: Care) -> impl Iterator<Item = (usize, usize)> {
    let whole = pyramid.level(0);
    let (order, levels): (&[(usize, usize)], usize) =
        match (whole.width().max(whole.height()), care) {
            (701.., Care::Quick) => (&[(2, 2), (1, 2), (0, 3), (3, 2)], pyramid.levels()),
            (701.., Care::Close) => (&[(2, 1), (1, 1), (0, 2), (3, 1)], pyramid.levels()),
            (501..=700, Care::Quick) => (&[(1, 2), (0, 2), (2, 2)], pyramid.levels()),
            (..=300, Care::Quick) => (&[(0, 2), (1, 1)], pyramid.levels()),
            (..=300, Care::Close) => (&[(0, 1), (1, 1)], pyramid.levels()),
            (_, Care::Quick) => (&[(0, 2), (1, 1), (2, 1)], pyramid.levels()),
            (_, Care::Close) => (&[(1, 1), (0, 1), (2, 1)], pyramid.levels()),
        };
    order
        .iter()
        .copied()
        .filter(move |&(level, _)| level < levels)
}

/// A symbol that was placed and not read.
#[derive(Debug, Clone)]
struct Unread {
    placement: Placement,
    sign: f32,
    goodness: f32,
}

struct Reading<'a> {
    pyramid: &'a Pyramid<'a>,
    budget: &'a Budget<'a>,
    reach: Reach,
    read: Vec<Detection>,
    tried: Vec<Triple>,
    unread: Vec<Unread>,
    likeliest: Option<Unread>,
    /// Whether anything looked like a symbol.
    promising: bool,
}

impl<'a> Reading<'a> {
    /// Reads a symbol that fills the picture.
    fn cropped(&mut self) {
        if self.budget.spent() {
            return;
        }
        for cropped in Cropped::of(self.pyramid.level(0)) {
            for (placement, goodness) in cropped.placements(self.pyramid) {
                self.promising |= goodness >= LEAST_START;
                if goodness >= LEAST_GOODNESS
                    && let Some(text) = self.sampled(&placement, cropped.sign())
                {
                    self.add(text, &placement);
                    return;
                }
            }
        }
    }

    fn pass(&mut self, bias: Bias, care: Care) {
        let mut later = Vec::new();
        for (level, step) in levels(self.pyramid, care) {
            let mut triples = self.triples(level, step, bias);
            later.extend(triples.split_off(triples.len().min(FIRST_TRIPLES)));
            let read_before = !self.read.is_empty();
            let enough = self.reach == Reach::SameSize;
            self.try_all(&triples, Budget::spent);
            // Where one code is read, a smaller one is seen at the next level if at all.
            if read_before || enough && !self.read.is_empty() {
                return;
            }
        }
        self.follow_unread();
        if self.read.is_empty() && !self.out_of_time() {
            let over = if self.promising {
                Budget::spent
            } else {
                Budget::idle_spent
            };
            self.try_all(&later, over);
            self.follow_unread();
        }
    }

    /// Where nothing looks like a code, less time is spent.
    fn out_of_time(&self) -> bool {
        if self.promising {
            self.budget.spent()
        } else {
            self.budget.idle_spent()
        }
    }

    /// The triples seen at a level, the likeliest first.
    fn triples(&mut self, level: usize, step: usize, bias: Bias) -> Vec<Triple> {
        if self.budget.spent() {
            return Vec::new();
        }
        let mask = Mask::new(self.pyramid.level(level), bias);
        let scale = (1_u32 << level) as f32;
        let finders: Vec<Finder> = finder::find(&mask, step)
            .into_iter()
            .map(|finder| finder.scaled(scale))
            .collect();
        triples(&finders)
    }

    fn try_all(&mut self, triples: &[Triple], over: fn(&Budget<'a>) -> bool) {
        for triple in triples {
            if over(self.budget) {
                return;
            }
            if !self.covered(triple) {
                self.try_one(triple);
                self.tried.push(*triple);
            }
        }
    }

    /// Whether a triple lies in a code that was read, or was tried before.
    fn covered(&self, triple: &Triple) -> bool {
        let inside = |detection: &Detection| {
            let mut finders = triple.finders().into_iter();
            finders.any(|finder| within(&detection.corners, finder.centre))
        };
        let same = |other: &Triple| {
            let mut pairs = other.finders().into_iter().zip(triple.finders());
            pairs.all(|(a, b)| a.centre.distance(b.centre) < 0.7 * a.module)
        };
        self.read.iter().any(inside) || self.tried.iter().any(same)
    }

    fn try_one(&mut self, triple: &Triple) {
        let Some(measured) = Measured::new(self.pyramid, triple) else {
            return;
        };
        let sides = measured.sides().into_iter().filter_map(Layout::of);
        let mut placed: Vec<_> = sides
            .filter_map(|layout| measured.placed(self.pyramid, layout))
            .collect();
        placed.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        for (rough, goodness) in placed.into_iter().take(2) {
            if goodness < LEAST_START || self.budget.spent() {
                break;
            }
            self.promising = true;
            let Some(layout) = Layout::of(rough.side()) else {
                continue;
            };
            let sign = measured.sign();
            let placed = measured.aligned(self.pyramid, layout, (rough, goodness));
            if placed.1 >= GOOD_ENOUGH
                && let Some(text) = self.sampled(&placed.0, sign)
            {
                self.add(text, &placed.0);
                return;
            }
            // Nothing of a symbol without alignment patterns holds its fourth corner: improving drawn
            // patterns that are not quite those of the standard may pull it away.
            let as_placed = (layout.alignments().next().is_none() && placed.1 >= LEAST_GOODNESS)
                .then(|| placed.0.clone());
            let (placement, goodness) = measured.improved(self.pyramid, layout, placed);
            if goodness < LEAST_GOODNESS {
                continue;
            }
            for placement in [Some(&placement), as_placed.as_ref()].into_iter().flatten() {
                if let Some(text) = self.sampled(placement, sign) {
                    self.add(text, placement);
                    return;
                }
            }
            self.keep(Unread {
                placement,
                sign,
                goodness,
            });
        }
    }

    fn keep(&mut self, unread: Unread) {
        let best = self.likeliest.as_ref();
        if best.is_none_or(|best| best.goodness < unread.goodness) {
            self.likeliest = Some(unread.clone());
        }
        self.unread.push(unread);
    }

    /// Follows the surfaces of the symbols that could not be read as if they were flat.
    fn follow_unread(&mut self) {
        let mut unread = std::mem::take(&mut self.unread);
        unread.sort_by(|a, b| b.goodness.min(1.0).total_cmp(&a.goodness.min(1.0)));
        for Unread {
            mut placement,
            sign,
            ..
        } in unread.into_iter().take(MAX_FOLLOWED)
        {
            let Some(layout) = Layout::of(placement.side()) else {
                continue;
            };
            let surface = Surface::new(self.pyramid, layout, sign);
            for follow in [Surface::bent, Surface::creased] {
                if self.budget.spent() {
                    return;
                }
                placement = follow(&surface, placement);
                if let Some(text) = self.sampled(&placement, sign) {
                    self.add(text, &placement);
                    break;
                }
            }
        }
    }

    fn sampled(&self, placement: &Placement, sign: f32) -> Option<String> {
        let samples = Samples::new(self.pyramid, placement, sign);
        let layout = Layout::of(placement.side())?;
        SHARPENINGS
            .into_iter()
            .find_map(|sharpening| qr::read(&samples.grid(sharpening)?, layout))
    }

    fn add(&mut self, text: String, placement: &Placement) {
        let text = Private::new(text);
        if self.read.iter().all(|known| known.text != text) {
            self.read.push(Detection {
                text,
                corners: placement.outline(),
            });
        }
    }
}

/// Whether a point lies in a convex quadrilateral.
fn within([a, b, c, d]: &[Point; 4], point: Point) -> bool {
    [(a, b), (b, c), (c, d), (d, a)]
        .into_iter()
        .all(|(from, to)| from.to(*to).cross(from.to(point)) >= 0.0)
}
