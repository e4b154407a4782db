//! What handlers take out of a request. What cannot be read is a problem that says where and why, but
//! never repeats a value: it may be a name or a ticket code. A request without a body may have one all the
//! same; nobody reads it.

mod json;

pub(crate) use json::{json, json_holds};

use super::Shared;
use super::bodies::{Kept, too_large, too_much};
use super::budgets::STRANGER;
use super::endpoint::{Budget, Describe, Sketch};
use super::problem::Failure;
use crate::listen::Caller;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;
use usher_domain::api::IDEMPOTENCY_KEY;
use usher_domain::problem::Code;
use utoipa::ToSchema;

/// Characters of an idempotency key at most.
const IDEMPOTENCY_KEY_MAX: usize = 128;

/// A JSON body.
pub(crate) struct Body<T>(pub T);

/// A CBOR body.
pub(crate) struct Cbor<T>(pub T);

/// The query of the address.
pub(crate) struct Query<T>(pub T);

/// Which page of a list.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// The `next` of the page before; none for the first.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Items wanted at most.
    #[serde(default = "usual_page")]
    pub(crate) limit: u32,
}

pub(crate) const fn usual_page() -> u32 {
    100
}

/// What stands in the path in place of the route's parameters, in order.
pub(crate) struct Args<T>(pub T);

/// The key that makes a change safe to repeat.
pub(crate) struct Idempotency(pub Option<String>);

impl<T: DeserializeOwned + Serialize> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Failure> {
        expect_media_type(request.headers(), "application/json")?;
        let (bytes, budget) = whole(request, app).await?;
        if !json_holds(budget.holds, &bytes) {
            return Err(too_much(budget));
        }
        json(&bytes).map(Self)
    }
}

impl<T: for<'b> minicbor::Decode<'b, ()>> FromRequest<Shared> for Cbor<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Failure> {
        expect_media_type(request.headers(), usher_domain::protocol::MEDIA_TYPE)?;
        let (bytes, budget) = whole(request, app).await?;
        if !budget.holds.hold(&bytes) {
            return Err(too_much(budget));
        }
        // What the reader says may quote the body, so it is not repeated.
        usher_domain::cbor::decode(&bytes)
            .map(Self)
            .map_err(|_| Failure::new(Code::MalformedRequest, "the body is not what is expected"))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Shared> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_| {
                Failure::new(
                    Code::MalformedRequest,
                    "the query has a name or a value that is not expected",
                )
            })
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Args<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        // A path that cannot name anything names nothing.
        Path::from_request_parts(parts, app)
            .await
            .map(|Path(args)| Self(args))
            .map_err(|_| Failure::new(Code::NotFound, "there is nothing of that name"))
    }
}

impl FromRequestParts<Shared> for Idempotency {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else {
            return Ok(Self(None));
        };
        value
            .to_str()
            .ok()
            .filter(|key| (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()))
            .map(|key| Self(Some(key.to_owned())))
            .ok_or_else(|| {
                Failure::new(
                    Code::MalformedRequest,
                    "an idempotency key has 1 to 128 printable ASCII characters",
                )
            })
    }
}

/// The whole body, as far as its endpoint takes it, and how much it may hold. It has room before it is read,
/// keeps it until it is answered, and is charged to who sent it.
async fn whole(request: Request, app: &Shared) -> Result<(Vec<u8>, Budget), Failure> {
    let wanted = RoomWanted::of(&request)?;
    let body = request.into_body();
    let (budget, caller) = (wanted.budget, wanted.caller.clone());
    wanted.take(app).await?;
    let mut bytes = Vec::new();
    let mut body = body.into_data_stream();
    while let Some(piece) = body.next().await {
        let piece =
            piece.map_err(|_| Failure::new(Code::MalformedRequest, "the body broke off"))?;
        if bytes.len() + piece.len() > budget.bytes {
            return Err(too_large(budget));
        }
        // A copy: the piece may be a byte of a large buffer.
        bytes.extend_from_slice(&piece);
    }
    if let Some(caller) = caller {
        app.charge(&caller, bytes.len())?;
    }
    Ok((bytes, budget))
}

/// The room that a request's body needs.
pub(crate) struct RoomWanted {
    pub(crate) budget: Budget,
    bytes: usize,
    caller: Option<Caller>,
    kept: Option<Kept>,
}

impl RoomWanted {
    /// Of this request, unless it says itself that its body is too long.
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let budget = budget_of(request);
        let told = request.headers().get(CONTENT_LENGTH);
        let told: Option<usize> = told.and_then(|told| told.to_str().ok()?.parse().ok());
        let bytes = told.unwrap_or(budget.bytes);
        if bytes > budget.bytes {
            return Err(too_large(budget));
        }
        Ok(Self {
            budget,
            bytes,
            caller: request.extensions().get().cloned(),
            kept: request.extensions().get().cloned(),
        })
    }

    /// Waits for it. It is kept until the request is answered.
    pub(crate) async fn take(self, app: &Shared) -> Result<(), Failure> {
        let held = app.bodies.hold(self.caller.as_ref(), self.bytes).await?;
        if let Some(kept) = self.kept {
            kept.keep(held);
        }
        Ok(())
    }
}

/// How much this request may hold.
pub(crate) fn budget_of(request: &Request) -> Budget {
    // Every endpoint says it; one that did not would take what strangers may send.
    request.extensions().get().copied().unwrap_or(STRANGER)
}

fn expect_media_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Failure> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    if given.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Failure::new(
        Code::UnsupportedMediaType,
        format!("send the body as {expected}"),
    ))
}

impl<T: ToSchema> Describe for Body<T> {
    fn describe(to: &mut Sketch) {
        to.takes::<T>("application/json");
    }
}

impl<T> Describe for Cbor<T> {
    fn describe(to: &mut Sketch) {
        to.takes_binary(usher_domain::protocol::MEDIA_TYPE);
    }
}

impl<T: utoipa::IntoParams> Describe for Query<T> {
    fn describe(to: &mut Sketch) {
        to.parameters(T::into_params(|| {
            Some(utoipa::openapi::path::ParameterIn::Query)
        }));
    }
}

impl<T> Describe for Args<T> {
    /// The parameters of a path stand in its pattern.
    fn describe(_: &mut Sketch) {}
}

impl Describe for Idempotency {
    fn describe(to: &mut Sketch) {
        to.header(
            IDEMPOTENCY_KEY,
            "Makes the request safe to repeat: the same key and body get the first answer again",
        );
    }
}
