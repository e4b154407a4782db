//! Codes as Usher makes them (version 7-M), drawn as a camera of 640 × 480 pixels sees them.

use crate::camera::{Expected, Picture};
use crate::jitter;
use fastrand::Rng;
use qrcode::{Color, EcLevel, QrCode, Version};
use usher_core::camera::LumaFrame;

const WIDTH: usize = 640;
const HEIGHT: usize = 480;

/// Pictures of each kind and size.
const EACH: u64 = 4;

/// Pixels a module, in the middle of the picture.
const MODULE_PX: [f32; 5] = [2.0, 3.0, 4.0, 5.0, 6.0];

/// Modules of light ground around a code.
const QUIET: f32 = 4.0;

/// What makes a picture hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Blurred,
    Tilted,
    LowContrast,
    Screen,
    Folded,
}

const KINDS: [(Kind, &str); 6] = [
    (Kind::Plain, "drawn-plain"),
    (Kind::Blurred, "drawn-blurred"),
    (Kind::Tilted, "drawn-tilted-45°"),
    (Kind::LowContrast, "drawn-low-contrast"),
    (Kind::Screen, "drawn-screen-moiré-glare"),
    (Kind::Folded, "drawn-folded"),
];

/// All drawn pictures.
pub(crate) fn pictures() -> Vec<Picture> {
    let mut pictures = Vec::new();
    for (kind, set) in KINDS {
        for (step, module_px) in MODULE_PX.into_iter().enumerate() {
            for number in 0..EACH {
                let seed = step as u64 * 100 + number;
                pictures.extend(picture(kind, set, module_px, seed));
            }
        }
    }
    pictures
}

fn picture(kind: Kind, set: &str, module_px: f32, seed: u64) -> Option<Picture> {
    let mut rng = Rng::with_seed(seed);
    let text = code(&mut rng);
    let code = QrCode::with_version(text.as_bytes(), Version::Normal(7), EcLevel::M).ok()?;
    let view = View::new(kind, module_px, &mut rng);
    let light = Light::new(kind, &mut rng);
    let side = code.width() as f32;
    let grain = jitter::grain(if kind == Kind::LowContrast { 3.0 } else { 5.0 }, &mut rng);
    let mut ink = Vec::with_capacity(WIDTH * HEIGHT);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            ink.push(view.ink(x as f32, y as f32, side, &code));
        }
    }
    let blur_px = match kind {
        Kind::Blurred => module_px * 0.45,
        Kind::Plain | Kind::Tilted | Kind::LowContrast | Kind::Screen | Kind::Folded => 0.5,
    };
    let ink = blurred(&blurred(&ink, blur_px, 1, WIDTH), blur_px, WIDTH, HEIGHT);
    let luma = ink.iter().enumerate().map(|(place, &ink)| {
        let (x, y) = ((place % WIDTH) as f32, (place / WIDTH) as f32);
        let noise = grain.get((place * 7 + place / WIDTH * 131) % grain.len());
        // The cast saturates, as a sensor does.
        (light.luma(x, y, ink) + noise.copied().unwrap_or(0.0)) as u8
    });
    Some(Picture {
        name: format!("{set} {module_px} {seed}"),
        set: set.to_owned(),
        luma: LumaFrame::new(luma.collect(), WIDTH as u32, HEIGHT as u32).ok()?,
        expected: Expected::Text(text),
    })
}

/// A text as long as our ticket codes.
fn code(rng: &mut Rng) -> String {
    const BASE45: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let body = (0..165).map(|_| {
        let byte = BASE45.get(rng.usize(..BASE45.len())).copied();
        char::from(byte.unwrap_or(b'0'))
    });
    "USH1:".chars().chain(body).collect()
}

/// How the sheet is held: a plane in front of the camera.
struct View {
    kind: Kind,
    module_px: f32,
    /// The sheet's own axes and what stands upright on it, seen by the camera.
    axes: [[f32; 3]; 3],
    fold: f32,
}

/// Distance of the sheet in widths of the picture.
const DISTANCE: f32 = 1.2;

impl View {
    fn new(kind: Kind, module_px: f32, rng: &mut Rng) -> Self {
        let turn = (rng.f32() - 0.5) * 1.2;
        let tilt = match kind {
            Kind::Tilted => 45.0_f32.to_radians(),
            Kind::Plain | Kind::Blurred | Kind::LowContrast | Kind::Screen | Kind::Folded => {
                (rng.f32() - 0.5) * 0.3
            }
        };
        let around = rng.f32() * std::f32::consts::TAU;
        // Tilted around an axis in the sheet, then turned.
        let (sin, cos) = tilt.sin_cos();
        let (axis_y, axis_x) = around.sin_cos();
        let tilted = |[x, y]: [f32; 2]| {
            let along = x * axis_x + y * axis_y;
            let across = y * axis_x - x * axis_y;
            [
                along * axis_x - across * cos * axis_y,
                along * axis_y + across * cos * axis_x,
                across * sin,
            ]
        };
        let (down, right) = turn.sin_cos();
        let (first, second) = (tilted([right, down]), tilted([-down, right]));
        Self {
            kind,
            module_px,
            axes: [first, second, crossed(first, second)],
            fold: 12.0 + 21.0 * rng.f32(),
        }
    }

    /// How much ink a pixel shows: 0 or 1 on the sheet, 0.4 beside it.
    fn ink(&self, x: f32, y: f32, side: f32, code: &QrCode) -> f32 {
        let focus = WIDTH as f32;
        let ray = [x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0, focus];
        let [first, second, upright] = self.axes;
        let far = DISTANCE * focus;
        let reach = far * upright[2] / dot(ray, upright);
        let hit = [ray[0] * reach, ray[1] * reach, ray[2] * reach - far];
        // A module is this long where the sheet is as far as its middle.
        let module = self.module_px * DISTANCE;
        let (mut u, v) = (
            dot(hit, first) / module + side / 2.0,
            dot(hit, second) / module + side / 2.0,
        );
        if self.kind == Kind::Folded {
            // Beside the fold the paper rises, and its far side comes nearer.
            let beyond = u - self.fold;
            u += 1.1 * (-(beyond / 7.0).powi(2)).exp() * (v / side - 0.3);
        }
        if !(-QUIET..side + QUIET).contains(&u) || !(-QUIET..side + QUIET).contains(&v) {
            return 0.4;
        }
        if u < 0.0 || v < 0.0 || u >= side || v >= side {
            return 0.0;
        }
        if code[(u as usize, v as usize)] == Color::Dark {
            1.0
        } else {
            0.0
        }
    }
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn crossed([a, b, c]: [f32; 3], [d, e, f]: [f32; 3]) -> [f32; 3] {
    [b * f - c * e, c * d - a * f, a * e - b * d]
}

/// What the light makes of ink.
struct Light {
    kind: Kind,
    dark: f32,
    light: f32,
    slope: (f32, f32),
    glare: (f32, f32),
    grid_px: f32,
}

impl Light {
    fn new(kind: Kind, rng: &mut Rng) -> Self {
        let (dark, light) = match kind {
            Kind::LowContrast => (92.0, 124.0),
            Kind::Screen => (35.0, 215.0),
            Kind::Plain | Kind::Blurred | Kind::Tilted | Kind::Folded => {
                (40.0, 190.0 + 30.0 * rng.f32())
            }
        };
        let slope = if kind == Kind::LowContrast {
            0.02
        } else {
            0.08
        };
        Self {
            kind,
            dark,
            light,
            slope: ((rng.f32() - 0.5) * slope, (rng.f32() - 0.5) * slope),
            glare: (
                WIDTH as f32 * (0.3 + 0.4 * rng.f32()),
                HEIGHT as f32 * (0.3 + 0.4 * rng.f32()),
            ),
            grid_px: 1.3 + 0.9 * rng.f32(),
        }
    }

    fn luma(&self, x: f32, y: f32, ink: f32) -> f32 {
        let even = self.light + (self.dark - self.light) * ink;
        let (across, down) = (x - WIDTH as f32 / 2.0, y - HEIGHT as f32 / 2.0);
        let lit = even + across * self.slope.0 + down * self.slope.1;
        if self.kind != Kind::Screen {
            return lit;
        }
        // The screen's pixels against the sensor's, and a lamp in its glass.
        let wave = |place: f32| (place / self.grid_px * std::f32::consts::TAU).sin();
        let moire =
            1.0 - 0.22 * (0.5 + 0.5 * wave(x + 0.13 * y)) * (0.5 + 0.5 * wave(y - 0.11 * x));
        let (dx, dy) = (x - self.glare.0, y - self.glare.1);
        let lamp = 150.0 * (-(dx * dx / 2_500.0 + dy * dy / 900.0)).exp();
        lit * moire + lamp
    }
}

/// Blurred one way by a bell (`step` 1 along rows, the width along columns).
fn blurred(values: &[f32], deviation: f32, step: usize, run: usize) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as usize;
    let bell: Vec<f32> = (0..=reach)
        .map(|far| (-0.5 * (far as f32 / deviation).powi(2)).exp())
        .collect();
    (0..values.len())
        .map(|place| {
            let along = place / step % run;
            let start = place - along * step;
            let (mut sum, mut weights) = (0.0, 0.0);
            for at in along.saturating_sub(reach)..=(along + reach).min(run - 1) {
                let weight = bell.get(at.abs_diff(along)).copied().unwrap_or(0.0);
                sum += weight * values.get(start + at * step).copied().unwrap_or(0.0);
                weights += weight;
            }
            sum / weights
        })
        .collect()
}
