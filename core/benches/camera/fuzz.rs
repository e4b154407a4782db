//! Frames of rubbish: nothing panics, and nothing takes long.

use crate::cpu;
use anyhow::Result;
use fastrand::Rng;
use std::process::ExitCode;
use usher_core::camera::{Decoder as _, FRAME_BUDGET, Frame, Scanner};

/// No frame may take longer, in milliseconds.
const MOST_MS: f64 = 100.0;

/// One in so many frames is very large.
const LARGE_EVERY: u32 = 200;

/// Reads as many frames. A size that does not fit its bytes must be an error.
pub(crate) fn run(frames: u32) -> Result<ExitCode> {
    let mut rng = Rng::with_seed(7);
    let mut scanner = Scanner::new(FRAME_BUDGET, cpu::now);
    let (mut slowest, mut refused, mut read) = (0.0_f64, 0_u32, 0_usize);
    for number in 0..frames {
        let (width, height) = size(number, &mut rng);
        let right = u64::from(width) * u64::from(height);
        let length = match rng.u8(..12) {
            0 => right.saturating_sub(1),
            1 => right + 1,
            2 => right / 2,
            _ => right,
        };
        let stride = match rng.u8(..16) {
            0 => 0,
            1 => (width as usize).saturating_sub(1),
            2 => usize::MAX,
            _ => width as usize,
        };
        let luma = rubbish(length as usize, width as usize, &mut rng);
        let (outcome, ms) = cpu::timed(|| {
            Frame::new(&luma, width, height, stride)
                .ok()
                .map(|frame| scanner.decode(frame))
        });
        slowest = slowest.max(ms);
        match outcome {
            None => refused += 1,
            Some(seen) => read += seen.map_or(0, |seen| seen.len()),
        }
    }
    let panics = scanner.panics();
    println!(
        "{frames} frames: {refused} refused, {read} codes read, {panics} panics, slowest {slowest:.1} ms"
    );
    let held = panics == 0 && slowest <= MOST_MS;
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn size(number: u32, rng: &mut Rng) -> (u32, u32) {
    if number % LARGE_EVERY == LARGE_EVERY - 1 {
        return (rng.u32(2_000..=8_000), rng.u32(2_000..=6_000));
    }
    match rng.u8(..6) {
        0 => (rng.u32(1..=3), rng.u32(1..=1_500)),
        1 => (rng.u32(1..=1_500), rng.u32(1..=3)),
        2 => (rng.u32(0..=40), rng.u32(0..=40)),
        _ => (rng.u32(1..=700), rng.u32(1..=500)),
    }
}

/// Noise, stripes, squares within each other, or one grey.
fn rubbish(length: usize, width: usize, rng: &mut Rng) -> Vec<u8> {
    let kind = rng.u8(..6);
    let scale = rng.usize(1..24);
    let noise: Vec<u8> = (0..1_024).map(|_| rng.u8(..)).collect();
    let at = |index: usize| noise.get(index % noise.len()).copied().unwrap_or(0);
    (0..length)
        .map(|index| {
            let (x, y) = (index % width.max(1), index / width.max(1));
            match kind {
                0 => at(index.wrapping_mul(2_654_435_761) >> 7),
                1 => at(x / scale),
                2 => at(x / scale + y / scale * 37),
                3 => {
                    let tile = scale * 9;
                    let (u, v) = (x % tile, y % tile);
                    let ring = u.min(v).min(tile - 1 - u).min(tile - 1 - v) / scale;
                    if ring % 2 == 1 { 20 } else { 230 }
                }
                4 => 128,
                _ => (at(x / scale) / 2).wrapping_add(at(y / scale) / 2),
            }
        })
        .collect()
}
