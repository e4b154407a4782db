//! What comes in at `usher scan`: each showing gets a verdict, whatever it is.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::{House, json_lines, texts};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;
use usher_cli::qr::{Qr, Surface};

fn gate() -> House {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\nV6N2D8LPY3GQ,Bo,Regular\n\
                HX4M9B7RT2KC,Cy,Regular\n";
    House::with_device(&[("tickets.csv", list.to_owned())])
}

/// Types bytes at a gate: the exit code, and the verdicts.
fn typed(gate: &House, bytes: &[u8]) -> (Option<i32>, Vec<Value>) {
    let mut scanning = gate
        .device(&["scan", "--stdin", "--offline"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    scanning.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = scanning.wait_with_output().unwrap();
    let mut lines = json_lines(&output.stdout);
    assert_eq!(lines.remove(0)["ready"], true);
    (output.status.code(), lines)
}

fn draw(gate: &House, code: &str, file: &str) {
    let picture = Qr::new(code, Surface::Screen).unwrap().png(6, "").unwrap();
    std::fs::write(gate.path().join(file), picture).unwrap();
}

#[test]
fn of_several_codes_the_worst_makes_the_exit_code() {
    let gate = gate();
    let (exit, lines) = typed(&gate, b"QF3K7T2ZC5W8\nV6N2D8LPY3GQ\n");
    assert_eq!(texts(&lines, "outcome"), ["admit", "admit"]);
    assert_eq!(exit, Some(0));
    let (exit, lines) = typed(&gate, b"QF3K7T2ZC5W8\nHX4M9B7RT2KC\n");
    assert_eq!(texts(&lines, "outcome"), ["refuse", "admit"]);
    assert_eq!(exit, Some(10));
}

/// A list of shops whose codes come in many clothes, and how a scanner delivers each.
const DELIVERED: [(&str, &[u8]); 14] = [
    ("GK71-LUMEN-A", b"GK71-LUMEN-A\r"),
    ("GK71-LUMEN-B", b"\x02GK71-LUMEN-B\x03"),
    ("GK71-LUMEN-C", b"]C0GK71-LUMEN-C\n"),
    ("GK71-LUMEN-D", b"\\000003GK71-LUMEN-D\r\n"),
    ("GK71-LUMEN-E", b"]e0\x1dGK71-LUMEN-E\x1d\r"),
    ("GK71-LUMEN-F", b"\xef\xbb\xbfGK71-LUMEN-F\n"),
    (
        "GK71-LUMEN-G",
        b"\0G\0K\x007\x001\0-\0L\0U\0M\0E\0N\0-\0G\n",
    ),
    ("GK71-LUMEN-H", b"gk71-lumen-h\n"),
    ("GK71-LUMEZ-Y", b"GK71\xc3\x9fLUMEY\xc3\x9fZ\n"),
    ("GK71-LUMEN-A2", b"GK\xc3\xa8&)LU?EN)Q\xc3\xa9\n"),
    ("0009917", b"9917\n"),
    (
        "GK71-LUMEN-K",
        b"https://shop.example/e/7/check-in/GK71-LUMEN-K?lang=fr\n",
    ),
    ("GK71-LUMEN-L", b"{\"event\":7,\"code\":\"GK71-LUMEN-L\"}\n"),
    ("GK71-LUMEN-M", b"]Q1shop.example/t?c=GK71%2DLUMEN%2DM\r\n"),
];

#[test]
fn each_code_opens_its_own_ticket_however_a_scanner_delivers_it() {
    let rows: String = DELIVERED
        .iter()
        .map(|(code, _)| format!("{code},Guest,{code}\n"))
        .collect();
    let gate = House::with_device(&[("tickets.csv", format!("barcode,name,type\n{rows}"))]);
    let all: Vec<u8> = DELIVERED
        .iter()
        .flat_map(|(_, bytes)| bytes.to_vec())
        .collect();
    let (exit, lines) = typed(&gate, &all);
    let codes: Vec<&str> = DELIVERED.iter().map(|(code, _)| *code).collect();
    assert_eq!(
        texts(&lines, "outcome"),
        vec!["admit"; codes.len()],
        "{lines:?}"
    );
    // Each ticket is of a type of its own.
    assert_eq!(texts(&lines, "type_name"), codes);
    assert_eq!(exit, Some(0));
}

#[test]
fn lines_that_are_no_codes_get_a_verdict_each() {
    let gate = gate();
    let mut bytes = b"\xff\xfe\x80\nQF3K7T2ZC5W8\r\n\r\n\n".to_vec();
    bytes.extend([b'x'; 10_000]);
    // What is far out in a long line is no showing of its own.
    bytes.extend(b"V6N2D8LPY3GQ\n\0\x1b[2J\nUSH1:\nV6N2D8LPY3GQ");
    let (exit, lines) = typed(&gate, &bytes);
    assert_eq!(
        texts(&lines, "outcome"),
        ["refuse", "admit", "refuse", "refuse", "refuse", "admit"],
        "empty lines are no showings: {lines:?}"
    );
    assert!(lines.iter().all(|line| line["record"].is_string()));
    assert_eq!(exit, Some(10));
}

#[test]
fn an_empty_code_is_refused() {
    let gate = gate();
    let (exit, lines) = gate.scan(&[""]);
    assert_eq!((exit, texts(&lines, "outcome")), (10, vec!["refuse"]));
}

#[test]
fn a_picture_that_cannot_be_read_does_not_hide_the_others() {
    let gate = gate();
    draw(&gate, "QF3K7T2ZC5W8", "ada.png");
    draw(&gate, "V6N2D8LPY3GQ", "bo.png");
    std::fs::write(gate.path().join("torn.png"), b"\x89PNG\r\n\x1a\nnothing").unwrap();
    image::GrayImage::from_pixel(64, 64, image::Luma([255]))
        .save(gate.path().join("white.png"))
        .unwrap();
    let files = ["ada.png", "torn.png", "white.png", "gone.png", "bo.png"];
    let line = [&["scan", "--offline", "--image"], &files[..]].concat();
    let output = gate.device(&line).output().unwrap();
    let lines = json_lines(&output.stdout);
    assert_eq!(texts(&lines, "outcome"), ["admit", "admit"]);
    let errors = json_lines(&output.stderr);
    let codes: Vec<&str> = errors
        .iter()
        .filter_map(|line| line["error"]["code"].as_str())
        .collect();
    assert_eq!(codes, ["bad_file", "no_code_in_picture", "file_not_read"]);
    assert_eq!(output.status.code(), Some(1));
    let (exit, lines) = gate.scan(&["--image", "ada.png", "bo.png"]);
    assert_eq!(texts(&lines, "outcome"), ["refuse", "refuse"]);
    assert_eq!(exit, 10);
}

#[test]
fn the_page_for_people_says_the_verdict_first() {
    let gate = gate();
    let line = ["--home", "till", "scan", "--offline", "QF3K7T2ZC5W8"];
    let output = house::run(gate.path(), &line);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("ADMIT"), "{said}");
    let output = house::run(gate.path(), &line);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("REFUSE"), "{said}");
    assert_eq!(output.status.code(), Some(10));
}
