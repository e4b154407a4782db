//! Secrets that a person types: from a file, the environment, or a question at the terminal. Never from
//! an argument, which every process on the machine can read.

use crate::error::CliError;
use clap::Args;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use usher_domain::secret::Private;

/// The variable that can hold the root key's passphrase.
pub const ROOT_PASSPHRASE: &str = "USHER_ROOT_PASSPHRASE";
/// The variable that can hold a supervisor's PIN.
pub const STAFF_PIN: &str = "USHER_STAFF_PIN";

/// Where the root key's passphrase comes from.
#[derive(Debug, Clone, Args)]
pub struct PassphraseSource {
    /// File with the root key's passphrase; the variable USHER_ROOT_PASSPHRASE, or a question if left
    /// out
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// Whether a secret is chosen now, and so typed twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// It exists already.
    Existing,
    /// It is chosen now.
    New,
}

impl PassphraseSource {
    /// The passphrase.
    ///
    /// # Errors
    /// [`CliError`] if the file is not readable, or there is nobody to ask.
    pub fn read(&self, asking: Asking) -> Result<Private, CliError> {
        secret(
            self.passphrase_file.as_deref(),
            ROOT_PASSPHRASE,
            "Passphrase of the root key",
            asking,
        )
    }
}

/// A supervisor's PIN.
///
/// # Errors
/// [`CliError`] if the file is not readable, or there is nobody to ask.
pub fn pin(file: Option<&Path>) -> Result<Private, CliError> {
    secret(file, STAFF_PIN, "PIN", Asking::Existing)
}

/// A supervisor's PIN that was given before anybody is asked: in a file, or in the environment.
///
/// # Errors
/// [`CliError`] if the file is not readable.
pub fn given_pin(file: Option<&Path>) -> Result<Option<Private>, CliError> {
    given(file, STAFF_PIN)
}

fn given(file: Option<&Path>, variable: &str) -> Result<Option<Private>, CliError> {
    match file {
        Some(file) => first_line(file).map(Some),
        None => Ok(std::env::var(variable).ok().map(Private::new)),
    }
}

fn secret(
    file: Option<&Path>,
    variable: &str,
    what: &str,
    asking: Asking,
) -> Result<Private, CliError> {
    if let Some(given) = given(file, variable)? {
        return Ok(given);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Invalid(format!(
            "{what} is needed and there is nobody to ask: give it in a file, or in {variable}"
        )));
    }
    let ask = |question: String| {
        rpassword::prompt_password(question)
            .map(Private::new)
            .map_err(CliError::Output)
    };
    let first = ask(format!("{what}: "))?;
    if asking == Asking::New && ask(format!("{what}, once more: "))? != first {
        return Err(CliError::Invalid(format!(
            "{what}: the two are not the same"
        )));
    }
    Ok(first)
}

/// Bytes read of a file whose first line counts.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The first line of a file that holds a secret.
///
/// # Errors
/// [`CliError`] if it is not readable, or empty.
pub fn first_line(file: &Path) -> Result<Private, CliError> {
    let reading = |error| CliError::reading(file, error);
    // Room for all that is read: what grows leaves copies behind.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let opened = std::fs::File::open(file).map_err(reading)?;
    let limit = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    opened
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(reading)?;
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if line.len() == LINE_BYTES_MAX {
        return Err(CliError::bad_file(file, "its first line is too long"));
    }
    let text = std::str::from_utf8(line)
        .map_err(|_| CliError::bad_file(file, "its first line is no text"))?;
    match text.trim_end() {
        "" => Err(CliError::bad_file(file, "it is empty")),
        line => Ok(Private::new(line)),
    }
}
