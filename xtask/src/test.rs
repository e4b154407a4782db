//! `cargo xtask test`: everything CI runs, from a bare machine to the last doc test.

use crate::check;
use crate::house::{House, run as run_command, succeeds};
use crate::needs;
use crate::steps::{self, Step};
use anyhow::Result;
use std::env;

/// The test runner, pinned: a new one comes by a commit, not by the day CI happens to run.
const NEXTEST: &str = "0.9.143";

const TOOLS: Step = Step {
    name: "tools",
    work: tools,
};
const TESTS: [Step; 3] = [
    Step {
        name: "tests",
        work: tests,
    },
    Step {
        name: "tests of webcams",
        work: tests_of_webcams,
    },
    Step {
        name: "doc tests",
        work: doc_tests,
    },
];

/// Installs what is missing, then runs the checks and all tests.
///
/// # Errors
/// [`needs::Missing`] if something must be installed by the machine's owner; otherwise the error of
/// the step that failed.
pub(crate) fn run(house: &House) -> Result<()> {
    needs::provide()?;
    let steps: Vec<Step> = [TOOLS]
        .into_iter()
        .chain(check::STEPS)
        .chain(TESTS)
        .collect();
    steps::run(house, &steps)
}

/// The parts of the toolchain that a minimal installation leaves out.
fn tools(house: &House) -> Result<()> {
    for (command, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !succeeds(&mut house.cargo([command, "--version"])) {
            let mut rustup = std::process::Command::new("rustup");
            run_command(rustup.args(["component", "add", component]))?;
        }
    }
    if !succeeds(&mut house.cargo(["nextest", "--version"])) {
        println!("cargo-nextest is missing: it is built once, which takes some minutes");
        // Without the default features it cannot update itself, and builds much faster.
        run_command(&mut house.cargo([
            "install",
            "--locked",
            "cargo-nextest",
            "--version",
            NEXTEST,
            "--no-default-features",
            "--features",
            "default-no-update",
        ]))?;
    }
    Ok(())
}

fn tests(house: &House) -> Result<()> {
    let profile = if env::var_os("CI").is_some() {
        "ci"
    } else {
        "default"
    };
    run_command(&mut house.cargo([
        "nextest",
        "run",
        "--locked",
        "--workspace",
        "--profile",
        profile,
    ]))
}

/// The part that is built on demand, where the machine can build it. No webcam is needed for it.
fn tests_of_webcams(house: &House) -> Result<()> {
    if !needs::has_libclang() {
        println!("left out: libclang is missing (apt-get install libclang-dev)");
        return Ok(());
    }
    let run = ["nextest", "run", "--locked", "--package", "usher-core"];
    let only = ["--features", "pictures,webcam", "--lib", "camera::webcam"];
    run_command(&mut house.cargo(run.iter().chain(&only)))
}

/// nextest does not run doc tests; cargo does.
fn doc_tests(house: &House) -> Result<()> {
    run_command(&mut house.cargo(["test", "--locked", "--workspace", "--doc"]))
}
