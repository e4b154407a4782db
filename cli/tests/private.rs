//! Files that hold keys, tokens, codes or names: only their owner may read them, whatever the rights of the
//! folder that they lie in.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

mod house;

use house::House;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// What this test and its house wrote themselves.
const OURS: [&str; 4] = ["pass", "tickets.csv", "staff.csv", "server.toml"];

/// Files in a folder and below it that others may do something with.
fn open_files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() {
            open_files(&path, found);
        } else if path.metadata().unwrap().permissions().mode() & 0o077 != 0
            && !OURS.contains(&name.as_str())
        {
            found.push(path.display().to_string());
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_file_that_a_command_writes_is_its_owners_alone() {
    let list = "barcode,name,type\nQF3K7T2ZC5W8,Ada,Regular\n";
    let house = House::with_device(&[("tickets.csv", list.to_owned())]);
    let path = house.path();
    set_mode(path, 0o755);
    for folder in ["desk", "badges"] {
        fs::create_dir(path.join(folder)).unwrap();
        set_mode(&path.join(folder), 0o755);
    }
    fs::write(path.join("staff.csv"), "name,role\nKim,supervisor\n").unwrap();
    house.ok("token create shop --role viewer --out shop.token");
    house.ok("staff add Sam --role box_office --out sam.png");
    house.ok("staff import staff.csv --out badges");
    house.ok("enrollment create --role desk --text-out desk.code --out desk.png");
    house.ok("--home desk enroll --name desk --file desk.code");
    house.ok("--home desk sync");
    house.ok("ticket qr fair/QF3K7T2ZC5W8 --out ticket.png");
    house.scan(&["QF3K7T2ZC5W8"]);
    house.ok("--home till sync");
    fs::write(path.join("came.csv"), "from before").unwrap();
    set_mode(&path.join("came.csv"), 0o644);
    house.ok("report fair/evening --attendance came.csv");
    house.ok("report fair/evening --csv scans.csv");
    house.ok("backup copy");
    house.ok("restore copy --data other");
    let mut found = Vec::new();
    open_files(path, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_device_and_a_profile_that_others_could_read_are_made_private_and_it_is_said() {
    let house = House::with_organizer();
    house.ok("event create fair --time-zone Europe/Berlin");
    house.ok("gate create north");
    house.ok("enrollment create --gate north --text-out north.code");
    house.ok("--home till enroll --name till --file north.code");
    let database = house.till().join("usher.db");
    let profile = house.path().join("usher-data/client.toml");
    for file in [&database, &profile] {
        set_mode(file, 0o644);
    }
    set_mode(&house.till(), 0o777);
    let told = house.json("--home till status");
    let codes: Vec<&str> = told["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|notice| notice["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["files_were_readable", "folder_writable"]);
    let listed = house.run("device list");
    let said = String::from_utf8(listed.stderr).unwrap();
    assert!(
        said.contains("client.toml holds tokens. Other users"),
        "{said}"
    );
    for file in [&database, &profile] {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    assert!(house.run("device list").stderr.is_empty());
}
