//! Log lines on standard error.

use crate::globals::{Globals, LogFormat};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging. `usual` is the level if nothing else is said.
pub fn start(globals: &Globals, usual: &str) {
    let said = globals.log_level.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(said).unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    // Only a second start in one process fails, and then lines are written already.
    let _ = match globals.log.unwrap_or_default() {
        LogFormat::Human => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
