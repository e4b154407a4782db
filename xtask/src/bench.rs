//! `cargo xtask bench`: the promised speeds, measured in release beside their baselines.

use crate::house::{House, run as run_command};
use anyhow::Result;
use std::process::Command;

/// The first word that chooses the benchmark of what reads codes.
const CAMERA: &str = "camera";
/// The first word that chooses the benchmark of the server under load.
const SERVER: &str = "server";

/// Builds the program and the benchmark in release, and runs what `words` choose.
///
/// # Errors
/// If something does not build or run, or a figure misses what it must reach.
pub(crate) fn run(house: &House, words: &[String]) -> Result<()> {
    if let Some((CAMERA, words)) = words
        .split_first()
        .map(|(first, rest)| (first.as_str(), rest))
    {
        return run_camera(house, words);
    }
    run_command(&mut house.cargo(["build", "--locked", "--release", "--package", "usher-cli"]))?;
    let mut bench = bench(house, "usher-tests", features(words), "bench", words);
    bench.env("USHER_BIN", house.release_program("usher"));
    run_command(&mut bench)
}

fn bench(house: &House, package: &str, features: &str, bench: &str, words: &[String]) -> Command {
    let mut command = house.cargo(["bench", "--locked", "--package", package]);
    command.args(["--features", features, "--bench", bench, "--"]);
    command.args(words);
    command
}

/// What the benchmark is built with. Only what measures claims has the plainest answer to one in it.
fn features(words: &[String]) -> &'static str {
    let server = words.first().is_some_and(|first| first == SERVER);
    if server { "baseline" } else { "" }
}

/// Measures what reads codes out of pictures. It needs neither the program nor a server.
fn run_camera(house: &House, words: &[String]) -> Result<()> {
    run_command(&mut bench(house, "usher-core", "pictures", "camera", words))
}
