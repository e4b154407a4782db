//! Steps in order, each timed, stopping at the first that fails.

use crate::house::House;
use anyhow::{Context, Result};
use std::time::{Duration, Instant};

/// One thing that must hold, and how to find out.
pub(crate) struct Step {
    /// What a person reads above its output and in the table.
    pub(crate) name: &'static str,
    /// Does the work; output goes to the terminal.
    pub(crate) work: fn(&House) -> Result<()>,
}

struct Done {
    name: &'static str,
    took: Duration,
    good: bool,
}

/// Runs the steps and prints a table of minutes per step.
///
/// # Errors
/// The error of the first step that fails; the steps after it do not run.
pub(crate) fn run(house: &House, steps: &[Step]) -> Result<()> {
    let mut done = Vec::with_capacity(steps.len());
    for step in steps {
        println!("\n=== {} ===", step.name);
        let started = now();
        let outcome = (step.work)(house);
        done.push(Done {
            name: step.name,
            took: started.elapsed(),
            good: outcome.is_ok(),
        });
        if outcome.is_err() {
            print!("{}", table(&done));
            return outcome.with_context(|| format!("stopped at the step \"{}\"", step.name));
        }
    }
    print!("{}", table(&done));
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long steps take; decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}

fn table(done: &[Done]) -> String {
    let width = done
        .iter()
        .map(|step| step.name.len())
        .max()
        .unwrap_or_default()
        .max(8);
    let mut text = format!("\n{:width$}  minutes\n", "step");
    for step in done {
        let mark = if step.good { "" } else { "  FAILED" };
        text += &format!("{:width$}  {:>7}{mark}\n", step.name, minutes(step.took));
    }
    let total = done.iter().map(|step| step.took).sum();
    text + &format!("{:width$}  {:>7}\n", "together", minutes(total))
}

/// Minutes and seconds, as on a stop watch.
fn minutes(took: Duration) -> String {
    let seconds = took.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_step_and_marks_the_failed_one() {
        let done = [
            Done {
                name: "format",
                took: Duration::from_millis(1_400),
                good: true,
            },
            Done {
                name: "tests",
                took: Duration::from_secs(125),
                good: false,
            },
        ];
        assert_eq!(
            table(&done),
            "\nstep      minutes\nformat       0:01\ntests        2:05  FAILED\ntogether     2:06\n"
        );
    }
}
