//! From three finder patterns to the place of every module.
//!
//! The rings of the patterns give the number of modules and a first projective map; an alignment
//! pattern near the fourth corner corrects it; then the corners are moved until everything that is the
//! same in all symbols of the version (finders, timing, alignment patterns) fits best.

use std::sync::OnceLock;

use super::decoder::Point;
use super::finder::Polarity;
use super::geometry::{Condition, Homography, Line};
use super::placement::{FINDER_MIDDLE, Mesh, Placement};
use super::pyramid::{Pyramid, View};
use super::qr::{FINDER, Layout, MAX_SIDE, MIN_SIDE, VERSIONS, squares, version_number};
use super::ring::{RADIUS, Ring};
use super::triple::Triple;

/// In the copy of the picture that is measured a module is at least this many pixels.
const MODULE_PX: f32 = 3.0;

/// From this side on the number of modules may be off by more than one step.
const LARGE: f32 = 45.0;

/// From the right and lower edge to the middle of the outermost alignment pattern.
const ALIGNMENT_MIDDLE: f32 = 6.5;

/// What three places must have in common with finder patterns before anything else is tried.
const LEAST_LIKENESS: f32 = 0.25;

/// The most alignment patterns that a fit looks at.
const MAX_ALIGNMENTS: usize = 9;

/// From this side on (version 7) a symbol has alignment patterns along its edges and inside.
const MESHED_SIDE: usize = 45;

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
struct Tone {
    middle: f32,
    across: f32,
    down: f32,
    contrast: f32,
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
        (measured.likeness(&view, axes) >= LEAST_LIKENESS).then_some(measured)
    }

    /// How much the three places look like finder patterns: 1 at best, about 0 for anything else.
    fn likeness(&self, view: &View<'_>, axes: [Point; 2]) -> f32 {
        let [first, second] = axes;
        let half = 2.0 * self.sign() / self.tone.contrast;
        let mut sum = 0.0;
        let patterns = self.triple.finders().into_iter().zip(&self.rings);
        for (finder, ring) in patterns {
            let Some(ring) = ring else { continue };
            let [across, down] = ring.module;
            for &(x, y, weight) in FINDER_PROBES {
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

/// The directions to the eight modules around one.
const AROUND: [(f32, f32); 8] = [
    (-1.0, -1.0),
    (0.0, -1.0),
    (1.0, -1.0),
    (1.0, 0.0),
    (1.0, 1.0),
    (0.0, 1.0),
    (-1.0, 1.0),
    (-1.0, 0.0),
];

/// Places in a finder pattern, in modules from its middle, with what their lightness counts: eight
/// on the light ring and sixteen on the dark ones.
const FINDER_PROBES: &[(f32, f32, f32)] = &[
    (-2.0, -2.0, 0.0625),
    (0.0, -2.0, 0.0625),
    (2.0, -2.0, 0.0625),
    (2.0, 0.0, 0.0625),
    (2.0, 2.0, 0.0625),
    (0.0, 2.0, 0.0625),
    (-2.0, 2.0, 0.0625),
    (-2.0, 0.0, 0.0625),
    (-3.0, -3.0, -0.03125),
    (0.0, -3.0, -0.03125),
    (3.0, -3.0, -0.03125),
    (3.0, 0.0, -0.03125),
    (3.0, 3.0, -0.03125),
    (0.0, 3.0, -0.03125),
    (-3.0, 3.0, -0.03125),
    (-3.0, 0.0, -0.03125),
    (-1.0, -1.0, -0.03125),
    (0.0, -1.0, -0.03125),
    (1.0, -1.0, -0.03125),
    (1.0, 0.0, -0.03125),
    (1.0, 1.0, -0.03125),
    (0.0, 1.0, -0.03125),
    (-1.0, 1.0, -0.03125),
    (-1.0, 0.0, -0.03125),
];

/// A place in the symbol and what its darkness counts: dark ones below 0, light ones above.
#[derive(Debug, Clone, Copy)]
struct Probe {
    u: f32,
    v: f32,
    weight: f32,
}

/// The probes made so far, by version.
static PROBES: [OnceLock<Vec<Probe>>; VERSIONS] = [const { OnceLock::new() }; VERSIONS];

fn probes(layout: &Layout) -> &'static [Probe] {
    let cell = version_number(layout.side()).and_then(|number| PROBES.get(number - 1));
    cell.map_or(&[], |cell| cell.get_or_init(|| made_probes(layout)))
}

/// All modules that are the same in every symbol of a version, group by group; the weights of each
/// group's dark modules add up to minus that of its light ones, so that plain grey gives nothing.
fn made_probes(layout: &Layout) -> Vec<Probe> {
    let side = layout.side();
    let mut probes = Vec::new();
    let far = side - FINDER;
    let square = |left: usize, top: usize, size: usize| {
        squares(size).map(move |(x, y, dark)| ((left + x, top + y), dark))
    };
    for (left, top) in [(0, 0), (far, 0), (0, far)] {
        group(&mut probes, 1.0, square(left, top, FINDER));
    }
    let timing = |place: usize| place.is_multiple_of(2);
    let places = FINDER + 1..far - 1;
    group(
        &mut probes,
        1.0,
        places.clone().map(|u| ((u, 6), timing(u))),
    );
    group(&mut probes, 1.0, places.map(|v| ((6, v), timing(v))));
    // Of many alignment patterns the outer ones say as much.
    let alignments: Vec<_> = layout.alignments().collect();
    let every = alignments.len().div_ceil(MAX_ALIGNMENTS).max(1);
    let some: Vec<_> = alignments.into_iter().rev().step_by(every).collect();
    for &(x, y) in &some {
        group(
            &mut probes,
            2.0 / (some.len() as f32).max(2.0),
            square(x - 2, y - 2, 5),
        );
    }
    let total: f32 = probes.iter().map(|probe| probe.weight.abs()).sum::<f32>() / 2.0;
    for probe in &mut probes {
        probe.weight /= total;
    }
    probes
}

fn group(
    probes: &mut Vec<Probe>,
    weight: f32,
    modules: impl Iterator<Item = ((usize, usize), bool)>,
) {
    let modules: Vec<_> = modules.collect();
    let (dark, light) = modules
        .iter()
        .fold((0.0, 0.0), |(dark, light), &(_, is_dark)| {
            if is_dark {
                (dark + 1.0, light)
            } else {
                (dark, light + 1.0)
            }
        });
    probes.extend(modules.into_iter().map(|((x, y), is_dark)| Probe {
        u: x as f32 + 0.5,
        v: y as f32 + 0.5,
        weight: if is_dark {
            -weight / dark
        } else {
            weight / light
        },
    }));
}

/// Fits placements to a picture.
struct Fit<'a> {
    view: View<'a>,
    sign: f32,
    tone: Tone,
    probes: &'static [Probe],
}

impl Fit<'_> {
    /// How well the known modules are dark and light: 1 at best, about 0 for any picture.
    fn goodness(&self, placement: &Placement) -> f32 {
        let Tone {
            middle,
            across,
            down,
            contrast,
        } = self.tone;
        let scale = 1.0 / (placement.side() as f32 - 2.0 * FINDER_MIDDLE);
        let half = 2.0 * self.sign / contrast;
        let sum: f32 = self
            .probes
            .iter()
            .map(|probe| {
                let (u, v) = (probe.u - FINDER_MIDDLE, probe.v - FINDER_MIDDLE);
                let middle = middle + (across * u + down * v) * scale;
                let lightness = (self.view.luma(placement.map(probe.u, probe.v)) - middle) * half;
                probe.weight * lightness.clamp(-1.2, 1.2)
            })
            .sum();
        sum / 2.0
    }

    /// The placement that fits best, and how well.
    fn best(&self, placements: impl Iterator<Item = Placement>) -> Option<(Placement, f32)> {
        let with_goodness = |placement: Placement| {
            let goodness = self.goodness(&placement);
            (placement, goodness)
        };
        placements
            .map(with_goodness)
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// The placement corrected by the alignment pattern near its fourth corner, if that is seen.
    fn aligned(&self, start: &Placement, layout: &Layout) -> Option<Placement> {
        layout.centres().last()?;
        let side = layout.side() as f32;
        let place = side - ALIGNMENT_MIDDLE;
        let reach = (2.0 + 0.09 * side).min(9.0);
        let shift = self.alignment(start, (place, place), reach, 0.45)?;
        let found = start.map(place + shift.x, place + shift.y);
        let [a, b, _, c] = start.corners();
        let far = side - FINDER_MIDDLE;
        let pairs = [
            (a, (FINDER_MIDDLE, FINDER_MIDDLE)),
            (b, (far, FINDER_MIDDLE)),
            (c, (FINDER_MIDDLE, far)),
            (found, (place, place)),
        ];
        let unit = 1.0 / a.distance(b).max(1.0);
        let conditions: Vec<Condition> = pairs
            .into_iter()
            .flat_map(|(point, (u, v))| {
                [Line::Column(u / side), Line::Row(v / side)].map(|line| Condition {
                    point: a.to(point).times(unit),
                    line,
                    weight: 1.0,
                })
            })
            .collect();
        let map = Homography::fitted(&conditions)?;
        let corner = a.along(map.map(far / side, far / side), 1.0 / unit);
        Placement::flat(layout.side(), [a, b, corner, c])
    }

    /// How far, in modules, the alignment pattern expected at a place is off, within `reach`. None if
    /// nothing there looks like one by at least `least` of the contrast.
    fn alignment(
        &self,
        placement: &Placement,
        (u, v): (f32, f32),
        reach: f32,
        least: f32,
    ) -> Option<Point> {
        let origin = placement.map(u, v);
        let (right, down) = (
            origin.to(placement.map(u + 1.0, v)),
            origin.to(placement.map(u, v + 1.0)),
        );
        let likeness = |shift: Point| {
            let luma = |x: f32, y: f32| {
                let at = origin.along(right, shift.x + x).along(down, shift.y + y);
                self.view.luma(at)
            };
            let ring = |reach: f32| {
                AROUND
                    .iter()
                    .map(|&(x, y)| luma(x * reach, y * reach))
                    .sum::<f32>()
            };
            let dark = (ring(2.0) + luma(0.0, 0.0)) / (AROUND.len() + 1) as f32;
            (ring(1.0) / AROUND.len() as f32 - dark) * self.sign / self.tone.contrast
        };
        let search = |middle: Point, reach: f32, step: f32| {
            let steps = (reach / step).ceil() as i16;
            let offsets = move || (-steps..=steps).map(move |place| f32::from(place) * step);
            offsets()
                .flat_map(|y| offsets().map(move |x| Point::new(x, y)))
                .map(|offset| {
                    let shift = middle.along(offset, 1.0);
                    (likeness(shift) - 0.02 * shift.length(), shift)
                })
                .max_by(|(a, _), (b, _)| a.total_cmp(b))
        };
        let (_, rough) = search(Point::new(0.0, 0.0), reach, 0.6)?;
        let (best, shift) = search(rough, 0.4, 0.2)?;
        (best > least && self.view.contains(placement.map(u + shift.x, v + shift.y)))
            .then_some(shift)
    }

    /// Moves the corners, each by itself, as long as the fit gets better.
    fn climbed(&self, start: Placement, goodness: f32) -> (Placement, f32) {
        let (mut best, mut goodness) = (start, goodness);
        let far = best.side() as f32 - FINDER_MIDDLE;
        let module = best.module(far, far).max(1.0);
        for step in [0.6, 0.3, 0.15] {
            for corner in [2, 2, 0, 1, 3, 2] {
                let near = if corner == 2 { 1.6 } else { 1.0 };
                let step = step * module * near;
                for (x, y) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)] {
                    let mut corners = best.corners();
                    if let Some(point) = corners.get_mut(corner) {
                        *point = point.along(Point::new(x, y), 1.0);
                    }
                    let Some(moved) = best.moved(corners) else {
                        continue;
                    };
                    let now = self.goodness(&moved);
                    if now > goodness {
                        (best, goodness) = (moved, now);
                    }
                }
            }
        }
        (best, goodness)
    }

    /// A mesh over the alignment patterns, for symbols that have them inside. Those that are not seen
    /// go the way of their neighbours.
    fn meshed(&self, flat: &Placement, layout: &Layout) -> Option<Placement> {
        if layout.side() < MESHED_SIDE {
            return None;
        }
        let centres = layout.centres();
        let lines: Vec<f32> = centres.iter().map(|&centre| centre as f32 + 0.5).collect();
        let count = lines.len();
        let seen: Vec<(usize, usize)> = layout.alignments().collect();
        let mut shifts: Vec<Option<Point>> = vec![None; count * count];
        let far = count - 1;
        for corner in [0, far, far * count] {
            *shifts.get_mut(corner)? = Some(Point::new(0.0, 0.0));
        }
        for y in 0..count {
            for x in 0..count {
                let (column, row) = (*centres.get(x)?, *centres.get(y)?);
                if !seen.contains(&(column, row)) {
                    continue;
                }
                let guess = beside(&shifts, (x, y), count);
                let (u, v) = (*lines.get(x)?, *lines.get(y)?);
                let around = self.alignment(flat, (u + guess.x, v + guess.y), 1.8, 0.35);
                *shifts.get_mut(y * count + x)? = around.map(|shift| guess.along(shift, 1.0));
            }
        }
        let filled = (0..count * count)
            .map(|index| {
                let known = shifts.get(index).copied().flatten();
                known.unwrap_or_else(|| beside(&shifts, (index % count, index / count), count))
            })
            .collect();
        Some(flat.meshed(Mesh::new(lines, filled)?))
    }
}

/// The mean shift of the nearest neighbours that are known, 0 if there is none.
fn beside(shifts: &[Option<Point>], (x, y): (usize, usize), count: usize) -> Point {
    for reach in 1..=2 {
        let (mut sum, mut known) = (Point::new(0.0, 0.0), 0.0);
        for row in y.saturating_sub(reach)..=(y + reach).min(count - 1) {
            for column in x.saturating_sub(reach)..=(x + reach).min(count - 1) {
                if let Some(&Some(shift)) = shifts.get(row * count + column) {
                    sum = sum.along(shift, 1.0);
                    known += 1.0;
                }
            }
        }
        if known > 0.0 {
            return sum.times(1.0 / known);
        }
    }
    Point::new(0.0, 0.0)
}
