//! Frames without a code, full of what might be one: what a gate looks at most of the time.

use crate::reference::Reference;
use crate::report::{Empty, quantile};
use crate::{cpu, jitter};
use anyhow::Result;
use fastrand::Rng;
use usher_core::camera::{Decoder as _, FRAME_BUDGET, LumaFrame, Scanner};

const SIZES: [(u32, u32); 3] = [(640, 480), (1_280, 720), (1_920, 1_080)];

/// Scenes of each size.
const SCENES: u64 = 24;

/// Measures empty frames of the common sizes.
pub(crate) fn measure(reference: &mut Option<Reference>) -> Result<Vec<Empty>> {
    SIZES
        .into_iter()
        .map(|(width, height)| {
            let (mut ours, mut theirs, mut read) = (Vec::new(), Vec::new(), 0);
            let mut scanner = Scanner::new(FRAME_BUDGET, cpu::now);
            for seed in 0..SCENES {
                let scene = scene(width, height, seed)?;
                let (seen, ms) = cpu::timed(|| scanner.decode(scene.as_frame()));
                ours.push(ms);
                read += seen?.len();
                if let Some(reference) = reference {
                    theirs.push(reference.read(&scene)?.ms);
                }
            }
            Ok(Empty {
                size: format!("{width} × {height}"),
                p50: quantile(&ours, 0.5),
                p95: quantile(&ours, 0.95),
                theirs_p50: reference.is_some().then(|| quantile(&theirs, 0.5)),
                read,
            })
        })
        .collect()
}

/// A wall with texture of several sizes, and a few crowds of small bright and dark things.
fn scene(width: u32, height: u32, seed: u64) -> Result<LumaFrame> {
    let mut rng = Rng::with_seed(seed);
    let (columns, rows) = (width as usize, height as usize);
    let mut luma = vec![120.0_f32; columns * rows];
    for size in [3, 7, 19, 53, 131] {
        let strength = 8.0 + 22.0 * rng.f32();
        let across = columns.div_ceil(size);
        let cells: Vec<f32> = (0..across * rows.div_ceil(size))
            .map(|_| (rng.f32() - 0.5) * strength)
            .collect();
        for (place, pixel) in luma.iter_mut().enumerate() {
            let (x, y) = (place % columns, place / columns);
            *pixel += cells
                .get(y / size * across + x / size)
                .copied()
                .unwrap_or(0.0);
        }
    }
    let grain = jitter::grain(4.0, &mut rng);
    let bytes = luma.iter().zip(grain.iter().cycle());
    let bytes = bytes.map(|(luma, grain)| (luma + grain) as u8).collect();
    Ok(LumaFrame::new(bytes, width, height)?)
}
