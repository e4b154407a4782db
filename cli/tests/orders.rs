//! Orders from above: how an organizer gives them, and what a gate shows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

const TEXT: &str = "Bags are searched outside.";

/// Runs the binary with one argument of several words.
fn with_text(house: &House, line: &str, text: &str, rest: &str) -> std::process::Output {
    let mut command = Command::new(house::USHER);
    command
        .args(["--server", house.address()])
        .args(line.split(' '))
        .arg(text)
        .args(rest.split(' '))
        .current_dir(house.path())
        .env_clear();
    command.output().unwrap()
}

#[test]
fn a_notice_is_shown_at_the_gate_with_who_said_it_and_listed() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let done = with_text(&house, "session notice fair/evening", TEXT, "--until 1h");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    house.ok("--home till sync");
    let status = house.ok("--home till status");
    assert!(status.contains("NOTICE from "), "{status}");
    assert!(status.contains(TEXT), "{status}");
    let scanned = house.ok("--home till scan QF3K7T2ZC5W8 --offline");
    let lines: Vec<&str> = scanned.lines().collect();
    assert!(lines[0].starts_with("NOTICE from "), "{scanned}");
    assert!(lines[1].starts_with("ADMIT"), "{scanned}");
    let listed = house.ok("session orders fair/evening");
    assert!(
        listed.contains(&format!("all gates told: {TEXT}")),
        "{listed}"
    );
    let back = with_text(&house, "session notice fair/evening", TEXT, "--take-back");
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    house.ok("--home till sync");
    let status = house.json("--home till status");
    assert_eq!(status["said"].as_array().unwrap().len(), 0);
}

#[test]
fn a_running_gate_says_each_order_once_and_when_it_holds_no_longer() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let mut operator = house.operator();
    let mut gate = house
        .device(&["scan", "--stdin", "--commands", "operator"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gate.stdout.take().unwrap()).lines();
    // Lists change besides.
    let mut next = || -> Value {
        let mut said = lines
            .by_ref()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        said.find(|said: &Value| said["changed"].is_null()).unwrap()
    };
    assert_eq!(next()["session"]["name"], "evening");
    house.ok("session free-flow fair/evening --gate north --until 20m");
    let ordered = next()["ordered"].clone();
    assert_eq!(ordered["order"], "free_flow");
    let message = ordered["message"].as_str().unwrap();
    assert!(message.starts_with("FREE FLOW until"), "{message}");
    house.ok("session free-flow fair/evening --gate north --no-more");
    let over = next()["over"].clone();
    assert_eq!(over["order"], "free_flow");
    assert!(
        over["message"].as_str().unwrap().contains("is over"),
        "{over}"
    );
    house.ok("session everyone-out fair/evening");
    assert_eq!(next()["ordered"]["order"], "everyone_out");
    house.ok("session delay fair/evening --by 30m");
    let times = next()["times_changed"].clone();
    assert!(
        times["message"].as_str().unwrap().contains("begins"),
        "{times}"
    );
    with_text(&house, "session notice fair/evening", TEXT, "--until 1h");
    assert_eq!(next()["said"]["text"], TEXT);
    with_text(&house, "session notice fair/evening", TEXT, "--take-back");
    assert_eq!(next()["taken_back"]["text"], TEXT);
    let input = gate.stdin.take().unwrap();
    operator.write_all(b"!status\n").unwrap();
    // What holds is told to whoever asks, and nothing was said twice.
    let status = next();
    assert_eq!(status["orders"][0]["order"], "everyone_out", "{status}");
    assert_eq!(status["times"]["starts"], times["starts"]);
    assert_eq!(status["said"].as_array().unwrap().len(), 0);
    drop(input);
    assert!(gate.wait().unwrap().success());
}

#[test]
fn a_session_is_postponed_and_a_device_stood_down_and_both_are_listed() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let before = house.json("session show fair/evening");
    let after = house.json("session delay fair/evening --by 30m");
    assert_eq!(before["doors"], after["doors"]);
    assert_ne!(before["ends"], after["ends"]);
    house.ok("device stand-down till");
    let listed = house.json("session orders fair/evening");
    let items = listed["items"].as_array().unwrap().iter();
    let kinds: Vec<_> = items.map(|order| order["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["delay", "stand_down"]);
}

#[test]
fn tickets_of_sessions_that_share_no_scans_are_not_honoured_and_it_says_why() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    house.ok("session create fair/night --doors +7h --ends +9h");
    house.ok("--home till sync");
    let said = house.error("session honour fair/evening --tickets-of night --until 2h");
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("do not share their scans"), "{message}");
}

#[test]
fn a_gate_that_was_opened_is_closed_before_its_time() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let scan = || {
        house.ok("--home till sync");
        house.scan(&["QF3K7T2ZC5W8"]).1[0]["reason"].clone()
    };
    house.ok("session free-flow fair/evening --gate north --until 15m");
    assert_eq!(scan(), "free_flow");
    let said = house.ok("session free-flow fair/evening --gate north --no-more");
    assert!(said.contains("checks tickets again"), "{said}");
    assert_eq!(scan(), "listed");
    let listed = house.ok("session orders fair/evening");
    assert!(listed.contains("gate north checks again"), "{listed}");
    let error = house.error("session free-flow fair/evening --gate north --no-more");
    assert_eq!(error["code"], "not_found");
}

#[test]
fn a_delay_says_what_it_moves_and_that_it_is_to_later() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let output = house.run("session delay fair/evening --by 30m");
    let noted = String::from_utf8(output.stderr).unwrap();
    assert!(
        noted.contains("doors are open already and stay so"),
        "{noted}"
    );
    for by in ["-30m", "0m", "soon"] {
        let output = house.run(&format!("session delay fair/evening --by {by}"));
        assert_eq!(output.status.code(), Some(2), "{by}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("to begin earlier"), "{said}");
    }
}

#[test]
fn words_that_were_taken_back_stay_in_the_list() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    let done = with_text(&house, "session notice fair/evening", TEXT, "--until 1h");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let back = with_text(&house, "session notice fair/evening", TEXT, "--take-back");
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    let listed = house.ok("session orders fair/evening");
    for words in ["all gates told: ", "all gates told no more: "] {
        assert!(listed.contains(&format!("{words}{TEXT}")), "{listed}");
    }
}

#[test]
fn who_sent_everyone_out_twice_in_a_minute_takes_it_back_once() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n".to_owned();
    let house = House::with_device(&[("tickets.csv", list)]);
    assert_eq!(house.scan(&["QF3K7T2ZC5W8"]).0, 0);
    house.ok("--home till sync");
    for _ in 0..2 {
        house.ok("session everyone-out fair/evening --yes");
    }
    let said = house.ok("session everyone-out fair/evening --take-back --yes");
    assert!(said.starts_with("Taken back: who was sent out"), "{said}");
    house.ok("--home till sync");
    let (exit, lines) = house.scan(&["QF3K7T2ZC5W8"]);
    assert_eq!(
        (exit, lines[0]["reason"].as_str()),
        (10, Some("already_inside"))
    );
}
