//! The built binary: exit codes, and what is printed where.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "all of this file is tests"
)]

use std::path::Path;
use std::process::{Command, Output};

fn usher(folder: &Path, line: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher"))
        .args(line)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn error_code(output: &Output) -> String {
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    line["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn wrong_usage_exits_2() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        &["dance"][..],
        &["scan"],
        &["scan", "CODE", "--stdin"],
        &["session", "show", "x"],
    ] {
        let output = usher(folder.path(), line);
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn wrong_usage_is_an_object_too_where_json_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        &["--json", "dance"][..],
        &["--json", "event"],
        &["ticket", "create", "fair", "--json"],
        &[
            "--json", "session", "create", "x/y", "--doors", "tomorrow", "--ends", "+1h",
        ],
    ] {
        let output = usher(folder.path(), line);
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert_eq!(error_code(&output), "wrong_usage", "{line:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn help_and_version_exit_0() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        &["--help"][..],
        &["--version"],
        &["ticket", "--help"],
        &["completions", "bash"],
    ] {
        let output = usher(folder.path(), line);
        assert_eq!(output.status.code(), Some(0), "{line:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn an_error_for_people_goes_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = usher(folder.path(), &["event", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(
        text(&output.stderr).starts_with("error: no token"),
        "{output:?}"
    );
}

#[test]
fn an_error_for_programs_is_one_object_with_a_stable_code_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let output = usher(folder.path(), &["event", "list", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(error_code(&output), "missing_value");
    assert!(output.stdout.is_empty());
    assert_eq!(text(&output.stderr).lines().count(), 1);
}

#[test]
fn serving_a_folder_without_a_server_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let output = usher(
        folder.path(),
        &["serve", "--json", "--listen", "127.0.0.1:0"],
    );
    assert_eq!(error_code(&output), "no_server_here");
    assert!(text(&output.stderr).contains("usher init"));
}

#[test]
fn preparing_a_server_writes_a_profile_and_never_a_second_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = usher(
        folder.path(),
        &["init", "--listen", "127.0.0.1:9999", "--json"],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(made["server"], "https://127.0.0.1:9999");
    let profile = folder.path().join("usher-data/client.toml");
    let written = std::fs::read_to_string(&profile).unwrap();
    let again = usher(folder.path(), &["init", "--json"]);
    assert_eq!(error_code(&again), "server_exists");
    assert_eq!(std::fs::read_to_string(&profile).unwrap(), written);
}

#[test]
fn a_server_that_is_not_there_is_said_with_a_correlation_id() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "id.secret\n").unwrap();
    // Nothing listens on port 1 of the loopback.
    let line = [
        "event",
        "list",
        "--json",
        "--server",
        "http://127.0.0.1:1",
        "--token-file",
        "token",
    ];
    let output = usher(folder.path(), &line);
    assert_eq!(error_code(&output), "unreachable");
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(line["error"]["correlation"].as_str().unwrap().len(), 26);
    assert!(!text(&output.stderr).contains("secret"));
}

#[test]
fn a_device_command_without_a_device_says_so_and_makes_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = usher(folder.path(), &["scan", "CODE", "--json"]);
    assert_eq!(error_code(&output), "missing_value");
    let line = ["scan", "CODE", "--json", "--home", "till"];
    assert_eq!(error_code(&usher(folder.path(), &line)), "no_device_here");
    assert!(!folder.path().join("till").exists());
}

#[test]
fn a_device_command_in_a_folder_that_is_not_enrolled_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("till")).unwrap();
    for line in [
        &["scan", "CODE"][..],
        &["scan", "--stdin"],
        &["undo", "00"],
        &["sync"],
        &["search", "Ada"],
        &["audit"],
        &["doctor", "compare"],
        &["sign-out"],
    ] {
        let mut line = line.to_vec();
        line.extend(["--home", "till"]);
        let output = usher(folder.path(), &line);
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let said = text(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("usher --home till enroll CODE"), "{said}");
        line.push("--json");
        assert_eq!(error_code(&usher(folder.path(), &line)), "not_enrolled");
    }
    let status = usher(folder.path(), &["status", "--home", "till"]);
    assert!(text(&status.stdout).starts_with("Not enrolled yet"));
}
