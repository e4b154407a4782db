//! The modules of a symbol as they were sampled: how dark each is, and how surely.

use super::layout::Place;

/// A square of modules, row by row. Positive is dark, negative light; the further from 0 the surer,
/// up to about 1.
#[derive(Debug, Clone, Default)]
pub(in crate::camera) struct Grid {
    side: usize,
    darkness: Vec<f32>,
}

impl Grid {
    /// Takes `side` × `side` values; none if there are not as many.
    pub(in crate::camera) fn new(side: usize, darkness: Vec<f32>) -> Option<Self> {
        (darkness.len() == side * side).then_some(Self { side, darkness })
    }

    /// Modules along a side.
    pub(in crate::camera) fn side(&self) -> usize {
        self.side
    }

    /// The darkness of a module; 0 (unknown) outside.
    pub(in crate::camera) fn darkness(&self, (x, y): Place) -> f32 {
        if x >= self.side {
            return 0.0;
        }
        self.darkness.get(y * self.side + x).copied().unwrap_or(0.0)
    }

    /// The grid seen from behind: a symbol in a mirror.
    pub(in crate::camera) fn mirrored(&self) -> Self {
        let places = (0..self.side).flat_map(|y| (0..self.side).map(move |x| (y, x)));
        Self {
            side: self.side,
            darkness: places.map(|place| self.darkness(place)).collect(),
        }
    }
}
