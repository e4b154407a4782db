//! The README's way from nothing to the first admitted ticket, as it is written, in an empty folder.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails at once, and says where"
)]

use std::path::Path;
use std::process::Command;

const SECTION: &str = "## From nothing to the first admitted ticket";

/// The commands of the section, block after block.
fn commands(readme: &str) -> String {
    let section = readme.split(SECTION).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_readmes_commands_lead_from_nothing_to_an_admitted_ticket() {
    let program = Path::new(env!("CARGO_BIN_EXE_usher"));
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let script = commands(&std::fs::read_to_string(readme).unwrap());
    assert!(script.contains("usher init"), "no commands in the README");

    let folder = tempfile::tempdir().unwrap();
    let path = std::env::join_paths(
        [program.parent().unwrap().to_path_buf()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let output = Command::new("bash")
        // Whatever goes wrong, no server stays behind.
        .args([
            "-euc",
            &format!("trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n{script}"),
        ])
        .current_dir(folder.path())
        .env("PATH", path)
        .env_remove("USHER_HOME")
        .env_remove("USHER_PROFILE")
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    let verdicts: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| ["ADMIT", "REFUSE", "REFER"].contains(word))
        .collect();
    assert_eq!(verdicts, ["ADMIT", "ADMIT", "REFUSE", "REFUSE"], "{said}");
}
