//! What handlers answer with.

use super::endpoint::{Describe, Sketch};
use super::problem::Failure;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use usher_domain::problem::Code;
use utoipa::ToSchema;

/// A thing as JSON.
pub(crate) struct Json<T>(pub T);

/// A new thing as JSON.
pub(crate) struct Created<T>(pub T);

/// A thing as CBOR.
pub(crate) struct CborAnswer<T>(pub T);

/// Done; there is nothing to say.
pub(crate) struct Done;

/// A CSV file (RFC 4180), sent while it is made.
pub(crate) struct CsvFile(pub crate::service::Export);

/// A text of a media type.
pub(crate) struct Text {
    /// Its media type.
    pub media_type: &'static str,
    /// The text.
    pub text: Bytes,
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_type(status, "application/json", bytes),
        Err(error) => {
            // Says where in our own types, never what.
            tracing::error!(line = error.line(), "an answer cannot be written as JSON");
            Failure::new(Code::Internal, "a fault of the server").into_response()
        }
    }
}

fn with_type(status: StatusCode, media_type: &'static str, bytes: impl IntoResponse) -> Response {
    let mut response = bytes.into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    // Answers hold names and codes: nobody in between may keep them.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T: minicbor::Encode<()>> IntoResponse for CborAnswer<T> {
    fn into_response(self) -> Response {
        with_type(
            StatusCode::OK,
            usher_domain::protocol::MEDIA_TYPE,
            usher_domain::cbor::encode(&self.0),
        )
    }
}

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        with_type(StatusCode::OK, self.media_type, self.text)
    }
}

impl<T: ToSchema> Describe for Json<T> {
    fn describe(to: &mut Sketch) {
        to.answers::<T>(StatusCode::OK);
    }
}

impl<T: ToSchema> Describe for Created<T> {
    fn describe(to: &mut Sketch) {
        to.answers::<T>(StatusCode::CREATED);
    }
}

impl<T> Describe for CborAnswer<T> {
    fn describe(to: &mut Sketch) {
        to.answers_binary(usher_domain::protocol::MEDIA_TYPE);
    }
}

impl Describe for Text {
    fn describe(to: &mut Sketch) {
        to.answers_binary("text/plain");
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Describe for Done {
    fn describe(to: &mut Sketch) {
        to.answers_nothing();
    }
}

impl IntoResponse for CsvFile {
    fn into_response(self) -> Response {
        let pieces = stream::try_unfold(self.0, |mut export| async move {
            Ok::<_, crate::service::Error>(
                export
                    .next()
                    .await?
                    .map(|piece| (Bytes::from(piece), export)),
            )
        });
        with_type(
            StatusCode::OK,
            "text/csv; charset=utf-8",
            Body::from_stream(pieces),
        )
    }
}

impl Describe for CsvFile {
    fn describe(to: &mut Sketch) {
        to.answers_binary("text/csv");
    }
}
