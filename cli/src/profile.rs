//! The profile: a small file that says how to reach a server, so that commands stay short. It holds
//! tokens, so only its owner may read it.
//!
//! ```toml
//! server = "https://localhost:8443"
//! pin = "64 hexadecimal digits"   # SHA-256 of the server key's SubjectPublicKeyInfo
//! admin_token = "…"               # creates organizers
//! organizer = "house"             # whose token is used if nothing else is said
//!
//! [tokens]
//! house = "…"
//! ```

use crate::error::CliError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use usher_domain::secret::Private;

/// Name of the file in a server's data folder.
pub const FILE: &str = "client.toml";

/// How to reach a server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profile {
    /// Base address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// SHA-256 of the server key's SubjectPublicKeyInfo, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// The token that creates organizers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_token: Option<Private>,
    /// Whose token is used if nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizer: Option<String>,
    /// Tokens by organizer.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, Private>,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// [`CliError`] if it is not readable as one.
    pub fn read(file: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(file).map_err(|error| CliError::reading(file, error))?;
        // The reader's own message would show the line, and that may be a token.
        toml::from_str(&text)
            .map_err(|error: toml::de::Error| CliError::bad_file(file, error.message()))
    }

    /// Writes a profile in place of the one that is there, whole or not at all.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn write(&self, file: &Path) -> Result<(), CliError> {
        let text = toml::to_string(self).map_err(|error| CliError::bad_file(file, error))?;
        crate::files::replace_private(file, text.as_bytes())
    }

    /// The token of an organizer: the one named, or the one used if nothing else is said.
    #[must_use]
    pub fn token(&self, organizer: Option<&str>) -> Option<&Private> {
        let name = organizer.or(self.organizer.as_deref());
        match name {
            Some(name) => self.tokens.get(name),
            None => self
                .tokens
                .values()
                .next()
                .filter(|_| self.tokens.len() == 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let tokens = ["house", "arena"].map(|name| (name.to_owned(), Private::new(name)));
        Profile {
            server: Some("https://localhost:8443".to_owned()),
            organizer: Some("arena".to_owned()),
            tokens: tokens.into(),
            ..Profile::default()
        }
    }

    #[test]
    fn a_written_profile_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        profile().write(&file).unwrap();
        profile().write(&file).unwrap();
        assert_eq!(Profile::read(&file).unwrap(), profile());
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_a_profile() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        profile().write(&file).unwrap();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_token_is_the_named_organizers_or_the_usual_ones() {
        assert_eq!(profile().token(Some("house")), Some(&Private::new("house")));
        assert_eq!(profile().token(None), Some(&Private::new("arena")));
        assert_eq!(profile().token(Some("nobody")), None);
    }

    #[test]
    fn without_a_usual_organizer_only_a_single_token_is_taken() {
        let mut profile = Profile {
            organizer: None,
            ..profile()
        };
        assert_eq!(profile.token(None), None);
        profile.tokens.remove("arena");
        assert_eq!(profile.token(None), Some(&Private::new("house")));
    }

    #[test]
    fn an_error_in_a_profile_does_not_show_its_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        std::fs::write(&file, "[tokens]\nhouse = \"very secret").unwrap();
        let error = Profile::read(&file).unwrap_err();
        assert!(!error.to_string().contains("very secret"), "{error}");
        assert!(!format!("{:?}", profile()).contains("house\")"));
    }
}
