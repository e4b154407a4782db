//! How the demo is told: scenes, and a line for each scan.

use super::gate::Seen;
use crate::error::CliError;
use crate::output::{Colour, Output};
use crate::values::word;
use serde::Serialize;
use usher_core::app::words;
use usher_domain::record::Outcome;
use usher_domain::verdict::Reason;

/// Tells the story as it happens.
#[derive(Debug)]
pub struct Story<'a> {
    output: &'a mut Output,
    scenes: u32,
}

#[derive(Serialize)]
struct Scene<'a> {
    scene: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Told<'a> {
    told: &'a str,
}

#[derive(Serialize)]
struct Scanned<'a> {
    gate: &'a str,
    shown: &'a str,
    outcome: Outcome,
    reason: Reason,
    message: &'a str,
}

impl<'a> Story<'a> {
    /// A story that begins.
    pub const fn new(output: &'a mut Output) -> Self {
        Self { output, scenes: 0 }
    }

    /// Begins a scene.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn scene(&mut self, scene: &str, text: &str) -> Result<(), CliError> {
        self.scenes += 1;
        let number = self.scenes;
        self.output.show(&Scene { scene, text }, |page| {
            if number > 1 {
                page.line("");
            }
            page.line(format_args!("{number}. {scene}"));
            text.lines().for_each(|line| page.line(line));
        })?;
        Ok(())
    }

    /// Says what happened.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn tell(&mut self, told: &str) -> Result<(), CliError> {
        self.output
            .show(&Told { told }, |page| page.line(format_args!("   {told}")))?;
        Ok(())
    }

    /// Shows a scan.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub fn scan(&mut self, gate: &str, shown: &str, seen: &Seen) -> Result<(), CliError> {
        let (outcome, message) = (seen.outcome, seen.message.as_str());
        let scanned = Scanned {
            gate,
            shown,
            outcome,
            reason: seen.reason,
            message,
        };
        let (colour, pad) = match outcome {
            Outcome::Admit => (Colour::Green, " "),
            Outcome::Refuse => (Colour::Red, ""),
            Outcome::Refer => (Colour::Amber, " "),
        };
        self.output.show(&scanned, |page| {
            let rest = format!("{pad}{gate}: {shown}. {message}");
            page.headline(colour, words::outcome(outcome), rest.trim_end_matches(". "));
        })?;
        Ok(())
    }
}

/// Verdicts in the words of their stable codes, to be compared.
pub fn verdicts<'a>(seen: impl IntoIterator<Item = &'a Seen>) -> String {
    let words: Vec<String> = seen
        .into_iter()
        .map(|seen| format!("{} {}", word(&seen.outcome), word(&seen.reason)))
        .collect();
    words.join(", ")
}
