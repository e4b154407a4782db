//! `cargo xtask bench`: the promised speeds, measured in release beside their baselines.

use crate::house::{House, run as run_command};
use anyhow::Result;

/// Builds the program and the benchmark in release, and runs what `words` choose.
///
/// # Errors
/// If something does not build or run, or a figure misses what it must reach.
pub(crate) fn run(house: &House, words: &[String]) -> Result<()> {
    run_command(&mut house.cargo(["build", "--locked", "--release", "--package", "usher-cli"]))?;
    let mut bench = house.cargo([
        "bench",
        "--locked",
        "--package",
        "usher-tests",
        "--bench",
        "bench",
        "--",
    ]);
    bench.args(words);
    bench.env("USHER_BIN", house.release_program("usher"));
    run_command(&mut bench)
}
