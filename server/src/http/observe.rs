//! What surrounds every request: a correlation id, one line in the log, figures, and errors as problems.
//!
//! Whoever proved nothing gets a line a minute for each status, with how many more there were: a stranger must
//! not fill the disk.
//!
//! Logs hold the route's pattern, never the path itself: paths may name tickets and sellers' numbers.

use super::Shared;
use super::bodies::Kept;
use super::problem;
use super::strangers::Proof;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;
use tracing::{Instrument as _, Span, field};
use usher_domain::api::CORRELATION_ID;

/// Characters of a correlation id at most.
const CORRELATION_MAX: usize = 64;
/// The route of requests that no route takes.
const NO_ROUTE: &str = "(none)";

/// Surrounds a request.
pub(crate) async fn observe(
    State(app): State<Shared>,
    mut request: Request,
    next: Next,
) -> Response {
    let correlation = correlation(request.headers());
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| NO_ROUTE.to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!(
        "request",
        correlation = %correlation,
        %method,
        route = %route,
        caller = field::Empty,
    );
    // Measures how long the answer took, which decides nothing.
    let begun = Instant::now();
    let running = app.metrics.begin();
    let kept = Kept::default();
    request.extensions_mut().insert(kept.clone());
    let proof = Proof::default();
    request.extensions_mut().insert(proof.clone());
    let answered = next.run(request).instrument(span.clone()).await;
    drop((running, kept));
    let took = begun.elapsed();
    let (mut response, problem) = problem::finish(answered, &correlation);
    if let Ok(value) = HeaderValue::from_str(&correlation) {
        response.headers_mut().insert(CORRELATION_ID, value);
    }
    let status = response.status();
    app.metrics
        .answered(&method, &route, status, took.as_secs_f64());
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let code = problem.as_ref().map(|problem| problem.code.as_str());
    span.in_scope(|| {
        let status = status.as_u16();
        if status >= 500 && code == Some("internal") {
            tracing::error!(status, ms, code, "answered");
        } else if !is_told(&method, &route, status) {
            tracing::debug!(status, ms, code, "answered");
        } else if !proof.is_given() {
            match app.strangers.count(status, app.service.now()) {
                Some(more) => tracing::info!(status, ms, code, more, "answered a stranger"),
                None => tracing::debug!(status, ms, code, "answered a stranger"),
            }
        } else if status >= 500 {
            tracing::warn!(status, ms, code, "answered");
        } else {
            tracing::info!(status, ms, code, "answered");
        }
    });
    response
}

/// Whether a request is worth a line at `info`: it was refused, or somebody changed something. What devices
/// send all evening, and what is only read, would bury it.
fn is_told(method: &Method, route: &str, status: u16) -> bool {
    let is_health = matches!(route, "/healthz" | "/readyz" | "/metrics");
    let is_refused = status >= 400 && !is_health;
    is_refused || (!method.is_safe() && route.starts_with("/api/"))
}

/// Notes who asks in the request's log line.
pub(crate) fn note_caller(caller: impl std::fmt::Display) {
    Span::current().record("caller", field::display(caller));
}

/// The caller's correlation id if it is sane, else a new one.
fn correlation(headers: &HeaderMap) -> String {
    headers
        .get(CORRELATION_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| is_sane(text))
        .map_or_else(new_correlation, str::to_owned)
}

/// What may stand in a log line without disguising itself as something else.
fn is_sane(text: &str) -> bool {
    (1..=CORRELATION_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
}

fn new_correlation() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let mut random = [0; 12];
    if getrandom::fill(&mut random).is_err() {
        // An id that is only unique in this process still ties lines together.
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        return format!("local-{made}");
    }
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quiet_evening_has_few_lines() {
        for (method, route, status, told) in [
            (Method::POST, "/sync/v1/claim", 200, false),
            (Method::POST, "/sync/v1/claim", 401, true),
            (Method::GET, "/api/v1/devices", 200, false),
            (Method::GET, "/api/v1/devices", 404, true),
            (Method::POST, "/api/v1/staff", 201, true),
            (Method::DELETE, "/api/v1/gates/{gate}", 200, true),
            (Method::GET, "/readyz", 503, false),
        ] {
            assert_eq!(is_told(&method, route, status), told, "{method} {route}");
        }
    }

    #[test]
    fn a_sane_correlation_id_is_kept_and_any_other_replaced() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CORRELATION_ID, HeaderValue::from_str(value).unwrap());
            correlation(&headers)
        };
        assert_eq!(of("scan-01.a_Z"), "scan-01.a_Z");
        for bad in ["", "a b", "a\"b", "a=b", &"a".repeat(65)] {
            assert_ne!(of(bad), bad);
        }
        assert_ne!(
            correlation(&HeaderMap::new()),
            correlation(&HeaderMap::new())
        );
    }

    proptest! {
        #[test]
        fn whatever_a_caller_sends_what_is_logged_is_sane(value in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.insert(CORRELATION_ID, value);
            }
            prop_assert!(is_sane(&correlation(&headers)));
        }
    }
}
