//! The real router in process, over a real database in a temporary folder, with a clock moved by hand.

mod access;
mod devices;
mod frame;
mod limits;
mod live;
mod neighbours;
mod tickets;

use super::*;
use crate::clock::ManualClock;
use crate::service::Settings;
use crate::storage::sqlite::Sqlite;
use axum::body::Body as Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;
use usher_domain::api::CORRELATION_ID;
use usher_domain::api::access::{IssuedToken, TokenRole};
use usher_domain::api::venue::{NewTrust, Organizer};
use usher_domain::code::Limit;
use usher_domain::cose::SigningKey;
use usher_domain::document::sign;
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::problem::Problem;
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

/// 2027-10-30T12:00:00Z.
pub(super) const NOON: UnixMillis = UnixMillis::new(1_824_897_600_000);
const DAY_MS: i64 = 24 * 3_600_000;

/// A server without a network.
pub(super) struct House {
    pub(super) router: Router,
    pub(super) service: Service,
    pub(super) clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl House {
    pub(super) fn new(limits: Limits) -> Self {
        let app = Self::app(limits);
        Self {
            router: router(app.0),
            service: app.1,
            clock: app.2,
            _folder: app.3,
        }
    }

    /// What a router is made of.
    pub(super) fn app(limits: Limits) -> (App, Service, Arc<ManualClock>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::store(folder.path()).unwrap();
        let clock = Arc::new(ManualClock::at(NOON));
        let snapshots = Settings::new(folder.path().join("snapshots"));
        let service = Service::new(store, clock.clone(), snapshots);
        let app = App::new(Parts {
            service: service.clone(),
            limits,
            proxies: Proxies::of(vec!["10.0.0.0/8".parse().unwrap()]),
            reach: Reach {
                public_url: None,
                local_url: "http://localhost".into(),
                scheme: "http",
                spki: None,
            },
            connections: ConnectionFigures::default(),
            token_secret: tokio::sync::watch::Sender::new(Seed::new([7; 32])).subscribe(),
        });
        (app, service, clock, folder)
    }

    /// An administrator's token.
    pub(super) async fn admin(&self) -> String {
        let issued = self.service.create_admin_token("admin".into()).await;
        issued.unwrap().secret.reveal().to_owned()
    }

    /// An organizer `house` with a trust document in force, and a token of it.
    pub(super) async fn organizer(&self) -> String {
        let admin = self.admin().await;
        let new = json!({"slug": "house", "name": "House"});
        let made: Organizer = self.ok("POST", "/api/v1/organizers", &admin, &new).await;
        let path = "/api/v1/organizers/house/tokens";
        let new = json!({"name": "office", "role": TokenRole::Organizer});
        let issued: IssuedToken = self.ok("POST", path, &admin, &new).await;
        let token = issued.secret.reveal().to_owned();
        let path = "/api/v1/organizer/trust";
        let trusted: Organizer = self.ok("PUT", path, &token, &trust(&made)).await;
        assert!(trusted.trust.is_some());
        token
    }

    pub(super) async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends JSON.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> Response<Bytes> {
        let body = serde_json::to_vec(body).unwrap();
        let mut request = request(method, path, "application/json", body);
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, header);
        self.send(request).await
    }

    /// Sends JSON and reads the answer.
    pub(super) async fn ok<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &impl Serialize,
    ) -> T {
        let response = self.call(method, path, token, body).await;
        let status = response.status();
        let bytes = bytes(response).await;
        assert!(
            status.is_success(),
            "{path}: {}",
            String::from_utf8_lossy(&bytes)
        );
        serde_json::from_slice(&bytes).unwrap()
    }
}

pub(super) async fn bytes(response: Response<Bytes>) -> Vec<u8> {
    let body = axum::body::to_bytes(response.into_body(), 16 << 20).await;
    body.unwrap().to_vec()
}

pub(super) fn request(
    method: &str,
    path: &str,
    media_type: &str,
    body: impl Into<Bytes>,
) -> Request<Bytes> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, media_type)
        .body(body.into())
        .unwrap()
}

/// Reads a problem and checks what every problem must be.
pub(super) async fn problem(response: Response<Bytes>) -> Problem {
    let (parts, body) = response.into_parts();
    assert_eq!(parts.headers[CONTENT_TYPE], problem::MEDIA_TYPE);
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let problem: Problem = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(problem.status, parts.status.as_u16());
    assert_eq!(problem.status, problem.code.status());
    assert!(!problem.detail.is_empty());
    assert_eq!(
        problem.correlation.as_deref(),
        parts.headers[CORRELATION_ID].to_str().ok()
    );
    let challenged = parts.headers.contains_key("www-authenticate");
    assert_eq!(challenged, parts.status == StatusCode::UNAUTHORIZED);
    problem
}

/// A trust document that lets the server's keys sign for a month.
fn trust(organizer: &Organizer) -> NewTrust {
    let root = SigningKey::from_seed(&Seed::new([77; 32]));
    let delegation = |key, purpose| Delegation {
        key,
        purpose,
        not_before: NOON.shifted(-DAY_MS),
        not_after: NOON.shifted(30 * DAY_MS),
        revoked_at: None,
    };
    let code = Purpose::Code {
        accesses: Limit::All,
        types: Limit::All,
    };
    let trust = Trust {
        organizer: organizer.id,
        version: Version {
            epoch: 1,
            number: 1,
        },
        issued_at: NOON,
        expires_at: NOON.shifted(30 * DAY_MS),
        server: organizer.server,
        delegations: vec![
            delegation(organizer.keys.roster, Purpose::Roster),
            delegation(organizer.keys.set, Purpose::Set),
            delegation(organizer.keys.code, code),
        ],
    };
    NewTrust {
        root: root.public(),
        document: STANDARD.encode(sign(&trust, &root)),
    }
}
