//! What is the same in all symbols of a version, as places to look at.

use std::sync::OnceLock;

use super::qr::{FINDER, Layout, VERSIONS, squares, version_number};

/// The most alignment patterns that a fit looks at.
const MAX_ALIGNMENTS: usize = 9;

/// Places in a finder pattern, in modules from its middle, with what their lightness counts: eight
/// on the light ring and sixteen on the dark ones.
pub(super) const FINDER_PROBES: &[(f32, f32, f32)] = &[
    (-2.0, -2.0, 0.0625),
    (0.0, -2.0, 0.0625),
    (2.0, -2.0, 0.0625),
    (2.0, 0.0, 0.0625),
    (2.0, 2.0, 0.0625),
    (0.0, 2.0, 0.0625),
    (-2.0, 2.0, 0.0625),
    (-2.0, 0.0, 0.0625),
    (-3.0, -3.0, -0.03125),
    (0.0, -3.0, -0.03125),
    (3.0, -3.0, -0.03125),
    (3.0, 0.0, -0.03125),
    (3.0, 3.0, -0.03125),
    (0.0, 3.0, -0.03125),
    (-3.0, 3.0, -0.03125),
    (-3.0, 0.0, -0.03125),
    (-1.0, -1.0, -0.03125),
    (0.0, -1.0, -0.03125),
    (1.0, -1.0, -0.03125),
    (1.0, 0.0, -0.03125),
    (1.0, 1.0, -0.03125),
    (0.0, 1.0, -0.03125),
    (-1.0, 1.0, -0.03125),
    (-1.0, 0.0, -0.03125),
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
