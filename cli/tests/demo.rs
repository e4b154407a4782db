//! The demo as a process: the story, its table, and what it leaves behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn demo(folder: &Path, line: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .arg("demo")
        .args(line)
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder)
        // The caller's own house is none of the demo's.
        .env("USHER_DATA", "/nowhere")
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What was shown where and what the gate said, without ids and times. Whom the other gate let in a moment ago
/// is inside or still on the way, as fast as its record reached the server.
fn scans(lines: &[Value]) -> Vec<[Value; 4]> {
    let parts = ["gate", "shown", "outcome", "reason"];
    lines
        .iter()
        .filter(|line| line.get("gate").is_some())
        .map(|line| parts.map(|part| line[part].clone()))
        .map(|[gate, shown, outcome, reason]| match reason.as_str() {
            Some("being_admitted") => [gate, shown, outcome, "already_inside".into()],
            _ => [gate, shown, outcome, reason],
        })
        .collect()
}

#[test]
fn every_expectation_holds_for_any_seed_and_nothing_stays_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut stories = Vec::new();
    for seed in ["1", "2"] {
        let line = ["--tickets", "200", "--seed", seed, "--json"];
        let output = demo(folder.path(), &line);
        let lines = lines(&output);
        let last = lines.last().unwrap();
        assert_eq!(last["ok"], true, "{last:#}");
        assert_eq!(output.status.code(), Some(0));
        let expectations = last["expectations"].as_array().unwrap();
        assert!(expectations.len() > 30);
        for one in expectations {
            assert_eq!(one["ok"], true);
            assert!(!one["name"].as_str().unwrap().is_empty());
            assert!(!one["seen"].as_str().unwrap().is_empty());
        }
        stories.push(scans(&lines));
    }
    assert_eq!(stories[0], stories[1]);
    assert!(stories[0].len() > 30);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_kept_folder_can_be_looked_into_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["--tickets", "100", "--keep", "kept"];
    let output = demo(folder.path(), &line);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("The south gate loses power"));
    assert!(told.contains("REFUSE  north: signed by a stranger. Forged"));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("usher status --home")
    );

    let status = Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(["status", "--json", "--home", "kept/south"])
        .current_dir(folder.path())
        .env_clear()
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(
        (&status["device"]["name"], &status["unsent"]),
        (&"south-1".into(), &0.into())
    );

    let again = demo(folder.path(), &["--keep", "kept", "--json"]);
    assert_eq!(again.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&again.stderr).unwrap();
    assert_eq!(error["error"]["code"], "file_exists");
}
