//! Logs: one line an event, for people or as JSON, each with the correlation id of its request.

use crate::config::{LogConfig, LogFormat};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;

/// The filter does not say what to log.
#[derive(Debug, thiserror::Error)]
#[error("the log filter is not readable: {0}")]
pub struct InvalidFilter(String);

/// A subscriber that writes what `config` asks for to `writer`. The program that starts the server makes
/// it the default.
///
/// # Errors
/// [`InvalidFilter`].
pub fn subscriber<W>(
    config: &LogConfig,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, InvalidFilter>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder()
        .parse(&config.filter)
        .map_err(|error| InvalidFilter(error.to_string()))?;
    let base = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_timer(UtcTime)
        .with_writer(writer);
    Ok(match config.format {
        LogFormat::Human => Box::new(base.with(lines.with_ansi(false))),
        LogFormat::Json => {
            Box::new(base.with(lines.json().flatten_event(true).with_span_list(false)))
        }
    })
}

/// RFC 3339 in UTC with milliseconds.
struct UtcTime;

impl FormatTime for UtcTime {
    fn format_time(
        &self,
        to: &mut tracing_subscriber::fmt::format::Writer<'_>,
    ) -> std::fmt::Result {
        use crate::clock::Clock as _;
        let ms = crate::clock::SystemClock.now().get();
        match i64::try_from(ms).map(jiff::Timestamp::from_millisecond) {
            Ok(Ok(time)) => write!(to, "{time:.3}"),
            _ => write!(to, "{ms}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let config = LogConfig {
            format,
            filter: "info".into(),
        };
        let subscriber = subscriber(&config, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", correlation = %"c-1");
            span.in_scope(|| tracing::info!(status = 200, "answered"));
            tracing::debug!("not this");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_for_machines_is_json_with_the_correlation_id() {
        let text = logged(LogFormat::Json);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["span"]["correlation"], "c-1");
        assert_eq!(line["status"], 200);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_line_for_people_holds_the_same() {
        let text = logged(LogFormat::Human);
        assert!(
            text.contains("correlation=c-1") && text.contains("status=200"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let config = LogConfig {
            format: LogFormat::Human,
            filter: "usher=loud".into(),
        };
        assert!(subscriber(&config, std::io::sink).is_err());
    }
}
