use usher_core::camera::{Decoder, LumaFrame, Scanner, picture};

use super::*;

/// As long as our longest code, of the characters of base45.
fn longest_code() -> String {
    let text: String = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
        .chars()
        .rev()
        .cycle()
        .take(170)
        .collect();
    format!("USH1:{text}")
}

fn texts(frame: &LumaFrame) -> Vec<String> {
    let seen = Scanner::patient().decode(frame.as_frame()).unwrap();
    seen.iter()
        .map(|seen| seen.text.reveal().to_owned())
        .collect()
}

#[test]
fn our_longest_code_is_version_7_on_screens_and_9_on_paper() {
    assert_eq!(longest_code().len(), 175);
    assert_eq!(
        Qr::new(&longest_code(), Surface::Screen).unwrap().version(),
        7
    );
    assert_eq!(
        Qr::new(&longest_code(), Surface::Paper).unwrap().version(),
        9
    );
}

#[test]
fn a_png_reads_back_as_its_text() {
    for surface in [Surface::Screen, Surface::Paper] {
        for (text, module_px) in [(longest_code().as_str(), 4), ("1234567890", 8), ("x", 3)] {
            let png = Qr::new(text, surface).unwrap().png(module_px, "").unwrap();
            assert_eq!(texts(&picture::open(&png).unwrap()), [text]);
        }
    }
}

#[test]
fn text_beyond_ascii_reads_back() {
    for text in ["Zoë Łukasz", "日本語", "ﾊﾝｶｸ", "Ωμέγα", "🎟"] {
        let png = Qr::new(text, Surface::Screen).unwrap().png(5, "").unwrap();
        assert_eq!(texts(&picture::open(&png).unwrap()), [text]);
    }
}

#[test]
fn a_picture_has_four_light_modules_around_the_code() {
    let picture = Qr::new("A", Surface::Screen).unwrap().picture(3).unwrap();
    assert_eq!(picture.dimensions(), ((21 + 8) * 3, (21 + 8) * 3));
    let margin = 4 * 3;
    for (x, y, pixel) in picture.enumerate_pixels() {
        let inner = margin..(margin + 21 * 3);
        if !inner.contains(&x) || !inner.contains(&y) {
            assert_eq!(pixel.0, [255]);
        }
    }
    assert_eq!(picture.get_pixel(margin, margin).0, [0]);
}

#[test]
fn a_text_too_long_is_refused_with_its_length() {
    let refused = Qr::new(&"a".repeat(3_000), Surface::Screen).unwrap_err();
    assert_eq!(refused, QrError::TooLong { bytes: 3_000 });
    let refused = Qr::new(&"ä".repeat(3_000), Surface::Screen).unwrap_err();
    assert_eq!(refused, QrError::TooLong { bytes: 6_000 });
}

#[test]
fn a_module_of_no_size_or_too_large_is_refused() {
    let qr = Qr::new("A", Surface::Screen).unwrap();
    for module_px in [0, MAX_MODULE_PX + 1, u32::MAX] {
        assert_eq!(
            qr.png(module_px, "").unwrap_err(),
            QrError::ModuleSize { module_px }
        );
    }
}

#[test]
fn a_caption_stands_under_the_code_and_leaves_it_readable() {
    let qr = Qr::new(&longest_code(), Surface::Paper).unwrap();
    let plain = picture::open(&qr.png(6, "  ").unwrap()).unwrap();
    for caption in [
        "Ada Lovelace",
        "Łukasz Żółć",
        "Мария Ωμέγα 日本",
        "Wolfeschlegelsteinhausenbergerdorff ".repeat(9).as_str(),
    ] {
        let badge = picture::open(&qr.png(6, caption).unwrap()).unwrap();
        assert_eq!(texts(&badge), [longest_code()]);
        let below = badge
            .luma()
            .iter()
            .skip((plain.height() * badge.width()) as usize);
        assert!(below.filter(|&&luma| luma == 0).count() > 100, "{caption}");
        assert!(badge.height() < plain.height() * 3 / 2, "{caption}");
    }
}

#[test]
fn a_caption_wider_than_a_small_code_is_not_cut() {
    let qr = Qr::new("A", Surface::Screen).unwrap();
    let badge = picture::open(&qr.png(2, "Grace Brewster Hopper").unwrap()).unwrap();
    assert!(badge.width() >= 21 * 8);
    assert_eq!(texts(&badge), ["A"]);
}

#[test]
fn a_decomposed_letter_takes_the_room_of_one() {
    let qr = Qr::new("A", Surface::Screen).unwrap();
    let (composed, decomposed) = (qr.png(8, "Zoë").unwrap(), qr.png(8, "Zoe\u{308}").unwrap());
    let ink = |png: &[u8]| {
        picture::open(png)
            .unwrap()
            .luma()
            .iter()
            .filter(|&&luma| luma == 0)
            .count()
    };
    assert!(ink(&composed).abs_diff(ink(&decomposed)) < 40);
}

#[test]
fn a_terminal_shows_the_code_dark_on_light_with_colours_of_its_own() {
    let shown = Qr::new(&longest_code(), Surface::Screen)
        .unwrap()
        .terminal();
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for line in shown.lines() {
        let (mut upper, mut lower) = (Vec::new(), Vec::new());
        let body = line
            .strip_prefix("\x1b[")
            .unwrap()
            .strip_suffix("\x1b[0m")
            .unwrap();
        for run in body.split("\x1b[") {
            let (colours, blocks) = run.split_once('m').unwrap();
            let (front, back) = match colours {
                "38;5;16;48;5;16" => (0, 0),
                "38;5;16;48;5;231" => (0, 255),
                "38;5;231;48;5;16" => (255, 0),
                "38;5;231;48;5;231" => (255, 255),
                other => panic!("colours {other}"),
            };
            for block in blocks.chars() {
                assert_eq!(block, '▀');
                upper.extend([front; 4]);
                lower.extend([back; 4]);
            }
        }
        rows.extend([upper.clone(), upper.clone(), upper.clone(), upper]);
        rows.extend([lower.clone(), lower.clone(), lower.clone(), lower]);
    }
    let (width, height) = (rows[0].len() as u32, rows.len() as u32);
    let frame = LumaFrame::new(rows.concat(), width, height).unwrap();
    assert_eq!(texts(&frame), [longest_code()]);
}
