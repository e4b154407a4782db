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
    assert_eq!(texts(&lines, "record").len(), 1, "{lines:?}");
    let status = gate.ok("--home till status");
    let first: Vec<&str> = status.lines().take(2).collect();
    assert!(first[1].starts_with("REVOKED"), "{status}");
    let again = gate.error("--home till sync");
    let message = again["message"].as_str().unwrap();
    assert!(message.contains("1 of its scans"), "{message}");
    // What it recorded is handed over also after it became another device.
    assert_eq!(gate.scan(&["HX4M9B7RT2KC"]).0, 11);
    gate.ok("enrollment create --gate north --text-out again.code");
    gate.ok("--home till enroll --name till-2 --file again.code");
    assert_eq!(gate.json("--home till sync")["sent"], 1);
    assert_eq!(gate.json("--home till status")["unsent"], 0);
    assert_eq!(gate.scan(&["V6N2D8LPY3GQ"]).0, 0);
    let status = gate.json("--home till status");
    assert!(status["revoked_since"].is_null());
    assert!(status["notices"].as_array().unwrap().is_empty(), "{status}");
}
