//! Who may call what, how often, and how often one may guess.

use super::*;
use crate::http::endpoint::Access;
use axum::extract::ConnectInfo;
use std::net::SocketAddr;
use std::num::NonZeroU32;

/// A path with something in place of its parameters.
fn filled(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

pub(super) fn method(endpoint: &Endpoint) -> &'static str {
    use utoipa::openapi::path::HttpMethod;
    match endpoint.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Head | HttpMethod::Options | HttpMethod::Trace => {
            unreachable!("none is served")
        }
    }
}

/// Many wrong tokens, from one address.
fn patient() -> Limits {
    Limits {
        failed_sign_ins_per_minute: NonZeroU32::new(100_000).unwrap(),
        ..Limits::default()
    }
}

async fn code(house: &House, endpoint: &Endpoint, token: &str) -> Option<Code> {
    let path = filled(endpoint.path);
    let response = house.call(method(endpoint), &path, token, &json!({})).await;
    if response.status().is_success() {
        return None;
    }
    Some(problem(response).await.code)
}

#[tokio::test]
async fn every_endpoint_asks_for_its_role() {
    let house = House::new(patient());
    let office = house.organizer().await;
    let mut tokens = vec![(TokenRole::Admin, house.admin().await)];
    for role in [TokenRole::Viewer, TokenRole::Sales, TokenRole::Organizer] {
        let new = json!({"name": "n", "role": role});
        let issued: IssuedToken = house.ok("POST", "/api/v1/tokens", &office, &new).await;
        tokens.push((role, issued.secret.reveal().to_owned()));
    }
    let mut seen = 0;
    for endpoint in endpoints() {
        let Access::Token(needed) = endpoint.access else {
            continue;
        };
        seen += 1;
        let place = format!("{} {}", method(&endpoint), endpoint.path);
        for nobody in ["", "x", "x.y", "ud1.AAAA"] {
            let code = code(&house, &endpoint, nobody).await;
            assert_eq!(code, Some(Code::Unauthenticated), "{place}");
        }
        for (role, token) in &tokens {
            // An administrator's token belongs to no organizer, so it does not reach into one.
            let admin_matters = *role == TokenRole::Admin || needed == TokenRole::Admin;
            let may = if admin_matters {
                *role == needed
            } else {
                *role >= needed
            };
            let code = code(&house, &endpoint, token).await;
            assert_ne!(code, Some(Code::Unauthenticated), "{place} {role:?}");
            assert_eq!(
                code != Some(Code::Forbidden),
                may,
                "{place} {role:?}: {code:?}"
            );
        }
    }
    assert!(seen > 20, "the table lost its endpoints");
}

#[tokio::test]
async fn every_endpoint_of_devices_asks_for_a_devices_token() {
    let house = House::new(patient());
    let office = house.organizer().await;
    for endpoint in endpoints() {
        if matches!(endpoint.access, Access::Device | Access::DeviceEvenRevoked) {
            for token in ["", "ud1.AAAA", office.as_str()] {
                let code = code(&house, &endpoint, token).await;
                assert_eq!(code, Some(Code::Unauthenticated), "{}", endpoint.path);
            }
        }
    }
}

#[tokio::test]
async fn what_is_open_is_known() {
    let mut open: Vec<_> = endpoints()
        .into_iter()
        .filter(|endpoint| endpoint.access == Access::Open)
        .map(|endpoint| endpoint.path)
        .collect();
    open.sort_unstable();
    assert_eq!(
        open,
        [
            "/healthz",
            "/metrics",
            "/openapi.json",
            "/readyz",
            "/sync/v1/challenge",
            "/sync/v1/enroll",
            "/sync/v1/token",
        ]
    );
}

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_when_to_come_back() {
    let house = House::new(Limits {
        token_per_minute: NonZeroU32::new(6).unwrap(),
        ..Limits::default()
    });
    let admin = house.admin().await;
    let list = async || house.call("GET", "/api/v1/organizers", &admin, &()).await;
    for _ in 0..6 {
        assert_eq!(list().await.status(), StatusCode::OK);
    }
    let refused = list().await;
    assert_eq!(refused.headers()["retry-after"], "10");
    let problem = problem(refused).await;
    assert_eq!(problem.code, Code::RateLimited);
    assert_eq!(problem.retry_after, Some(10));
    house.clock.advance(10_000);
    assert_eq!(list().await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_right_token_is_heard_however_many_wrong_ones_came_from_its_address() {
    let house = House::new(Limits {
        failed_sign_ins_per_minute: NonZeroU32::new(3).unwrap(),
        ..Limits::default()
    });
    let admin = house.admin().await;
    let list = async |token: &str| house.call("GET", "/api/v1/organizers", token, &()).await;
    for _ in 0..3 {
        assert_eq!(list("x.y").await.status(), StatusCode::UNAUTHORIZED);
    }
    for _ in 0..50 {
        assert_eq!(list("x.y").await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(list(&admin).await.status(), StatusCode::OK);
    }
    house.clock.advance(20_000);
    assert_eq!(list("x.y").await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn failures_count_for_the_address_that_a_named_proxy_tells_and_for_nobody_elses() {
    let house = House::new(Limits {
        failed_sign_ins_per_minute: NonZeroU32::new(1).unwrap(),
        ..Limits::default()
    });
    let guess = async |peer: &str, forwarded: &str| {
        let mut request = request("GET", "/api/v1/organizers", "", "");
        let peer: SocketAddr = format!("{peer}:4000").parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, "Bearer x.y".parse().unwrap());
        headers.insert("x-forwarded-for", forwarded.parse().unwrap());
        house.send(request).await.status()
    };
    let (wrong, often) = (StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(guess("10.0.0.1", "198.51.100.7").await, wrong);
    assert_eq!(guess("10.0.0.1", "198.51.100.7").await, often);
    assert_eq!(guess("10.0.0.1", "192.0.2.1, 198.51.100.7").await, often);
    assert_eq!(guess("10.0.0.1", "198.51.100.8").await, wrong);
    // Who is no proxy is believed nothing.
    assert_eq!(guess("203.0.113.9", "198.51.100.9").await, wrong);
    assert_eq!(guess("203.0.113.9", "198.51.100.10").await, often);
    assert_eq!(guess("10.0.0.1", "198.51.100.9").await, wrong);
}

#[tokio::test]
async fn a_revoked_token_does_not_count_any_more() {
    let house = House::new(Limits::default());
    let office = house.organizer().await;
    let new = json!({"name": "shop", "role": TokenRole::Sales});
    let shop: IssuedToken = house.ok("POST", "/api/v1/tokens", &office, &new).await;
    let path = format!("/api/v1/tokens/{}", shop.token.id);
    let _: serde_json::Value = house.ok("DELETE", &path, &office, &()).await;
    let refused = house
        .call("GET", "/api/v1/events", shop.secret.reveal(), &())
        .await;
    assert_eq!(problem(refused).await.code, Code::Unauthenticated);
}

/// What is written into a log.
#[derive(Clone, Default)]
struct Written(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn lines(&self, with: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(with)).count()
    }
}

#[tokio::test]
async fn a_stranger_who_asks_a_thousand_times_writes_a_line_and_each_request_of_others_has_its_own()
{
    let house = House::new(Limits::default());
    let token = house.organizer().await;
    let written = Written::default();
    let config = crate::config::LogConfig {
        format: crate::config::LogFormat::Human,
        filter: "info".into(),
    };
    let to = written.clone();
    let subscriber = crate::logging::subscriber(&config, move || to.clone()).unwrap();
    let _until_the_end = tracing::subscriber::set_default(subscriber);
    for _ in 0..1_000 {
        house.call("GET", "/x", "", &json!(null)).await;
    }
    assert_eq!(written.lines("answered"), 1);
    for _ in 0..3 {
        house
            .call("GET", "/api/v1/events/none", &token, &json!(null))
            .await;
    }
    let all = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    assert_eq!(written.lines("caller=token"), 3, "{all}");
    house.clock.advance(60_000);
    house.call("GET", "/x", "", &json!(null)).await;
    assert_eq!(written.lines("more=999"), 1);
}
