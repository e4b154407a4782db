//! What somebody in charge says to a gate: shown once in a run, between two verdicts.

use crate::error::CliError;
use crate::shell::Shell;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use usher_core::app::{App, SaidView};

/// What this run has shown.
#[derive(Debug, Default)]
pub(super) struct Shown(RefCell<BTreeSet<(String, u64)>>);

#[derive(Serialize)]
struct Told<'a> {
    said: &'a SaidView,
}

impl Shown {
    /// Shows what is news. A device that cannot tell has a verdict that says why.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub(super) fn show(&self, shell: &mut Shell, app: &App) -> Result<(), CliError> {
        for said in app.said().unwrap_or_default() {
            let key = (said.text.clone(), said.until.get());
            if self.0.borrow_mut().insert(key) {
                shell
                    .output
                    .show(&Told { said: &said }, |page| page.line(&said.message))?;
            }
        }
        Ok(())
    }
}
