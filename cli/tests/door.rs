//! A gate that goes on: what an operator says between two codes, and what the gate says by itself.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this file is tests"
)]

mod house;

use house::{House, json_lines, texts};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use usher_cli::pictures;

const ADA: &str = "QF3K7T2ZC5W8";
const BO: &str = "V6N2D8LPY3GQ";
const CY: &str = "HX4M9B7RT2KC";
const PIN: &str = "27495108";
/// How long a gate may take to say something on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A gate that runs, and everything that it prints.
struct Running {
    gate: Child,
    codes: ChildStdin,
    commands: File,
    printed: Receiver<String>,
    all: Vec<String>,
}

/// Passes the lines of a pipe on.
fn pass_on(pipe: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            if to.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
}

impl Running {
    /// Starts a gate whose operator types into a named pipe.
    fn start(house: &House, mut command: Command) -> Self {
        let commands = house.operator();
        let mut gate = command
            .args(["--commands", "operator"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, printed) = channel();
        pass_on(gate.stdout.take().unwrap(), to.clone());
        pass_on(gate.stderr.take().unwrap(), to);
        let mut running = Self {
            codes: gate.stdin.take().unwrap(),
            gate,
            commands,
            printed,
            all: Vec::new(),
        };
        running.hear();
        running
    }

    /// Types a line where it belongs, and waits until the gate says something with these words.
    fn type_until(&mut self, line: &str, words: &str) {
        self.type_line(line);
        self.hear_until(words);
    }

    /// Waits until the gate says something with these words.
    fn hear_until(&mut self, words: &str) {
        while !self.all.last().is_some_and(|line| line.contains(words)) {
            self.hear();
        }
    }

    /// The next line that is no line of a log.
    fn hear(&mut self) {
        loop {
            let line = self.printed.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("after {:?}", self.all));
            let is_log = line.contains(" INFO ") || line.contains(" WARN ");
            self.all.push(line);
            if !is_log {
                break;
            }
        }
    }

    /// Types a line where it belongs, and waits for what the gate says to it.
    fn type_line(&mut self, line: &str) {
        let is_command = line.starts_with('!') || line.bytes().all(|byte| byte.is_ascii_digit());
        let text = format!("{line}\n");
        if is_command {
            self.commands.write_all(text.as_bytes()).unwrap();
        } else {
            self.codes.write_all(text.as_bytes()).unwrap();
        }
        self.hear();
    }

    /// Ends the codes; everything that was printed.
    fn end(mut self) -> Vec<String> {
        drop(self.codes);
        self.gate.wait().unwrap();
        self.all.extend(self.printed.iter());
        self.all
    }
}

/// Types lines at a gate, each after the answer to the one before; everything that was printed.
fn typed(house: &House, more: &[&str], lines: &[&str]) -> Vec<String> {
    let line = [&["scan", "--stdin", "--offline"], more].concat();
    let mut running = Running::start(house, house.device(&line));
    let mut awaits_badge = false;
    for line in lines {
        running.type_line(line);
        if awaits_badge && !line.starts_with('!') && !line.starts_with("USHB1:") {
            // That the override is given up, and then the verdict.
            running.hear();
        }
        let said = running.all.last().unwrap();
        awaits_badge = said.contains("\"awaiting\":\"badge\"");
    }
    running.end()
}

/// The answers after the ready line, and the codes of what failed.
fn answers(printed: &[String]) -> (Vec<Value>, Vec<String>) {
    let all = printed.iter().filter(|line| line.starts_with('{'));
    let all = all.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (failed, mut lines): (Vec<Value>, Vec<Value>) =
        all.partition(|line| line["error"].is_object());
    assert_eq!(lines.remove(0)["ready"], true);
    let code = |line: &Value| line["error"]["code"].as_str().unwrap().to_owned();
    (lines, failed.iter().map(code).collect())
}

/// Scans codes as a scanner delivers them, with nobody beside it; the answers, and what was printed.
fn delivered(house: &House, more: &[&str], bytes: &[u8]) -> (Vec<Value>, String) {
    let line = [&["scan", "--stdin", "--offline"], more].concat();
    let mut scanning = house
        .device(&line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    scanning.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = scanning.wait_with_output().unwrap();
    let mut lines = json_lines(&output.stdout);
    assert_eq!(lines.remove(0)["ready"], true);
    (lines, format!("{output:?}"))
}

#[test]
fn what_a_scanner_delivers_is_never_a_command() {
    let (house, badge) = gate();
    // One picture that holds two lines, shown by three people.
    let shown = format!("{ADA}\n!undo\n").repeat(3);
    let (lines, _) = delivered(&house, &[], shown.as_bytes());
    let outcomes = texts(&lines, "outcome");
    assert_eq!(
        outcomes,
        ["admit", "refuse", "refuse", "refuse", "refuse", "refuse"]
    );
    assert_eq!(lines[2]["reason"], "already_inside");
    for command in [
        "!ok",
        "!UNDO",
        "!out",
        "!override guest",
        "!sign-out",
        "!status",
    ] {
        for end in ["\n", "\r", "\r\n"] {
            let shown = format!("{CY}{end}{command}{end}{CY}{end}");
            let (lines, all) = delivered(&house, &[], shown.as_bytes());
            let reasons = texts(&lines, "reason");
            assert_eq!(reasons, ["instruction", "unknown", "instruction"], "{all}");
        }
    }
    // Not by a mark either that the scanner sets before its codes: the second line comes too soon.
    let shown = format!("~{CY}\n!ok\n~{CY}\n!out\n~{BO}\n");
    let (lines, all) = delivered(&house, &["--code-prefix", "~"], shown.as_bytes());
    let reasons = texts(&lines, "reason");
    assert_eq!(
        reasons,
        ["instruction", "unknown", "instruction", "unknown", "listed"],
        "{all}"
    );
    // A badge in a scanner signs in, and overrides nothing.
    let shown = format!("{BO}\n!override guest\n{badge}\n{PIN}\n");
    let (lines, all) = delivered(&house, &[], shown.as_bytes());
    assert_eq!(
        texts(&lines, "reason"),
        ["already_inside", "unknown", "unknown"]
    );
    assert_eq!(lines[2]["role"], "supervisor", "{all}");
    assert!(!all.contains(&badge), "{all}");
}

#[test]
fn a_person_types_commands_beside_a_scanner_that_marks_its_codes() {
    let (house, _) = gate();
    let line = ["scan", "--stdin", "--offline", "--code-prefix", "~"];
    let mut gate = house
        .device(&line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gate.stdin.take().unwrap();
    let mut lines = BufReader::new(gate.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["ready"], true);
    input.write_all(format!("~{ADA}\n").as_bytes()).unwrap();
    assert_eq!(next()["outcome"], "admit");
    // As fast as a line break in a code would come it is none; a person's pause makes it one.
    let mut tries = 0;
    loop {
        input.write_all(b"!out\n").unwrap();
        let answer = next();
        if answer["direction"] == "out" {
            break;
        }
        assert_eq!(answer["reason"], "unknown");
        tries += 1;
        assert!(tries < 3, "{answer}");
        std::thread::park_timeout(Duration::from_millis(1_300));
    }
    assert!(tries > 0, "the first came at once");
    input.write_all(format!("~{ADA}\n").as_bytes()).unwrap();
    assert_eq!(next()["reason"], "exit");
    drop(input);
    gate.wait().unwrap();
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
    assert!(undone["record"].is_string());
    assert_eq!(undone["of"]["outcome"], "admit");
    assert_eq!(undone["of"]["record"], lines[1]["record"]);
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
    let again = house
        .device(&["scan", "--stdin", "--offline"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let again = json_lines(&again.stdout).remove(0);
    let last = &again["last_scan"];
    assert_eq!(
        (&last["reason"], &last["shown"]),
        (&"override".into(), &true.into())
    );
}

#[test]
fn a_badge_that_decides_nothing_is_asked_for_no_pin_and_the_supervisors_may_follow() {
    let (house, badge) = gate();
    house.ok("staff add Si --role steward --out si.png");
    let before = set_version(&house);
    for _ in 0..1_000 {
        house.ok("--home till sync");
        let signed = house.run("--home till sign-in --image si.png");
        if signed.status.code() == Some(0) {
            break;
        }
    }
    house.ok("--home till sign-out");
    assert_eq!(set_version(&house), before);
    let seen = pictures::codes(&house.path().join("si.png")).unwrap();
    let steward = seen[0].reveal();
    let said = [ADA, ADA, "!override guest"];
    let line = ["scan", "--stdin", "--offline"];
    let mut running = Running::start(&house, house.device(&line));
    for line in said {
        running.type_line(line);
    }
    running.type_until(steward, "awaiting");
    running.type_line(&badge);
    running.type_line(PIN);
    let output = running.end();
    let (lines, failed) = answers(&output);
    assert_eq!(failed, ["forbidden"]);
    let told = output
        .iter()
        .any(|line| line.contains("the badge of a steward"));
    assert!(told, "{output:?}");
    assert_eq!(texts(&lines, "awaiting"), ["badge", "badge", "pin"]);
    assert_eq!(lines.last().unwrap()["reason"], "override");
    // Nor beside the gate: without a PIN file it would have to be asked for.
    let record = lines[1]["record"].as_str().unwrap();
    let line = format!(
        "--home till override --image si.png --reason guest --record {}",
        &record[..10]
    );
    assert_eq!(house.error(&line)["code"], "forbidden");
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
    let said = [
        ADA,
        "!out",
        ADA,
        "!status",
        "!in",
        "!sign-out",
        "!help",
        "!what",
    ];
    let (lines, failed) = answers(&typed(&house, &[], &said));
    assert_eq!(texts(&lines, "outcome"), ["admit", "admit"]);
    assert_eq!(texts(&lines, "direction"), ["out", "out", "in"]);
    let status = &lines[3];
    assert_eq!(status["serving"]["name"], "evening");
    assert_eq!(status["gate"]["name"], "north");
    assert_eq!(status["offline"], true);
    assert_eq!(lines[5]["signed_out"], true);
    assert!(lines[6]["commands"].as_array().unwrap().len() > 5);
    assert_eq!(failed, ["invalid_value"]);
}

#[test]
fn a_group_comes_in_a_desk_searches_and_a_forgotten_way_is_noticed_between_two_codes() {
    let (house, _) = gate();
    let said = [BO, "!search ada", "!out", BO, "!in"];
    let (lines, failed) = answers(&typed(&house, &[], &said));
    assert_eq!(texts(&lines, "reason"), ["listed", "exit"]);
    // This gate is no desk.
    assert_eq!(failed, ["no_names"]);
    let mut running = Running::start(&house, {
        let mut command = Command::new(house::USHER);
        let line = ["--home", "till", "scan", "--stdin"];
        command.args(line).current_dir(house.path()).env_clear();
        command
    });
    running.type_until("!group", "The next code");
    running.type_until(ADA, "let through");
    running.type_until("!out", "go out");
    for code in [CY, CY] {
        running.type_until(code, "evening, fair;");
    }
    running.type_until(CY, "type !in");
    let said = running.end().join("\n");
    assert!(said.contains("1 of 2 let through."), "{said}");
    assert_eq!(said.matches("type !in").count(), 1, "{said}");
}

#[test]
fn between_two_codes_a_gate_says_that_it_was_moved_and_that_its_server_is_gone() {
    let (mut house, _) = gate();
    house.ok("gate create south");
    let mut running = Running::start(&house, {
        let mut command = Command::new(house::USHER);
        let line = ["--home", "till", "scan", "--stdin"];
        command.args(line).current_dir(house.path()).env_clear();
        command
    });
    running.type_until(ADA, "evening, fair;");
    house.ok("device move till --gate south");
    running.hear_until("OTHER GATE  This device stands at gate south from now on.");
    house.stop();
    running.hear_until("NO SERVER  Nothing is heard of the server since ");
    running.type_until(BO, "alone since");
    let said = running.end().join("\n");
    assert_eq!(said.matches("OTHER GATE").count(), 1, "{said}");
    assert_eq!(said.matches("NO SERVER").count(), 1, "{said}");
}

#[test]
fn the_page_for_people_says_how_to_go_on() {
    let (house, badge) = gate();
    let mut command = std::process::Command::new(house::USHER);
    let line = ["--home", "till", "scan", "--stdin", "--offline"];
    command.args(line).current_dir(house.path()).env_clear();
    let mut running = Running::start(&house, command);
    for (line, words) in [
        (CY, "Then type !ok."),
        ("!status", "unsent"),
        ("!override guest", "To let in"),
        (&badge, "PIN, please"),
        (PIN, "decided"),
        ("!undo", "Taken back"),
        ("!help", "list these commands"),
        ("!sign-out", "Signed out"),
    ] {
        running.type_until(line, words);
    }
    let said = running.end().join("\n");
    for words in [
        "Then type !ok.",
        "serves       evening, fair",
        "gate         north",
        "alone, as --offline says",
        "To let in: Regular",
        "The supervisor's PIN, please.",
        "ADMIT  A supervisor decided.",
        "Taken back: Regular, at ",
        "!override REASON",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains(PIN), "{said}");
}

#[test]
fn a_verdict_takes_two_lines_and_names_whom_an_undo_takes_back() {
    // Names are known where a code cannot be guessed.
    const STRONG: &str = "QF3K7T2ZC5W8XJM4HRBD";
    let list = format!("barcode,name,type\n{STRONG},Ada,Regular\nV6N2D8LPY3GQ,Bo,Regular\n");
    let house = House::with_device(&[("tickets.csv", list)]);
    let plain = house.ok(&format!("--home till scan --offline {STRONG}"));
    let lines: Vec<&str> = plain.lines().collect();
    assert_eq!(lines.len(), 2, "{plain}");
    assert!(
        lines[1].contains("Regular, Ada; evening, fair; "),
        "{plain}"
    );
    let undone = house.ok("--home till undo");
    assert!(undone.starts_with("Taken back: Regular, at "), "{undone}");
    assert!(!undone.contains("record"), "{undone}");
    let verbose = house.ok("--verbose --home till scan --offline V6N2D8LPY3GQ");
    assert!(verbose.contains("\n  record "), "{verbose}");
    // Somebody who stands at the gate sees the name that the code told.
    let mut running = Running::start(&house, {
        let mut command = Command::new(house::USHER);
        let line = ["--home", "till", "scan", "--stdin", "--offline"];
        command.args(line).current_dir(house.path()).env_clear();
        command
    });
    running.type_until(STRONG, "Ada; evening");
    running.type_until("!undo", "Taken back");
    let said = running.end().join("\n");
    assert!(said.contains("Taken back: Ada, Regular, at "), "{said}");
}

#[test]
fn a_gate_that_is_started_anew_tells_its_last_scan_and_whether_anybody_saw_it() {
    let (house, _) = gate();
    let (lines, _) = delivered(&house, &[], format!("{ADA}\n").as_bytes());
    assert_eq!(lines.len(), 1);
    let begun = |house: &House| {
        let line = ["scan", "--stdin", "--offline"];
        let output = house.device(&line).stdin(Stdio::null()).output().unwrap();
        json_lines(&output.stdout).remove(0)["last_scan"].clone()
    };
    let last = begun(&house);
    assert_eq!(
        (&last["outcome"], &last["shown"]),
        (&"admit".into(), &true.into())
    );
    assert_eq!(last["record"], lines[0]["record"]);
    assert_eq!(last["type_name"], "Regular");
    // Nobody reads what is printed: the record is there, and nobody saw the verdict.
    let mut gate = house
        .device(&["scan", "--stdin", "--offline"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(gate.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("ready"));
    drop(lines);
    let mut input = gate.stdin.take().unwrap();
    input.write_all(format!("{BO}\n").as_bytes()).unwrap();
    drop(input);
    gate.wait().unwrap();
    let last = begun(&house);
    assert_eq!(
        (&last["outcome"], &last["shown"]),
        (&"admit".into(), &false.into())
    );
    let mut command = Command::new(house::USHER);
    let line = ["--home", "till", "scan", "--stdin", "--offline"];
    command.args(line).current_dir(house.path()).env_clear();
    let said = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(
        said.contains("NOT SHOWN  The last scan here was ADMIT, Regular, at "),
        "{said}"
    );
}

#[test]
fn a_gate_where_an_operator_is_required_waits_for_a_badge_and_loses_a_revoked_one_loudly() {
    let (house, badge) = gate();
    let before = set_version(&house);
    house.ok("session change fair/evening --operator required");
    while set_version(&house) == before {
        house.ok("--home till sync");
    }
    let mut running = Running::start(&house, house.device(&["scan", "--stdin"]));
    running.type_line(ADA);
    running.type_line(&badge);
    running.type_line(ADA);
    let staff = house.json("staff list");
    let id = staff["items"][0]["id"].as_str().unwrap();
    house.ok(&format!("staff revoke {id}"));
    // It hears of it and says so by itself.
    while !running.all.last().unwrap().contains("signed_out") {
        running.hear();
    }
    running.type_line(BO);
    running.type_line("!out");
    running.type_line(ADA);
    let (lines, _) = answers(&running.end());
    assert_eq!(
        texts(&lines, "reason"),
        ["operator_required", "listed", "operator_required", "exit"]
    );
    let out = lines.iter().find(|line| line["signed_out"].is_object());
    let out = &out.unwrap()["signed_out"];
    assert_eq!(
        (&out["why"], &out["name"]),
        (&"revoked".into(), &"Kim".into())
    );
}

#[test]
fn a_scan_does_without_a_server_that_accepts_no_connection_and_does_not_wait_for_it() {
    let mut house = House::with_device(&[("tickets.csv", list())]);
    let line = ["--log-level", "info", "scan", ADA];
    let there = house.device(&line).output().unwrap();
    assert_eq!(there.status.code(), Some(0));
    assert!(!format!("{there:?}").contains("accepts no connection"));
    house.stop();
    let line = ["--log-level", "info", "scan", BO];
    let gone = house.device(&line).output().unwrap();
    assert_eq!(gone.status.code(), Some(0));
    let said = format!("{gone:?}");
    assert_eq!(said.matches("accepts no connection").count(), 1, "{said}");
    // Nothing was tried before or after the verdict.
    assert!(
        !said.contains("no exchange") && !said.contains("claim failed"),
        "{said}"
    );
    assert_eq!(json_lines(&gone.stdout)[0]["asked"], "not");
}

#[test]
fn a_gate_says_once_and_loudly_that_it_serves_another_session() {
    let house = House::with_device(&[("tickets.csv", list())]);
    house.ok("session create fair/late --doors +5h --ends +8h");
    let mut operator = house.operator();
    let mut command = house.device(&["scan", "--stdin", "--commands", "operator"]);
    let mut scanning = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(scanning.stdout.take().unwrap()).lines();
    // Lists and duty change besides.
    let mut next = || -> Value {
        let mut said = lines
            .by_ref()
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap());
        said.find(|said: &Value| said["changed"].is_null()).unwrap()
    };
    assert_eq!(next()["session"]["name"], "evening");
    house.ok("session change fair/late --doors now --starts +1m");
    house.ok("session change fair/evening --doors +4h --starts +5h --ends +6h");
    let changed = next()["session_changed"].clone();
    assert_eq!(changed["from"]["name"], "evening");
    assert_eq!(changed["to"]["name"], "late");
    let message = changed["message"].as_str().unwrap();
    assert!(message.contains("Now serving late, fair"), "{message}");
    let input = scanning.stdin.take().unwrap();
    operator.write_all(b"!status\n").unwrap();
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
    assert_eq!(lines[2]["group"]["tickets"], 2);
    assert_eq!(lines[2]["group"]["admitted"], 0);
}

#[test]
fn only_what_the_last_scan_asked_for_is_confirmed() {
    let (house, _) = gate();
    let early = house
        .device(&["scan", "--offline", "--confirm", CY])
        .output()
        .unwrap();
    assert_eq!(
        house::error_of(&early)["code"],
        "invalid_value",
        "{early:?}"
    );
    let lines = house
        .device(&["scan", "--stdin", "--confirm"])
        .output()
        .unwrap();
    assert_eq!(lines.status.code(), Some(2), "{lines:?}");
    let (exit, lines) = house.scan(&[CY]);
    assert_eq!((exit, texts(&lines, "reason")), (11, vec!["instruction"]));
    assert_eq!(house.scan(&["--confirm", CY]).0, 0);
    let again = house
        .device(&["scan", "--offline", "--confirm", BO])
        .output()
        .unwrap();
    assert_eq!(
        house::error_of(&again)["code"],
        "invalid_value",
        "{again:?}"
    );
}

#[test]
fn whoever_is_let_in_with_a_code_of_no_list_is_nobody_who_was_awaited() {
    let (house, badge) = gate();
    let said = ["4006381333931", "!override guest", &badge, PIN];
    let (lines, failed) = answers(&typed(&house, &[], &said));
    assert_eq!(failed, [] as [&str; 0]);
    assert_eq!(lines[3]["reason"], "override", "{lines:?}");
    house.ok("--home till sync");
    let report = house.json("report fair/evening");
    assert_eq!(
        (&report["entries"], &report["arrived"]),
        (&1.into(), &0.into()),
        "{report}"
    );
}
