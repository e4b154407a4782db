//! Rules broken on purpose, one after the other: each must be noticed.

use super::{Evening, Run, Sessions, run_many_as};
use std::process::ExitCode;
use usher_domain::mutant::{Mutant, break_rule};

/// Breaks every rule whose name contains `only`, and tells how many seeds it takes until a check fails: first
/// in evenings of one session, then of two, as far as `sessions` are asked for.
///
/// A seed that runs twice, with the rule and without it, must hold without it: that is what the tests
/// show beforehand.
#[must_use]
#[expect(
    clippy::print_stdout,
    reason = "the whole of what a command line tool says"
)]
pub fn hunt(sessions: &[Sessions], from: u64, seeds: u64, only: &str) -> ExitCode {
    let seeds = from..from.saturating_add(seeds);
    let evenings = sessions.iter().flat_map(|sessions| {
        seeds.clone().map(|seed| Evening {
            sessions: *sessions,
            seed,
        })
    });
    let evenings: Vec<Evening> = evenings.collect();
    let mut unnoticed = 0;
    for mutant in named(only) {
        let mut first: Option<Run> = None;
        let mut ran = 0_u64;
        run_many_as(&evenings, Some(*mutant), &mut |run| {
            ran += 1;
            if run.broken.is_some() {
                first = Some(run.clone());
            }
            first.is_none()
        });
        let found = first.and_then(|run| Some((run.evening, run.broken?.check)));
        match found {
            Some((evening, check)) => {
                println!("{mutant:?}: noticed after {ran} seeds, by {evening}: \"{check}\"");
            }
            None => {
                unnoticed += 1;
                println!("{mutant:?}: NOT noticed in {ran} seeds —{}", mutant.what());
            }
        }
    }
    if unnoticed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn named(part: &str) -> impl Iterator<Item = &'static Mutant> {
    Mutant::ALL
        .iter()
        .filter(move |mutant| format!("{mutant:?}").contains(part))
}

/// Breaks the first rule whose name contains `only` in this thread, to tell a story of it; none if `only` is
/// nothing.
pub fn break_first(only: &str) {
    break_rule(named(only).next().copied().filter(|_| !only.is_empty()));
}
