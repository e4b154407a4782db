//! Codes on surfaces that are not flat: bottles, wrists, folded and crumpled paper.
//!
//! Where samples hit the middles of modules they are clearly dark or clearly light, whatever the
//! symbol says; what is the same in all symbols is known besides. So a placement is bent, and then
//! shifted piece by piece, as long as its modules become clearer.

use super::decoder::Point;
use super::placement::{BENDS, FINDER_MIDDLE, Placement};
use super::pyramid::{Pyramid, View};
use super::qr::Layout;
use super::sampler::{Samples, view};

/// How many modules are looked at while a whole symbol is bent.
const MAX_EYES: usize = 700;

/// How much more a module counts whose colour is known.
const KNOWN: f32 = 1.5;

/// A module that is looked at.
#[derive(Debug, Clone, Copy)]
struct Eye {
    u: f32,
    v: f32,
    /// Half way from dark to light, and half of the way.
    tone: (f32, f32),
    /// Whether it must be dark.
    known: Option<bool>,
}

/// Follows a surface.
pub(super) struct Surface<'a> {
    pyramid: &'a Pyramid<'a>,
    known: &'a [Option<bool>],
    sign: f32,
}

impl<'a> Surface<'a> {
    /// For symbols of a layout; `sign` is 1, or −1 for an inverted code.
    pub(super) fn new(pyramid: &'a Pyramid<'a>, layout: &'a Layout, sign: f32) -> Self {
        Self {
            pyramid,
            known: layout.known(),
            sign,
        }
    }

    /// The placement with its corners moved and its sides bent to where modules are clearest.
    pub(super) fn bent(&self, start: Placement) -> Placement {
        let view = view(self.pyramid, &start);
        let mut best = start;
        for step in [0.7, 0.35, 0.17] {
            let eyes = self.eyes(&best);
            let every = eyes.len().div_ceil(MAX_EYES);
            // Not a divisor of the side, or only some columns would be looked at.
            let every = if every > 1 && best.side().is_multiple_of(every) {
                every + 1
            } else {
                every
            };
            let some: Vec<Eye> = eyes.into_iter().step_by(every.max(1)).collect();
            let mut most = self.clearness(&view, &best, &some);
            let far = best.side() as f32 - FINDER_MIDDLE;
            let module = best.module(far, far).max(1.0);
            let mut attempt = |best: &mut Placement, other: Option<Placement>| {
                let Some(other) = other else { return };
                let now = self.clearness(&view, &other, &some);
                if now > most {
                    (*best, most) = (other, now);
                }
            };
            for bend in 0..BENDS {
                for shift in [step, -step] {
                    let mut bends = best.bend();
                    if let Some(value) = bends.get_mut(bend) {
                        *value += shift;
                    }
                    let bent = best.bent(bends);
                    attempt(&mut best, Some(bent));
                }
            }
            for corner in [2, 0, 1, 3] {
                for direction in directions(step * 0.8 * module) {
                    let mut corners = best.corners();
                    if let Some(point) = corners.get_mut(corner) {
                        *point = point.along(direction, 1.0);
                    }
                    let moved = best.moved(corners);
                    attempt(&mut best, moved);
                }
            }
        }
        best
    }

    /// The placement shifted piece by piece to where modules are clearest.
    pub(super) fn creased(&self, start: Placement) -> Placement {
        let view = view(self.pyramid, &start);
        let mut best = start;
        for step in [0.45, 0.3, 0.15] {
            let eyes = self.eyes(&best);
            let mesh = best.mesh();
            for crossing in 0..mesh.crossings() {
                let [left, top, right, bottom] = mesh.around(crossing);
                let near: Vec<Eye> = eyes
                    .iter()
                    .copied()
                    .filter(|eye| eye.u > left && eye.u < right && eye.v > top && eye.v < bottom)
                    .collect();
                let mut most = self.clearness(&view, &best, &near);
                for direction in directions(step) {
                    let shifted = best.meshed(best.mesh().shifted(crossing, direction));
                    let now = self.clearness(&view, &shifted, &near);
                    if now > most {
                        (best, most) = (shifted, now);
                    }
                }
            }
        }
        best
    }

    fn eyes(&self, placement: &Placement) -> Vec<Eye> {
        let samples = Samples::new(self.pyramid, placement, self.sign);
        let side = placement.side();
        let modules = samples.tones().iter().zip(self.known).enumerate();
        modules
            .map(|(index, (&tone, &known))| Eye {
                u: (index % side) as f32 + 0.5,
                v: (index / side) as f32 + 0.5,
                tone,
                known,
            })
            .collect()
    }

    /// How clearly dark or light modules are, 1 at best, and whether as they must be.
    fn clearness(&self, view: &View<'_>, placement: &Placement, eyes: &[Eye]) -> f32 {
        let sum: f32 = eyes
            .iter()
            .map(|eye| {
                let luma = self.sign * view.luma(placement.map(eye.u, eye.v));
                let (middle, half) = eye.tone;
                let darkness = ((middle - luma) / half).clamp(-1.0, 1.0);
                match eye.known {
                    Some(true) => KNOWN * darkness,
                    Some(false) => -KNOWN * darkness,
                    None => darkness.abs(),
                }
            })
            .sum();
        sum / eyes.len().max(1) as f32
    }
}

/// As far to the right, to the left, down and up.
fn directions(step: f32) -> [Point; 4] {
    [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)].map(|(x, y)| Point::new(x, y))
}
