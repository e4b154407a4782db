//! How busy the writer is, as figures that whoever shows them shares with it.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

/// Upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Figures of a writer; a clone shows the same ones.
#[derive(Debug, Clone)]
pub struct WriterGauges {
    /// Jobs that wait or run.
    pub queued: Gauge,
    /// Seconds from the first job of a transaction until it is durable, by transaction. Who writes waits
    /// for one of them and the next.
    pub commits: Histogram,
}

impl Default for WriterGauges {
    fn default() -> Self {
        Self {
            queued: Gauge::default(),
            commits: Histogram::new(SECONDS),
        }
    }
}
