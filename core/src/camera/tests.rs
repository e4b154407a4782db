use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

use super::{Decoder, Detection, FRAME_BUDGET, Frame, LumaFrame, Scanner};

const CODE: &str = "USH1:6BFOXN*TS0BI$ZDYSH$XP$VDP.S6LE-UN8UA5ZA";

/// White paper with codes on it.
struct Sheet {
    luma: Vec<u8>,
    width: usize,
}

impl Sheet {
    fn new(width: usize, height: usize) -> Self {
        Self {
            luma: vec![255; width * height],
            width,
        }
    }

    fn with_code(mut self, text: &str, (left, top): (usize, usize), module_px: usize) -> Self {
        let code = QrCode::new(text).unwrap();
        for y in 0..code.width() * module_px {
            for x in 0..code.width() * module_px {
                if code[(x / module_px, y / module_px)] == Color::Dark {
                    self.luma[(top + y) * self.width + left + x] = 0;
                }
            }
        }
        self
    }

    /// A code that fills the sheet, at `level`, with finder patterns that are rings around discs where
    /// `style` says so, and nothing around it.
    fn cropped(text: &str, level: EcLevel, module_px: usize, style: Finders) -> Self {
        let code = QrCode::with_error_correction_level(text, level).unwrap();
        let side = code.width();
        let mut sheet = Self::new(side * module_px, side * module_px);
        for y in 0..side * module_px {
            for x in 0..side * module_px {
                let module = (x / module_px, y / module_px);
                let dark = match finder_middle(module, side) {
                    Some((u, v)) if style == Finders::Round => {
                        let from = |pixel: usize, middle: f32| {
                            (pixel as f32 + 0.5) / module_px as f32 - middle
                        };
                        let far = from(x, u).hypot(from(y, v));
                        far < 1.5 || (2.5..3.5).contains(&far)
                    }
                    _ => code[module] == Color::Dark,
                };
                if dark {
                    sheet.luma[y * sheet.width + x] = 0;
                }
            }
        }
        sheet
    }

    /// With a light ground around it.
    fn with_quiet_zone(&self, px: usize) -> Self {
        let mut larger = Self::new(self.width + 2 * px, self.luma.len() / self.width + 2 * px);
        for (y, row) in self.luma.chunks(self.width).enumerate() {
            let start = (y + px) * larger.width + px;
            larger.luma[start..start + row.len()].copy_from_slice(row);
        }
        larger
    }

    /// As a mirror shows it.
    fn mirrored(mut self) -> Self {
        self.luma.chunks_mut(self.width).for_each(<[u8]>::reverse);
        self
    }

    /// Turned by a quarter, clockwise.
    fn turned(&self) -> Self {
        let (width, height) = (self.width, self.luma.len() / self.width);
        let mut turned = Self::new(height, width);
        for y in 0..height {
            for x in 0..width {
                turned.luma[x * height + (height - 1 - y)] = self.luma[y * width + x];
            }
        }
        turned
    }

    fn inverted(mut self) -> Self {
        self.luma.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        self
    }

    fn read(&self) -> Vec<Detection> {
        let height = u32::try_from(self.luma.len() / self.width).unwrap();
        let width = u32::try_from(self.width).unwrap();
        let frame = LumaFrame::new(self.luma.clone(), width, height).unwrap();
        Scanner::patient().decode(frame.as_frame()).unwrap()
    }

    fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self
            .read()
            .iter()
            .map(|seen| seen.text.reveal().to_owned())
            .collect();
        texts.sort();
        texts
    }
}

/// How finder patterns are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Finders {
    Square,
    Round,
}

/// The middle of the finder pattern that a module of a symbol belongs to, in modules.
fn finder_middle((x, y): (usize, usize), side: usize) -> Option<(f32, f32)> {
    let (near, far) = (3.5, side as f32 - 3.5);
    match (x < 7, y < 7, x >= side - 7, y >= side - 7) {
        (true, true, ..) => Some((near, near)),
        (_, true, true, _) => Some((far, near)),
        (true, _, _, true) => Some((near, far)),
        _ => None,
    }
}

#[test]
fn a_symbol_of_one_pixel_a_module_is_read_at_every_size() {
    for chars in [5, 100, 500, 1_000, 2_000, 4_200] {
        let text: String = (0..chars)
            .map(|place| ((place * 7 % 10) as u8 + b'0') as char)
            .collect();
        for quiet in [0, 4] {
            let sheet =
                Sheet::cropped(&text, EcLevel::L, 1, Finders::Square).with_quiet_zone(quiet);
            assert_eq!(
                sheet.texts(),
                [text.as_str()],
                "{chars} digits, {quiet} around"
            );
        }
    }
}

#[test]
fn a_symbol_that_fills_its_picture_is_read_turned_inverted_and_mirrored() {
    let text = "7".repeat(1_500);
    let drawn = || Sheet::cropped(&text, EcLevel::L, 1, Finders::Square);
    let mut turned = drawn();
    for _ in 0..4 {
        turned = turned.turned();
        assert_eq!(turned.texts(), [text.as_str()]);
    }
    assert_eq!(
        drawn().with_quiet_zone(3).inverted().texts(),
        [text.as_str()]
    );
    assert_eq!(drawn().mirrored().texts(), [text.as_str()]);
}

#[test]
fn finder_patterns_drawn_as_rings_are_found_in_every_version() {
    for (text, level) in [
        ("60726844548", EcLevel::H),
        ("YE7Y42L24TF064BU", EcLevel::Q),
        (CODE, EcLevel::M),
    ] {
        for module_px in [3, 5, 8] {
            let sheet = Sheet::cropped(text, level, module_px, Finders::Round);
            // In a larger picture with other things in it the outline says nothing.
            let mut picture = sheet.with_quiet_zone(40);
            picture.luma[..60].fill(0);
            assert_eq!(picture.texts(), [text], "{module_px} px");
            assert_eq!(sheet.with_quiet_zone(8).turned().inverted().texts(), [text]);
        }
    }
}

#[test]
fn a_code_is_read_with_its_own_corners_however_it_is_turned() {
    let side = (QrCode::new(CODE).unwrap().width() * 4) as f32;
    let (left, top, right, bottom) = (60.0, 40.0, 60.0 + side, 40.0 + side);
    let mut expected = [(left, top), (right, top), (right, bottom), (left, bottom)];
    let mut sheet = Sheet::new(320, 320).with_code(CODE, (60, 40), 4);
    for _ in 0..4 {
        let seen = sheet.read();
        let [seen] = seen.as_slice() else {
            panic!("{} codes", seen.len())
        };
        assert_eq!(seen.text.reveal(), CODE);
        for (corner, (x, y)) in seen.corners.iter().zip(expected) {
            let near = (corner.x - x).abs() < 6.0 && (corner.y - y).abs() < 6.0;
            assert!(near, "{:?} for {expected:?}", seen.corners);
        }
        sheet = sheet.turned();
        expected = expected.map(|(x, y)| (320.0 - y, x));
    }
}

#[test]
fn two_codes_in_one_picture_are_both_returned() {
    let sheet = Sheet::new(640, 320)
        .with_code("FIRST", (40, 40), 4)
        .with_code("SECOND", (400, 120), 6);
    assert_eq!(sheet.texts(), ["FIRST", "SECOND"]);
}

#[test]
fn the_same_code_seen_twice_is_returned_once() {
    let sheet = Sheet::new(640, 320)
        .with_code(CODE, (20, 40), 4)
        .with_code(CODE, (380, 40), 4);
    assert_eq!(sheet.texts(), [CODE]);
}

#[test]
fn a_code_turned_by_any_quarter_is_read() {
    let mut sheet = Sheet::new(320, 240).with_code(CODE, (40, 40), 4);
    for _ in 0..4 {
        sheet = sheet.turned();
        assert_eq!(sheet.texts(), [CODE]);
    }
}

#[test]
fn a_light_code_on_a_dark_ground_is_read() {
    let sheet = Sheet::new(320, 320).with_code(CODE, (60, 60), 4).inverted();
    assert_eq!(sheet.texts(), [CODE]);
}

#[test]
fn a_code_in_a_picture_larger_than_is_looked_at_is_read() {
    let sheet = Sheet::new(4_200, 400).with_code(CODE, (3_700, 40), 8);
    assert_eq!(sheet.texts(), [CODE]);
}

#[test]
fn text_beyond_ascii_comes_through() {
    let sheet = Sheet::new(320, 320).with_code("Zoë", (60, 60), 6);
    assert_eq!(sheet.texts(), ["Zoë"]);
}

#[test]
fn a_picture_without_a_code_gives_nothing() {
    assert!(Sheet::new(320, 240).read().is_empty());
    let mut stripes = Sheet::new(320, 240);
    stripes
        .luma
        .iter_mut()
        .enumerate()
        .for_each(|(i, pixel)| *pixel = (i / 7 % 2 * 255) as u8);
    assert!(stripes.read().is_empty());
}

#[test]
fn a_picture_of_one_pixel_gives_nothing() {
    assert!(Sheet::new(1, 1).read().is_empty());
}

/// A sheet with a code, seen through `from`: where in the sheet a pixel of the picture lies.
fn warped(sheet: &Sheet, from: impl Fn(f32, f32) -> (f32, f32)) -> Sheet {
    let (width, height) = (sheet.width, sheet.luma.len() / sheet.width);
    let mut warped = Sheet::new(width, height);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = from(x as f32, y as f32);
            if (0.0..width as f32).contains(&u) && (0.0..height as f32).contains(&v) {
                warped.luma[y * width + x] = sheet.luma[v as usize * width + u as usize];
            }
        }
    }
    warped
}

#[test]
fn a_code_around_a_bottle_is_read() {
    let sheet = Sheet::new(400, 320).with_code(CODE, (110, 90), 5);
    let bottle = warped(&sheet, |x, y| {
        let off = (x - 200.0) / 130.0;
        let round = off.clamp(-1.0, 1.0).asin() * 110.0;
        (200.0 + round, y - 14.0 * off * off)
    });
    assert_eq!(bottle.texts(), [CODE]);
}

#[test]
fn a_code_on_crumpled_paper_is_read() {
    let sheet = Sheet::new(400, 320).with_code(CODE, (110, 90), 5);
    let paper = warped(&sheet, |x, y| {
        (x + 3.5 * (y / 23.0).sin(), y + 3.5 * (x / 31.0).cos())
    });
    assert_eq!(paper.texts(), [CODE]);
}

#[test]
fn a_code_seen_from_aside_is_read() {
    let sheet = Sheet::new(400, 320).with_code(CODE, (110, 90), 5);
    let aside = warped(&sheet, |x, y| {
        let depth = 1.0 + (x - 200.0) / 420.0;
        (200.0 + (x - 200.0) / depth, 160.0 + (y - 160.0) / depth)
    });
    assert_eq!(aside.texts(), [CODE]);
}

#[test]
fn a_code_with_a_spot_on_it_is_read() {
    let mut sheet = Sheet::new(320, 320).with_code(CODE, (60, 60), 5);
    for y in 120..146 {
        sheet.luma[y * 320 + 110..y * 320 + 140].fill(250);
    }
    assert_eq!(sheet.texts(), [CODE]);
}

#[test]
fn a_blurred_code_of_few_pixels_is_read() {
    let mut sheet = Sheet::new(160, 160).with_code(CODE, (30, 30), 3);
    let before = sheet.luma.clone();
    for y in 1..159 {
        for x in 1..159 {
            let near = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (x, y)));
            let sum: u32 = near.map(|(x, y)| u32::from(before[y * 160 + x])).sum();
            sheet.luma[y * 160 + x] = (sum / 9) as u8;
        }
    }
    assert_eq!(sheet.texts(), [CODE]);
}

#[test]
fn a_smaller_code_beside_a_large_one_is_seen_within_three_frames() {
    let sheet = Sheet::new(800, 400)
        .with_code("LARGE", (60, 60), 12)
        .with_code("SMALL", (600, 300), 3);
    let frame = LumaFrame::new(sheet.luma, 800, 400).unwrap();
    let mut scanner = Scanner::new(FRAME_BUDGET, || Duration::ZERO);
    let seen: HashSet<String> = (0..3)
        .flat_map(|_| scanner.decode(frame.as_frame()).unwrap())
        .map(|seen| seen.text.reveal().to_owned())
        .collect();
    assert!(seen.contains("LARGE") && seen.contains("SMALL"), "{seen:?}");
}

#[test]
fn a_frame_without_time_is_left_at_once() {
    let sheet = Sheet::new(320, 320).with_code(CODE, (60, 60), 4);
    let frame = LumaFrame::new(sheet.luma, 320, 320).unwrap();
    let mut scanner = Scanner::new(Duration::ZERO, || Duration::ZERO);
    assert!(scanner.decode(frame.as_frame()).unwrap().is_empty());
}

#[test]
fn what_stands_before_a_clock_that_runs_out_is_dropped_without_harm() {
    let sheet = Sheet::new(320, 320).with_code(CODE, (60, 60), 4);
    let frame = LumaFrame::new(sheet.luma, 320, 320).unwrap();
    for limit_ms in 0..60 {
        // Every look at the clock takes a millisecond.
        let ticks = AtomicU64::new(0);
        let clock = move || Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed));
        let mut scanner = Scanner::new(Duration::from_millis(limit_ms), clock);
        let seen = scanner.decode(frame.as_frame()).unwrap();
        assert!(seen.iter().all(|seen| seen.text.reveal() == CODE));
        assert_eq!(scanner.panics(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn noise_in_any_size_never_panics(
        width in 1_u32..200,
        height in 1_u32..200,
        padding in 0_usize..9,
        noise in proptest::collection::vec(any::<u8>(), 64..512),
        coarse in 1_usize..12,
    ) {
        let stride = width as usize + padding;
        let luma: Vec<u8> = (0..stride * height as usize)
            .map(|i| noise[(i / coarse) % noise.len()])
            .collect();
        let frame = Frame::new(&luma, width, height, stride).unwrap();
        let mut decoder = Scanner::patient();
        prop_assert!(decoder.decode(frame).is_ok());
        prop_assert_eq!(decoder.panics(), 0);
    }
}
