//! Points, directions and projective maps of the plane.

use super::decoder::Point;

impl Point {
    /// A point or a direction.
    pub(super) const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// This point moved by `factor` times a direction.
    pub(super) fn along(self, direction: Self, factor: f32) -> Self {
        Self::new(self.x + factor * direction.x, self.y + factor * direction.y)
    }

    /// The direction from here to there.
    pub(super) fn to(self, there: Self) -> Self {
        Self::new(there.x - self.x, there.y - self.y)
    }

    /// Length of a direction.
    pub(super) fn length(self) -> f32 {
        self.x.hypot(self.y)
    }

    /// Distance to another point.
    pub(super) fn distance(self, there: Self) -> f32 {
        self.to(there).length()
    }

    /// The same direction, times `factor`.
    pub(super) fn times(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }

    /// The direction with length 1; none for length 0.
    pub(super) fn unit(self) -> Option<Self> {
        let length = self.length();
        (length > 0.0 && length.is_finite()).then(|| self.times(1.0 / length))
    }

    /// Inner product of two directions.
    pub(super) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// Positive if `other` is clockwise from here as the picture is seen (y goes down).
    pub(super) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }
}

/// A projective map of the plane: rows of a 3 × 3 matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Homography([f32; 9]);

impl Homography {
    /// The map of the square from `low` to `high` (both ways) onto a quadrilateral, corners clockwise
    /// from the top left (P. Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989,
    /// section 2.2.3). None if the quadrilateral is degenerate.
    pub(super) fn onto(low: f32, high: f32, corners: [Point; 4]) -> Option<Self> {
        let [a, b, c, d] = corners;
        let (one, two) = (c.to(b), c.to(d));
        let sum = Point::new(a.x - b.x + c.x - d.x, a.y - b.y + c.y - d.y);
        let area = one.cross(two);
        let (g, h) = (sum.cross(two) / area, one.cross(sum) / area);
        let unit = [
            b.x - a.x + g * b.x,
            d.x - a.x + h * d.x,
            a.x,
            b.y - a.y + g * b.y,
            d.y - a.y + h * d.y,
            a.y,
            g,
            h,
            1.0,
        ];
        // First the square onto the unit square: (u − low) / (high − low).
        let scale = 1.0 / (high - low);
        let row = |x: f32, y: f32, w: f32| [x * scale, y * scale, w - (x + y) * scale * low];
        let [m0, m1, m2, m3, m4, m5, m6, m7, m8] = unit;
        let (first, second, third) = (row(m0, m1, m2), row(m3, m4, m5), row(m6, m7, m8));
        let map = Self([
            first[0], first[1], first[2], second[0], second[1], second[2], third[0], third[1],
            third[2],
        ]);
        map.0.iter().all(|value| value.is_finite()).then_some(map)
    }

    /// Where a point goes.
    pub(super) fn map(&self, u: f32, v: f32) -> Point {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let w = 1.0 / (g * u + h * v + i);
        Point::new((a * u + b * v + c) * w, (d * u + e * v + f) * w)
    }

    /// The map that brings points nearest to where measurements say they are, in the sense of least
    /// squares over `x·n = d` conditions; see [`Condition`]. None if they do not determine it.
    pub(super) fn fitted(conditions: &[Condition]) -> Option<Self> {
        // Unknown is the map from the picture to the symbol, last coefficient 1: each condition is
        // linear in it.
        let mut equations = [[0.0_f64; 9]; 8];
        for condition in conditions {
            let row = condition.row();
            for (equation, &factor) in equations.iter_mut().zip(&row) {
                for (sum, &value) in equation.iter_mut().zip(&row) {
                    *sum += factor * value;
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = solved(equations)?;
        // Its inverse, up to a factor that `map` divides away: the adjugate.
        let inverse = [
            e - f * h,
            c * h - b,
            b * f - c * e,
            f * g - d,
            a - c * g,
            c * d - a * f,
            d * h - e * g,
            b * g - a * h,
            a * e - b * d,
        ];
        let size = inverse
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()));
        let map = Self(inverse.map(|value| (value / size) as f32));
        map.0.iter().all(|value| value.is_finite()).then_some(map)
    }
}

/// A point of the picture is known to lie on a line of the symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Condition {
    /// The point in the picture.
    pub point: Point,
    /// The line in the symbol.
    pub line: Line,
    /// How much it counts.
    pub weight: f32,
}

/// A line in the symbol.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    /// All places as far to the right.
    Column(f32),
    /// All places as far down.
    Row(f32),
}

impl Condition {
    /// Coefficients of the map's eight unknowns, then the negated right side, all weighted.
    fn row(&self) -> [f64; 9] {
        let (x, y) = (f64::from(self.point.x), f64::from(self.point.y));
        let row = match self.line {
            Line::Column(u) => {
                let u = f64::from(u);
                [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u]
            }
            Line::Row(v) => {
                let v = f64::from(v);
                [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v]
            }
        };
        row.map(|value| value * f64::from(self.weight))
    }
}

/// Gauss–Jordan elimination with the largest pivot of the column.
fn solved(mut equations: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for column in 0..8 {
        let size = |row: &[f64; 9]| row.get(column).copied().unwrap_or(0.0).abs();
        let (_, rest) = equations.split_at_mut_checked(column)?;
        let (best, _) = rest
            .iter()
            .enumerate()
            .max_by(|(_, a), (_, b)| size(a).total_cmp(&size(b)))?;
        rest.swap(0, best);
        let pivot = *rest.first()?;
        let head = *pivot.get(column)?;
        if head.abs() < 1e-12 {
            return None;
        }
        for (index, row) in equations.iter_mut().enumerate() {
            if index != column {
                let factor = row.get(column)? / head;
                for (value, from) in row.iter_mut().zip(&pivot) {
                    *value -= factor * from;
                }
            }
        }
    }
    let mut solution = [0.0; 8];
    for (index, (value, row)) in solution.iter_mut().zip(&equations).enumerate() {
        *value = row.last()? / row.get(index)?;
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNERS: [Point; 4] = [
        Point::new(10.0, 20.0),
        Point::new(300.0, 5.0),
        Point::new(280.0, 310.0),
        Point::new(30.0, 250.0),
    ];

    #[test]
    fn a_square_goes_onto_its_quadrilateral() {
        let map = Homography::onto(3.5, 21.5, CORNERS).unwrap();
        let square = [(3.5, 3.5), (21.5, 3.5), (21.5, 21.5), (3.5, 21.5)];
        for ((u, v), corner) in square.into_iter().zip(CORNERS) {
            assert!(map.map(u, v).distance(corner) < 0.01);
        }
    }

    #[test]
    fn a_map_is_found_again_from_points_on_lines() {
        let map = Homography::onto(0.0, 1.0, CORNERS).unwrap();
        let places = [0.1, 0.4, 0.9].into_iter();
        let conditions: Vec<Condition> = places
            .clone()
            .flat_map(|u| places.clone().map(move |v| (u, v)))
            .flat_map(|(u, v)| {
                let point = map.map(u, v).times(0.01);
                [Line::Column(u), Line::Row(v)].map(|line| Condition {
                    point,
                    line,
                    weight: 1.0,
                })
            })
            .collect();
        let found = Homography::fitted(&conditions).unwrap();
        for (u, v) in [(0.0, 0.0), (1.0, 1.0), (0.5, 0.2)] {
            assert!(found.map(u, v).times(100.0).distance(map.map(u, v)) < 0.1);
        }
    }

    #[test]
    fn points_on_one_line_determine_nothing() {
        let condition = |place: f32| Condition {
            point: Point::new(place, place),
            line: Line::Column(place),
            weight: 1.0,
        };
        let conditions: Vec<_> = (0..20_u8).map(|step| condition(f32::from(step))).collect();
        assert!(Homography::fitted(&conditions).is_none());
        let point = CORNERS[0];
        assert!(Homography::onto(0.0, 1.0, [point; 4]).is_none());
    }
}
