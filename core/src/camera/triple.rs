//! Which three finder patterns belong to one code.

use super::finder::Finder;

/// The most patterns that are combined, the surest ones.
const MAX_COMBINED: usize = 48;

/// How many neighbours of a pattern are tried as the other two.
const NEIGHBOURS: usize = 18;

/// The most triples that are returned.
const MAX_TRIPLES: usize = 96;

/// The least quality that three patterns have together.
const LEAST_QUALITY: f32 = 1.45;

/// Modules between the middles of two patterns: the least (version 1) and the most (version 40), with
/// room for what was measured badly or is seen from aside.
const SPAN: std::ops::RangeInclusive<f32> = 9.0..=240.0;

/// Three finder patterns that may be those of one code, clockwise from the bottom left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Triple {
    /// The one opposite of the code's empty corner.
    pub top_left: Finder,
    /// The next one clockwise.
    pub top_right: Finder,
    /// The next one anticlockwise.
    pub bottom_left: Finder,
}

impl Triple {
    /// The patterns, the top left one first.
    pub(super) fn finders(&self) -> [Finder; 3] {
        [self.top_left, self.top_right, self.bottom_left]
    }
}

/// Triples that look like those of codes, the likeliest first.
pub(super) fn triples(finders: &[Finder]) -> Vec<Triple> {
    let mut finders = finders.to_vec();
    finders.sort_by(|a, b| b.quality().total_cmp(&a.quality()));
    finders.truncate(MAX_COMBINED);
    let mut scored: Vec<(f32, Triple)> = Vec::new();
    for (index, &corner) in finders.iter().enumerate() {
        let others = neighbours(corner, index, &finders);
        for (step, &one) in others.iter().enumerate() {
            for &two in others.iter().skip(step + 1) {
                scored.extend(triple(corner, one, two));
            }
        }
    }
    scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    scored
        .into_iter()
        .take(MAX_TRIPLES)
        .map(|(_, triple)| triple)
        .collect()
}

/// The nearest patterns of about the same size.
fn neighbours(corner: Finder, index: usize, finders: &[Finder]) -> Vec<Finder> {
    let mut others: Vec<(f32, Finder)> = finders
        .iter()
        .enumerate()
        .filter(|&(place, other)| {
            let ratio = other.module / corner.module;
            place != index && other.polarity == corner.polarity && (0.4..=2.5).contains(&ratio)
        })
        .map(|(_, &other)| (corner.centre.distance(other.centre), other))
        .filter(|(distance, other)| {
            SPAN.contains(&(distance * 2.0 / (corner.module + other.module)))
        })
        .collect();
    others.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    others.truncate(NEIGHBOURS);
    others.into_iter().map(|(_, other)| other).collect()
}

/// The triple with `corner` between the two others, and how far it is from what codes look like.
fn triple(corner: Finder, one: Finder, two: Finder) -> Option<(f32, Triple)> {
    let (first, second) = (corner.centre.to(one.centre), corner.centre.to(two.centre));
    let (long, short) = (
        first.length().max(second.length()),
        first.length().min(second.length()),
    );
    let cosine = first.dot(second) / (long * short);
    let legs = long / short;
    // Up to 60° off a right angle and one leg 2.2 times the other: what a steep view makes of it.
    if !(cosine.abs() < 0.75 && legs < 2.2) {
        return None;
    }
    let modules = [corner, one, two].map(|finder| finder.module);
    let [a, b, c] = modules;
    let sizes = a.max(b).max(c) / a.min(b).min(c);
    if sizes > 2.5 {
        return None;
    }
    let quality: f32 = [corner, one, two].iter().map(Finder::quality).sum();
    if quality < LEAST_QUALITY {
        return None;
    }
    let span = (long + short) / (a + b + c);
    let score = cosine.abs() * 1.5 + (legs - 1.0) + (sizes - 1.0) + span * 0.01 - quality;
    let (top_right, bottom_left) = if first.cross(second) > 0.0 {
        (one, two)
    } else {
        (two, one)
    };
    Some((
        score,
        Triple {
            top_left: corner,
            top_right,
            bottom_left,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::decoder::Point;
    use super::super::finder::Polarity;
    use super::*;

    fn finder(x: f32, y: f32) -> Finder {
        Finder {
            centre: Point::new(x, y),
            module: 4.0,
            polarity: Polarity::Normal,
            support: 1.0,
            lines: 1.0,
        }
    }

    #[test]
    fn the_corner_between_the_others_is_the_top_left_one() {
        let (a, b, c) = (finder(50.0, 60.0), finder(150.0, 60.0), finder(50.0, 160.0));
        for finders in [[a, b, c], [c, b, a], [b, c, a]] {
            let found = triples(&finders);
            assert_eq!(found[0].finders(), [a, b, c]);
        }
    }

    #[test]
    fn patterns_of_different_polarity_or_in_line_are_no_triple() {
        let (a, b) = (finder(50.0, 60.0), finder(150.0, 60.0));
        let light = Finder {
            polarity: Polarity::Inverted,
            ..finder(50.0, 160.0)
        };
        assert!(triples(&[a, b, light]).is_empty());
        assert!(triples(&[a, b, finder(250.0, 70.0)]).is_empty());
        assert!(triples(&[a, b]).is_empty());
    }
}
