//! `cargo xtask check`: what can be said about the code without running it.

use crate::house::{House, run as run_command};
use crate::needs::has_libclang;
use crate::rules;
use crate::steps::{self, Step};
use anyhow::Result;

/// From the cheapest to the dearest, so that a slip shows early.
pub(crate) const STEPS: [Step; 7] = [
    Step {
        name: "format",
        work: format,
    },
    Step {
        name: "rules of the house",
        work: rules::house,
    },
    Step {
        name: "supply chain",
        work: rules::supply::check,
    },
    Step {
        name: "lints",
        work: lints,
    },
    Step {
        name: "lints with webcams",
        work: lints_with_webcams,
    },
    Step {
        name: "fuzz targets",
        work: fuzz_targets,
    },
    Step {
        name: "docs",
        work: docs,
    },
];

/// Runs the checks.
pub(crate) fn run(house: &House) -> Result<()> {
    steps::run(house, &STEPS)
}

fn format(house: &House) -> Result<()> {
    run_command(&mut house.cargo(["fmt", "--all", "--check"]))
}

/// Features that nothing is built with but a benchmark, so that what they add is looked at too.
const MEASURING: &str = "usher-tests/baseline";

fn lints(house: &House) -> Result<()> {
    clippy(house, &["--features", MEASURING])
}

/// The part that is built on demand, where the machine can build it.
fn lints_with_webcams(house: &House) -> Result<()> {
    if !has_libclang() {
        println!("left out: libclang is missing (apt-get install libclang-dev)");
        return Ok(());
    }
    clippy(house, &["--features", "usher-cli/webcam"])
}

fn clippy(house: &House, features: &[&str]) -> Result<()> {
    let all = ["clippy", "--locked", "--workspace", "--all-targets"];
    let strict = ["--", "-D", "warnings"];
    let words = all.iter().chain(features).chain(&strict);
    run_command(&mut house.cargo(words))
}

/// That the targets still fit what they look at; those of the server and the core are left out, for they
/// would build both a second time. Nothing is linked, so the fuzzer itself need not be compiled.
fn fuzz_targets(house: &House) -> Result<()> {
    let mut check = house.cargo(["check", "--manifest-path", "fuzz/Cargo.toml"]);
    check.args(["--target-dir", "target/fuzz"]);
    run_command(check.env("CUSTOM_LIBFUZZER_PATH", "/not/linked/libfuzzer.a"))
}

fn docs(house: &House) -> Result<()> {
    let doc = ["doc", "--locked", "--workspace", "--no-deps"];
    // The pages are read in the source as often as in a browser: a link to a private item serves there.
    let flags = "-D warnings -A rustdoc::private_intra_doc_links";
    run_command(house.cargo(doc).env("RUSTDOCFLAGS", flags))
}
