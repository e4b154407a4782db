//! How busy the writer is, as figures that whoever shows them shares with it.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
    /// Seconds that one job held the writer, without the commit.
    pub held: Histogram,
    /// The most that one job worked on the writer, in microseconds: what it waited for other processes does
    /// not count.
    pub worked_longest_us: Gauge,
}

impl WriterGauges {
    /// A job held the writer for so long, and worked for so long of that.
    pub fn job_held(&self, held: Duration, worked: Duration) {
        self.held.observe(held.as_secs_f64());
        let us = i64::try_from(worked.as_micros()).unwrap_or(i64::MAX);
        let longest = self.worked_longest_us.inner();
        longest.fetch_max(us, Ordering::Relaxed);
    }
}

impl Default for WriterGauges {
    fn default() -> Self {
        Self {
            queued: Gauge::default(),
            commits: Histogram::new(SECONDS),
            held: Histogram::new(SECONDS),
            worked_longest_us: Gauge::default(),
        }
    }
}
