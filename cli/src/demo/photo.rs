//! Rendered codes as a hand-held camera would see them: tilted, turned, a little out of focus, in
//! uneven light, with sensor noise and a room behind. The same seed gives the same photograph.

use fastrand::Rng;
use image::{DynamicImage, GrayImage};

/// Width of a photograph in pixels: a common webcam's.
const WIDTH: u16 = 640;
/// Height of a photograph in pixels.
const HEIGHT: u16 = 480;

/// How bad a photograph may get. Each photograph draws its own values up to these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The most the sheet is turned to either side, in degrees.
    pub turn_deg: f32,
    /// The most each corner is off a flat view, as a share of the sheet's side.
    pub tilt: f32,
    /// The most the lens is out of focus: standard deviation of the blur in pixels.
    pub blur_px: f32,
    /// Standard deviation of the sensor's noise in grey levels.
    pub noise: f32,
    /// The least distance from dark to light on the sheet, in grey levels.
    pub contrast: f32,
    /// The most the light changes from one side of the picture to the other, in grey levels.
    pub gradient: f32,
}

/// A phone's screen or a badge held up at a lit door.
impl Default for Conditions {
    fn default() -> Self {
        Self {
            turn_deg: 30.0,
            tilt: 0.08,
            blur_px: 1.2,
            noise: 8.0,
            contrast: 90.0,
            gradient: 60.0,
        }
    }
}

/// Photographs a sheet. It should be drawn finer than the photograph shows it (12 pixels a module),
/// as the nearest of its pixels is taken.
#[must_use]
pub fn photograph(sheet: &GrayImage, conditions: &Conditions, seed: u64) -> GrayImage {
    let mut rng = Rng::with_seed(seed);
    let scene = scene(sheet, conditions, &mut rng);
    // The library takes a blur of nothing for one of a pixel.
    let blur_px = between(&mut rng, 0.3, conditions.blur_px.max(0.3));
    let mut photo = DynamicImage::ImageLuma8(scene).blur(blur_px).into_luma8();
    expose(&mut photo, conditions, &mut rng);
    photo
}

/// The sheet in front of a room, in perspective.
fn scene(sheet: &GrayImage, conditions: &Conditions, rng: &mut Rng) -> GrayImage {
    let corners = corners(conditions, rng);
    let mut scene = room(rng);
    lay(&mut scene, sheet, corners);
    scene
}

/// Lays a sheet into a scene in perspective: its top left, top right, bottom right and bottom left corner
/// at these places, which may lie outside of the scene.
pub fn lay(scene: &mut GrayImage, sheet: &GrayImage, corners: [(f32, f32); 4]) {
    let view = Homography::onto(corners).inverse();
    let (sheet_width, sheet_height) = (sheet.width() as f32, sheet.height() as f32);
    let columns = covered(corners.map(|(x, _)| x), scene.width());
    for y in covered(corners.map(|(_, y)| y), scene.height()) {
        for x in columns.clone() {
            let (u, v) = view.map(x as f32 + 0.5, y as f32 + 0.5);
            if u < 0.0 || v < 0.0 {
                continue;
            }
            // What lies right of the sheet or below it has no pixel there.
            let (u, v) = ((u * sheet_width) as u32, (v * sheet_height) as u32);
            if let Some(seen) = sheet.get_pixel_checked(u, v)
                && let Some(pixel) = scene.get_pixel_mut_checked(x, y)
            {
                *pixel = *seen;
            }
        }
    }
}

/// The columns, or rows, from the least to the greatest of these places, within the scene.
fn covered(places: [f32; 4], size: u32) -> std::ops::Range<u32> {
    let least = places.into_iter().fold(f32::INFINITY, f32::min);
    let greatest = places.into_iter().fold(0.0, f32::max);
    // The casts saturate.
    (least.floor() as u32)..(greatest.ceil() as u32).min(size)
}

/// Where the sheet's corners (top left, top right, bottom right, bottom left) are in the picture.
fn corners(conditions: &Conditions, rng: &mut Rng) -> [(f32, f32); 4] {
    let (width, height) = (f32::from(WIDTH), f32::from(HEIGHT));
    let turn = between(rng, -conditions.turn_deg, conditions.turn_deg).to_radians();
    // The largest square that stays in the picture at this turn, or a bit further away.
    let room = width.min(height) / (turn.sin().abs() + turn.cos().abs());
    let side = room * between(rng, 0.82, 0.98);
    let (centre_x, centre_y) = (
        width / 2.0 + (width - width.min(height)) / 2.0 * between(rng, -0.8, 0.8),
        height / 2.0 + (height - width.min(height)) / 2.0 * between(rng, -0.8, 0.8),
    );
    [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(x, y): (f32, f32)| {
        // Corners go inwards only, so that all of the code stays in view.
        let (x, y) = (
            x * side * (1.0 - between(rng, 0.0, 2.0 * conditions.tilt)),
            y * side * (1.0 - between(rng, 0.0, 2.0 * conditions.tilt)),
        );
        (
            centre_x + x * turn.cos() - y * turn.sin(),
            centre_y + x * turn.sin() + y * turn.cos(),
        )
    })
}

/// A wall of grey tiles.
#[must_use]
pub fn room(rng: &mut Rng) -> GrayImage {
    const TILE: usize = 20;
    let mut luma = Vec::with_capacity(usize::from(WIDTH) * usize::from(HEIGHT));
    for _ in (0..HEIGHT).step_by(TILE) {
        let tiles: Vec<u8> = (0..WIDTH).step_by(TILE).map(|_| rng.u8(40..200)).collect();
        let row: Vec<u8> = tiles.iter().flat_map(|&grey| [grey; TILE]).collect();
        luma.extend(row.repeat(TILE));
    }
    GrayImage::from_raw(WIDTH.into(), HEIGHT.into(), luma).unwrap_or_default()
}

/// Light, contrast and noise, as the sensor records them.
fn expose(photo: &mut GrayImage, conditions: &Conditions, rng: &mut Rng) {
    let least = conditions.contrast.clamp(1.0, 235.0);
    let contrast = between(rng, least, 235.0);
    let dark = between(rng, 10.0, 245.0 - contrast);
    let angle = between(rng, 0.0, std::f32::consts::TAU);
    let change = between(rng, 0.0, conditions.gradient);
    let (across, down) = (change * angle.cos(), change * angle.sin());
    let grain = grain(conditions.noise, rng);
    let gain = contrast / 255.0;
    let step = across / f32::from(WIDTH);
    for (y, row) in (0_u16..).zip(photo.chunks_mut(usize::from(WIDTH))) {
        let mut light = dark - across / 2.0 + down * (f32::from(y) / f32::from(HEIGHT) - 0.5);
        let start = rng.usize(..GRAINS - usize::from(WIDTH));
        for (pixel, grain) in row.iter_mut().zip(grain.iter().skip(start)) {
            // The cast saturates, as a sensor does.
            *pixel = (f32::from(*pixel) * gain + light + grain) as u8;
            light += step;
        }
    }
}

/// Length of the noise that rows take their own from, each from another start.
const GRAINS: usize = 4_096;

/// Adds the noise of a sensor: its standard deviation in grey levels.
pub fn add_noise(photo: &mut GrayImage, deviation: f32, rng: &mut Rng) {
    let grain = grain(deviation, rng);
    let width = photo.width() as usize;
    for row in photo.chunks_mut(width.max(1)) {
        let start = rng.usize(..GRAINS);
        for (pixel, grain) in row.iter_mut().zip(grain.iter().cycle().skip(start)) {
            // The cast saturates, as a sensor does.
            *pixel = (f32::from(*pixel) + grain) as u8;
        }
    }
}

/// Normally distributed noise (Irwin–Hall: a sum of twelve uniform numbers).
fn grain(deviation: f32, rng: &mut Rng) -> Vec<f32> {
    let normal = |rng: &mut Rng| (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0;
    (0..GRAINS).map(|_| deviation * normal(rng)).collect()
}

fn between(rng: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.f32()
}

/// A projective map of the plane: rows of a 3 × 3 matrix.
struct Homography([[f32; 3]; 3]);

impl Homography {
    /// The map of the unit square onto a convex quadrilateral (P. Heckbert, "Fundamentals of Texture
    /// Mapping and Image Warping", 1989, section 2.2.3).
    fn onto([(x0, y0), (x1, y1), (x2, y2), (x3, y3)]: [(f32, f32); 4]) -> Self {
        let (dx1, dy1, dx2, dy2) = (x1 - x2, y1 - y2, x3 - x2, y3 - y2);
        let (sx, sy) = (x0 - x1 + x2 - x3, y0 - y1 + y2 - y3);
        let area = dx1 * dy2 - dx2 * dy1;
        let (g, h) = ((sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area);
        Self([
            [x1 - x0 + g * x1, x3 - x0 + h * x3, x0],
            [y1 - y0 + g * y1, y3 - y0 + h * y3, y0],
            [g, h, 1.0],
        ])
    }

    /// The map back, up to a factor that [`Homography::map`] divides away: the adjugate.
    fn inverse(&self) -> Self {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.0;
        Self([
            [e * i - f * h, c * h - b * i, b * f - c * e],
            [f * g - d * i, a * i - c * g, c * d - a * f],
            [d * h - e * g, b * g - a * h, a * e - b * d],
        ])
    }

    fn map(&self, x: f32, y: f32) -> (f32, f32) {
        let [[a, b, c], [d, e, f], [g, h, i]] = self.0;
        let w = g * x + h * y + i;
        ((a * x + b * y + c) / w, (d * x + e * y + f) / w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qr::{Qr, Surface};
    use usher_core::camera::{Decoder, Frame, Scanner};

    const BASE45: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

    /// A code as long as ours, different for each seed.
    fn code(seed: u64) -> String {
        let mut rng = Rng::with_seed(seed);
        let characters: Vec<char> = BASE45.chars().collect();
        let body = (0..165).map(|_| characters[rng.usize(..characters.len())]);
        "USH1:".chars().chain(body).collect()
    }

    fn sheet(text: &str) -> GrayImage {
        Qr::new(text, Surface::Screen).unwrap().picture(12).unwrap()
    }

    #[test]
    fn photographs_of_our_codes_are_read_and_never_as_another_text() {
        let mut decoder = Scanner::patient();
        let (mut read, photographs) = (0, 200);
        for seed in 0..photographs {
            let text = code(seed);
            let photo = photograph(&sheet(&text), &Conditions::default(), seed);
            let (width, height) = photo.dimensions();
            let frame = Frame::new(&photo, width, height, width as usize).unwrap();
            let seen = decoder.decode(frame).unwrap();
            assert!(
                seen.iter().all(|seen| seen.text.reveal() == text),
                "seed {seed}"
            );
            read += u64::from(!seen.is_empty());
        }
        println!("{read} of {photographs} photographs read");
        assert!(
            read * 100 >= photographs * 99,
            "{read} of {photographs} read"
        );
        assert_eq!(decoder.panics(), 0);
    }

    #[test]
    fn the_same_seed_gives_the_same_photograph_and_another_seed_another() {
        let photo = |seed| photograph(&sheet("A"), &Conditions::default(), seed);
        assert!(photo(7) == photo(7));
        assert!(photo(7) != photo(8));
    }

    #[test]
    fn a_homography_and_its_inverse_undo_each_other() {
        let corners = [(10.0, 20.0), (300.0, 5.0), (280.0, 310.0), (30.0, 250.0)];
        let there = Homography::onto(corners);
        let back = there.inverse();
        for ((u, v), (x, y)) in [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
            .into_iter()
            .zip(corners)
        {
            let (mapped_x, mapped_y) = there.map(u, v);
            assert!((mapped_x - x).abs() < 0.01 && (mapped_y - y).abs() < 0.01);
            let (mapped_u, mapped_v) = back.map(x, y);
            assert!((mapped_u - u).abs() < 0.001 && (mapped_v - v).abs() < 0.001);
        }
    }
}
