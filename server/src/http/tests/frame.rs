//! The frame around every endpoint, with endpoints made for the purpose.

use super::*;
use crate::http::answer::{CborAnswer, Json};
use crate::http::budgets;
use crate::http::endpoint::{get, post};
use crate::http::extract::{Args, Body, Cbor, Idempotency};
use axum::extract::State;
use proptest::prelude::*;
use std::sync::OnceLock;
use usher_domain::api::IDEMPOTENCY_KEY;
use usher_domain::api::venue::NewZone;
use usher_domain::ids::TicketId;

async fn echo(Body(zone): Body<NewZone>) -> Result<Json<NewZone>, Failure> {
    Ok(Json(zone))
}

async fn echo_cbor(Cbor(numbers): Cbor<Vec<u16>>) -> Result<CborAnswer<Vec<u16>>, Failure> {
    Ok(CborAnswer(numbers))
}

async fn key(Idempotency(key): Idempotency) -> Result<Json<Option<String>>, Failure> {
    Ok(Json(key))
}

async fn ticket(Args(ticket): Args<TicketId>) -> Result<Json<TicketId>, Failure> {
    Ok(Json(ticket))
}

async fn panics(State(_): State<Shared>) -> Result<Json<String>, Failure> {
    panic!("of Ada Lovelace")
}

async fn hangs(State(_): State<Shared>) -> Result<Json<String>, Failure> {
    std::future::pending().await
}

/// One router for all cases: every one over a database of its own would be slow.
fn frame() -> Router {
    static FRAME: OnceLock<Router> = OnceLock::new();
    FRAME.get_or_init(build).clone()
}

fn build() -> Router {
    let endpoints = vec![
        post("/echo", "", echo),
        post("/cbor", "", echo_cbor).within(budgets::PUSH),
        post("/key", "", key),
        get("/tickets/{ticket}", "", ticket),
        get("/panics", "", panics),
        get("/hangs", "", hangs),
    ];
    let limits = Limits {
        body_bytes: 1_000,
        ..Limits::default()
    };
    // The folder may go: the database's files stay open.
    let (app, ..) = House::app(limits);
    route(Arc::new(app), endpoints)
}

async fn send(request: Request<Bytes>) -> Response<Bytes> {
    frame().oneshot(request).await.unwrap()
}

const JSON: &str = "application/json";

#[tokio::test]
async fn every_error_is_a_problem_with_its_code() {
    let long = format!("{{\"slug\": \"{}\"}}", "a".repeat(2_000));
    for (request, code) in [
        (request("GET", "/nowhere", JSON, ""), Code::NotFound),
        (request("GET", "/echo", JSON, ""), Code::MethodNotAllowed),
        (request("BREW", "/echo", JSON, ""), Code::MethodNotAllowed),
        (
            request("POST", "/echo", "text/plain", "{}"),
            Code::UnsupportedMediaType,
        ),
        (
            request("POST", "/echo", "", "{}"),
            Code::UnsupportedMediaType,
        ),
        (request("POST", "/echo", JSON, "{"), Code::MalformedRequest),
        (request("POST", "/echo", JSON, "{}"), Code::InvalidValue),
        (
            request(
                "POST",
                "/echo",
                JSON,
                r#"{"slug": "a", "name": "a", "x": 1}"#,
            ),
            Code::InvalidValue,
        ),
        (request("POST", "/echo", JSON, long), Code::TooLarge),
        (request("GET", "/tickets/42", JSON, ""), Code::NotFound),
        (request("GET", "/tickets/%ff", JSON, ""), Code::NotFound),
        (
            request("POST", "/cbor", "application/cbor", vec![0x82, 0x01]),
            Code::MalformedRequest,
        ),
        (
            request("POST", "/cbor", "application/cbor", vec![0x80, 0x80]),
            Code::MalformedRequest,
        ),
        (
            request("POST", "/cbor", JSON, "[]"),
            Code::UnsupportedMediaType,
        ),
        (
            request("POST", "/cbor", "application/cbor", vec![0; (4 << 20) + 1]),
            Code::TooLarge,
        ),
        (request("GET", "/panics", JSON, ""), Code::Internal),
    ] {
        let (method, path) = (request.method().clone(), request.uri().clone());
        let problem = problem(send(request).await).await;
        assert_eq!(problem.code, code, "{method} {path}: {problem}");
        assert!(!problem.detail.contains("Ada"), "{problem}");
    }
}

#[tokio::test]
async fn what_fits_is_answered_with_the_callers_correlation_id() {
    let mut request = request("POST", "/echo", "application/json; charset=utf-8", "");
    *request.body_mut() = r#"{"slug": "floor", "name": "Floor"}"#.into();
    request
        .headers_mut()
        .insert(CORRELATION_ID, "scan-7".parse().unwrap());
    let response = send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CORRELATION_ID], "scan-7");
    let cbor = send(self::request(
        "POST",
        "/cbor",
        "application/cbor",
        vec![0x81, 0x05],
    ))
    .await;
    assert_eq!(
        axum::body::to_bytes(cbor.into_body(), 10).await.unwrap()[..],
        [0x81, 0x05]
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_broken_off() {
    let response = send(request("GET", "/hangs", JSON, "")).await;
    assert_eq!(problem(response).await.code, Code::Unavailable);
}

#[tokio::test]
async fn an_idempotency_key_is_bounded() {
    let with = |value: String| {
        let mut request = request("POST", "/key", JSON, "");
        request
            .headers_mut()
            .insert(IDEMPOTENCY_KEY, value.parse().unwrap());
        request
    };
    assert_eq!(send(with("a".repeat(128))).await.status(), StatusCode::OK);
    for bad in [String::new(), "a".repeat(129), "ä".into()] {
        let problem = problem(send(with(bad)).await).await;
        assert_eq!(problem.code, Code::MalformedRequest);
    }
}

/// Runs a future to its end inside of a property.
fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #[test]
    fn hostile_requests_get_an_answer_and_no_fault_of_ours(
        method in "[A-Z]{1,8}",
        path in "(/(echo|cbor|key|tickets|[a-z.~!$&'()*+,;=:@-]{0,20}|(%[0-9a-f]{2}){0,9})){1,4}",
        query in "([a-z=&+.%-]|%[0-9a-f]{2}){0,20}",
        media_type in prop_oneof![Just(JSON.to_owned()), Just("application/cbor".to_owned()), "[ -~]{0,30}"],
        header in prop::collection::vec(0x80_u8.., 0..60),
        body in prop::collection::vec(any::<u8>(), 0..1_500),
    ) {
        let built = Request::builder()
            .method(method.as_str())
            .uri(format!("{path}?{query}"))
            .header(CONTENT_TYPE, media_type)
            .header("authorization", header.as_slice())
            .header(CORRELATION_ID, header.as_slice())
            .header(IDEMPOTENCY_KEY, header.as_slice())
            .body(Bytes::from(body));
        // What is no request at all never gets past the connection.
        prop_assume!(built.is_ok());
        block(async {
            let response = send(built.unwrap()).await;
            assert!(response.status().as_u16() < 500);
            if !response.status().is_success() {
                problem(response).await;
            }
        });
    }
}

#[test]
fn the_checked_in_document_is_the_one_of_this_router() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let made = openapi_json().unwrap();
    if std::env::var_os("USHER_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/openapi.json is out of date: run the tests with USHER_BLESS=1 and look at the difference"
    );
}

#[test]
fn the_document_is_made_once_and_answered_again() {
    let (app, ..) = House::app(Limits::default());
    let (first, second) = (app.openapi().unwrap(), app.openapi().unwrap());
    assert_eq!(first.as_ptr(), second.as_ptr());
    assert_eq!(first, openapi_json().unwrap());
}

#[tokio::test]
async fn ready_names_each_part_and_what_is_wrong_with_it() {
    let house = House::new(Limits::default());
    let get = || house.send(request("GET", "/readyz", "text/plain", ""));
    let text = String::from_utf8(bytes(get().await).await).unwrap();
    for part in ["ready\n", "writer: ", "sealer: ", "disk: "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // Somebody changed something, and no sealer came.
    house.admin().await;
    house.clock.advance(61_000);
    let late = problem(get().await).await;
    assert_eq!(late.code, Code::Unavailable);
    let parts: Vec<&str> = late.errors.iter().map(|fault| fault.at.as_str()).collect();
    assert_eq!(parts, ["sealer"]);
    house.service.seal_now().await.unwrap();
    let again = get().await.status();
    assert_eq!(again, StatusCode::SERVICE_UNAVAILABLE, "of a second ago");
    house.clock.advance(1_000);
    assert_eq!(get().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn ready_writes_once_a_second_however_often_it_is_asked() {
    let house = House::new(Limits::default());
    let commits = || {
        let gauges = house.service.store().gauges();
        let mut text = String::new();
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("commits", "", gauges.commits);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let count = text
            .lines()
            .find_map(|line| line.strip_prefix("commits_count "));
        count.unwrap().parse::<u64>().unwrap()
    };
    let before = commits();
    for _ in 0..100 {
        let asked = house.send(request("GET", "/readyz", "text/plain", ""));
        assert_eq!(asked.await.status(), StatusCode::OK);
    }
    assert!(commits() <= before + 1, "{before}, then {}", commits());
}

#[tokio::test]
async fn a_disk_below_its_floor_is_not_ready() {
    let (app, service, ..) = House::app(Limits::default());
    let mut settings = service.settings().clone();
    settings.disk_floor_bytes = u64::MAX;
    let service = Service::new(
        service.store().clone(),
        Arc::new(ManualClock::at(NOON)),
        settings,
    );
    let router = router(App { service, ..app });
    let asked = request("GET", "/readyz", "text/plain", "");
    let problem = problem(router.oneshot(asked).await.unwrap()).await;
    assert_eq!(problem.errors[0].at, "disk");
}

#[tokio::test]
async fn the_figures_of_the_door_stand_in_the_metrics() {
    let house = House::new(Limits::default());
    house.organizer().await;
    house.service.figures().imported.inc_by(3);
    house.clock.advance(2_000);
    let answer = house
        .send(request("GET", "/metrics", "text/plain", ""))
        .await;
    let text = String::from_utf8(bytes(answer).await).unwrap();
    for line in [
        "usher_scans_merged_total{outcome=\"admit\"} 0",
        "usher_scans_merged_total{outcome=\"refer\"} 0",
        "usher_tickets_imported_total 3",
        "usher_incidents_open 0",
        "usher_devices_seen 0",
        "usher_enrollments_open 0",
        "usher_sealer_lag_seconds 2.0",
        "usher_writer_queue 0",
        "usher_writer_commit_seconds_bucket{le=\"0.001\"}",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn everyone_is_sent_out_only_where_the_body_says_so() {
    let house = House::new(Limits::default());
    let office = house.organizer().await;
    house.evening(&office).await;
    let path = "/api/v1/events/show/sessions/first/everyone-out";
    for body in [
        json!([]),
        json!({}),
        json!(null),
        json!({"everyone": false}),
        json!({"at": "2027-10-30T11:00:00Z"}),
        json!({"everyone": true, "zone": "hall"}),
    ] {
        let refused = problem(house.call("POST", path, &office, &body).await).await;
        assert_eq!(refused.code, Code::InvalidValue, "{body}");
        assert!(!refused.detail.contains("struct"), "{refused}");
    }
    let everyone = json!({"everyone": true});
    let done = house.call("POST", path, &office, &everyone).await;
    assert_eq!(done.status(), StatusCode::NO_CONTENT);
    let session = "/api/v1/events/show/sessions/first";
    let refused = house.call("PATCH", session, &office, &json!([])).await;
    assert_eq!(problem(refused).await.code, Code::InvalidValue);
}
