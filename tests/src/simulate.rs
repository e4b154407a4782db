//! Runs seeds of the simulated venue: many at once, or one with its story. Exit code 1 if one does not hold.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

use clap::Parser;
use std::process::ExitCode;
use usher_tests::simulation;

/// Simulates evenings of a venue.
#[derive(Parser)]
#[command(name = "cargo xtask simulate")]
struct CommandLine {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Only evenings with a stolen device, as many as --seeds says.
    #[arg(long, conflicts_with = "replay")]
    stolen: bool,
    /// Tells the story of this seed alone.
    #[arg(long)]
    replay: Option<u64>,
    /// With --replay: only so many of its steps.
    #[arg(long)]
    until: Option<u32>,
    /// Breaks rules on purpose, one after the other, and tells how many seeds it takes to notice each.
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
    /// With --mutants: only those whose name contains this; with --replay: the story with the first of them.
    #[cfg(feature = "mutants")]
    #[arg(long)]
    only: Option<String>,
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    #[cfg(feature = "mutants")]
    let only = line.only.as_deref().unwrap_or_default();
    if let Some(seed) = line.replay {
        #[cfg(feature = "mutants")]
        simulation::mutants::break_first(only);
        return replay(seed, line.until);
    }
    #[cfg(feature = "mutants")]
    if line.mutants {
        return simulation::mutants::hunt(line.from, line.seeds, only);
    }
    let seeds: Vec<u64> = if line.stolen {
        let all = (line.from..).filter(|seed| simulation::has_stolen_device(*seed));
        all.take(usize::try_from(line.seeds).unwrap_or(usize::MAX))
            .collect()
    } else {
        (line.from..line.from.saturating_add(line.seeds)).collect()
    };
    many(&seeds)
}

fn replay(seed: u64, until: Option<u32>) -> ExitCode {
    let run = simulation::run(seed, until);
    print!("{}", run.story);
    match run.broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            println!(
                "\nseed {seed}: \"{}\" does not hold: {}",
                broken.check, broken.detail
            );
            ExitCode::FAILURE
        }
    }
}

fn many(seeds: &[u64]) -> ExitCode {
    let mut failed = 0;
    simulation::run_many(seeds, &mut |run| {
        if let Some(broken) = &run.broken {
            failed += 1;
            println!(
                "seed {}: \"{}\" does not hold: {}",
                run.seed, broken.check, broken.detail
            );
        }
        true
    });
    println!(
        "{} seeds from {} to {}: {failed} failed",
        seeds.len(),
        seeds.first().unwrap_or(&0),
        seeds.last().unwrap_or(&0)
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        println!("`cargo xtask simulate --replay SEED` tells the story of one");
        ExitCode::FAILURE
    }
}
