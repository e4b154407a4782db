//! A frame at its size, half of it, a quarter and so on.

use super::decoder::Point;
use super::frame::{Frame, LumaFrame};

/// A level whose longer side is below this gets no smaller one.
const MIN_SIDE: u32 = 48;

/// A frame and its smaller copies.
#[derive(Debug)]
pub(super) struct Pyramid<'a> {
    whole: Frame<'a>,
    smaller: Vec<LumaFrame>,
}

impl<'a> Pyramid<'a> {
    /// Halves a frame as often as something can be seen.
    pub(super) fn new(whole: Frame<'a>) -> Self {
        let mut smaller: Vec<LumaFrame> = Vec::new();
        loop {
            let last = smaller.last().map_or(whole, LumaFrame::as_frame);
            if last.width().max(last.height()) < 2 * MIN_SIDE {
                break;
            }
            let Some(half) = last.halved() else { break };
            smaller.push(half);
        }
        Self { whole, smaller }
    }

    /// The frame at 1/2ⁿ of its size, or the smallest there is.
    pub(super) fn level(&self, n: usize) -> Frame<'_> {
        let n = n.min(self.smaller.len());
        let smaller = n.checked_sub(1).and_then(|index| self.smaller.get(index));
        smaller.map_or(self.whole, LumaFrame::as_frame)
    }

    /// How many levels there are, the whole one too.
    pub(super) fn levels(&self) -> usize {
        self.smaller.len() + 1
    }

    /// The smallest copy in which a length in the whole frame is still at least `least` pixels.
    pub(super) fn view(&self, length: f32, least: f32) -> View<'_> {
        let mut level = 0;
        let mut scale = 1.0;
        while level < self.smaller.len() && length * scale * 0.5 >= least {
            level += 1;
            scale *= 0.5;
        }
        View {
            frame: self.level(level),
            scale,
        }
    }
}

/// A copy of a frame, with places as in the whole frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    frame: Frame<'a>,
    scale: f32,
}

impl View<'_> {
    /// The luma at a place of the whole frame, interpolated; outside, that of the nearest edge.
    pub(super) fn luma(&self, at: Point) -> f32 {
        self.frame.luma_at(at.x * self.scale, at.y * self.scale)
    }

    /// Whether a place is inside of the frame.
    pub(super) fn contains(&self, at: Point) -> bool {
        let (x, y) = (at.x * self.scale, at.y * self.scale);
        x >= 0.0 && y >= 0.0 && x < self.frame.width() as f32 && y < self.frame.height() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_the_same_in_every_copy() {
        let luma: Vec<u8> = (0..400 * 300).map(|i| (i % 400 / 2) as u8).collect();
        let frame = LumaFrame::new(luma, 400, 300).unwrap();
        let pyramid = Pyramid::new(frame.as_frame());
        for module in [2.0, 5.0, 9.0, 18.0] {
            let view = pyramid.view(module, 2.0);
            let luma = view.luma(Point::new(200.0, 100.0));
            assert!((luma - 99.75).abs() < 2.5, "{luma} at {module}");
            assert!(view.contains(Point::new(380.0, 280.0)));
            assert!(!view.contains(Point::new(400.5, 20.0)));
        }
    }
}
