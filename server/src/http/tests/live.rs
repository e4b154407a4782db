//! The live feed as it travels.

use super::devices::{North, north};
use super::*;
use futures_util::StreamExt as _;
use usher_domain::api::access::Device;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::live::{
    Bye, ByeReason, EventReader, Hello, LiveEvent, LivePlace, MEDIA_TYPE, Ping,
};
use usher_domain::protocol::{Assignment, paths};

/// What comes over one connection.
struct Told {
    body: axum::body::BodyDataStream,
    reader: EventReader,
}

impl Told {
    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if let Some(event) = self.reader.next_event().unwrap() {
                return Some(event);
            }
            self.reader.push(&self.body.next().await?.unwrap());
        }
    }
}

impl North {
    async fn scope(&self) -> ScopeId {
        let asked = self
            .house
            .sync("GET", paths::ASSIGNMENT, &self.token, Vec::new());
        let assignment: Assignment = self.house.read(asked.await).await;
        assignment.scopes[0]
    }

    async fn ask(&self, query: &str, last: Option<&str>) -> Response<Bytes> {
        let path = format!("{}{query}", paths::LIVE);
        let mut request = request("GET", &path, "", "");
        let headers = request.headers_mut();
        let token = format!("Bearer {}", self.token);
        headers.insert(AUTHORIZATION, token.parse().unwrap());
        if let Some(last) = last {
            headers.insert("last-event-id", last.parse().unwrap());
        }
        self.house.send(request).await
    }

    async fn listen(&self, query: &str) -> Told {
        let answer = self.ask(query, None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()[CONTENT_TYPE], MEDIA_TYPE);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        Told {
            body: answer.into_body().into_data_stream(),
            reader: EventReader::default(),
        }
    }
}

fn place(scope: ScopeId, position: u64) -> LivePlace {
    LivePlace {
        scope,
        epoch: 1,
        position,
    }
}

#[tokio::test]
async fn a_device_hears_hello_pings_and_goodbye() {
    let north = north().await;
    let scope = north.scope().await;
    let publisher = north.house.service.start_publisher();
    let mut told = north.listen(&format!("?scope={}", place(scope, 0))).await;
    let Some(LiveEvent::Hello(Hello { epoch, feeds, .. })) = told.next().await else {
        panic!("no hello");
    };
    assert_eq!((epoch, feeds[0].scope), (1, scope));
    let ping = LiveEvent::Ping(Ping { server_time: NOON });
    while told.next().await.unwrap() != ping {}
    publisher.stop().await;
    let reason = ByeReason::Closing;
    while told.next().await.unwrap() != LiveEvent::Bye(Bye { reason }) {}
    assert_eq!(told.next().await, None);
    let refused = north.ask("", None).await;
    assert_eq!(problem(refused).await.code, Code::Unavailable);
}

#[tokio::test]
async fn only_devices_that_count_listen_and_one_that_is_revoked_hears_of_it() {
    let north = north().await;
    let stranger = north.house.sync("GET", paths::LIVE, "ud1.none", Vec::new());
    assert_eq!(problem(stranger.await).await.code, Code::Unauthenticated);
    let mut told = north.listen("").await;
    assert!(matches!(told.next().await, Some(LiveEvent::Hello(_))));
    let path = format!("/api/v1/devices/{}", north.device);
    let change = json!({"do": "revoke"});
    let _: Device = north.house.ok("PATCH", &path, &north.office, &change).await;
    let reason = ByeReason::Revoked;
    assert_eq!(told.next().await, Some(LiveEvent::Bye(Bye { reason })));
    assert_eq!(told.next().await, None);
    let refused = north.ask("", None).await;
    assert_eq!(problem(refused).await.code, Code::DeviceRevoked);
}

#[tokio::test]
async fn a_query_that_names_no_place_is_refused_and_a_scope_of_others_is_not_told() {
    let north = north().await;
    for query in ["?scope=1:2:3", "?scope=", "?since=1", "?scope=%ff"] {
        let refused = north.ask(query, None).await;
        assert_eq!(
            problem(refused).await.code,
            Code::MalformedRequest,
            "{query}"
        );
    }
    let other = place(ScopeId::from_bytes([9; 16]), 0);
    let mut told = north.listen(&format!("?scope={other}")).await;
    let Some(LiveEvent::Hello(hello)) = told.next().await else {
        panic!("no hello");
    };
    assert_eq!(hello.feeds, []);
    let answer = north.ask("", Some("not of ours")).await;
    assert_eq!(answer.status(), StatusCode::OK);
}
