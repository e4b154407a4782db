//! Codes out of picture files.

use crate::error::CliError;
use std::path::Path;
use usher_core::camera::{Decoder as _, Scanner, picture};
use usher_domain::secret::Private;

/// All codes seen in a picture (PNG, JPEG), at least one.
///
/// # Errors
/// [`CliError`] if the file is no picture, or no code is seen in it.
pub fn codes(file: &Path) -> Result<Vec<Private>, CliError> {
    let bytes = std::fs::read(file).map_err(|error| CliError::reading(file, error))?;
    let frame = picture::open(&bytes).map_err(|error| CliError::bad_file(file, error))?;
    let seen = Scanner::patient()
        .decode(frame.as_frame())
        .map_err(|error| CliError::bad_file(file, error))?;
    if seen.is_empty() {
        return Err(CliError::NoCode(file.to_owned()));
    }
    Ok(seen.into_iter().map(|detection| detection.text).collect())
}
