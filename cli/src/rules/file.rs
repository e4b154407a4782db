//! Rules in files: by themselves, or in a session as `usher session show --json` prints it.

use crate::error::CliError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use usher_domain::api::rules::RulesChange;

/// A change of rules as somebody wrote it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Written {
    /// The change.
    pub rules: RulesChange,
    /// The revision of the session that it was written for, if it was printed with one.
    #[serde(default)]
    pub revision: Option<u64>,
}

impl Written {
    /// Reads a file as TOML if its name says so, else as JSON.
    ///
    /// # Errors
    /// [`CliError`] if the file is not readable as rules.
    pub(super) fn read(file: &Path) -> Result<Self, CliError> {
        /// Tells a session from rules.
        #[derive(Deserialize)]
        struct Session {
            #[serde(rename = "rules")]
            _rules: serde::de::IgnoredAny,
        }
        let text = std::fs::read_to_string(file).map_err(|error| CliError::reading(file, error))?;
        if read::<Session>(file, &text).is_ok() {
            read(file, &text)
        } else {
            Ok(Self {
                rules: read(file, &text)?,
                revision: None,
            })
        }
    }
}

fn read<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, CliError> {
    let is_toml = file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    if is_toml {
        toml::from_str(text).map_err(|error| CliError::bad_file(file, error))
    } else {
        serde_json::from_str(text).map_err(|error| CliError::bad_file(file, error))
    }
}
