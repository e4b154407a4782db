//! Reading answers: bounded, and every failure a [`Problem`].

use super::Reply;
use minicbor::Decode;
use reqwest::Response;
use usher_domain::cbor;
use usher_domain::problem::{Code, Problem};

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of an error's body at most.
const PROBLEM_BYTES_MAX: usize = 64 * 1024;

/// Why an answer's body could not be had.
enum BodyError {
    TooLong,
    Broken(reqwest::Error),
}

/// Reads an answer's value.
pub(super) async fn decode<T: for<'b> Decode<'b, ()>>(reply: Reply) -> Result<T, Problem> {
    let correlation = reply.correlation.clone();
    let bytes = bytes(reply, ANSWER_BYTES_MAX).await?;
    cbor::decode(&bytes).map_err(|_| unreadable("a body of another shape", &correlation))
}

/// Reads an answer's bytes, `max` at most.
pub(super) async fn bytes(reply: Reply, max: usize) -> Result<Vec<u8>, Problem> {
    let Reply {
        response,
        correlation,
    } = reply;
    body(response, max).await.map_err(|error| match error {
        BodyError::TooLong => unreadable("a body that is too long", &correlation),
        BodyError::Broken(error) => unreachable(&error, &correlation),
    })
}

/// The problem that an answer which is an error tells of.
pub(super) async fn problem(reply: Reply) -> Problem {
    let status = reply.response.status();
    let correlation = reply.correlation;
    let told = match body(reply.response, PROBLEM_BYTES_MAX).await {
        Ok(bytes) => serde_json::from_slice::<Problem>(&bytes).ok(),
        Err(_) => None,
    };
    // A proxy, a newer server or something that is no server at all: the status still says whether
    // asking again can help.
    let mut problem = told.unwrap_or_else(|| match status.as_u16() {
        401 => Problem::new(Code::Unauthenticated, "the server wants another sign-in"),
        429 => Problem::new(Code::RateLimited, "the server is asked too often"),
        502..=504 => Problem::new(Code::Unavailable, format!("answered with status {status}")),
        _ => Problem::new(Code::BadAnswer, format!("answered with status {status}")),
    });
    problem.correlation.get_or_insert(correlation);
    problem
}

/// No answer: the server was not reached, or it is another one.
pub(super) fn unreachable(error: &reqwest::Error, correlation: &str) -> Problem {
    #[cfg(not(target_arch = "wasm32"))]
    if super::tls::is_distrust(error) {
        return with(
            Problem::new(
                Code::ServerNotTrusted,
                "the server has another key than the one of the enrollment code",
            ),
            correlation,
        );
    }
    // The error's own text may hold an address with what was asked; its kind is enough.
    let how = if error.is_timeout() {
        "the server did not answer in time"
    } else {
        "the server cannot be reached"
    };
    with(Problem::new(Code::Unreachable, how), correlation)
}

/// An answer that no server of ours gives.
pub(super) fn unreadable(what: &str, correlation: &str) -> Problem {
    with(
        Problem::new(Code::BadAnswer, format!("the server answered with {what}")),
        correlation,
    )
}

fn with(mut problem: Problem, correlation: &str) -> Problem {
    problem.correlation = Some(correlation.to_owned());
    problem
}

#[cfg(not(target_arch = "wasm32"))]
async fn body(mut response: Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > max as u64 {
        return Err(BodyError::TooLong);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if bytes.len() + chunk.len() > max {
            return Err(BodyError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(target_arch = "wasm32")]
async fn body(response: Response, max: usize) -> Result<Vec<u8>, BodyError> {
    let bytes = response.bytes().await.map_err(BodyError::Broken)?;
    if bytes.len() > max {
        return Err(BodyError::TooLong);
    }
    Ok(bytes.into())
}
