//! Log lines on standard error.

use crate::error::CliError;
use crate::globals::{Globals, LogFormat};
use usher_server::config::{self, LogConfig};
use usher_server::logging::subscriber;

/// Starts logging as the flags say, and where they say nothing as `usual` does.
///
/// # Errors
/// [`CliError::Invalid`] for a filter that is none.
pub fn start(globals: &Globals, usual: LogConfig) -> Result<(), CliError> {
    let format = match globals.log {
        None => usual.format,
        Some(LogFormat::Human) => config::LogFormat::Human,
        Some(LogFormat::Json) => config::LogFormat::Json,
    };
    let filter = globals.log_level.clone().unwrap_or(usual.filter);
    let lines =
        subscriber(&LogConfig { format, filter }, std::io::stderr).map_err(CliError::invalid)?;
    // Only a second start in one process fails, and then lines are written already.
    let _ = tracing::subscriber::set_global_default(lines);
    Ok(())
}

/// What commands log that do not serve: what a person should know.
#[must_use]
pub fn quiet() -> LogConfig {
    LogConfig {
        format: config::LogFormat::Human,
        // An exchange tells its troubles to whoever ran it.
        filter: "warn,usher_core::sync=error".to_owned(),
    }
}
