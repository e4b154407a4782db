//! What happens, as soon as it does: server-sent events (WHATWG HTML, section 9.2).

use super::device::{Active, DeviceCall};
use crate::http::Shared;
use crate::http::endpoint::{Describe, Endpoint, Sketch, get};
use crate::http::problem::Failure;
use crate::service::Listener;
use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use std::convert::Infallible;
use std::time::Duration;
use usher_domain::problem::Code;
use usher_domain::protocol::live::{LivePlace, LiveRequest, MEDIA_TYPE, PLACES_MAX};
use usher_domain::protocol::paths;

/// The id of the last event that a client of the standard heard.
const LAST_EVENT_ID: &str = "last-event-id";
/// Tells a proxy of nginx's kind to hand on what comes at once.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![get(
        paths::LIVE,
        "Be told what happens as soon as it does",
        listen,
    )]
}

async fn listen(call: DeviceCall<Active>, Places(request): Places) -> Result<Events, Failure> {
    let counts_for = Duration::from_millis(call.token_ends.since(call.service.now()));
    let listening = call.service.listen(call.device, request, counts_for);
    Ok(Events(listening.await?))
}

/// How far the caller read.
struct Places(LiveRequest);

impl Places {
    fn read(query: Vec<(String, String)>, headers: &HeaderMap) -> Result<LiveRequest, Failure> {
        let malformed = || {
            let detail = "the query is scope={scope}:{epoch}:{position}, once for each scope";
            Failure::new(Code::MalformedRequest, detail)
        };
        if query.len() > PLACES_MAX {
            return Err(malformed());
        }
        let mut places = Vec::with_capacity(query.len() + 1);
        for (name, place) in query {
            if name != "scope" {
                return Err(malformed());
            }
            places.push(place.parse::<LivePlace>().map_err(|_| malformed())?);
        }
        // It moves on a place that is asked for; one that says nothing to us is of another stream.
        let heard = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
        let heard = heard.and_then(|id| id.parse::<LivePlace>().ok());
        let asked = |heard: &LivePlace| places.iter().any(|place| place.scope == heard.scope);
        let heard = heard.filter(asked);
        places.extend(heard);
        Ok(LiveRequest { places })
    }
}

impl FromRequestParts<Shared> for Places {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Failure> {
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Failure::new(Code::MalformedRequest, "the query is not readable"))?;
        Self::read(query, &parts.headers).map(Self)
    }
}

impl Describe for Places {
    fn describe(to: &mut Sketch) {
        to.query(
            "scope",
            "How far a scope's feed was read: scope, epoch and position with colons between; once for each scope",
        );
        to.header(LAST_EVENT_ID, "Moves the place of its scope on");
    }
}

/// The events, one after the other, for as long as it lasts.
struct Events(Listener);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        let texts = stream::unfold(self.0, async |mut listener| {
            let text = listener.next().await?;
            Some((Ok::<_, Infallible>(text), listener))
        });
        let mut response = Response::new(Body::from_stream(texts));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(UNBUFFERED, HeaderValue::from_static("no"));
        response
    }
}

impl Describe for Events {
    fn describe(to: &mut Sketch) {
        to.answers_binary(MEDIA_TYPE);
    }
}
