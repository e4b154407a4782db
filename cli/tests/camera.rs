//! A person in front of a camera: a video is rendered, `usher scan --video` reads it, and the verdicts are
//! exactly those that the tickets deserve.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use fastrand::Rng;
use house::{House, error_of, json_lines, texts};
use image::{DynamicImage, GrayImage};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use usher_cli::demo::photo::{add_noise, lay, room};
use usher_cli::qr::{Qr, Surface};
use usher_domain::code::base45;
use usher_domain::code::usher::PREFIX;

/// Frames a second of the rendered videos.
const RATE: f32 = 10.0;

/// A device with three signed tickets, and their codes.
fn gate() -> (House, [String; 3]) {
    let house =
        House::with_device(&[("tickets.csv", "barcode,type\nQF3K7T2ZC5W8,Regular\n".into())]);
    house.ok("type create fair/full");
    let code = |number: u32| {
        let line = format!("ticket create fair --type full --session evening --external {number}");
        house.json(&line)["code"].as_str().unwrap().to_owned()
    };
    let codes = [1, 2, 3].map(code);
    house.sync_to(&4.into());
    (house, codes)
}

/// The same code with a byte of its signature changed.
fn forged(code: &str) -> String {
    let mut bytes = base45::decode(code.strip_prefix(PREFIX).unwrap()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    format!("{PREFIX}{}", base45::encode(&bytes))
}

fn sheet(code: &str) -> GrayImage {
    Qr::new(code, Surface::Screen).unwrap().picture(10).unwrap()
}

/// A video in the making: a camera that looks into a room.
struct Video {
    rng: Rng,
    room: GrayImage,
    file: Vec<u8>,
}

impl Video {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let room = room(&mut rng);
        let (width, height) = room.dimensions();
        let header = format!("YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420jpeg\n");
        Self {
            rng,
            room,
            file: header.into_bytes(),
        }
    }

    /// Nobody is there.
    fn gap(&mut self, seconds: f32) {
        for _ in 0..(seconds * RATE) as u32 {
            let scene = self.room.clone();
            self.frame(scene, 0.6);
        }
    }

    /// A hand brings sheets up from below in a third of a second, holds them for one and a half, not
    /// quite still and tilted, and takes them away again.
    fn show(&mut self, sheets: &[GrayImage]) {
        let (tilt, turn) = (0.06 * self.rng.f32(), 0.25 * (self.rng.f32() - 0.5));
        let side = if sheets.len() == 1 { 330.0 } else { 270.0 };
        let moves = (RATE / 3.0) as u32;
        let frames = (1.5 * RATE) as u32 + 2 * moves;
        for frame in 0..frames {
            let off = moves
                .saturating_sub(frame)
                .max((frame + moves + 1).saturating_sub(frames));
            let down = 420.0 * off as f32 / moves as f32;
            let tremor = (frame as f32 * 1.3).sin();
            let mut scene = self.room.clone();
            for (number, sheet) in (0_u8..).zip(sheets) {
                // Two lie side by side, as far from the middle.
                let across = (f32::from(number) - (sheets.len() as f32 - 1.0) / 2.0) * 300.0;
                let middle = (320.0 + across + 4.0 * tremor, 240.0 + down - 3.0 * tremor);
                lay(
                    &mut scene,
                    sheet,
                    corners(middle, side, turn + 0.02 * tremor, tilt),
                );
            }
            let blur = if off == 0 { 0.8 } else { 2.5 };
            self.frame(scene, blur);
        }
    }

    fn frame(&mut self, scene: GrayImage, blur: f32) {
        let mut photo = DynamicImage::ImageLuma8(scene).fast_blur(blur).into_luma8();
        add_noise(&mut photo, 6.0, &mut self.rng);
        self.file.extend(b"FRAME\n");
        self.file.extend(photo.as_raw());
        self.file.extend(vec![128; photo.as_raw().len() / 2]);
    }

    fn save(&self, file: &Path) {
        std::fs::File::create(file)
            .unwrap()
            .write_all(&self.file)
            .unwrap();
    }
}

/// A square around `middle`, turned by `turn` (radians), its top smaller by `tilt`.
fn corners(middle: (f32, f32), side: f32, turn: f32, tilt: f32) -> [(f32, f32); 4] {
    [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)].map(|(x, y): (f32, f32)| {
        let x = if y < 0.0 { x * (1.0 - tilt) } else { x };
        let (x, y) = (x * side, y * side);
        let (sin, cos) = turn.sin_cos();
        (middle.0 + x * cos - y * sin, middle.1 + x * sin + y * cos)
    })
}

/// What the gate said, in order: the reason of a verdict, or that one shall be shown.
fn said(lines: &[Value]) -> Vec<&str> {
    let one = |line: &Value| line["show_one"] == true;
    let said = |line| {
        if one(line) {
            Some("show one")
        } else {
            line["reason"].as_str()
        }
    };
    lines.iter().filter_map(said).collect()
}

#[test]
fn five_tickets_in_turn_get_exactly_their_verdicts() {
    let (gate, [first, second, third]) = gate();
    let mut video = Video::new(5);
    let showings: [&[&str]; 5] = [
        &[&first],
        &[&first],
        &[&forged(&second)],
        &[&second, &third],
        &[&third],
    ];
    for (number, codes) in showings.iter().enumerate() {
        // The same ticket again counts as shown again only after a second.
        video.gap(if number == 1 { 1.2 } else { 0.5 });
        let sheets: Vec<GrayImage> = codes.iter().map(|code| sheet(code)).collect();
        video.show(&sheets);
    }
    video.gap(0.3);
    video.save(&gate.path().join("person.y4m"));
    let output = gate
        .device(&["scan", "--offline", "--video", "person.y4m"])
        .output()
        .unwrap();
    let mut lines = json_lines(&output.stdout);
    let end = lines.pop().unwrap();
    assert_eq!(
        said(&lines),
        ["listed", "already_inside", "forged", "show one", "listed"],
        "{lines:?}"
    );
    assert_eq!(
        texts(&lines, "outcome"),
        ["admit", "refuse", "refuse", "admit"]
    );
    assert_eq!(output.status.code(), Some(10));
    assert_eq!(
        (&end["scans"], &end["asked_to_show_one"]),
        (&4.into(), &1.into())
    );
    let whole = String::from_utf8(output.stdout).unwrap();
    for code in [&first, &second, &third] {
        assert!(!whole.contains(code.as_str()), "a code in the output");
    }
    // Where it was seen: around the middle, at the time it was held up.
    let seen = &lines[0]["seen"];
    assert_eq!(seen["frame"], serde_json::json!([640, 480]));
    assert!(
        (500..2_300).contains(&seen["time_ms"].as_u64().unwrap()),
        "{seen}"
    );
    let left = seen["corners"][0][0].as_f64().unwrap();
    assert!((150.0..260.0).contains(&left), "{seen}");
}

/// A picture of sheets beside each other.
fn picture(gate: &House, codes: &[&str], file: &str) {
    let sheets: Vec<GrayImage> = codes.iter().map(|code| sheet(code)).collect();
    let width = sheets.iter().map(GrayImage::width).sum();
    let mut all = GrayImage::new(width, sheets[0].height());
    let mut left = 0;
    for sheet in &sheets {
        image::imageops::replace(&mut all, sheet, left, 0);
        left += i64::from(sheet.width());
    }
    all.save(gate.path().join(file)).unwrap();
}

#[test]
fn a_picture_of_two_tickets_lets_nobody_in() {
    let (gate, [first, second, _]) = gate();
    picture(&gate, &[&first, &second], "two.png");
    picture(&gate, &[&first], "one.png");
    let (exit, lines) = gate.scan(&["--image", "two.png", "one.png"]);
    assert_eq!(said(&lines), ["show one", "listed"]);
    assert_eq!(exit, 1);
}

#[test]
fn a_video_without_a_code_or_cut_off_is_a_failure_that_says_why() {
    let gate =
        House::with_device(&[("tickets.csv", "barcode,type\nQF3K7T2ZC5W8,Regular\n".into())]);
    let mut video = Video::new(1);
    video.gap(0.2);
    video.save(&gate.path().join("nobody.y4m"));
    video.file.truncate(video.file.len() - 1);
    video.save(&gate.path().join("torn.y4m"));
    std::fs::write(gate.path().join("text.y4m"), "not a video").unwrap();
    let codes = ["nobody", "torn", "text", "gone"].map(|name| {
        let file = format!("{name}.y4m");
        let output = gate
            .device(&["scan", "--offline", "--video", &file])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        error_of(&output)["code"].as_str().unwrap().to_owned()
    });
    assert_eq!(
        codes,
        [
            "no_code_in_picture",
            "bad_file",
            "bad_file",
            "file_not_read"
        ]
    );
}

#[test]
fn looking_through_a_camera_tells_kinds_and_not_codes() {
    let folder = tempfile::tempdir().unwrap();
    let mut video = Video::new(3);
    video.show(&[sheet("QF3K7T2ZC5W8")]);
    video.save(&folder.path().join("one.y4m"));
    let look = |more: &[&str]| {
        let line = [&["--json", "camera", "test", "--video", "one.y4m"], more].concat();
        let output = house::run(folder.path(), &line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        json_lines(&output.stdout).remove(0)
    };
    let report = look(&[]);
    assert_eq!(report["size"], serde_json::json!([640, 480]));
    assert_eq!(
        (&report["frames"], &report["rate"]),
        (&21.into(), &10.0.into())
    );
    let [code] = report["codes"].as_array().unwrap().as_slice() else {
        panic!("{report}")
    };
    assert_eq!(
        (&code["kind"], &code["text"]),
        (&"opaque".into(), &Value::Null)
    );
    assert!(code["frames"].as_u64().unwrap() >= 12, "{report}");
    assert!(report["decode_ms"]["p95"].as_f64() >= report["decode_ms"]["p50"].as_f64());
    assert_eq!(look(&["--show-text"])["codes"][0]["text"], "QF3K7T2ZC5W8");
}

#[cfg(not(feature = "webcam"))]
#[test]
fn without_webcams_built_in_a_camera_is_an_error_that_says_how_to_get_them() {
    let gate =
        House::with_device(&[("tickets.csv", "barcode,type\nQF3K7T2ZC5W8,Regular\n".into())]);
    for line in [
        &["camera", "list"][..],
        &["camera", "test", "0"],
        &["scan", "--camera", "0"],
    ] {
        let output = gate.device(line).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        let error = error_of(&output);
        assert_eq!(error["code"], "no_webcams_built");
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("--features webcam")
        );
    }
}
