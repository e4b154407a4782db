//! What three finder patterns say about their symbol: how many modules it has, what is dark and what is
//! light in it, and where it is, roughly.

use super::decoder::Point;
use super::finder::Polarity;
use super::fit::Fit;
use super::geometry::{Condition, Homography, Line};
use super::placement::{FINDER_MIDDLE, Placement};
use super::probes::{FinderProbe, ROUND_FINDER, SQUARE_FINDER, probes};
use super::pyramid::{Pyramid, View};
use super::qr::{FINDER, Layout, MAX_SIDE, MIN_SIDE};
use super::ring::{RADIUS, Ring};
use super::triple::Triple;

/// In the copy of the picture that is measured a module is at least this many pixels.
const MODULE_PX: f32 = 3.0;

/// From this side on the number of modules may be off by more than one step.
const LARGE: f32 = 45.0;

/// What three places must have in common with finder patterns before anything else is tried.
const LEAST_LIKENESS: f32 = 0.25;

/// A ring around a disc has the sides of a square in common with one, and so at least this much.
const LEAST_ROUND: f32 = 0.1;

/// What three patterns say about their symbol.
#[derive(Debug)]
pub(super) struct Measured {
    triple: Triple,
    rings: [Option<Ring>; 3],
    /// Modules between the middles of the upper two patterns and of the left two.
    spans: [f32; 2],
    tone: Tone,
}

/// What is dark and what is light in a symbol, as its patterns say: half way between them at the top
/// left pattern, and how that changes to the top right and to the bottom left one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tone {
    /// Half way from dark to light at the top left pattern.
    pub middle: f32,
    /// What is added to it on the way to the top right pattern.
    pub across: f32,
    /// What is added to it on the way to the bottom left pattern.
    pub down: f32,
    /// Grey levels from dark to light.
    pub contrast: f32,
}

impl Tone {
    fn new([a, b, c]: [Option<&Ring>; 3]) -> Option<Self> {
        let rings = || [a, b, c].into_iter().flatten();
        let count = rings().count();
        // One pattern may be dirty; two that cannot be measured are none.
        if count < 2 {
            return None;
        }
        let mean = |value: fn(&Ring) -> f32| rings().map(value).sum::<f32>() / count as f32;
        let (middle, contrast) = (mean(|ring| ring.middle), mean(|ring| ring.contrast));
        let level = |ring: Option<&Ring>| ring.map_or(middle, |ring| ring.middle);
        Some(Self {
            middle: level(a),
            across: level(b) - level(a),
            down: level(c) - level(a),
            contrast,
        })
    }
}

impl Measured {
    /// Measures the patterns. None if they cannot be those of a symbol.
    pub(super) fn new(pyramid: &Pyramid<'_>, triple: &Triple) -> Option<Self> {
        let [a, b, c] = triple.finders();
        let least = a.module.min(b.module).min(c.module);
        let view = pyramid.view(least, MODULE_PX);
        let (across, down) = (a.centre.to(b.centre), a.centre.to(c.centre));
        let axes = [across.unit()?, down.unit()?];
        let rings = [a, b, c].map(|finder| Ring::new(&view, &finder, axes));
        let module = |axis: usize, one: usize, two: usize| {
            let sizes = [one, two].map(|finder| {
                let ring = rings.get(finder)?.as_ref()?;
                ring.module.get(axis).copied()
            });
            match sizes {
                [Some(one), Some(two)] => Some((one + two) / 2.0),
                [one, two] => one.or(two),
            }
        };
        let guess = (a.module + b.module + c.module) / 3.0;
        let spans = [
            across.length() / module(0, 0, 1).unwrap_or(guess),
            down.length() / module(1, 0, 2).unwrap_or(guess),
        ];
        let [first, second, third] = &rings;
        let tone = Tone::new([first.as_ref(), second.as_ref(), third.as_ref()])?;
        let measured = Self {
            triple: *triple,
            rings,
            spans,
            tone,
        };
        let square = measured.likeness(&view, axes, SQUARE_FINDER);
        let like = square >= LEAST_LIKENESS
            || square >= LEAST_ROUND
                && measured.likeness(&view, axes, ROUND_FINDER) >= LEAST_LIKENESS;
        like.then_some(measured)
    }

    /// How much the three places look like finder patterns of a shape: 1 at best, about 0 for anything else.
    fn likeness(&self, view: &View<'_>, axes: [Point; 2], shape: &[FinderProbe]) -> f32 {
        let [first, second] = axes;
        let half = 2.0 * self.sign() / self.tone.contrast;
        let mut sum = 0.0;
        let patterns = self.triple.finders().into_iter().zip(&self.rings);
        for (finder, ring) in patterns {
            let Some(ring) = ring else { continue };
            let [across, down] = ring.module;
            for &(x, y, weight) in shape {
                let at = finder
                    .centre
                    .along(first, x * across)
                    .along(second, y * down);
                sum += weight * ((view.luma(at) - ring.middle) * half).clamp(-1.0, 1.0);
            }
        }
        sum / self.rings.len() as f32
    }

    /// Sides that the symbol may have, the likeliest first.
    pub(super) fn sides(&self) -> Vec<usize> {
        let [across, down] = self.spans;
        let measured = (across + down) / 2.0 + FINDER as f32;
        let apart = (across - down).abs();
        let reach = if measured > LARGE || apart > 3.0 {
            6.5
        } else {
            4.2
        };
        let mut sides: Vec<usize> = (MIN_SIDE..=MAX_SIDE)
            .step_by(4)
            .filter(|&side| (side as f32 - measured).abs() < reach)
            .collect();
        let off = |side: &usize| (*side as f32 - measured).abs();
        sides.sort_by(|a, b| off(a).total_cmp(&off(b)));
        sides
    }

    /// 1, or −1 for an inverted code.
    pub(super) fn sign(&self) -> f32 {
        match self.triple.top_left.polarity {
            Polarity::Normal => 1.0,
            Polarity::Inverted => -1.0,
        }
    }

    /// Places of the symbol with each of the layouts, roughly, best first, and how well they fit (1 is
    /// best, 0 is what any picture would give).
    pub(super) fn placed(
        &self,
        pyramid: &Pyramid<'_>,
        layout: &Layout,
    ) -> Option<(Placement, f32)> {
        let side = layout.side();
        let [a, b, c] = self.triple.finders().map(|finder| finder.centre);
        let level = Placement::flat(side, [a, b, b.along(a.to(c), 1.0), c]);
        let starts: Vec<Placement> = [self.through_rings(side), level]
            .into_iter()
            .flatten()
            .collect();
        let fit = self.fit(pyramid, starts.first()?, layout);
        fit.best(starts.into_iter())
    }

    /// A place corrected by the alignment pattern at the fourth corner, if that makes it better.
    pub(super) fn aligned(
        &self,
        pyramid: &Pyramid<'_>,
        layout: &Layout,
        (rough, goodness): (Placement, f32),
    ) -> (Placement, f32) {
        let fit = self.fit(pyramid, &rough, layout);
        let aligned = fit.aligned(&rough, layout);
        let better = fit.best(aligned.into_iter());
        match better {
            Some((aligned, better)) if better > goodness => (aligned, better),
            _ => (rough, goodness),
        }
    }

    /// A place made as good as it gets, and how well it fits then.
    pub(super) fn improved(
        &self,
        pyramid: &Pyramid<'_>,
        layout: &Layout,
        (placement, goodness): (Placement, f32),
    ) -> (Placement, f32) {
        let fit = self.fit(pyramid, &placement, layout);
        let (best, goodness) = fit.climbed(placement, goodness);
        (fit.meshed(&best, layout).unwrap_or(best), goodness)
    }

    fn fit<'a>(&self, pyramid: &'a Pyramid<'_>, start: &Placement, layout: &Layout) -> Fit<'a> {
        let module = start.module(FINDER_MIDDLE, FINDER_MIDDLE);
        Fit {
            view: pyramid.view(module.min(self.least_module()), 2.0),
            sign: self.sign(),
            tone: self.tone,
            probes: probes(layout),
        }
    }

    fn least_module(&self) -> f32 {
        let modules = self.triple.finders().map(|finder| finder.module);
        modules.into_iter().fold(f32::INFINITY, f32::min)
    }

    /// The flat placement that fits all points on the three rings best.
    fn through_rings(&self, side: usize) -> Option<Placement> {
        let [a, b, c] = self.triple.finders().map(|finder| finder.centre);
        // In units of the symbol's size, from the first pattern on: the equations stay well scaled.
        let unit = a.distance(b).max(a.distance(c));
        let scale = 1.0 / side as f32;
        let far = side as f32 - FINDER_MIDDLE;
        let middles = [
            (FINDER_MIDDLE, FINDER_MIDDLE),
            (far, FINDER_MIDDLE),
            (FINDER_MIDDLE, far),
        ];
        let mut conditions = Vec::new();
        let mut add = |point: Point, line: Line| {
            conditions.push(Condition {
                point: a.to(point).times(1.0 / unit),
                line,
                weight: 1.0,
            });
        };
        let patterns = self.triple.finders().into_iter().zip(&self.rings);
        for ((finder, ring), (u, v)) in patterns.zip(middles) {
            let Some(ring) = ring else {
                add(finder.centre, Line::Column(u * scale));
                add(finder.centre, Line::Row(v * scale));
                continue;
            };
            let lines = [
                Line::Column((u + RADIUS) * scale),
                Line::Column((u - RADIUS) * scale),
                Line::Row((v + RADIUS) * scale),
                Line::Row((v - RADIUS) * scale),
            ];
            for (points, line) in ring.sides.iter().zip(lines) {
                points.iter().for_each(|&point| add(point, line));
            }
        }
        let map = Homography::fitted(&conditions)?;
        let place = |u: f32, v: f32| {
            let place = map.map(u * scale, v * scale).times(unit);
            a.along(place, 1.0)
        };
        let (near, far) = (FINDER_MIDDLE, far);
        Placement::flat(
            side,
            [
                place(near, near),
                place(far, near),
                place(far, far),
                place(near, far),
            ],
        )
    }
}
