//! What devices recorded: in by batches, out by the feed.

use super::device::{Active, DeviceCall, EvenRevoked};
use crate::http::Shared;
use crate::http::answer::CborAnswer;
use crate::http::endpoint::{Endpoint, get, post};
use crate::http::extract::{Args, Cbor, Query};
use crate::http::problem::Failure;
use axum::extract::State;
use serde::Deserialize;
use usher_domain::document::batch::Batch;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::{FEED_PAGE_MAX, FeedPage, FeedRequest, Heads, PushAnswer, paths};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(paths::PUSH, "Hand over a batch of the device's log", push),
        get(
            paths::HEADS,
            "The server's heads of the device's logs",
            heads,
        ),
        get(paths::FEED, "Batches of all devices of a scope", feed),
    ]
}

/// A revoked device hands over what it recorded; the service puts it aside for a person to judge.
async fn push(
    call: DeviceCall<EvenRevoked>,
    State(app): State<Shared>,
    Cbor(batch): Cbor<Batch>,
) -> Result<CborAnswer<PushAnswer>, Failure> {
    let answer = call.service.push(call.device, batch).await?;
    app.metrics.pushed(match answer {
        PushAnswer::Stored(_) => "stored",
        PushAnswer::Known(_) => "known",
        PushAnswer::Gap(_) => "gap",
        PushAnswer::Forked(_) => "forked",
    });
    Ok(CborAnswer(answer))
}

/// A revoked device must know what is missing, to hand it over.
async fn heads(
    call: DeviceCall<EvenRevoked>,
    Args(scope): Args<ScopeId>,
) -> Result<CborAnswer<Heads>, Failure> {
    Ok(CborAnswer(call.service.heads(call.device, scope).await?))
}

/// Which page of a feed.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct FeedQuery {
    /// Epoch in which `after` was read.
    epoch: u32,
    /// Last position read; 0 for none.
    after: u64,
    /// Batches wanted at most.
    #[serde(default = "whole_page")]
    limit: u32,
}

const fn whole_page() -> u32 {
    FEED_PAGE_MAX
}

async fn feed(
    call: DeviceCall<Active>,
    Args(scope): Args<ScopeId>,
    Query(FeedQuery {
        epoch,
        after,
        limit,
    }): Query<FeedQuery>,
) -> Result<CborAnswer<FeedPage>, Failure> {
    let request = FeedRequest {
        scope,
        epoch,
        after,
        limit: limit.min(FEED_PAGE_MAX),
    };
    Ok(CborAnswer(call.service.feed(call.device, request).await?))
}
