//! The same scene a moment later: a hand moves, the exposure changes, the sensor makes new noise.

use fastrand::Rng;
use usher_core::camera::LumaFrame;

/// The frame of a number: turned by up to 3°, scaled by up to 5 %, shifted by up to two pixels, with
/// another exposure and noise. The same picture, name and number give the same frame.
pub(crate) fn frame(picture: &LumaFrame, name: &str, number: u64) -> LumaFrame {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    let mut rng = Rng::with_seed(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut between = |low: f32, high: f32| low + (high - low) * rng.f32();
    let (sin, cos) = between(-3.0, 3.0).to_radians().sin_cos();
    let scale = 1.0 / between(0.95, 1.05);
    let (gain, offset) = (between(0.8, 1.2), between(-12.0, 12.0));
    let deviation = between(2.0, 6.0);
    let (right, down) = (between(-2.0, 2.0), between(-2.0, 2.0));
    let grain = grain(deviation, &mut rng);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
    let mut luma = Vec::with_capacity(width * height);
    for y in 0..height {
        let start = rng.usize(..GRAINS);
        for x in 0..width {
            let (dx, dy) = (x as f32 - middle_x, y as f32 - middle_y);
            let u = (cos * dx - sin * dy) * scale + middle_x + right;
            let v = (sin * dx + cos * dy) * scale + middle_y + down;
            let noise = grain.get((start + x) % GRAINS).copied().unwrap_or(0.0);
            // The cast saturates, as a sensor does.
            luma.push((at(picture, u, v) * gain + offset + noise) as u8);
        }
    }
    LumaFrame::new(luma, picture.width(), picture.height()).unwrap_or_else(|_| picture.clone())
}

/// Length of the noise of which each row takes a part.
const GRAINS: usize = 4_096;

/// Normally distributed noise (Irwin–Hall: a sum of twelve uniform numbers).
pub(crate) fn grain(deviation: f32, rng: &mut Rng) -> Vec<f32> {
    let normal = |rng: &mut Rng| (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0;
    (0..GRAINS).map(|_| deviation * normal(rng)).collect()
}

/// The luma between pixels; outside, that of the edge.
fn at(picture: &LumaFrame, x: f32, y: f32) -> f32 {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let (x, y) = (
        x.max(0.0).min(width as f32 - 1.0),
        y.max(0.0).min(height as f32 - 1.0),
    );
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let pixel =
        |x: usize, y: usize| f32::from(picture.luma().get(y * width + x).copied().unwrap_or(0));
    let (across, down) = (x - left as f32, y - top as f32);
    let upper = pixel(left, top) * (1.0 - across) + pixel(right, top) * across;
    let lower = pixel(left, bottom) * (1.0 - across) + pixel(right, bottom) * across;
    upper * (1.0 - down) + lower * down
}
