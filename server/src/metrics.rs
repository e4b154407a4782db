//! Figures for Prometheus, in the text of OpenMetrics.

use crate::listen::ConnectionFigures;
use crate::service::{DoorFigures, Figures};
use crate::storage::WriterGauges;
use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper ends of the classes of durations, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    answers: Family<Answered, Counter>,
    durations: Family<Kind, Histogram>,
    running: Gauge,
    failed_sign_ins: Counter,
    limited: Family<Kind, Counter>,
    pushes: Family<Kind, Counter>,
    claims: Family<Kind, Counter>,
    claim_seconds: Histogram,
    door: Door,
}

/// How things stand at the doors, as of the last look.
#[derive(Default)]
struct Door {
    incidents: Gauge,
    devices_seen: Gauge,
    enrollments: Gauge,
    tables_waiting: Gauge,
    sealer_lag: Gauge<f64, AtomicU64>,
    reservations: Gauge,
}

/// A request that runs; dropping it says that it does not any more, answered or broken off.
pub struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::of(
            &Figures::default(),
            &WriterGauges::default(),
            &ConnectionFigures::default(),
        )
    }
}

impl Metrics {
    /// What services, writer and connections count, and all else at zero.
    #[must_use]
    pub fn of(figures: &Figures, writer: &WriterGauges, connections: &ConnectionFigures) -> Self {
        let mut registry = Registry::with_prefix("usher");
        let answers = Family::default();
        let durations =
            Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        let (running, failed_sign_ins) = (Gauge::default(), Counter::default());
        let (limited, pushes) = (Family::default(), Family::default());
        registry.register(
            "http_requests",
            "Requests answered, by method, route and status",
            answers.clone(),
        );
        registry.register(
            "http_request_seconds",
            "Time to the answer, by kind of caller",
            durations.clone(),
        );
        registry.register(
            "http_requests_running",
            "Requests not yet answered",
            running.clone(),
        );
        registry.register(
            "failed_sign_ins",
            "Requests with a token that does not count",
            failed_sign_ins.clone(),
        );
        registry.register(
            "rate_limited",
            "Requests refused because the caller asked too often, by kind of caller",
            limited.clone(),
        );
        registry.register(
            "pushed_batches",
            "Batches of records that devices sent, by what became of them",
            pushes.clone(),
        );
        let (claims, claim_seconds) = (Family::default(), Histogram::new(SECONDS));
        registry.register(
            "claims",
            "Claims of gates answered, by what they were told",
            claims.clone(),
        );
        registry.register(
            "claim_seconds",
            "Time from a claim to its durable answer",
            claim_seconds.clone(),
        );
        let door = Door::default();
        door.register(&mut registry);
        register_done(&mut registry, figures, writer);
        register_connections(&mut registry, connections);
        Self {
            registry,
            door,
            answers,
            durations,
            running,
            failed_sign_ins,
            limited,
            pushes,
            claims,
            claim_seconds,
        }
    }

    /// A request begins.
    #[must_use]
    pub fn begin(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    /// A request was answered. `route` is the route's pattern, of which there are few.
    pub fn answered(&self, method: &Method, route: &str, status: StatusCode, seconds: f64) {
        self.answers
            .get_or_create(&Answered {
                method: name(method),
                route: route.to_owned(),
                status: status.as_u16(),
            })
            .inc();
        let kind = match route {
            _ if route.starts_with(usher_domain::protocol::PATH_PREFIX) => "device",
            _ if route.starts_with(usher_domain::api::PATH_PREFIX) => "organizer",
            _ => "other",
        };
        self.durations
            .get_or_create(&Kind { kind })
            .observe(seconds);
    }

    /// A token did not count.
    pub fn sign_in_failed(&self) {
        self.failed_sign_ins.inc();
    }

    /// A caller asked too often.
    pub fn rate_limited(&self, kind: &'static str) {
        self.limited.get_or_create(&Kind { kind }).inc();
    }

    /// A batch came in.
    pub fn pushed(&self, outcome: &'static str) {
        self.pushes.get_or_create(&Kind { kind: outcome }).inc();
    }

    /// A claim was answered.
    pub fn claimed(&self, answer: &'static str, seconds: f64) {
        self.claims.get_or_create(&Kind { kind: answer }).inc();
        self.claim_seconds.observe(seconds);
    }

    /// Takes in how things stand now.
    pub fn show(&self, now: &DoorFigures) {
        let set = |gauge: &Gauge, value: u64| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.door.incidents, now.incidents);
        set(&self.door.devices_seen, now.devices_seen);
        set(&self.door.enrollments, now.enrollments);
        set(&self.door.tables_waiting, now.tables_waiting);
        set(&self.door.reservations, now.reservations);
        let lag = std::time::Duration::from_millis(now.sealer_lag_ms);
        self.door.sealer_lag.set(lag.as_secs_f64());
    }

    /// The text for Prometheus.
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut out = String::new();
        prometheus_client::encoding::text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

impl Door {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "incidents_open",
            "Incidents that nobody closed",
            self.incidents.clone(),
        );
        registry.register(
            "devices_seen",
            "Devices heard of within five minutes",
            self.devices_seen.clone(),
        );
        registry.register(
            "enrollments_open",
            "Enrollment codes that still enroll a device",
            self.enrollments.clone(),
        );
        registry.register(
            "tables_waiting",
            "Ticket sets, directories and rosters with changes that devices cannot get yet",
            self.tables_waiting.clone(),
        );
        registry.register(
            "reservations_open",
            "Admissions that were granted and whose records have not come",
            self.reservations.clone(),
        );
        registry.register(
            "sealer_lag_seconds",
            "How long the first change waits to be signed for devices",
            self.sealer_lag.clone(),
        );
    }
}

/// What is counted where it is done.
fn register_done(registry: &mut Registry, figures: &Figures, writer: &WriterGauges) {
    for (outcome, counter) in [
        ("admit", &figures.admitted),
        ("refuse", &figures.refused),
        ("refer", &figures.referred),
    ] {
        registry
            .sub_registry_with_label(("outcome".into(), outcome.into()))
            .register(
                "scans_merged",
                "Scans of devices taken in, by outcome",
                counter.clone(),
            );
    }
    registry.register(
        "tickets_imported",
        "Tickets that imports created or changed",
        figures.imported.clone(),
    );
    registry.register(
        "live_listeners",
        "Devices that are told live",
        figures.listeners.clone(),
    );
    registry.register(
        "live_events",
        "Events told live, each counted once however many devices hear it",
        figures.told.clone(),
    );
    registry.register(
        "live_too_slow",
        "Listeners sent away because they did not read as fast as things happened",
        figures.too_slow.clone(),
    );
    registry.register(
        "writer_queue",
        "Changes that wait to be written",
        writer.queued.clone(),
    );
    registry.register(
        "writer_commit_seconds",
        "Time from the first change of a transaction until it is durable",
        writer.commits.clone(),
    );
    registry.register(
        "writer_held_seconds",
        "Time that one change held the writer, by change",
        writer.held.clone(),
    );
}

fn register_connections(registry: &mut Registry, connections: &ConnectionFigures) {
    registry.register(
        "connections_open",
        "Connections that are open",
        connections.open.clone(),
    );
    registry.register(
        "connections_ended",
        "Connections ended or refused because there were too many",
        connections.ended.clone(),
    );
}

/// Methods as labels; a caller must not be able to invent new ones.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_stands_in_the_text() {
        let metrics = Metrics::default();
        let running = metrics.begin();
        metrics.answered(&Method::GET, "/api/v1/events", StatusCode::OK, 0.002);
        metrics.answered(&Method::GET, "/api/v1/events", StatusCode::OK, 0.002);
        metrics.sign_in_failed();
        metrics.rate_limited("device");
        metrics.pushed("stored");
        metrics.claimed("confirmed", 0.002);
        let text = metrics.text().unwrap();
        for line in [
            "usher_http_requests_total{method=\"GET\",route=\"/api/v1/events\",status=\"200\"} 2",
            "usher_http_requests_running 1",
            "usher_failed_sign_ins_total 1",
            "usher_rate_limited_total{kind=\"device\"} 1",
            "usher_pushed_batches_total{kind=\"stored\"} 1",
            "usher_claims_total{kind=\"confirmed\"} 1",
            "usher_claim_seconds_count 1",
            "usher_http_request_seconds_count{kind=\"organizer\"} 2",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        drop(running);
        assert!(
            metrics
                .text()
                .unwrap()
                .contains("usher_http_requests_running 0")
        );
    }

    #[test]
    fn an_invented_method_makes_no_new_figure() {
        let metrics = Metrics::default();
        let odd = Method::from_bytes(b"BREW").unwrap();
        metrics.answered(&odd, "(none)", StatusCode::NOT_FOUND, 0.0);
        assert!(metrics.text().unwrap().contains("method=\"other\""));
    }
}
