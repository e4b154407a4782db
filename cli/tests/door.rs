//! A gate that goes on: what an operator says between two codes, and what the gate says by itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::{House, json_lines, texts};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Output, Stdio};
use usher_cli::pictures;

const ADA: &str = "QF3K7T2ZC5W8";
const BO: &str = "V6N2D8LPY3GQ";
const CY: &str = "HX4M9B7RT2KC";
const PIN: &str = "27495108";

fn list() -> String {
    format!(
        "barcode,name,type,order\n{ADA},Ada,Regular,O-1\n{BO},Bo,Regular,O-1\n{CY},Cy,Regular,O-2\n"
    )
}

/// A house with the device `till`, the badge of a supervisor, and a ticket that staff must check.
fn gate() -> (House, String) {
    let house = House::with_device(&[("tickets.csv", list())]);
    std::fs::write(house.path().join("pin"), format!("{PIN}\n")).unwrap();
    house.ok("staff add Kim --role supervisor --pin-file pin --out kim.png");
    let before = set_version(&house);
    house.ok(&format!("ticket update fair/{CY} --instruction Passport"));
    for _ in 0..1_000 {
        house.ok("--home till sync");
        let signed = house.run("--home till sign-in --image kim.png");
        if signed.status.code() == Some(0) && set_version(&house) != before {
            break;
        }
    }
    house.ok("--home till sign-out");
    let seen = pictures::codes(&house.path().join("kim.png")).unwrap();
    let badge = seen[0].reveal().to_owned();
    (house, badge)
}

fn set_version(house: &House) -> Value {
    let status = house.json("--home till status");
    let tables = status["tables"].as_array().unwrap().iter();
    let mut sets = tables.filter(|table| !table["session"].is_null());
    sets.next().unwrap()["version"].clone()
}

/// Types lines at a gate.
fn typed(house: &House, more: &[&str], lines: &[&str]) -> Output {
    let line = [&["scan", "--stdin", "--offline"], more].concat();
    let mut scanning = house
        .device(&line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{}\n", lines.join("\n"));
    let mut input = scanning.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    scanning.wait_with_output().unwrap()
}

/// The answers after the ready line, and the codes of what failed.
fn answers(output: &Output) -> (Vec<Value>, Vec<String>) {
    let mut lines = json_lines(&output.stdout);
    assert_eq!(lines.remove(0)["ready"], true);
    // Log lines stand there too.
    let all = String::from_utf8_lossy(&output.stderr).into_owned();
    let failed = all.lines().filter(|line| line.starts_with('{'));
    let code = |line: &str| -> String {
        let failed: Value = serde_json::from_str(line).unwrap();
        failed["error"]["code"].as_str().unwrap().to_owned()
    };
    (lines, failed.map(code).collect())
}

#[test]
fn staff_confirm_an_instruction_without_ending_the_gate() {
    let (house, _) = gate();
    let (lines, failed) = answers(&typed(&house, &[], &["!ok", CY, "!ok", "!ok", CY]));
    assert_eq!(texts(&lines, "outcome"), ["refer", "admit", "refuse"]);
    assert_eq!(lines[0]["attempt"], lines[1]["attempt"]);
    assert_eq!(failed, ["invalid_value", "invalid_value"]);
}

#[test]
fn an_operator_takes_the_last_admission_back_and_no_other() {
    let (house, _) = gate();
    let said = [ADA, BO, BO, "!undo", "!undo", BO, ADA];
    let output = typed(&house, &[], &said);
    let (lines, failed) = answers(&output);
    let outcomes = texts(&lines, "outcome");
    assert_eq!(outcomes, ["admit", "admit", "refuse", "admit", "refuse"]);
    let undone = &lines[3];
    assert_eq!(undone.as_object().unwrap().len(), 1, "as usher undo says");
    assert!(undone["record"].is_string());
    assert_eq!(failed, ["invalid_value"]);
}

#[test]
fn a_supervisor_overrides_with_badge_and_pin_at_the_running_gate() {
    let (house, badge) = gate();
    let said = [ADA, ADA, "!override guest", &badge, PIN, "!undo", BO];
    let output = typed(&house, &[], &said);
    let (lines, failed) = answers(&output);
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(lines[2]["awaiting"], "badge");
    assert_eq!(lines[2]["record"], lines[1]["record"]);
    assert_eq!(lines[3]["awaiting"], "pin");
    assert_eq!(lines[4]["reason"], "override");
    assert!(lines[5]["record"].is_string());
    assert_eq!(lines[6]["outcome"], "admit");
    let all = format!("{output:?}");
    assert!(!all.contains(PIN) && !all.contains(&badge), "{all}");
    // From a file nobody is asked for it.
    let said = [BO, "!override other", &badge];
    let output = typed(&house, &["--pin-file", "pin"], &said);
    let (lines, failed) = answers(&output);
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(texts(&lines, "reason"), ["already_inside", "override"]);
}

#[test]
fn an_override_ends_with_anything_but_badge_and_pin_and_no_code_goes_without_a_verdict() {
    let (house, badge) = gate();
    let said = [
        "!override guest",
        ADA,
        ADA,
        "!override",
        "!override guest",
        BO,
        "!override guest",
        &badge,
        "274952",
        "!override guest",
        &badge,
        "!out",
        ADA,
    ];
    let output = typed(&house, &[], &said);
    let (lines, failed) = answers(&output);
    assert_eq!(
        texts(&lines, "outcome"),
        ["admit", "refuse", "admit", "admit"]
    );
    let expected = [
        "invalid_value",
        "invalid_value",
        "invalid_value",
        "wrong_pin",
    ];
    assert_eq!(failed, expected);
    assert_eq!(lines.last().unwrap()["reason"], "exit");
}

#[test]
fn a_gate_turns_and_says_how_it_stands() {
    let (house, _) = gate();
    let said = [ADA, "!out", ADA, "!status", "!in", "!help", "!what"];
    let (lines, failed) = answers(&typed(&house, &[], &said));
    assert_eq!(texts(&lines, "outcome"), ["admit", "admit"]);
    assert_eq!(texts(&lines, "direction"), ["out", "out", "in"]);
    let status = &lines[3];
    assert_eq!(status["serving"]["name"], "evening");
    assert_eq!(status["gate"]["name"], "north");
    assert_eq!(status["offline"], true);
    assert!(lines[5]["words"].as_array().unwrap().len() > 5);
    assert_eq!(failed, ["invalid_value"]);
}

#[test]
fn the_page_for_people_says_how_to_go_on() {
    let (house, badge) = gate();
    let mut command = std::process::Command::new(house::USHER);
    let line = ["--home", "till", "scan", "--stdin", "--offline"];
    command.args(line).current_dir(house.path()).env_clear();
    let mut scanning = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{CY}\n!status\n!override guest\n{badge}\n{PIN}\n!undo\n!help\n");
    let mut input = scanning.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = scanning.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        "Then say !ok.",
        "serves       evening, fair",
        "gate         north",
        "alone, as --offline says",
        "To let in: Regular",
        "The supervisor's PIN, please.",
        "ADMIT  A supervisor decided.",
        "The scan is taken back.",
        "!override REASON",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(PIN), "{said}");
}

#[test]
fn a_gate_says_once_and_loudly_that_it_serves_another_session() {
    let house = House::with_device(&[("tickets.csv", list())]);
    house.ok("session create fair/late --doors +5h --ends +8h");
    let mut command = house.device(&["scan", "--stdin"]);
    let mut scanning = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(scanning.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["session"]["name"], "evening");
    house.ok("session change fair/late --doors now --starts +1m");
    house.ok("session change fair/evening --doors +4h --starts +5h --ends +6h");
    let changed = next()["session_changed"].clone();
    assert_eq!(changed["from"]["name"], "evening");
    assert_eq!(changed["to"]["name"], "late");
    let message = changed["message"].as_str().unwrap();
    assert!(message.contains("Now serving late, fair"), "{message}");
    let mut input = scanning.stdin.take().unwrap();
    input.write_all(b"!status\n").unwrap();
    // What was said is not said again.
    assert_eq!(next()["serving"]["name"], "late");
    drop(input);
    assert!(scanning.wait().unwrap().success());
}

/// Presses Ctrl-C.
fn interrupt(running: &Child) {
    let id = running.id().to_string();
    let told = Command::new("kill").args(["-INT", &id]).status();
    assert!(told.unwrap().success());
}

#[test]
fn ctrl_c_ends_a_gate_with_the_worst_of_its_verdicts() {
    let house = House::with_device(&[("tickets.csv", list())]);
    let mut gate = house
        .device(&["scan", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gate.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let mut input = gate.stdin.take().unwrap();
    for code in [ADA, ADA] {
        writeln!(input, "{code}").unwrap();
        lines.next().unwrap().unwrap();
    }
    interrupt(&gate);
    let ended = gate.wait().unwrap();
    assert_eq!(ended.code(), Some(10));
    drop(input);
    // What it scanned last is on the server.
    assert_eq!(house.json("--home till status")["unsent"], 0);
}

#[test]
fn ctrl_c_ends_staying_in_step_in_good_order() {
    let house = House::with_device(&[("tickets.csv", list())]);
    let mut command = house.device(&["sync", "--watch"]);
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    interrupt(&running);
    assert_eq!(running.wait().unwrap().code(), Some(0));
}

#[test]
fn a_servers_folder_is_no_device_and_nothing_waits_for_it_to_become_one() {
    let house = House::with_device(&[("tickets.csv", list())]);
    let data = house.path().join("usher-data");
    let file = data.join("usher.db");
    let copy = house.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(&file, copy.join("usher.db")).unwrap();
    let before = std::fs::read(copy.join("usher.db")).unwrap();
    // Also while its server runs, which nobody should end for it.
    let lines = [
        "--home copy scan --stdin",
        "--home copy status",
        "--home usher-data scan --stdin",
    ];
    for line in lines {
        let output = house.run(line);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let failed = String::from_utf8(output.stderr).unwrap();
        assert!(failed.contains("is no device folder"), "{failed}");
    }
    assert_eq!(std::fs::read(copy.join("usher.db")).unwrap(), before);
}

#[test]
fn a_gate_that_does_without_the_server_goes_by_the_rule_for_isolated_gates_at_once() {
    let house = House::with_device(&[("tickets.csv", list())]);
    let before = set_version(&house);
    house.ok("session change fair/evening --isolated refer");
    while set_version(&house) == before {
        house.ok("--home till sync");
    }
    let (exit, lines) = house.scan(&[ADA]);
    assert_eq!((exit, texts(&lines, "reason")), (11, vec!["isolated"]));
    assert!(lines[0]["certainty"].to_string().contains("isolated"));
    let online = house.device(&["scan", ADA]).output().unwrap();
    let online = json_lines(&online.stdout);
    assert_eq!(texts(&online, "outcome"), ["admit"]);
}

#[test]
fn of_a_group_each_verdict_says_whose_ticket_it_is_about() {
    let house = House::with_device(&[(
        "tickets.csv",
        format!(
            "barcode,name,type,order,seat\n{ADA},Ada,Regular,O-1,A 1\n{BO},Bo,Student,O-1,A 2\n\
             {CY},Cy,Regular,O-2,A 3\n"
        ),
    )]);
    assert_eq!(house.scan(&[BO]).0, 0);
    let line = ["--home", "till", "scan", "--offline", "--group", ADA];
    let output = house::run(house.path(), &line);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("ADMIT  Ticket 1 of 2, Regular, A 1."),
        "{said}"
    );
    assert!(
        said.contains("REFUSE  Ticket 2 of 2, Student, A 2. Admitted here"),
        "{said}"
    );
    let (exit, lines) = house.scan(&["--group", ADA]);
    assert_eq!(exit, 10);
    assert_eq!(texts(&lines, "type_name"), ["Regular", "Student"]);
    assert_eq!(texts(&lines, "seat"), ["A 1", "A 2"]);
    assert_eq!(texts(&lines, "outcome"), ["refuse", "refuse"]);
    assert_eq!(lines[1]["of_order"]["number"], 2);
    assert_eq!(lines[1]["of_order"]["of"], 2);
}
