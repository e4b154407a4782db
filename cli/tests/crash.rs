//! A gate whose process is killed, whose disk is full, or whose folder cannot be written.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "all of this file is tests"
)]

mod crash {
    pub(crate) mod book;
    pub(crate) mod trouble;
}
mod house;

use crash::book::Book;
use house::{House, json_lines};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::process::Stdio;

const KILLS: u32 = 200;
/// Fewer than will be shown, so that tickets come again after kills.
const TICKETS: u32 = 300;
/// Codes that stand in the pipe before a process is killed.
const AHEAD: u32 = 8;

fn barcode(number: u32) -> String {
    format!("K{:09}Z", number * 7_919)
}

/// A device that holds tickets with barcodes 0 to `tickets`.
fn house(tickets: u32) -> House {
    let mut list = "barcode,name,type\n".to_owned();
    for number in 0..tickets {
        writeln!(list, "{},Guest {number},Regular", barcode(number)).unwrap();
    }
    House::with_device(&[("tickets.csv", list)])
}

/// Starts a gate, lets it show a seeded number of verdicts with more codes waiting, kills it a seeded
/// while into its work, and returns all that it showed.
fn killed(house: &House, random: &mut fastrand::Rng) -> Vec<Value> {
    let mut gate = house
        .device(&["scan", "--stdin", "--offline"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut codes = gate.stdin.take().unwrap();
    let mut screen = gate.stdout.take().unwrap();
    for _ in 0..AHEAD {
        // One in ten is no ticket.
        writeln!(codes, "{}", barcode(random.u32(..TICKETS * 11 / 10))).unwrap();
    }
    // The first line says that the gate is ready. No line seen is a kill while the store opens.
    let lines = random.u32(..AHEAD);
    let mut shown = Vec::new();
    let mut seen = 0;
    while seen < lines {
        let mut byte = [0];
        let read = screen.read(&mut byte).unwrap();
        assert_eq!(read, 1, "the gate ended by itself: {}", show(&shown));
        seen += u32::from(byte == [b'\n']);
        shown.extend(byte);
    }
    for _ in 0..random.u32(..6_000) {
        std::thread::yield_now();
    }
    gate.kill().unwrap();
    screen.read_to_end(&mut shown).unwrap();
    assert_eq!(gate.wait().unwrap().code(), None, "{}", show(&shown));
    let mut lines = json_lines(&shown);
    assert!(lines.iter().all(|line| line.get("error").is_none()));
    lines.retain(|line| line.get("ready").is_none());
    lines
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says the seed that plays the same again.
fn seed() -> u64 {
    let given = std::env::var("USHER_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("USHER_SEED={seed}");
    seed
}

#[test]
fn a_gate_killed_200_times_keeps_every_verdict_it_showed() {
    let house = house(TICKETS);
    let mut random = fastrand::Rng::with_seed(seed());
    let mut shown = Vec::new();
    for _ in 0..KILLS {
        shown.extend(killed(&house, &mut random));
    }

    let (code, after) = house.scan(&[&barcode(0)]);
    assert!([0, 10].contains(&code), "{after:?}");
    shown.extend(after);
    let audit = house.device(&["audit", "--offline"]).output().unwrap();
    assert_eq!(audit.status.code(), Some(0), "{audit:?}");
    let status = house.device(&["status"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["notices"].as_array().unwrap().len(), 0, "{status}");

    let book = Book::of(&house.till());
    assert_eq!(status["unsent"], book.scans.len());
    eprintln!(
        "{} verdicts shown, {} written",
        shown.len(),
        book.scans.len()
    );
    book.holds(&shown);
    let mut admitted: HashMap<&str, u32> = HashMap::new();
    for line in shown.iter().filter(|line| line["outcome"] == "admit") {
        *admitted
            .entry(line["ticket"].as_str().unwrap())
            .or_default() += 1;
    }
    assert!(admitted.values().all(|times| *times == 1), "admitted twice");
    book.admits_nobody_twice();

    // The server takes what is there as it is.
    house.ok("--home till sync");
    let scans = house.ok("report fair/evening --csv -");
    assert_eq!(scans.lines().count(), 1 + book.scans.len());
    assert_eq!(
        house.json("incident list")["items"],
        Value::Array(Vec::new())
    );
}
