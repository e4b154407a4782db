//! A finder pattern measured to a fraction of a pixel: where its outer ring runs.

use super::decoder::Point;
use super::finder::{Finder, Polarity};
use super::pyramid::View;

/// From the middle of a pattern to the middle of its outer ring, in modules.
pub(super) const RADIUS: f32 = 3.0;

/// Rays are sent out this far from the middle to both sides, in modules, and through the middle.
const OFFSETS: [f32; 3] = [-0.9, 0.0, 0.9];

/// Grey levels between dark and light below which nothing is measured.
const LEAST_CONTRAST: f32 = 8.0;

/// Where the ring was met, by side: right, left, below and above, seen along the given axes.
#[derive(Debug)]
pub(super) struct Ring {
    /// Points on the middle of the ring.
    pub sides: [Vec<Point>; 4],
    /// The side of a module along the first axis and along the second, in pixels.
    pub module: [f32; 2],
    /// Half way from dark to light, and the grey levels from one to the other.
    pub middle: f32,
    /// See `middle`.
    pub contrast: f32,
}

impl Ring {
    /// Measures a pattern along two axes of length 1.
    pub(super) fn new(view: &View<'_>, finder: &Finder, axes: [Point; 2]) -> Option<Self> {
        let [first, second] = axes;
        let tone = Tone::measured(view, finder, axes)?;
        let directions = [
            (first, second),
            (first.times(-1.0), second),
            (second, first),
            (second.times(-1.0), first),
        ];
        let mut sides: [Vec<Point>; 4] = Default::default();
        let mut reach = [0.0_f32; 4];
        for ((side, reach), (along, across)) in sides.iter_mut().zip(&mut reach).zip(directions) {
            for offset in OFFSETS {
                let start = finder.centre.along(across, offset * finder.module);
                if let Some(distance) = tone.ring(view, start, along, finder.module) {
                    side.push(start.along(along, distance));
                    *reach += distance;
                }
            }
            if side.is_empty() {
                return None;
            }
            *reach /= side.len() as f32;
        }
        let [right, left, below, above] = reach;
        Some(Self {
            sides,
            module: [right + left, below + above].map(|both| both / (2.0 * RADIUS)),
            middle: tone.middle,
            contrast: tone.contrast,
        })
    }
}

/// What is dark and what is light in a pattern.
struct Tone {
    /// Half way from dark to light.
    middle: f32,
    contrast: f32,
    /// 1 if light is brighter than dark, −1 for an inverted code.
    sign: f32,
}

impl Tone {
    fn measured(view: &View<'_>, finder: &Finder, axes: [Point; 2]) -> Option<Self> {
        let mean = |modules: f32| {
            let points = axes.into_iter().flat_map(|axis| {
                [modules, -modules]
                    .map(|modules| finder.centre.along(axis, modules * finder.module))
            });
            points.map(|point| view.luma(point)).sum::<f32>() / 4.0
        };
        let (dark, light) = (mean(0.7), mean(2.0));
        let sign = match finder.polarity {
            Polarity::Normal => 1.0,
            Polarity::Inverted => -1.0,
        };
        let contrast = (light - dark) * sign;
        (contrast > LEAST_CONTRAST).then_some(Self {
            middle: (dark + light) / 2.0,
            contrast,
            sign,
        })
    }

    /// How far the middle of the ring is from a place in the pattern's core.
    fn ring(&self, view: &View<'_>, start: Point, along: Point, module: f32) -> Option<f32> {
        let lightness = |distance: f32| {
            let place = start.along(along, distance);
            if view.contains(place) {
                (view.luma(place) - self.middle) * self.sign
            } else {
                // A code cut out without its quiet zone ends at the picture's edge.
                self.contrast / 2.0
            }
        };
        let step = module / 6.0;
        let mut last = lightness(0.0);
        if last > 0.0 {
            return None;
        }
        let mut edges = [0.0; 3];
        let mut met = 0;
        let mut light = false;
        // Up to 7 modules: a pattern seen from aside is longer one way.
        for place in 1..=42_u8 {
            let distance = step * f32::from(place);
            let here = lightness(distance);
            if (here > 0.0) != light {
                let back = here / (here - last) * step;
                *edges.get_mut(met)? = distance - back;
                met += 1;
                light = !light;
                if let (3, [_, inner, outer]) = (met, edges) {
                    return Some((inner + outer) / 2.0);
                }
            }
            last = here;
        }
        None
    }
}
