//! The organizer's side of the server: JSON over HTTP, as `usher_domain::api` writes it.

use crate::error::CliError;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use usher_core::http::pinned_tls;
use usher_domain::api::{CORRELATION_ID, IDEMPOTENCY_KEY, PATH_PREFIX, Page};
use usher_domain::hash::Hash;
use usher_domain::problem::{Code, Problem};
use usher_domain::secret::Private;

/// A connection must stand within this time.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// An answer must be there within this time; imports are long.
const ANSWER_TIME: Duration = Duration::from_secs(10 * 60);
/// A server that was just started may need this long until it listens.
const STARTING_PAUSE: Duration = Duration::from_millis(100);
/// How often a refused connection is tried again after [`STARTING_PAUSE`].
const STARTING_TRIES: usize = 30;
/// Pages of a list read at most: a server that never ends must not hang us.
const PAGES_MAX: usize = 100_000;

/// Where the server is and who asks.
#[derive(Debug, Clone)]
pub struct Access {
    /// Base address, such as `https://tickets.example:8443`.
    pub server: String,
    /// SHA-256 of the server key's SubjectPublicKeyInfo; without it the system's authorities vouch for
    /// the server.
    pub pin: Option<Hash>,
    /// The token.
    pub token: Private,
}

/// A connection to the server.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Private,
    correlation: String,
}

/// Sends a request. Where nobody listens yet it is sent again for some seconds: nothing of it was heard,
/// and `usher serve &` is often the line before.
async fn connect(mut request: RequestBuilder) -> Result<Response, reqwest::Error> {
    for _ in 0..STARTING_TRIES {
        let Some(again) = request.try_clone() else {
            break;
        };
        match request.send().await {
            Err(error) if is_refused(&error) => tokio::time::sleep(STARTING_PAUSE).await,
            answered => return answered,
        }
        request = again;
    }
    request.send().await
}

fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let refused = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
        if refused {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Client {
    /// Prepares a connection; nothing is sent yet. `correlation` ties all its requests together.
    ///
    /// # Errors
    /// [`CliError::Invalid`] for an address that is none.
    pub fn new(access: Access, correlation: String) -> Result<Self, CliError> {
        let base: Url = access.server.parse().map_err(|_| {
            CliError::Invalid(format!("{} is not the address of a server", access.server))
        })?;
        if base.cannot_be_a_base() || !matches!(base.scheme(), "http" | "https") {
            return Err(CliError::Invalid(format!(
                "{base} must begin with https:// or http:// and name a host"
            )));
        }
        // Only a second call in one process fails, and then a provider is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIME)
            .timeout(ANSWER_TIME)
            .user_agent(concat!("usher/", env!("CARGO_PKG_VERSION")));
        let builder = match access.pin {
            Some(pin) => builder.tls_backend_preconfigured(pinned_tls(pin)?),
            None => builder,
        };
        let http = builder
            .build()
            .map_err(|_| Problem::new(Code::Internal, "no connection can be prepared"))?;
        Ok(Self {
            http,
            base,
            token: access.token,
            correlation,
        })
    }

    /// The address of the server.
    #[must_use]
    pub const fn server(&self) -> &Url {
        &self.base
    }

    /// Reads one thing.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, CliError> {
        self.read(self.request(Method::GET, path)?).await
    }

    /// Reads a whole list, page by page.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<T>, CliError> {
        self.list_where(path, &Value::Null).await
    }

    /// Reads all pages of a list that `query` describes: an object of texts and numbers, or nothing.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn list_where<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Value,
    ) -> Result<Vec<T>, CliError> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut url = self.url(path)?;
            for (name, value) in query.as_object().into_iter().flatten() {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                url.query_pairs_mut().append_pair(name, &text);
            }
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let page: Page<T> = self.read(self.request_to(Method::GET, url)?).await?;
            items.extend(page.items);
            match page.next {
                Some(next) if after.as_ref() != Some(&next) => after = Some(next),
                Some(_) | None => return Ok(items),
            }
        }
        Err(Problem::new(Code::BadAnswer, "the server's list does not end").into())
    }

    /// Reads one page of a list that `query` describes: an object of texts and numbers.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<Page<T>, CliError> {
        self.get_with(path, query).await
    }

    /// Reads what `query` describes: an object of texts and numbers.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn get_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<T, CliError> {
        let mut url = self.url(path)?;
        if let Ok(Value::Object(fields)) = serde_json::to_value(query) {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in fields {
                let text = value.as_str().map(str::to_owned);
                pairs.append_pair(&name, &text.unwrap_or_else(|| value.to_string()));
            }
        }
        self.read(self.request_to(Method::GET, url)?).await
    }

    /// Creates or asks for something.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, CliError> {
        self.read(self.request(Method::POST, path)?.json(body))
            .await
    }

    /// Changes something, so that repeating it with the same `once` changes nothing more.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &[&str],
        once: Option<&str>,
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, CliError> {
        self.read(with_key(self.request(Method::POST, path)?.json(body), once))
            .await
    }

    /// Changes some fields of something.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, CliError> {
        self.read(self.request(Method::PATCH, path)?.json(body))
            .await
    }

    /// Puts something in the place of what is there.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &(impl Serialize + ?Sized),
    ) -> Result<T, CliError> {
        self.read(self.request(Method::PUT, path)?.json(body)).await
    }

    /// Ends something.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn delete<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, CliError> {
        self.read(self.request(Method::DELETE, path)?).await
    }

    /// Sends a form with files.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn upload<T: DeserializeOwned>(
        &self,
        path: &[&str],
        form: reqwest::multipart::Form,
    ) -> Result<T, CliError> {
        self.read(self.request(Method::POST, path)?.multipart(form))
            .await
    }

    /// Asks for something whose answer comes in parts, such as an export.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn download(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Download, CliError> {
        let mut url = self.url(path)?;
        for (name, value) in query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let answer = self.send(self.request_to(Method::GET, url)?).await?;
        Ok(Download {
            answer,
            correlation: self.correlation.clone(),
        })
    }

    fn url(&self, path: &[&str]) -> Result<Url, CliError> {
        let mut url = self.base.clone();
        let prefix = PATH_PREFIX.split('/').filter(|part| !part.is_empty());
        url.path_segments_mut()
            .map_err(|()| CliError::Invalid("not the address of a server".to_owned()))?
            .pop_if_empty()
            .extend(prefix)
            .extend(path);
        Ok(url)
    }

    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, CliError> {
        self.request_to(method, self.url(path)?)
    }

    fn request_to(&self, method: Method, url: Url) -> Result<RequestBuilder, CliError> {
        let correlation = HeaderValue::from_str(&self.correlation).map_err(|_| {
            CliError::Invalid("a correlation id has only letters and digits".to_owned())
        })?;
        Ok(self
            .http
            .request(method, url)
            .bearer_auth(self.token.reveal())
            .header(CORRELATION_ID, correlation))
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let answer = self.send(request).await?;
        let bytes = answer
            .bytes()
            .await
            .map_err(|error| self.not_reached(&error))?;
        // A change without an answer of its own is null.
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text).map_err(|_| {
            self.problem(Code::BadAnswer, "the server's answer is not understood")
                .into()
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let answer = connect(request)
            .await
            .map_err(|error| self.not_reached(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap_or_default();
        let problem = read_problem(&headers, &bytes).unwrap_or_else(|| {
            self.problem(
                Code::BadAnswer,
                format!("the server answered with HTTP status {status}"),
            )
        });
        let correlation = problem
            .correlation
            .clone()
            .or_else(|| Some(self.correlation.clone()));
        Err(Problem {
            correlation,
            ..problem
        }
        .into())
    }

    fn problem(&self, code: Code, detail: impl Into<String>) -> Problem {
        Problem {
            correlation: Some(self.correlation.clone()),
            ..Problem::new(code, detail)
        }
    }

    fn not_reached(&self, error: &reqwest::Error) -> CliError {
        not_reached(error, &self.base, &self.correlation)
    }
}

fn with_key(request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
    match key {
        Some(key) => request.header(IDEMPOTENCY_KEY, key),
        None => request,
    }
}

fn not_reached(error: &reqwest::Error, server: &Url, correlation: &str) -> CliError {
    let (code, detail) = if usher_core::http::is_distrust(error) {
        (
            Code::ServerNotTrusted,
            format!("the server at {server} is not the one that is known by its key"),
        )
    } else if error.is_timeout() {
        (
            Code::Unreachable,
            format!("the server at {server} did not answer in time"),
        )
    } else {
        (
            Code::Unreachable,
            format!("the server at {server} was not reached"),
        )
    };
    Problem {
        correlation: Some(correlation.to_owned()),
        ..Problem::new(code, detail)
    }
    .into()
}

/// The problem in an answer, if it holds one.
fn read_problem(headers: &HeaderMap, bytes: &[u8]) -> Option<Problem> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_problem = media_type.starts_with("application/problem+json");
    is_problem
        .then(|| serde_json::from_slice(bytes).ok())
        .flatten()
}

/// An answer that comes in parts.
#[derive(Debug)]
pub struct Download {
    answer: Response,
    correlation: String,
}

impl Download {
    /// Bytes in all, if the server tells.
    #[must_use]
    pub fn size_bytes(&self) -> Option<u64> {
        self.answer.content_length()
    }

    /// The next part; none at the end.
    ///
    /// # Errors
    /// [`CliError::Server`] if the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, CliError> {
        let url = self.answer.url().clone();
        match self.answer.chunk().await {
            Ok(part) => Ok(part.map(Vec::from)),
            Err(error) => Err(not_reached(&error, &url, &self.correlation)),
        }
    }
}
