//! Figures of connections.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// Figures of connections; a clone shows the same ones.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFigures {
    /// Connections that are open.
    pub open: Gauge,
    /// Connections that were ended or refused because there were too many.
    pub ended: Counter,
}
