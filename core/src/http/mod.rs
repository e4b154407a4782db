//! [`SyncApi`](usher_domain::protocol::SyncApi) over HTTP: one connection to the server of the enrollment.
//!
//! The server is known by the SHA-256 of its certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4),
//! which the enrollment code carries; names, dates and authorities of the certificate count for nothing.
//! Plain HTTP is spoken on loopback, or where the enrollment says so.
//!
//! Every request has a bound of time and of size, and a correlation id of its own that stands in the
//! server's log line too. An answer that is an error becomes its [`Problem`]; one that cannot be read
//! becomes `bad_answer`, none at all `unreachable`, and a server with another key `server_not_trusted`.

mod answer;
mod calls;
mod live;
#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests;
#[cfg(not(target_arch = "wasm32"))]
mod tls;
mod token;

use crate::clock::{Clock, Entropy, random};
use answer::{unreachable, unreadable};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use token::Tokens;
use usher_domain::cose::SigningKey;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::problem::{Code, Problem, Retry};
use usher_domain::protocol::MEDIA_TYPE;
use usher_domain::protocol::paths::CORRELATION_HEADER;

pub use calls::SNAPSHOT_PART_BYTES;
pub use live::HttpEvents;
#[cfg(not(target_arch = "wasm32"))]
pub use tls::{is_distrust, pinned as pinned_tls};

/// One exchange may take this long in all; a gate has better things to do than to wait.
const EXCHANGE_TIME: Duration = Duration::from_secs(30);
/// A connection must stand within this time.
#[cfg(not(target_arch = "wasm32"))]
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Where the server is and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    identity: Identity,
}

/// How a server is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    /// By the key of its certificate.
    Pinned(Hash),
    /// It runs on this very machine.
    Loopback,
    /// Not at all: whoever answers is taken for it, and what it says of the time proves nothing.
    Unproved,
}

/// What an enrollment allows where the code names no key of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlainHttp {
    /// Only to a server on this machine.
    #[default]
    OnLoopback,
    /// Anywhere: a proxy takes care of the secrecy.
    Anywhere,
}

/// Why an address is not that of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Not an `http` or `https` address without user, query and fragment.
    #[error("not the address of a server")]
    Address,
    /// `https` without a key to know the server by.
    #[error("an https address needs the fingerprint of the server's key")]
    NoPin,
    /// Plain `http` to another machine.
    #[error("plain http is only allowed on the same machine")]
    Plain,
}

impl Endpoint {
    /// The server at the address `server`, known by the SHA-256 `spki` of its key.
    ///
    /// # Errors
    /// [`InvalidEndpoint`].
    pub fn new(
        server: &str,
        spki: Option<Hash>,
        plain: PlainHttp,
    ) -> Result<Self, InvalidEndpoint> {
        let base = Url::parse(server).map_err(|_| InvalidEndpoint::Address)?;
        let bare = base.username().is_empty()
            && base.password().is_none()
            && base.query().is_none()
            && base.fragment().is_none();
        let host = base.host_str().filter(|_| bare);
        let host = host.ok_or(InvalidEndpoint::Address)?;
        let identity = match (base.scheme(), spki) {
            ("https", Some(pin)) => Identity::Pinned(pin),
            ("https", None) => return Err(InvalidEndpoint::NoPin),
            ("http", _) if is_loopback(host) => Identity::Loopback,
            ("http", _) if plain == PlainHttp::Anywhere => Identity::Unproved,
            ("http", _) => return Err(InvalidEndpoint::Plain),
            _ => return Err(InvalidEndpoint::Address),
        };
        Ok(Self { base, identity })
    }

    /// Whether an answer proves who gave it; only then does the server's time prove the device's clock.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        match self.identity {
            Identity::Pinned(_) | Identity::Loopback => Channel::Authentic,
            Identity::Unproved => Channel::Open,
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url
    }
}

/// Loopback by name or number. A name that only resolves to loopback does not count: whoever answers
/// for names could point it elsewhere.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What an answer's way proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// That it comes from the server of the enrollment.
    Authentic,
    /// Nothing.
    Open,
}

/// Who asks.
#[derive(Debug)]
pub struct Caller {
    /// The device.
    pub device: DeviceId,
    /// Its key.
    pub key: Arc<SigningKey>,
}

/// The server of the enrollment, over HTTP.
pub struct HttpSync {
    client: Client,
    endpoint: Endpoint,
    caller: Option<Caller>,
    clock: Arc<dyn Clock + Send + Sync>,
    entropy: Arc<dyn Entropy + Send + Sync>,
    tokens: Tokens,
}

impl fmt::Debug for HttpSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSync")
            .field("endpoint", &self.endpoint)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

impl HttpSync {
    /// A connection for `caller`; without one only enrolling works. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Problem`] `internal` if the system gives no TLS.
    pub fn new(
        endpoint: Endpoint,
        caller: Option<Caller>,
        clock: Arc<dyn Clock + Send + Sync>,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            client: client(endpoint.identity)?,
            endpoint,
            caller,
            clock,
            entropy,
            tokens: Tokens::default(),
        })
    }

    /// What answers on this connection prove.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.endpoint.channel()
    }

    /// A request with a correlation id of its own, and that id.
    fn request(&self, method: Method, url: Url) -> Result<(RequestBuilder, String), Problem> {
        let (request, id) = self.lasting_request(method, url)?;
        Ok((request.timeout(EXCHANGE_TIME), id))
    }

    /// The same without a bound of time, for an answer that goes on.
    fn lasting_request(
        &self,
        method: Method,
        url: Url,
    ) -> Result<(RequestBuilder, String), Problem> {
        let id: [u8; 12] = random(&*self.entropy)
            .map_err(|_| Problem::new(Code::Internal, "the system gives no random bytes"))?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let request = self
            .client
            .request(method, url)
            .header(CORRELATION_HEADER, &id);
        Ok((request, id))
    }

    /// Sends one request without a token.
    async fn send_open(&self, method: Method, url: Url, body: Vec<u8>) -> Result<Reply, Problem> {
        let (request, correlation) = self.request(method, url)?;
        deliver(
            request.header(CONTENT_TYPE, MEDIA_TYPE).body(body),
            correlation,
        )
        .await
    }

    /// Sends a request with the token; a token that does not count any more is renewed once.
    async fn send(
        &self,
        build: impl Fn() -> Result<(RequestBuilder, String), Problem>,
    ) -> Result<Reply, Problem> {
        let token = self.token().await?;
        self.send_as(token, build).await
    }

    /// The same at once, with the token that is at hand.
    async fn send_promptly(
        &self,
        build: impl Fn() -> Result<(RequestBuilder, String), Problem>,
    ) -> Result<Reply, Problem> {
        let token = self.token_at_hand().await?;
        self.send_as(token, build).await
    }

    async fn send_as(
        &self,
        token: HeaderValue,
        build: impl Fn() -> Result<(RequestBuilder, String), Problem>,
    ) -> Result<Reply, Problem> {
        let first = self.send_with(&build, &token).await;
        match first {
            Err(problem) if problem.retry() == Retry::AfterSignIn => {
                self.tokens.forget(&token);
                let token = self.token().await?;
                self.send_with(&build, &token).await
            }
            other => other,
        }
    }

    async fn send_with(
        &self,
        build: impl Fn() -> Result<(RequestBuilder, String), Problem>,
        token: &HeaderValue,
    ) -> Result<Reply, Problem> {
        let (request, correlation) = build()?;
        deliver(request.header(AUTHORIZATION, token.clone()), correlation).await
    }
}

/// A good answer and the id of its request.
struct Reply {
    response: Response,
    correlation: String,
}

async fn deliver(request: RequestBuilder, correlation: String) -> Result<Reply, Problem> {
    let response = request
        .send()
        .await
        .map_err(|error| unreachable(&error, &correlation))?;
    let reply = Reply {
        response,
        correlation,
    };
    if reply.response.status().is_success() {
        Ok(reply)
    } else if reply.response.status().is_redirection() {
        Err(unreadable("a redirection", &reply.correlation))
    } else {
        Err(answer::problem(reply).await)
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn client(identity: Identity) -> Result<Client, Problem> {
    let builder = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIME)
        .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")));
    let builder = match identity {
        Identity::Pinned(pin) => builder.tls_backend_preconfigured(tls::pinned(pin)?),
        Identity::Loopback | Identity::Unproved => {
            builder.tls_backend_preconfigured(tls::refusing()?)
        }
    };
    builder
        .build()
        .map_err(|_| Problem::new(Code::Internal, "no connection can be set up"))
}

/// A browser keeps its own counsel about TLS and cannot pin; the page's origin is the server's.
#[cfg(target_arch = "wasm32")]
fn client(_identity: Identity) -> Result<Client, Problem> {
    Client::builder()
        .build()
        .map_err(|_| Problem::new(Code::Internal, "no connection can be set up"))
}
