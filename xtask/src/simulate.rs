//! `cargo xtask simulate`: evenings of a simulated venue, as many as somebody wants to wait for.

use crate::house::{House, run as run_command};
use anyhow::Result;

/// The word that asks for rules broken on purpose, which only a program built for it has.
const MUTANTS: &str = "--mutants";

/// Builds the simulation and hands `words` on to it.
///
/// # Errors
/// If it does not build, or something does not hold.
pub(crate) fn run(house: &House, words: &[String]) -> Result<()> {
    let mut simulate = house.cargo(["run", "--locked", "--package", "usher-tests"]);
    simulate.args(["--bin", "simulate", "--features", "memo"]);
    if words.iter().any(|word| word == MUTANTS) {
        simulate.args(["--features", "mutants"]);
    }
    simulate.arg("--").args(words);
    run_command(&mut simulate)
}
