//! Where the modules of a code are in the picture.

use super::decoder::Point;
use super::geometry::Homography;
use super::qr::FINDER;

/// From a symbol's edge to the middle of a finder pattern, in modules.
pub(super) const FINDER_MIDDLE: f32 = FINDER as f32 / 2.0;

/// Modules from one line of an even mesh to the next, about.
const MESH_CELL: f32 = 6.5;

/// How many numbers describe a bend.
pub(super) const BENDS: usize = 6;

/// The way from places in a symbol (in modules, from its top left corner) to places in a picture:
/// a flat view, and what a curved or crumpled surface adds to it.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    side: usize,
    corners: [Point; 4],
    flat: Homography,
    bend: [f32; BENDS],
    mesh: Option<Mesh>,
}

impl Placement {
    /// A flat symbol with the middles of its corner squares at four points, clockwise from the top
    /// left. None if they are not those of a convex quadrilateral.
    pub(super) fn flat(side: usize, corners: [Point; 4]) -> Option<Self> {
        let [a, b, c, d] = corners;
        let convex = [(a, b, c), (b, c, d), (c, d, a), (d, a, b)]
            .into_iter()
            .all(|(from, corner, to)| from.to(corner).cross(corner.to(to)) > 0.0);
        let flat = Homography::onto(FINDER_MIDDLE, side as f32 - FINDER_MIDDLE, corners)?;
        convex.then_some(Self {
            side,
            corners,
            flat,
            bend: [0.0; BENDS],
            mesh: None,
        })
    }

    /// Modules along a side.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// The middles of the corner squares.
    pub(super) fn corners(&self) -> [Point; 4] {
        self.corners
    }

    /// The bend; see [`Placement::bent`].
    pub(super) fn bend(&self) -> [f32; BENDS] {
        self.bend
    }

    /// The same with other corners.
    pub(super) fn moved(&self, corners: [Point; 4]) -> Option<Self> {
        let flat = Self::flat(self.side, corners)?;
        Some(Self {
            bend: self.bend,
            mesh: self.mesh.clone(),
            ..flat
        })
    }

    /// The same, bent: how far, in modules, the middles of the sides and of the symbol are pushed to
    /// the right (first three) and down.
    pub(super) fn bent(&self, bend: [f32; BENDS]) -> Self {
        Self {
            bend,
            ..self.clone()
        }
    }

    /// The same with a mesh.
    pub(super) fn meshed(&self, mesh: Mesh) -> Self {
        Self {
            mesh: Some(mesh),
            ..self.clone()
        }
    }

    /// The mesh, or one that shifts nothing.
    pub(super) fn mesh(&self) -> Mesh {
        self.mesh.clone().unwrap_or_else(|| Mesh::even(self.side))
    }

    /// Where a place of the symbol is in the picture.
    pub(super) fn map(&self, u: f32, v: f32) -> Point {
        let [a, b, c, d, e, f] = self.bend;
        // From −1 to 1 between the middles of the corner squares, where nothing is pushed.
        let half = (self.side as f32 - 2.0 * FINDER_MIDDLE) / 2.0;
        let (x, y) = (
            (u - FINDER_MIDDLE) / half - 1.0,
            (v - FINDER_MIDDLE) / half - 1.0,
        );
        let (across, down) = (1.0 - x * x, 1.0 - y * y);
        let mut shift = Point::new(
            a * across + b * down + c * across * y,
            d * down + e * across + f * down * x,
        );
        if let Some(mesh) = &self.mesh {
            shift = shift.along(mesh.shift(u, v), 1.0);
        }
        self.flat.map(u + shift.x, v + shift.y)
    }

    /// The side of a module at a place, in pixels.
    pub(super) fn module(&self, u: f32, v: f32) -> f32 {
        let here = self.map(u, v);
        let (right, down) = (self.map(u + 1.0, v), self.map(u, v + 1.0));
        here.to(right).cross(here.to(down)).abs().sqrt()
    }

    /// The symbol's corners, clockwise from the top left.
    pub(super) fn outline(&self) -> [Point; 4] {
        let far = self.side as f32;
        [(0.0, 0.0), (far, 0.0), (far, far), (0.0, far)].map(|(u, v)| self.map(u, v))
    }
}

/// Shifts at the crossings of some columns and rows, in modules; between them they change evenly.
#[derive(Debug, Clone)]
pub(super) struct Mesh {
    lines: Vec<f32>,
    shifts: Vec<Point>,
}

impl Mesh {
    /// `lines` are columns and rows alike, ascending; `shifts` go row by row.
    pub(super) fn new(lines: Vec<f32>, shifts: Vec<Point>) -> Option<Self> {
        let square = lines.len() >= 2 && shifts.len() == lines.len() * lines.len();
        square.then_some(Self { lines, shifts })
    }

    /// A mesh that shifts nothing, with a line every few modules.
    fn even(side: usize) -> Self {
        let span = side as f32 - 2.0 * FINDER_MIDDLE;
        let cells = (span / MESH_CELL).round().max(2.0);
        let count = cells as u16 + 1;
        let lines = (0..count).map(|line| FINDER_MIDDLE + span * f32::from(line) / cells);
        let shifts = vec![Point::new(0.0, 0.0); usize::from(count) * usize::from(count)];
        Self {
            lines: lines.collect(),
            shifts,
        }
    }

    /// How many crossings there are.
    pub(super) fn crossings(&self) -> usize {
        self.shifts.len()
    }

    /// The same with one crossing shifted further.
    pub(super) fn shifted(&self, crossing: usize, by: Point) -> Self {
        let mut mesh = self.clone();
        if let Some(shift) = mesh.shifts.get_mut(crossing) {
            *shift = shift.along(by, 1.0);
        }
        mesh
    }

    /// The part of the symbol that a crossing shifts: left, top, right and bottom.
    pub(super) fn around(&self, crossing: usize) -> [f32; 4] {
        let count = self.lines.len();
        let (x, y) = (crossing % count, crossing / count);
        let before = |place: usize| {
            let line = place.checked_sub(1).and_then(|place| self.lines.get(place));
            line.copied().unwrap_or(f32::NEG_INFINITY)
        };
        let after = |place: usize| self.lines.get(place + 1).copied().unwrap_or(f32::INFINITY);
        [before(x), before(y), after(x), after(y)]
    }

    fn shift(&self, u: f32, v: f32) -> Point {
        let ((left, across), (top, down)) = (self.cell(u), self.cell(v));
        let at = |x: usize, y: usize| {
            self.shifts
                .get(y * self.lines.len() + x)
                .copied()
                .unwrap_or(Point::new(0.0, 0.0))
        };
        let between = |a: Point, b: Point, share: f32| a.along(a.to(b), share);
        between(
            between(at(left, top), at(left + 1, top), across),
            between(at(left, top + 1), at(left + 1, top + 1), across),
            down,
        )
    }

    /// The line before a place (the last but one at most) and the share of the way to the next.
    fn cell(&self, place: f32) -> (usize, f32) {
        let after = self.lines.partition_point(|&line| line <= place);
        let index = after.saturating_sub(1).min(self.lines.len() - 2);
        let (Some(&from), Some(&to)) = (self.lines.get(index), self.lines.get(index + 1)) else {
            return (0, 0.0);
        };
        (index, ((place - from) / (to - from)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square() -> Placement {
        let corners = [(35.0, 35.0), (215.0, 35.0), (215.0, 215.0), (35.0, 215.0)];
        Placement::flat(25, corners.map(|(x, y)| Point::new(x, y))).unwrap()
    }

    #[test]
    fn a_flat_square_has_square_modules() {
        let placement = square();
        assert!(placement.map(12.5, 3.5).distance(Point::new(125.0, 35.0)) < 0.01);
        assert!((placement.module(4.0, 9.0) - 10.0).abs() < 0.01);
        assert!(placement.outline()[2].distance(Point::new(250.0, 250.0)) < 0.01);
    }

    #[test]
    fn a_bend_leaves_the_corners_and_pushes_the_middle() {
        let bent = square().bent([0.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
        assert!(bent.map(3.5, 3.5).distance(Point::new(35.0, 35.0)) < 0.01);
        assert!(bent.map(12.5, 3.5).distance(Point::new(125.0, 55.0)) < 0.01);
    }

    #[test]
    fn a_mesh_shifts_evenly_between_its_lines() {
        let zero = Point::new(0.0, 0.0);
        let mesh = Mesh::new(
            vec![6.5, 18.5],
            vec![zero, Point::new(1.0, 0.0), zero, zero],
        )
        .unwrap();
        let placement = square().meshed(mesh);
        assert!(placement.map(18.5, 6.5).distance(Point::new(195.0, 65.0)) < 0.01);
        assert!(placement.map(12.5, 6.5).distance(Point::new(130.0, 65.0)) < 0.01);
        assert!(placement.map(6.5, 18.5).distance(Point::new(65.0, 185.0)) < 0.01);
        assert!(Mesh::new(vec![1.0], vec![zero]).is_none());
    }

    #[test]
    fn corners_that_cross_are_no_placement() {
        let corners = [(0.0, 0.0), (9.0, 9.0), (9.0, 0.0), (0.0, 9.0)];
        assert!(Placement::flat(21, corners.map(|(x, y)| Point::new(x, y))).is_none());
    }
}
