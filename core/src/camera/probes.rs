//! What is the same in all symbols of a version, as places to look at.

use std::sync::OnceLock;

use super::qr::{FINDER, Layout, VERSIONS, squares, version_number};

/// The most alignment patterns that a fit looks at.
const MAX_ALIGNMENTS: usize = 9;

/// A place in a finder pattern, in modules from its middle, and what its lightness counts.
pub(super) type FinderProbe = (f32, f32, f32);

/// What a place on the light ring counts.
const ON_LIGHT: f32 = 0.0625;

/// What a place on the dark ring or in the core counts.
const ON_DARK: f32 = -0.03125;

/// A finder pattern as the standard draws it: eight places on the light ring, sixteen on the dark ones.
pub(super) const SQUARE_FINDER: &[FinderProbe] = &[
    (-2.0, -2.0, ON_LIGHT),
    (0.0, -2.0, ON_LIGHT),
    (2.0, -2.0, ON_LIGHT),
    (2.0, 0.0, ON_LIGHT),
    (2.0, 2.0, ON_LIGHT),
    (0.0, 2.0, ON_LIGHT),
    (-2.0, 2.0, ON_LIGHT),
    (-2.0, 0.0, ON_LIGHT),
    (-3.0, -3.0, ON_DARK),
    (0.0, -3.0, ON_DARK),
    (3.0, -3.0, ON_DARK),
    (3.0, 0.0, ON_DARK),
    (3.0, 3.0, ON_DARK),
    (0.0, 3.0, ON_DARK),
    (-3.0, 3.0, ON_DARK),
    (-3.0, 0.0, ON_DARK),
    (-1.0, -1.0, ON_DARK),
    (0.0, -1.0, ON_DARK),
    (1.0, -1.0, ON_DARK),
    (1.0, 0.0, ON_DARK),
    (1.0, 1.0, ON_DARK),
    (0.0, 1.0, ON_DARK),
    (-1.0, 1.0, ON_DARK),
    (-1.0, 0.0, ON_DARK),
];

/// From an axis to a place half way to the other one on a circle of radius 1: the sine of 45°.
const DIAGONAL: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// A finder pattern as many shops draw it: a ring around a disc. The corners of the square are not there.
pub(super) const ROUND_FINDER: &[FinderProbe] = &[
    (2.0, 0.0, ON_LIGHT),
    (2.0 * DIAGONAL, 2.0 * DIAGONAL, ON_LIGHT),
    (0.0, 2.0, ON_LIGHT),
    (-2.0 * DIAGONAL, 2.0 * DIAGONAL, ON_LIGHT),
    (-2.0, 0.0, ON_LIGHT),
    (-2.0 * DIAGONAL, -2.0 * DIAGONAL, ON_LIGHT),
    (0.0, -2.0, ON_LIGHT),
    (2.0 * DIAGONAL, -2.0 * DIAGONAL, ON_LIGHT),
    (3.0, 0.0, ON_DARK),
    (3.0 * DIAGONAL, 3.0 * DIAGONAL, ON_DARK),
    (0.0, 3.0, ON_DARK),
    (-3.0 * DIAGONAL, 3.0 * DIAGONAL, ON_DARK),
    (-3.0, 0.0, ON_DARK),
    (-3.0 * DIAGONAL, -3.0 * DIAGONAL, ON_DARK),
    (0.0, -3.0, ON_DARK),
    (3.0 * DIAGONAL, -3.0 * DIAGONAL, ON_DARK),
    (1.0, 0.0, ON_DARK),
    (DIAGONAL, DIAGONAL, ON_DARK),
    (0.0, 1.0, ON_DARK),
    (-DIAGONAL, DIAGONAL, ON_DARK),
    (-1.0, 0.0, ON_DARK),
    (-DIAGONAL, -DIAGONAL, ON_DARK),
    (0.0, -1.0, ON_DARK),
    (DIAGONAL, -DIAGONAL, ON_DARK),
];

/// A place in the symbol and what its darkness counts: dark ones below 0, light ones above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probe {
    /// Modules from the left edge.
    pub u: f32,
    /// Modules from the top edge.
    pub v: f32,
    /// What it counts.
    pub weight: f32,
}

/// The probes made so far, by version.
static PROBES: [OnceLock<Vec<Probe>>; VERSIONS] = [const { OnceLock::new() }; VERSIONS];

/// The probes of a layout.
pub(super) fn probes(layout: &Layout) -> &'static [Probe] {
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
