//! Fitting a placement: an alignment pattern near the fourth corner corrects it; then the corners are
//! moved until everything that is the same in all symbols of the version fits best.

use super::decoder::Point;
use super::geometry::{Condition, Homography, Line};
use super::measured::Tone;
use super::placement::{FINDER_MIDDLE, Mesh, Placement};
use super::probes::Probe;
use super::pyramid::View;
use super::qr::Layout;

/// From the right and lower edge to the middle of the outermost alignment pattern.
const ALIGNMENT_MIDDLE: f32 = 6.5;

/// From this side on (version 7) a symbol has alignment patterns along its edges and inside.
const MESHED_SIDE: usize = 45;

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

/// Fits placements to a picture.
pub(super) struct Fit<'a> {
    /// The picture.
    pub view: View<'a>,
    /// 1, or −1 for an inverted code.
    pub sign: f32,
    /// What is dark and what is light.
    pub tone: Tone,
    /// What is the same in all symbols of the version.
    pub probes: &'static [Probe],
}

impl Fit<'_> {
    /// How well the known modules are dark and light: 1 at best, about 0 for any picture.
    pub(super) fn goodness(&self, placement: &Placement) -> f32 {
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
    pub(super) fn best(
        &self,
        placements: impl Iterator<Item = Placement>,
    ) -> Option<(Placement, f32)> {
        let with_goodness = |placement: Placement| {
            let goodness = self.goodness(&placement);
            (placement, goodness)
        };
        placements
            .map(with_goodness)
            .max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// The placement corrected by the alignment pattern near its fourth corner, if that is seen.
    pub(super) fn aligned(&self, start: &Placement, layout: &Layout) -> Option<Placement> {
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
    pub(super) fn climbed(&self, start: Placement, goodness: f32) -> (Placement, f32) {
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
    pub(super) fn meshed(&self, flat: &Placement, layout: &Layout) -> Option<Placement> {
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
