//! Asking the person at the terminal before something that cannot be undone lightly.

use crate::error::CliError;
use std::io::{IsTerminal as _, Write as _};

/// Asks a question that is answered by yes or no. `--yes` answers it beforehand: commands in scripts have
/// nobody to ask.
///
/// # Errors
/// [`CliError::Stopped`] for any answer but yes, [`CliError::Missing`] if nobody is there.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Missing(
            "a yes: nobody is at a terminal to be asked, so say --yes if you mean it",
        ));
    }
    ask(question)
}

/// Asks a question where a person is at the terminal; a script that says the command means it.
///
/// # Errors
/// [`CliError::Stopped`] for any answer but yes.
pub(crate) fn confirm_if_somebody_is_there(question: &str, yes: bool) -> Result<(), CliError> {
    if yes || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    ask(question)
}

fn ask(question: &str) -> Result<(), CliError> {
    let mut errors = std::io::stderr();
    write!(errors, "{question} [y/N] ")?;
    errors.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::Stopped),
    }
}
