//! A server that is lost and comes back from a backup, as real processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this file is tests"
)]

mod house;

use house::{USHER, error_of, run};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a server, a process of its own that can be killed, and devices.
struct Venue {
    folder: TempDir,
    server: Option<Child>,
    address: String,
}

impl Venue {
    /// A server with event `fair`, its session `evening` and `tickets` tickets with barcodes.
    fn open(tickets: u32) -> Self {
        let mut venue = Self {
            folder: tempfile::tempdir().unwrap(),
            server: None,
            address: String::new(),
        };
        let line = ["init", "--transport", "plain", "--listen", "127.0.0.1:0"];
        assert!(run(venue.path(), &line).status.success());
        fs::write(venue.path().join("pass"), "correct horse battery\n").unwrap();
        let mut list = "barcode,name,type\n".to_owned();
        for number in 0..tickets {
            writeln!(list, "{},Guest {number},Regular", barcode(number)).unwrap();
        }
        fs::write(venue.path().join("tickets.csv"), list).unwrap();
        venue.serve();
        venue.ok("organizer create house --passphrase-file pass");
        venue.ok("event create fair --time-zone Europe/Berlin");
        venue.ok("session create fair/evening --doors now --ends +6h");
        venue.ok("gate create north");
        venue.ok("import fair tickets.csv");
        venue
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("usher-data")
    }

    /// Starts the server, at the port it had before.
    fn serve(&mut self) {
        let port = self
            .address
            .strip_prefix("http://")
            .unwrap_or("127.0.0.1:0");
        let mut server = Command::new(USHER)
            .args(["--json", "serve", "--listen", port])
            .current_dir(self.folder.path())
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        self.address = line["public_url"].as_str().unwrap().to_owned();
        self.server = Some(server);
    }

    /// Kills it as a power failure does.
    fn kill(&mut self) {
        let mut server = self.server.take().unwrap();
        server.kill().unwrap();
        server.wait().unwrap();
    }

    fn run(&self, line: &str) -> Output {
        let all: Vec<&str> = ["--json", "--server", &self.address]
            .into_iter()
            .chain(line.split(' '))
            .collect();
        run(self.path(), &all)
    }

    fn ok(&self, line: &str) -> Value {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        house::json_lines(&output.stdout).pop().unwrap_or_default()
    }

    fn error(&self, line: &str) -> (String, String) {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let error = error_of(&output);
        let text = |field: &str| error[field].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    fn enroll(&self, name: &str) {
        self.ok(&format!(
            "enrollment create --gate north --text-out {name}.code"
        ));
        self.ok(&format!(
            "--home {name} enroll --name {name} --file {name}.code"
        ));
    }

    /// Syncs a device until its ticket set says what is expected.
    fn sync_until(&self, name: &str, is_there: impl Fn(&Value) -> bool) {
        for _ in 0..1_000 {
            self.ok(&format!("--home {name} sync"));
            if is_there(&self.ok(&format!("--home {name} status"))) {
                return;
            }
        }
        panic!("{name} does not get there");
    }

    fn scan(&self, name: &str, number: u32, rest: &str) -> (i32, Value) {
        let line = format!("--home {name} scan {}{rest}", barcode(number));
        let output = self.run(&line);
        let said = house::json_lines(&output.stdout).pop().unwrap();
        (output.status.code().unwrap(), said)
    }

    /// Names in the venue's folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _gone = server.kill();
            let _reaped = server.wait();
        }
    }
}

fn barcode(number: u32) -> String {
    format!("B{:09}Z", number * 7_919)
}

fn rows(status: &Value) -> u64 {
    let tables = status["tables"].as_array().unwrap().iter();
    tables
        .filter(|table| !table["session"].is_null())
        .filter_map(|table| table["rows"].as_u64())
        .max()
        .unwrap_or(0)
}

/// The version of the ticket set that a device holds.
fn set_version(status: &Value) -> String {
    let tables = status["tables"].as_array().unwrap();
    let set = tables.iter().find(|table| !table["session"].is_null());
    set.unwrap()["version"].as_str().unwrap().to_owned()
}

#[test]
fn what_was_scanned_and_cancelled_after_the_backup_is_back_after_a_restore() {
    let mut venue = Venue::open(20);
    venue.enroll("till");
    venue.enroll("door");
    for name in ["till", "door"] {
        venue.sync_until(name, |status| rows(status) == 20);
    }
    assert_eq!(venue.scan("till", 1, "").0, 0);
    venue.ok("--home till sync");

    let backup = venue.ok("backup copy");
    assert_eq!(backup["epoch"], 1);
    assert_eq!(backup["tickets"], 20);
    assert_eq!(backup["devices"], 2);
    assert!(backup["bytes"].as_u64().unwrap() > 10_000);

    assert_eq!(venue.scan("till", 2, "").0, 0);
    assert_eq!(venue.scan("till", 3, " --offline").0, 0);
    let tickets = venue.ok("ticket list fair/evening");
    let cancelled = tickets["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|ticket| ticket["holder"] == "Guest 4")
        .unwrap_or_else(|| panic!("{tickets}"))["id"]
        .clone();
    let cancelled = format!("fair/{}", cancelled.as_str().unwrap());
    let sold = set_version(&venue.ok("--home door status"));
    venue.ok(&format!("ticket cancel {cancelled} --reason refunded"));
    venue.sync_until("door", |status| set_version(status) != sold);
    venue.ok("--home till sync");
    let before = venue.run("report fair/evening --csv -").stdout;

    let (code, message) = venue.error("restore copy");
    assert_eq!(code, "server_running", "{message}");
    venue.kill();
    let restored = venue.ok("restore copy");
    assert_eq!(restored["epoch"], 2);
    assert_eq!(restored["holds"]["tickets"], 20);
    let held = restored["held"]["records"].as_u64().unwrap();
    assert!(restored["holds"]["records"].as_u64().unwrap() < held);
    assert!(restored["next"].to_string().contains("usher readiness"));
    venue.serve();

    let forgotten = venue.ok(&format!("ticket show {cancelled}"));
    assert_eq!(forgotten["state"], "valid", "{forgotten}");
    venue.ok("--home door sync");
    venue.ok("--home till sync");
    let known = venue.ok(&format!("ticket show {cancelled}"));
    assert_ne!(known["state"], "valid", "{known}");
    let after = venue.run("report fair/evening --csv -").stdout;
    let lines = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&after), lines(&before));
    assert_eq!(venue.scan("door", 2, "").0, 10, "inside already");
    assert_eq!(venue.scan("door", 4, "").0, 10, "cancelled");
    assert_eq!(venue.scan("door", 5, "").0, 0);
    let incidents = venue.ok("incident list");
    assert_eq!(
        incidents["items"].as_array().unwrap().len(),
        0,
        "{incidents}"
    );
}

#[test]
fn a_server_whose_files_were_put_back_by_hand_is_told_by_its_devices_and_by_in_place() {
    let mut venue = Venue::open(5);
    venue.enroll("till");
    venue.sync_until("till", |status| rows(status) == 5);
    venue.kill();
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    };
    copy(&venue.data(), &venue.path().join("snapshot"));
    venue.serve();
    assert_eq!(venue.scan("till", 1, " --offline").0, 0);
    venue.ok("--home till sync");
    venue.kill();
    fs::remove_dir_all(venue.data()).unwrap();
    copy(&venue.path().join("snapshot"), &venue.data());
    venue.serve();
    let _told_that_it_is_behind = venue.run("--home till sync");
    let incidents = venue.ok("incident list");
    let behind = incidents["items"].as_array().unwrap();
    let behind = behind.iter().find(|one| one["kind"] == "server_behind");
    let detail = behind.unwrap_or_else(|| panic!("{incidents}"))["detail"].to_string();
    assert!(detail.contains("usher restore --in-place"), "{detail}");
    let (code, _) = venue.error("restore --in-place");
    assert_eq!(code, "server_running");
    venue.kill();
    assert_eq!(venue.ok("restore --in-place")["epoch"], 2);
    venue.serve();
    venue.ok("--home till sync");
    let scans = venue.run("report fair/evening --csv -").stdout;
    assert_eq!(String::from_utf8(scans).unwrap().lines().count(), 2);
}

#[test]
fn a_restore_killed_at_any_moment_is_completed_by_the_next() {
    let mut venue = Venue::open(2_000);
    venue.ok("backup copy");
    venue.kill();
    let mut random = fastrand::Rng::with_seed(11);
    for round in 2..12 {
        let mut restoring = Command::new(USHER)
            .args(["--json", "restore", "copy"])
            .current_dir(venue.path())
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..random.u32(..60_000) {
            std::thread::yield_now();
        }
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        let restored = venue.ok("restore copy");
        let epoch = restored["epoch"].as_u64().unwrap();
        assert!(epoch >= round, "{restored}");
        assert_eq!(venue.error("restore nowhere").0, "no_backup_here");
        venue.serve();
        let shown = venue.ok("ticket list fair/evening");
        assert!(!shown["items"].as_array().unwrap().is_empty());
        venue.kill();
    }
    let data: Vec<_> = fs::read_dir(venue.data()).unwrap().collect();
    let names = data.into_iter().map(|entry| entry.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().starts_with("restore."));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_backup_killed_at_any_moment_leaves_a_whole_one_or_none() {
    let venue = Venue::open(2_000);
    let mut random = fastrand::Rng::with_seed(12);
    let mut whole = 0;
    for round in 0..12 {
        let name = format!("copy-{round}");
        let mut backing_up = Command::new(USHER)
            .args(["backup", &name])
            .current_dir(venue.path())
            .env_clear()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..random.u32(..60_000) {
            std::thread::yield_now();
        }
        backing_up.kill().unwrap();
        backing_up.wait().unwrap();
        if venue.path().join(&name).exists() {
            whole += 1;
        } else {
            venue.ok(&format!("backup {name}"));
        }
        let restored = venue.ok(&format!("restore {name} --data fresh-{round}"));
        assert_eq!(restored["holds"]["tickets"], 2_000);
    }
    let left = venue.names();
    let left = left.iter().filter(|name| name.ends_with(".unfinished"));
    assert_eq!(left.count(), 0, "{whole} were whole");
}

#[cfg(unix)]
#[test]
fn a_backup_without_room_or_rights_says_so_and_leaves_nothing() {
    let venue = Venue::open(500);
    let before = venue.names();
    // No file grows beyond so many kilobytes: the system says so as it would of a full disk.
    let output = Command::new("bash")
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 100; exec \"$@\"",
            "bash",
            USHER,
        ])
        .args(["--json", "backup", "copy"])
        .current_dir(venue.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = error_of(&output);
    assert_eq!(error["code"], "file_not_written", "{error}");
    assert!(error["message"].to_string().contains("full"), "{error}");
    assert_eq!(venue.names(), before);
    // Where nobody may write, whoever he is.
    for place in ["/proc/copy", "pass/copy"] {
        let (code, message) = venue.error(&format!("backup {place}"));
        assert_eq!(code, "file_not_written", "{message}");
        assert!(message.contains("cannot be written"), "{message}");
    }
    assert_eq!(venue.names(), before);
    venue.ok("backup copy");
    assert_eq!(venue.error("backup copy").0, "file_exists");
    assert_eq!(
        venue.error("backup other --data nowhere").0,
        "no_server_here"
    );
}

#[test]
fn a_backup_is_not_served_and_stays_one() {
    let mut venue = Venue::open(5);
    venue.ok("backup copy");
    venue.kill();
    let (code, message) = venue.error("serve --data copy --listen 127.0.0.1:0");
    assert_eq!(code, "is_backup", "{message}");
    assert!(message.contains("usher restore"), "{message}");
    venue.ok("restore copy --data other");
}

#[test]
fn a_damaged_backup_is_refused_with_its_reason() {
    let mut venue = Venue::open(5);
    venue.ok("backup copy");
    venue.kill();
    let file = venue.path().join("copy/usher.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[6_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let (code, message) = venue.error("restore copy");
    assert_eq!(code, "backup_damaged");
    let reason = "usher.db has another content than it was written with";
    assert!(message.contains(reason), "{message}");
    venue.serve();
    venue.ok("event show fair");
}

#[test]
fn an_organizer_whose_tokens_are_lost_gets_one_after_a_restore_on_another_machine() {
    let mut venue = Venue::open(5);
    venue.ok("backup copy");
    venue.kill();
    let stolen = fs::read_to_string(venue.data().join("admin-token")).unwrap();
    fs::write(venue.path().join("stolen"), stolen).unwrap();
    fs::remove_dir_all(venue.data()).unwrap();
    venue.ok("restore copy");
    venue.serve();
    let create = "organizer create house --passphrase-file pass";
    let (code, _) = venue.error(&format!("--token-file stolen {create}"));
    assert_eq!(code, "unauthenticated");
    venue.ok(create);
    venue.ok("event show fair");
}

#[test]
fn a_person_is_told_what_a_backup_is_worth_and_what_to_do_after_a_restore() {
    let mut venue = Venue::open(5);
    let output = run(venue.path(), &["backup", "copy"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("1 organizer, 1 session, 5 tickets"), "{said}");
    for file in ["admin-token", "client.toml"] {
        assert!(!venue.path().join("copy").join(file).exists(), "{file}");
    }
    let noted = String::from_utf8(output.stderr).unwrap();
    assert!(noted.contains("keys that sign tickets"), "{noted}");
    assert!(noted.contains("usher restore copy"), "{noted}");
    venue.kill();
    let output = run(venue.path(), &["restore", "copy"]);
    let said = String::from_utf8(output.stdout).unwrap();
    for word in [
        "1. Start the server: usher serve --data usher-data",
        "Keep every device online",
        "usher incident list",
        "usher session orders",
        "usher organizer renew",
        "before-restore-",
        "usher token list",
        "Enrollment codes of before",
        "usher-data/admin-token",
    ] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
