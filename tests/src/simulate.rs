//! Runs seeds of the simulated venue: many at once, or one with its story. Exit code 1 if one does not hold.
#![expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

use clap::{Parser, ValueEnum};
use std::process::ExitCode;
use usher_tests::simulation::{self, Evening, Sessions};

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
    /// How many sessions the venue has in an evening; evenings of both kinds are played if absent.
    #[arg(long, value_enum)]
    sessions: Option<Kind>,
    /// Tells the story of this seed alone: of one session if --sessions does not say.
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

/// Evenings of so many sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    One,
    Two,
}

impl From<Kind> for Sessions {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::One => Self::One,
            Kind::Two => Self::Two,
        }
    }
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let asked = line.sessions.map(Sessions::from);
    let both = [Sessions::One, Sessions::Two];
    let kinds = asked.as_ref().map_or(&both[..], std::slice::from_ref);
    #[cfg(feature = "mutants")]
    let only = line.only.as_deref().unwrap_or_default();
    if let Some(seed) = line.replay {
        #[cfg(feature = "mutants")]
        simulation::mutants::break_first(only);
        let sessions = asked.unwrap_or(Sessions::One);
        return replay(Evening { sessions, seed }, line.until);
    }
    #[cfg(feature = "mutants")]
    if line.mutants {
        return simulation::mutants::hunt(kinds, line.from, line.seeds, only);
    }
    let seeds: Vec<u64> = if line.stolen {
        let all = (line.from..).filter(|seed| simulation::has_stolen_device(*seed));
        all.take(usize::try_from(line.seeds).unwrap_or(usize::MAX))
            .collect()
    } else {
        (line.from..line.from.saturating_add(line.seeds)).collect()
    };
    let of_kind = kinds.iter().map(|sessions| many(*sessions, &seeds));
    let failed: usize = of_kind.sum();
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        println!(
            "`cargo xtask simulate --replay SEED`, with `--sessions two` where it says so, tells the story of one"
        );
        ExitCode::FAILURE
    }
}

fn replay(evening: Evening, until: Option<u32>) -> ExitCode {
    let run = simulation::run(evening, until);
    print!("{}", run.story);
    match run.broken {
        None => ExitCode::SUCCESS,
        Some(broken) => {
            println!(
                "\n{evening}: \"{}\" does not hold: {}",
                broken.check, broken.detail
            );
            ExitCode::FAILURE
        }
    }
}

/// Plays evenings of so many sessions, and tells how many of them failed.
fn many(sessions: Sessions, seeds: &[u64]) -> usize {
    let evenings = seeds.iter().map(|seed| Evening {
        sessions,
        seed: *seed,
    });
    let evenings: Vec<Evening> = evenings.collect();
    let mut failed = 0;
    simulation::run_many(&evenings, &mut |run| {
        if let Some(broken) = &run.broken {
            failed += 1;
            println!(
                "{}: \"{}\" does not hold: {}",
                run.evening, broken.check, broken.detail
            );
        }
        true
    });
    let of = match sessions {
        Sessions::One => "one session",
        Sessions::Two => "two sessions",
    };
    println!(
        "{} seeds of {of} from {} to {}: {failed} failed",
        seeds.len(),
        seeds.first().unwrap_or(&0),
        seeds.last().unwrap_or(&0)
    );
    failed
}
