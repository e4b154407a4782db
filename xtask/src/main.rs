//! The habits of the house as code: what a person types is exactly what CI runs.
//!
//! `cargo xtask help` lists the commands. Exit codes: 0 all well, 1 a step failed, 2 wrong usage,
//! 3 the machine lacks something that only its owner may install (the line to run is printed).
#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

mod bench;
mod check;
mod house;
mod needs;
mod rules;
mod simulate;
mod steps;
mod test;

use clap::{CommandFactory as _, Parser, Subcommand};
use house::House;
use needs::Missing;
use std::process::ExitCode;

/// The exit code for "a step failed".
const EXIT_FAILED: u8 = 1;

/// The exit code for "install this first".
const EXIT_MISSING: u8 = 3;

/// The habits of the house: what CI runs, for you to run first.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    habit: Habit,
}

#[derive(Subcommand)]
enum Habit {
    /// The fast part: format, rules of the house, supply chain, lints, docs.
    Check,
    /// The promised speeds, in release, beside their baselines; takes some minutes.
    Bench {
        /// Workloads by part of their name, all if none; `--json FILE` writes the figures too.
        /// `server [--only ROW]` measures the server under load.
        /// `camera [--photos DIR] [--even] [--fuzz N] [--python PATH]` measures what reads codes.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Evenings of a simulated venue, from seeds; a fault names its seed.
    Simulate {
        /// `--seeds N --from S` runs so many, with `--stolen` only evenings with a stolen device; `--replay SEED [--until STEP]` tells the story of one;
        /// `--mutants [--only NAME]` breaks rules on purpose and tells how many seeds it takes to notice.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Everything CI runs: installs what is needed, then `check`, all tests and doc tests.
    Test,
}

/// Words that are handed on may be anything; nobody who asks what there is wants to wait for a build.
fn asks_for_help(words: &[String]) -> bool {
    words.iter().any(|word| word == "--help" || word == "-h")
}

fn help(of: &str) -> anyhow::Result<()> {
    let mut line = CommandLine::command();
    if let Some(habit) = line.find_subcommand_mut(of) {
        habit.print_long_help()?;
    }
    Ok(())
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = House::find().and_then(|house| match line.habit {
        Habit::Bench { words } if asks_for_help(&words) => help("bench"),
        Habit::Bench { words } => bench::run(&house, &words),
        Habit::Check => check::run(&house),
        Habit::Simulate { words } if asks_for_help(&words) => help("simulate"),
        Habit::Simulate { words } => simulate::run(&house, &words),
        Habit::Test => test::run(&house),
    });
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    // Without the backtrace that `main` would add: the reader looks for the step, not for our code.
    println!("\nerror: {error:#}");
    ExitCode::from(if error.is::<Missing>() {
        EXIT_MISSING
    } else {
        EXIT_FAILED
    })
}
