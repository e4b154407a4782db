//! Codes as shops and mails draw them: modules that are dots, finder patterns that are rings, a logo in
//! the middle, no quiet zone, one pixel a module. Each picture is drawn from its number.

use crate::camera::{Expected, Picture};
use fastrand::Rng;
use qrcode::{Color, EcLevel, QrCode};
use usher_core::camera::LumaFrame;

/// Pictures of each kind.
const EACH: u64 = 12;

/// Places that are looked at along a pixel, so that edges are smooth.
const FINE: usize = 4;

/// Modules along a side of a finder pattern.
const FINDER: f32 = 7.0;

/// How modules are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Modules {
    Squares,
    /// Dots of this diameter, in modules.
    Dots(f32),
    Diamonds,
    /// Upright bars of this width.
    Bars(f32),
}

/// How finder patterns are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finders {
    Squares,
    /// A ring around a disc.
    Round,
    /// Squares with corners of this radius, in modules.
    Rounded(f32),
}

/// One way to draw codes.
#[derive(Debug, Clone, Copy)]
struct Style {
    set: &'static str,
    modules: Modules,
    finders: Finders,
    /// Pixels a module, at least and at most.
    module_px: (f32, f32),
    /// Modules of light ground around it, at most.
    quiet: u8,
    /// Characters of the text, at least and at most.
    chars: (usize, usize),
    /// Radius of a logo, as a share of the symbol's side.
    logo: f32,
    dark: u8,
    light: u8,
}

const PLAIN: Style = Style {
    set: "",
    modules: Modules::Squares,
    finders: Finders::Squares,
    module_px: (3.0, 10.0),
    quiet: 4,
    chars: (8, 170),
    logo: 0.0,
    dark: 0,
    light: 255,
};

const DOT: Modules = Modules::Dots(0.85);

const STYLES: [Style; 15] = [
    Style {
        set: "dots",
        modules: DOT,
        ..PLAIN
    },
    Style {
        set: "small-dots",
        modules: Modules::Dots(0.5),
        module_px: (5.0, 10.0),
        ..PLAIN
    },
    Style {
        set: "diamonds",
        modules: Modules::Diamonds,
        module_px: (5.0, 10.0),
        ..PLAIN
    },
    Style {
        set: "bars",
        modules: Modules::Bars(0.75),
        ..PLAIN
    },
    Style {
        set: "round-finders",
        finders: Finders::Round,
        ..PLAIN
    },
    Style {
        set: "round-finders-and-dots",
        modules: DOT,
        finders: Finders::Round,
        ..PLAIN
    },
    Style {
        set: "rounded-finders-and-dots",
        modules: DOT,
        finders: Finders::Rounded(2.0),
        ..PLAIN
    },
    Style {
        set: "round-and-inverted",
        modules: DOT,
        finders: Finders::Round,
        dark: 235,
        light: 20,
        ..PLAIN
    },
    Style {
        set: "logo",
        logo: 0.1,
        ..PLAIN
    },
    Style {
        set: "pale",
        dark: 165,
        light: 240,
        ..PLAIN
    },
    Style {
        set: "no-quiet-zone",
        quiet: 0,
        ..PLAIN
    },
    Style {
        set: "one-pixel",
        module_px: (1.0, 1.0),
        ..PLAIN
    },
    Style {
        set: "one-pixel-large",
        module_px: (1.0, 1.0),
        chars: (400, 2_600),
        ..PLAIN
    },
    Style {
        set: "two-pixels-large",
        module_px: (2.0, 2.0),
        chars: (400, 2_600),
        ..PLAIN
    },
    Style {
        set: "fills-the-picture",
        module_px: (14.0, 40.0),
        quiet: 1,
        ..PLAIN
    },
];

/// All pictures of drawn styles.
pub(crate) fn pictures() -> Vec<Picture> {
    let numbers = |style: Style| (0..EACH).map(move |number| (style, number));
    STYLES
        .into_iter()
        .flat_map(numbers)
        .filter_map(|(style, number)| style.picture(number))
        .collect()
}

impl Style {
    fn picture(&self, number: u64) -> Option<Picture> {
        let mut rng = Rng::with_seed(number);
        let text: String = (0..rng.usize(self.chars.0..=self.chars.1))
            .map(|_| rng.alphanumeric().to_ascii_uppercase())
            .collect();
        let level = match (self.logo > 0.0, self.chars.1 > 1_000) {
            (true, _) => EcLevel::H,
            (false, true) => EcLevel::L,
            (false, false) => EcLevel::M,
        };
        let code = QrCode::with_error_correction_level(text.as_bytes(), level).ok()?;
        let (least, most) = self.module_px;
        let module = (least + (most - least) * rng.f32()).round();
        let quiet = f32::from(rng.u8(self.quiet / 2..=self.quiet));
        let side = ((code.width() as f32 + 2.0 * quiet) * module) as usize;
        let luma = (0..side * side).map(|place| {
            let (x, y) = (place % side, place / side);
            let fine = (0..FINE * FINE).filter(|fine| {
                let at = |pixel: usize, part: usize| {
                    (pixel as f32 + (part as f32 + 0.5) / FINE as f32) / module - quiet
                };
                self.inked(&code, at(x, fine % FINE), at(y, fine / FINE))
            });
            let ink = fine.count() as f32 / (FINE * FINE) as f32;
            (f32::from(self.light) + (f32::from(self.dark) - f32::from(self.light)) * ink) as u8
        });
        Some(Picture {
            name: format!("{} {number}", self.set),
            set: format!("styled-{}", self.set),
            luma: LumaFrame::new(luma.collect(), side as u32, side as u32).ok()?,
            expected: Expected::Text(text),
        })
    }

    /// Whether a place of the symbol, in modules from its top left, is drawn dark.
    fn inked(&self, code: &QrCode, u: f32, v: f32) -> bool {
        let side = code.width() as f32;
        if u < 0.0 || v < 0.0 || u >= side || v >= side {
            return false;
        }
        let (across, down) = (u - side / 2.0, v - side / 2.0);
        if self.logo > 0.0 && across.hypot(down) < self.logo * side {
            // A ring with a disc in it.
            return across.hypot(down) > 0.8 * self.logo * side
                || across.hypot(down) < 0.4 * self.logo * side;
        }
        let corner = |place: f32| {
            if place < FINDER {
                Some(place)
            } else {
                (place >= side - FINDER).then_some(place - side + FINDER)
            }
        };
        if let (Some(x), Some(y)) = (corner(u), corner(v))
            && (u < FINDER || v < FINDER)
        {
            return self.finders.inked(x - FINDER / 2.0, y - FINDER / 2.0);
        }
        let dark = code[(u as usize, v as usize)] == Color::Dark;
        dark && self.modules.inked(u.fract() - 0.5, v.fract() - 0.5)
    }
}

impl Modules {
    /// Whether a place of a dark module, from its middle, is dark.
    fn inked(self, x: f32, y: f32) -> bool {
        match self {
            Self::Squares => true,
            Self::Dots(diameter) => x.hypot(y) < diameter / 2.0,
            Self::Diamonds => x.abs() + y.abs() < 0.55,
            Self::Bars(width) => x.abs() < width / 2.0,
        }
    }
}

impl Finders {
    /// Whether a place of a finder pattern, in modules from its middle, is dark.
    fn inked(self, x: f32, y: f32) -> bool {
        let reach = match self {
            Self::Squares => x.abs().max(y.abs()),
            Self::Round => x.hypot(y),
            Self::Rounded(radius) => {
                // How far out the rounded square lies that runs through the place.
                let outer = x.abs().max(y.abs());
                let round = radius * outer / (FINDER / 2.0);
                let (dx, dy) = (x.abs() - outer + round, y.abs() - outer + round);
                if dx > 0.0 && dy > 0.0 && dx.hypot(dy) > round {
                    outer + 0.5
                } else {
                    outer
                }
            }
        };
        reach < 1.5 || (2.5..3.5).contains(&reach)
    }
}
