//! Problems as HTTP answers: `application/problem+json` (RFC 9457), whatever went wrong and wherever.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use usher_domain::problem::{Code, Problem};

/// Media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What a handler answers instead of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub Problem);

impl Failure {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }

    /// Asked too often; asking again makes sense after `seconds`.
    pub(crate) fn too_often(seconds: u32) -> Self {
        let mut problem = Problem::new(
            Code::RateLimited,
            format!("too many requests; ask again in {seconds} s"),
        );
        problem.retry_after = Some(seconds);
        Self(problem)
    }
}

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The body is written by `finish`, which alone knows the correlation id.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status(&self.0);
        response.extensions_mut().insert(self.0);
        response
    }
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.code.status())
        .ok()
        // 597 to 599 are said by clients about servers, never by one.
        .filter(|status| status.as_u16() < 597)
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Makes a problem of every answer that is an error, with its correlation id. Errors that the framework
/// made (no route, wrong method, a panic) get here with a status and nothing else.
pub(crate) fn finish(response: Response, correlation: &str) -> (Response, Option<Problem>) {
    let (mut parts, body) = response.into_parts();
    let said = parts.extensions.remove::<Problem>();
    if said.is_none() && !(parts.status.is_client_error() || parts.status.is_server_error()) {
        return (Response::from_parts(parts, body), None);
    }
    let mut problem = said.unwrap_or_else(|| of_status(parts.status));
    problem.status = status(&problem).as_u16();
    problem.correlation = Some(correlation.to_owned());
    let json = serde_json::to_vec(&problem).unwrap_or_default();
    parts.status = status(&problem);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    parts
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some(seconds) = problem.retry_after {
        parts.headers.insert(RETRY_AFTER, seconds.into());
    }
    if problem.code == Code::Unauthenticated {
        parts.headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"usher\""),
        );
    }
    (Response::from_parts(parts, Body::from(json)), Some(problem))
}

fn of_status(status: StatusCode) -> Problem {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (Code::NotFound, "there is nothing at this path"),
        StatusCode::METHOD_NOT_ALLOWED => (
            Code::MethodNotAllowed,
            "this path does not take this method",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (Code::TooLarge, "the body is too long"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            Code::UnsupportedMediaType,
            "bodies of this media type are not taken here",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            Code::Unavailable,
            "the server did not get to the end of it in time",
        ),
        status if status.is_client_error() => {
            (Code::MalformedRequest, "the request is not readable")
        }
        _ => (Code::Internal, "a fault of the server"),
    };
    Problem::new(code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_an_error() {
        for code in Code::ALL {
            let status = status(&Problem::new(*code, "x"));
            assert!(
                status.is_client_error() || status.is_server_error(),
                "{code}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_no_error_is_left_alone() {
        let (response, problem) = finish(Response::new(Body::from("x")), "c");
        assert!(problem.is_none());
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[test]
    fn every_status_of_an_error_becomes_a_problem() {
        for status in (400..600).filter_map(|s| StatusCode::from_u16(s).ok()) {
            let (response, problem) = finish(status.into_response(), "c");
            assert_eq!(problem.unwrap().correlation.as_deref(), Some("c"));
            assert_eq!(
                response.headers().get(CONTENT_TYPE).unwrap(),
                MEDIA_TYPE,
                "{status}"
            );
        }
    }
}
