//! Devices in trouble: revoked, damaged, used twice at once, never enrolled. What people then see.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::{House, texts};

fn gate() -> House {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\nV6N2D8LPY3GQ,Bo,Regular\n\
                HX4M9B7RT2KC,Cy,Regular\n";
    House::with_device(&[("tickets.csv", list.to_owned())])
}

#[test]
fn a_device_that_knows_of_its_revocation_refers_until_it_is_enrolled_anew() {
    let gate = gate();
    assert_eq!(gate.scan(&["QF3K7T2ZC5W8"]).0, 0);
    gate.ok("device revoke till");
    let said = gate.error("--home till sync");
    assert_eq!(said["code"], "device_revoked");
    let message = said["message"].as_str().unwrap();
    assert!(
        message.contains("1 of its scans were handed over"),
        "{message}"
    );
    let (exit, lines) = gate.scan(&["V6N2D8LPY3GQ"]);
    assert_eq!(
        (exit, texts(&lines, "reason")),
        (11, vec!["device_revoked"])
    );
    // It holds no session any more whose scans it could record.
    assert_eq!(texts(&lines, "record"), Vec::<&str>::new(), "{lines:?}");
    // By the clock of the venue, which it still knows.
    let told = gate.json("--home till status")["revoked_since"].as_i64();
    let told = jiff::Timestamp::from_millisecond(told.unwrap()).unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let hour = told.to_zoned(zone).strftime("(told %H:%M").to_string();
    let message = lines[0]["message"].as_str().unwrap();
    assert!(message.contains(&hour), "{hour}: {message}");
    let status = gate.ok("--home till status");
    assert!(!status.contains("UTC"), "{status}");
    let first: Vec<&str> = status.lines().take(2).collect();
    assert!(first[1].starts_with("REVOKED"), "{status}");
    assert_eq!(gate.scan(&["HX4M9B7RT2KC"]).0, 11);
    gate.ok("enrollment create --gate north --text-out again.code");
    gate.ok("--home till enroll --yes --name till-2 --file again.code");
    gate.ok("--home till sync");
    assert_eq!(gate.json("--home till status")["unsent"], 0);
    assert_eq!(gate.scan(&["V6N2D8LPY3GQ"]).0, 0);
    let status = gate.json("--home till status");
    assert!(status["revoked_since"].is_null());
    assert!(status["notices"].as_array().unwrap().is_empty(), "{status}");
}

#[test]
fn what_a_device_recorded_is_handed_over_also_after_it_became_another_one() {
    let gate = gate();
    assert_eq!(gate.scan(&["QF3K7T2ZC5W8"]).0, 0);
    gate.ok("device revoke till");
    // It never heard of that, and is enrolled anew.
    gate.ok("enrollment create --gate north --text-out again.code");
    gate.ok("--home till enroll --yes --name till-2 --file again.code");
    assert_eq!(gate.json("--home till sync")["sent"], 1);
    assert_eq!(gate.json("--home till status")["unsent"], 0);
}

/// Damages every leaf of an index or of a table without row ids (page type 10 of the `SQLite` file format),
/// which is how ticket sets are kept.
fn damage(gate: &House) {
    let path = gate.till().join("usher.db");
    let mut bytes = std::fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).filter(|page| page[0] == 10) {
        page[..64].fill(0xa5);
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_store_is_told_and_repaired_and_the_gate_goes_on() {
    let gate = gate();
    assert_eq!(gate.scan(&["QF3K7T2ZC5W8"]).0, 0);
    gate.ok("--home till sync");
    damage(&gate);
    let (exit, lines) = gate.scan(&["V6N2D8LPY3GQ"]);
    assert_eq!(exit, 11, "{lines:?}");
    let status = gate.run("--home till status");
    let said = String::from_utf8([status.stdout, status.stderr].concat()).unwrap();
    assert!(said.contains("run usher doctor repair"), "{said}");
    let repaired = gate.json("--home till doctor repair");
    let rescue = &repaired["rescue"];
    assert_eq!(rescue["identity"], true, "{repaired}");
    let file = rescue["file"].as_str().unwrap();
    assert!(gate.till().join(file).exists());
    assert!(repaired["sync_needed"].is_null(), "{repaired}");
    let (exit, lines) = gate.scan(&["V6N2D8LPY3GQ"]);
    assert_eq!(exit, 0, "{lines:?}");
    // The server had the first scan, and gives it back.
    assert_eq!(gate.scan(&["QF3K7T2ZC5W8"]).0, 10);
}

#[test]
fn a_store_cut_short_is_no_lost_enrollment_and_no_good_audit() {
    let gate = gate();
    assert_eq!(gate.scan(&["QF3K7T2ZC5W8"]).0, 0);
    let path = gate.till().join("usher.db");
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(20_000).unwrap();
    drop(file);
    let (exit, lines) = gate.scan(&["V6N2D8LPY3GQ"]);
    assert_eq!(exit, 11, "{lines:?}");
    let message = lines[0]["message"].as_str().unwrap();
    assert!(!message.contains("not enrolled"), "{message}");
    let status = gate.ok("--home till status");
    assert!(status.starts_with("Device till"), "{status}");
    assert!(status.contains("set aside as"), "{status}");
    let audit = gate.run("--home till audit --offline");
    let said = String::from_utf8(audit.stdout).unwrap();
    assert_eq!(audit.status.code(), Some(1), "{said}");
    assert!(!said.contains("All is well"), "{said}");
    let told = gate.run("--home till sync");
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(said.contains("set aside as"), "{said}");
    gate.ok("--home till status --heard");
    gate.ok("--home till audit");
    assert_eq!(gate.scan(&["V6N2D8LPY3GQ"]).0, 0);
}

#[test]
fn commands_on_one_folder_wait_for_each_other() {
    let gate = gate();
    let scanning: Vec<_> = (0..6)
        .map(|_| {
            gate.device(&["scan", "--offline", "QF3K7T2ZC5W8"])
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut exits: Vec<i32> = scanning
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().status.code().unwrap())
        .collect();
    exits.sort_unstable();
    assert_eq!(exits, [0, 10, 10, 10, 10, 10]);
}

#[test]
fn a_gate_with_two_open_sessions_says_which_it_serves_and_how_to_choose() {
    let gate = gate();
    gate.ok("event create gala --time-zone Europe/Berlin");
    gate.ok("session create gala/evening --doors now --ends +6h");
    let list = "barcode,name,type\nZZ3K7T2ZC5W1,Di,Regular\nZZ3K7T2ZC5W2,Ed,Regular\n\
                ZZ3K7T2ZC5W3,Flo,Regular\nZZ3K7T2ZC5W4,Gil,Regular\nZZ3K7T2ZC5W5,Hal,Regular\n";
    std::fs::write(gate.path().join("gala.csv"), list).unwrap();
    gate.ok("import gala gala.csv");
    let mut status = gate.json("--home till status");
    for _ in 0..1_000 {
        gate.ok("--home till sync");
        status = gate.json("--home till status");
        let tables = status["tables"].as_array().unwrap();
        if tables
            .iter()
            .any(|table| table["session"]["event"] == "gala" && table["rows"] == 5)
        {
            break;
        }
    }
    // The doors of the later one opened last, so the timetable serves it.
    assert_eq!(status["serving"]["event"], "gala", "{status}");
    assert_eq!(status["also_open"][0]["event"], "fair", "{status}");
    let fair = status["also_open"][0]["id"].as_str().unwrap().to_owned();
    let said = gate.ok("--home till status");
    assert!(
        said.contains("serves evening, gala, not evening, fair"),
        "{said}"
    );
    assert!(said.contains("table evening, gala: 5 rows"), "{said}");
    let told = gate.run("--home till sync");
    let said = String::from_utf8(told.stderr).unwrap();
    assert!(said.contains("usher scan --session"), "{said}");
    let (exit, lines) = gate.scan(&["QF3K7T2ZC5W8"]);
    assert_eq!((exit, texts(&lines, "reason")), (10, vec!["wrong_event"]));
    assert_eq!(lines[0]["open_too"]["id"], fair.as_str(), "{lines:?}");
    let ready = |line: &[&str]| {
        let output = gate
            .device(&["scan", "--stdin", "--offline"])
            .args(line)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        house::json_lines(&output.stdout).remove(0)
    };
    assert_eq!(ready(&[])["also_open"][0]["event"], "fair");
    let chosen = ready(&["--session", &fair]);
    assert_eq!(chosen["session"]["event"], "fair");
    assert_eq!(chosen["also_open"].as_array().unwrap().len(), 0);
    let (exit, _) = gate.scan(&["--session", &fair, "QF3K7T2ZC5W8"]);
    assert_eq!(exit, 0);
}
