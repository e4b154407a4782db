//! HTTP: the protocols of organizers and devices, each handler three lines over a service.
//!
//! Everything that is an error leaves as a problem ([`problem`]); everything that is served stands in one
//! table of endpoints ([`endpoint`]), of which the router and the OpenAPI document are made.

mod answer;
mod api;
mod bodies;
mod budgets;
mod caller;
mod device_token;
mod endpoint;
mod extract;
mod fresh;
mod observe;
mod openapi;
mod origin;
mod problem;
mod rate;
mod status;
mod strangers;
mod sync;

use crate::config::{Limits, Proxies};
use crate::listen::{Caller, ConnectionFigures};
use crate::metrics::Metrics;
use crate::service::{Check, DoorFigures, Service};
use axum::Router;
use axum::response::IntoResponse as _;
use bodies::BodyRoom;
pub(crate) use bodies::{
    LARGE_PER_CALLER as LARGE_BODIES_PER_CALLER, ROOM_WITHIN, SMALL_BYTES as SMALL_BODY_BYTES,
    SMALL_BYTES_IN_ALL as SMALL_BODIES_BYTES,
};
use bytes::Bytes;
use device_token::DeviceTokens;
use endpoint::Endpoint;
pub(crate) use fresh::FRESH_MS;
use fresh::Fresh;
pub(crate) use origin::network_of;
use problem::Failure;
use rate::RateLimit;
use std::any::Any;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use strangers::Strangers;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::problem::Code;
use usher_domain::secret::Seed;

/// How devices and people reach this server.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Base address, if it is configured; else the one that a request came to counts.
    pub public_url: Option<String>,
    /// Base address on this machine.
    pub local_url: String,
    /// Scheme of what this server serves.
    pub scheme: &'static str,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo; none without TLS of its own.
    pub spki: Option<Hash>,
}

/// Everything that handlers share.
pub struct App {
    service: Service,
    limits: Limits,
    proxies: Proxies,
    reach: Reach,
    metrics: Metrics,
    device_tokens: DeviceTokens,
    /// Requests of those who proved nothing.
    strangers: Strangers,
    by_device: RateLimit<DeviceId>,
    claims_by_device: RateLimit<DeviceId>,
    by_token: RateLimit<String>,
    failed_sign_ins: RateLimit<IpAddr>,
    bodies: BodyRoom,
    checks: Fresh<Vec<Check>>,
    door: Fresh<DoorFigures>,
    /// The OpenAPI document: the same as long as the process lives.
    openapi: OnceLock<Bytes>,
}

type Shared = Arc<App>;

/// What an [`App`] is made of.
pub struct Parts {
    /// The services.
    pub service: Service,
    /// Bounds of what one caller may ask.
    pub limits: Limits,
    /// Who is believed about callers' addresses.
    pub proxies: Proxies,
    /// How others reach this server.
    pub reach: Reach,
    /// Figures of connections, where there are any.
    pub connections: ConnectionFigures,
    /// Authenticates devices' tokens.
    pub token_secret: watch::Receiver<Seed>,
}

impl App {
    /// Puts it together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let metrics = Metrics::of(
            parts.service.figures(),
            &parts.service.store().gauges(),
            &parts.connections,
        );
        Self {
            by_device: RateLimit::new(parts.limits.device_per_minute),
            claims_by_device: RateLimit::new(parts.limits.device_per_minute),
            by_token: RateLimit::new(parts.limits.token_per_minute),
            failed_sign_ins: RateLimit::new(parts.limits.failed_sign_ins_per_minute),
            bodies: BodyRoom::new(parts.limits.bodies_bytes),
            checks: Fresh::default(),
            door: Fresh::default(),
            service: parts.service,
            limits: parts.limits,
            proxies: parts.proxies,
            reach: parts.reach,
            metrics,
            device_tokens: DeviceTokens::new(parts.token_secret),
            strangers: Strangers::default(),
            openapi: OnceLock::new(),
        }
    }
}

/// Bytes of a body that cost as much as a request.
const BYTES_PER_REQUEST: usize = 64 * 1024;

impl App {
    /// Charges a body to who sent it: many bytes cost as much as many requests.
    fn charge(&self, caller: &Caller, bytes: usize) -> Result<(), Failure> {
        let requests = u32::try_from(bytes / BYTES_PER_REQUEST).unwrap_or(u32::MAX);
        let now = self.service.now();
        let (kind, charged) = match caller {
            Caller::Device(device) => ("device", self.by_device.take_many(*device, requests, now)),
            Caller::Token(token) => (
                "token",
                self.by_token.take_many(token.clone(), requests, now),
            ),
        };
        charged.map_err(|often| {
            self.metrics.rate_limited(kind);
            Failure::too_often(often.0)
        })
    }

    /// The OpenAPI document, put together when it is first asked for.
    fn openapi(&self) -> Result<Bytes, Failure> {
        if let Some(made) = self.openapi.get() {
            return Ok(made.clone());
        }
        let made = openapi_json().map_err(|_| status::unwritable())?;
        Ok(self.openapi.get_or_init(|| made.into()).clone())
    }
}

/// All endpoints.
fn endpoints() -> Vec<Endpoint> {
    let mut all = Vec::new();
    all.extend(status::endpoints());
    all.extend(api::endpoints());
    all.extend(sync::endpoints());
    all
}

/// The OpenAPI document as pretty JSON with a line end.
///
/// # Errors
/// Never in practice: the document is made of plain values.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    openapi::document(&endpoints())
        .to_pretty_json()
        .map(|json| json + "\n")
}

/// The whole router.
pub fn router(app: App) -> Router {
    route(Arc::new(app), endpoints())
}

fn route(app: Shared, endpoints: Vec<Endpoint>) -> Router {
    let mut router = Router::new();
    for endpoint in endpoints {
        let (path, route) = endpoint.route(&app);
        router = router.route(path, route);
    }
    router
        .fallback(async || Failure::new(Code::NotFound, "there is nothing at this path"))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(&app),
            observe::observe,
        ))
        .with_state(app)
}

/// A handler panicked: a fault of ours, and an answer all the same. What it said may hold values.
fn panicked(_said: Box<dyn Any + Send>) -> axum::response::Response {
    Failure::new(Code::Internal, "a fault of the server").into_response()
}

#[cfg(test)]
mod tests;
