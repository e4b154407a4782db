//! Reading the modules of a placed symbol out of the picture.

use super::placement::Placement;
use super::pyramid::{Pyramid, View};
use super::qr::Grid;

/// Modules to each side that count for the threshold of a module.
const REACH: usize = 4;

/// Grey levels between dark and light are taken to be at least this many, so that noise in a plain
/// area is not taken for sure.
const LEAST_CONTRAST: f32 = 10.0;

/// In the copy of the picture that is sampled a module is at least this many pixels.
pub(super) const MODULE_PX: f32 = 2.4;

/// The lumas of a symbol's modules, and what is dark and light around each.
#[derive(Debug)]
pub(super) struct Samples {
    side: usize,
    /// Row by row; turned round for an inverted code, so that dark is low.
    lumas: Vec<f32>,
    tones: Vec<(f32, f32)>,
}

impl Samples {
    /// Samples the middle of every module. `sign` is 1, or −1 for an inverted code.
    pub(super) fn new(pyramid: &Pyramid<'_>, placement: &Placement, sign: f32) -> Self {
        let view = view(pyramid, placement);
        let side = placement.side();
        let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        let lumas: Vec<f32> = places
            .map(|(x, y)| sign * view.luma(placement.map(x as f32 + 0.5, y as f32 + 0.5)))
            .collect();
        let tones = tones(&lumas, side);
        Self { side, lumas, tones }
    }

    /// The threshold and half of the contrast around each module, row by row.
    pub(super) fn tones(&self) -> &[(f32, f32)] {
        &self.tones
    }

    /// How dark the modules are. With `sharpening` above 0 each is set off from its neighbours, which
    /// undoes a blur that runs over modules.
    pub(super) fn grid(&self, sharpening: f32) -> Option<Grid> {
        let side = self.side;
        let lumas = self.lumas.iter().enumerate();
        let darkness = lumas
            .zip(&self.tones)
            .map(|((index, &luma), &(middle, half))| {
                let mut luma = luma;
                if sharpening > 0.0 {
                    let near = [
                        (index % side > 0).then(|| index - 1),
                        (index % side + 1 < side).then_some(index + 1),
                        index.checked_sub(side),
                        Some(index + side),
                    ];
                    let beside = |place: Option<usize>| {
                        place
                            .and_then(|place| self.lumas.get(place))
                            .map_or(middle, |&near| near)
                    };
                    let around = near.into_iter().map(beside).sum::<f32>() / 4.0;
                    luma += sharpening * (luma - around);
                }
                ((middle - luma) / half).clamp(-1.0, 1.0)
            });
        Grid::new(side, darkness.collect())
    }
}

/// The copy of the picture in which a symbol is sampled.
pub(super) fn view<'a>(pyramid: &'a Pyramid<'_>, placement: &Placement) -> View<'a> {
    let far = placement.side() as f32 - 2.0;
    let modules =
        [(1.0, 1.0), (far, 1.0), (far, far), (1.0, far)].map(|(u, v)| placement.module(u, v));
    pyramid.view(modules.into_iter().fold(f32::INFINITY, f32::min), MODULE_PX)
}

/// For each module half way between what is dark and what is light around it, and half of the way.
///
/// The mean of the neighbourhood divides it, then the means of both parts count: about as good as
/// Otsu's threshold, from sums alone.
fn tones(lumas: &[f32], side: usize) -> Vec<(f32, f32)> {
    let all = Sums::new(lumas.iter().map(|&luma| (luma, 1.0)), side);
    let means: Vec<f32> = all.windows().map(|(sum, count)| sum / count).collect();
    let light = lumas.iter().zip(&means).map(
        |(&luma, &mean)| {
            if luma > mean { (luma, 1.0) } else { (0.0, 0.0) }
        },
    );
    let light = Sums::new(light, side);
    all.windows()
        .zip(light.windows())
        .map(|((sum, count), (bright, brights))| {
            let light = bright / brights.max(1.0);
            let dark = (sum - bright) / (count - brights).max(1.0);
            let half = ((light - dark) / 2.0).max(LEAST_CONTRAST / 2.0);
            ((light + dark) / 2.0, half)
        })
        .collect()
}

/// Sums of values and of their counts over all rectangles that begin at the top left.
struct Sums {
    side: usize,
    sums: Vec<(f32, f32)>,
}

impl Sums {
    fn new(values: impl Iterator<Item = (f32, f32)>, side: usize) -> Self {
        let mut above = vec![(0.0, 0.0); side + 1];
        let mut sums = above.clone();
        let mut row = (0.0, 0.0);
        for (index, (value, count)) in values.enumerate() {
            if index % side == 0 {
                row = (0.0, 0.0);
                sums.push(row);
            }
            row = (row.0 + value, row.1 + count);
            if let Some(sum) = above.get_mut(index % side + 1) {
                *sum = (sum.0 + row.0, sum.1 + row.1);
                sums.push(*sum);
            }
        }
        Self { side, sums }
    }

    /// The sums around each module.
    fn windows(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        let side = self.side;
        let at = move |x: usize, y: usize| {
            self.sums
                .get(y * (side + 1) + x)
                .copied()
                .unwrap_or((0.0, 0.0))
        };
        (0..side).flat_map(move |y| {
            (0..side).map(move |x| {
                let (left, right) = (x.saturating_sub(REACH), (x + REACH + 1).min(side));
                let (top, bottom) = (y.saturating_sub(REACH), (y + REACH + 1).min(side));
                let (a, b, c, d) = (
                    at(left, top),
                    at(right, top),
                    at(left, bottom),
                    at(right, bottom),
                );
                (d.0 - b.0 - c.0 + a.0, (d.1 - b.1 - c.1 + a.1).max(1.0))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_around_a_module_are_those_of_its_neighbours() {
        let values: Vec<f32> = (0..100_u8).map(f32::from).collect();
        let sums = Sums::new(values.iter().map(|&value| (value, 1.0)), 10);
        let windows: Vec<_> = sums.windows().collect();
        let slow = |x: usize, y: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            for row in y.saturating_sub(REACH)..(y + REACH + 1).min(10) {
                for column in x.saturating_sub(REACH)..(x + REACH + 1).min(10) {
                    sum += values[row * 10 + column];
                    count += 1.0;
                }
            }
            (sum, count)
        };
        for y in 0..10 {
            for x in 0..10 {
                assert_eq!(windows[y * 10 + x], slow(x, y), "{x} {y}");
            }
        }
    }

    #[test]
    fn uneven_light_does_not_turn_modules() {
        let dark = |x: usize, y: usize| (x * 7 + y * 3 + x * y) % 5 < 2;
        let lumas: Vec<f32> = (0..33 * 33)
            .map(|i| (i % 33 * 4) as f32 + if dark(i % 33, i / 33) { 20.0 } else { 70.0 })
            .collect();
        let tones = tones(&lumas, 33);
        let samples = Samples {
            side: 33,
            lumas,
            tones,
        };
        let grid = samples.grid(0.0).unwrap();
        let right = (0..33 * 33)
            .filter(|i| (grid.darkness((i % 33, i / 33)) > 0.0) == dark(i % 33, i / 33))
            .count();
        assert!(right * 100 > 33 * 33 * 97, "{right}");
    }
}
