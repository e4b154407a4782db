//! Disks that are full, folders that cannot be written, stores that somebody else uses.

use super::book::Book;
use crate::house::{House, USHER, json_lines, texts};
use crate::{barcode, house};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use usher_core::store::Store;
use usher_domain::time::UnixMillis;

const TICKETS: u32 = 40;

/// The barcodes `from..` as a hand scanner types them.
fn typed(from: u32) -> String {
    (from..TICKETS)
        .map(|number| barcode(number) + "\n")
        .collect()
}

/// Types codes at a gate that `command` starts; its exit code and verdicts.
fn type_at(command: &mut Command, codes: &str) -> (Option<i32>, Vec<Value>) {
    let mut gate = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gate.stdin
        .take()
        .unwrap()
        .write_all(codes.as_bytes())
        .unwrap();
    let output = gate.wait_with_output().unwrap();
    let mut lines = json_lines(&output.stdout);
    lines.retain(|line| line.get("ready").is_none());
    (output.status.code(), lines)
}

/// A verdict of a device that could not decide: there is no record of it.
fn is_trouble(line: &Value) -> bool {
    line["outcome"] == "refer" && line["reason"] == "device_trouble" && line["record"].is_null()
}

/// `line` with no file growing beyond so many kilobytes: the system says so as it would of a full disk.
fn short_of_room(house: &House, kilobytes: u32, line: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f $0; exec \"$@\""])
        .arg(kilobytes.to_string())
        .args([USHER, "--json", "--home", "till"])
        .args(line)
        .current_dir(house.path());
    command
}

#[test]
fn a_gate_that_runs_out_of_room_refers_and_admits_nobody_without_a_record() {
    let house = house(TICKETS);
    let line = ["scan", "--stdin", "--offline"];
    let (exit, shown) = type_at(&mut short_of_room(&house, 160, &line), &typed(0));
    assert_eq!(exit, Some(11));
    assert_eq!(shown.len(), TICKETS as usize, "a verdict for each");
    let (written, troubled): (Vec<Value>, Vec<Value>) = shown
        .into_iter()
        .partition(|line| line["record"].is_string());
    assert!(
        !written.is_empty() && troubled.iter().all(is_trouble),
        "{troubled:?}"
    );
    assert!(troubled.len() > 5, "there was room for {}", written.len());
    assert!(written.iter().all(|line| line["outcome"] == "admit"));

    // With room again each gets what is due, and nothing is lost.
    let (exit, after) = type_at(&mut house.device(&line), &typed(0));
    assert_eq!(exit, Some(10));
    let admitted = after.iter().filter(|line| line["outcome"] == "admit");
    assert_eq!(admitted.count(), troubled.len());
    let book = Book::of(&house.till());
    book.holds(&written);
    book.holds(&after);
    book.admits_nobody_twice();
    assert_eq!(book.scans.len(), written.len() + after.len());
}

/// On a disk of its own: a scan, two with the disk full, one with room again. Needs a private mount.
const FULL_DISK: &str = r#"
    mount -t tmpfs -o size=4m none disk && cp -a till disk/ && echo mounted || exit 99
    "$0" --json --home disk/till scan --offline "$1"; echo "{\"exit\": $?}"
    head -c 8m /dev/zero > disk/filler 2> /dev/null
    "$0" --json --home disk/till scan --offline "$2"; echo "{\"exit\": $?}"
    printf '%s\n' "$1" "$2" | "$0" --json --home disk/till scan --offline --stdin; echo "{\"exit\": $?}"
    rm disk/filler
    "$0" --json --home disk/till scan --offline "$2"; echo "{\"exit\": $?}"
    rm -r till && cp -a disk/till .
"#;

#[test]
fn a_scan_on_a_full_disk_refers_and_works_again_once_there_is_room() {
    let house = house(TICKETS);
    fs::create_dir(house.path().join("disk")).unwrap();
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", FULL_DISK, USHER])
        .args([barcode(0), barcode(1)])
        .current_dir(house.path())
        .output();
    let Ok(output) = output else {
        return eprintln!("not tried on a full disk: there is no unshare here");
    };
    let Some(told) = output.stdout.strip_prefix(b"mounted\n") else {
        return eprintln!("not tried on a full disk: nothing may be mounted here");
    };
    let mut lines = json_lines(told);
    lines.retain(|line| line.get("ready").is_none());
    let exits: Vec<_> = lines
        .iter()
        .filter_map(|line| line["exit"].as_i64())
        .collect();
    assert_eq!(exits, [0, 11, 11, 0], "{lines:?}");
    lines.retain(|line| line.get("exit").is_none());
    assert_eq!(
        texts(&lines, "outcome"),
        ["admit", "refer", "refer", "refer", "admit"]
    );
    assert!(lines[1..4].iter().all(is_trouble), "{lines:?}");
    let said = texts(&lines[1..2], "message");
    assert_eq!(
        said,
        ["This device's disk is full (disk_full): use another one."]
    );
    let book = Book::of(&house.till());
    assert_eq!(book.scans.len(), 2);
    book.holds(&[lines.remove(0), lines.remove(3)]);
}

/// How to start a program that the permissions of files bind: as it is, or without root's way past them.
fn bound_by_permissions(house: &House) -> Option<&'static [&'static str]> {
    let bare: &[&[&str]] = &[
        &["env"],
        &["setpriv", "--bounding-set=-dac_override,-dac_read_search"],
    ];
    bare.iter().copied().find(|bare| {
        let mut probe = Command::new(bare[0]);
        probe.args(&bare[1..]).args(["test", "!", "-w", "till"]);
        let ended = probe.current_dir(house.path()).status();
        ended.is_ok_and(|status| status.success())
    })
}

/// Sets the permissions of what is in the device's folder, and of the folder.
fn permit(house: &House, files: u32, folder: u32) {
    for file in fs::read_dir(house.till()).unwrap() {
        fs::set_permissions(file.unwrap().path(), Permissions::from_mode(files)).unwrap();
    }
    fs::set_permissions(house.till(), Permissions::from_mode(folder)).unwrap();
}

#[test]
fn a_scan_in_a_folder_that_cannot_be_written_refers() {
    let house = house(TICKETS);
    permit(&house, 0o444, 0o555);
    let Some(bare) = bound_by_permissions(&house) else {
        permit(&house, 0o600, 0o700);
        return eprintln!("not tried in a read-only folder: root cannot give up its rights here");
    };
    let run = |line: &[&str]| {
        let mut command = Command::new(bare[0]);
        command.args(&bare[1..]).args([USHER, "--home", "till"]);
        command
            .args(line)
            .current_dir(house.path())
            .env_remove("USHER_HOME");
        command.output().unwrap()
    };
    let output = run(&["scan", "--offline", "--json", &barcode(0)]);
    let shown = json_lines(&output.stdout);
    let status = run(&["status"]);
    permit(&house, 0o444, 0o755);
    // The folder is open again; the store is not.
    let closed = run(&["scan", "--offline", "--json", &barcode(0)]);
    permit(&house, 0o600, 0o700);

    assert_eq!(output.status.code(), Some(11), "{output:?}");
    assert!(is_trouble(&shown[0]), "{shown:?}");
    let sentence = "This device's folder cannot be written (store_read_only): use another one.";
    assert_eq!(shown[0]["message"], sentence);
    assert_eq!(status.status.code(), Some(1));
    let said = String::from_utf8(status.stderr).unwrap();
    assert!(
        said.contains("the device folder cannot be written"),
        "{said}"
    );
    assert_eq!(closed.status.code(), Some(11), "{closed:?}");
    assert!(is_trouble(&json_lines(&closed.stdout)[0]), "{closed:?}");
    assert_eq!(house.scan(&[&barcode(0)]).0, 0);
    assert_eq!(Book::of(&house.till()).scans.len(), 1);
}

#[test]
fn a_gate_whose_store_is_in_use_refers_until_it_is_free() {
    let house = house(TICKETS);
    let (other, _) = Store::open(&house.till(), UnixMillis::new(0)).unwrap();
    assert_eq!(house.scan(&[&barcode(0)]).0, 11);
    let mut gate = house
        .device(&["scan", "--stdin", "--offline"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut codes = gate.stdin.take().unwrap();
    let mut screen = BufReader::new(gate.stdout.take().unwrap()).lines();
    let begun: Value = serde_json::from_str(&screen.next().unwrap().unwrap()).unwrap();
    assert_eq!(begun["ready"], false);
    assert_eq!(begun["trouble"]["code"], "store_in_use");
    let mut next = || -> Value { serde_json::from_str(&screen.next().unwrap().unwrap()).unwrap() };
    writeln!(codes, "{}", barcode(0)).unwrap();
    let troubled = next();
    assert!(is_trouble(&troubled), "{troubled}");
    let sentence =
        "Another program is using this device's folder (store_in_use): end it, or scan there.";
    assert_eq!(troubled["message"], sentence);
    drop(other);
    // By itself the gate says that it can decide now.
    assert_eq!(next()["session_changed"]["to"]["name"], "evening");
    writeln!(codes, "{}", barcode(0)).unwrap();
    assert_eq!(next()["outcome"], "admit");
    drop(codes);
    assert_eq!(gate.wait().unwrap().code(), Some(11));
}
