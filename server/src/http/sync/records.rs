//! What devices recorded: in by batches, out by the feed.

use super::device::{Active, DeviceCall, EvenRevoked};
use crate::http::answer::CborAnswer;
use crate::http::endpoint::{Endpoint, get, post};
use crate::http::extract::{Args, Cbor, Query};
use crate::http::problem::Failure;
use crate::http::{Shared, budgets};
use crate::service::Error;
use axum::extract::State;
use serde::Deserialize;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::{
    FEED_PAGE_MAX, FeedPage, FeedRequest, HeadsAnswer, PushAnswer, Whose, paths,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(paths::PUSH, "Hand over a batch of a log", push).within(budgets::PUSH),
        get(paths::HEADS, "The server's heads of logs of a scope", heads),
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

/// Whose logs' heads are asked for.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct HeadsQuery {
    /// `own` for the device's own logs, `everybody` for those of the whole scope.
    #[serde(default)]
    whose: WhoseName,
}

#[derive(Deserialize, Default, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum WhoseName {
    #[default]
    Own,
    Everybody,
}

/// A revoked device must know what is missing, to hand it over.
async fn heads(
    call: DeviceCall<EvenRevoked>,
    Args(scope): Args<ScopeId>,
    Query(HeadsQuery { whose }): Query<HeadsQuery>,
) -> Result<CborAnswer<HeadsAnswer>, Failure> {
    let whose = match whose {
        WhoseName::Own => Whose::Own,
        WhoseName::Everybody => Whose::Everybody,
    };
    let heads = call.service.heads(call.device, scope, whose).await?;
    Ok(CborAnswer(heads))
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
    /// Hash of the last record of the batch at `after`, in hexadecimal.
    last: Option<String>,
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
        last,
    }): Query<FeedQuery>,
) -> Result<CborAnswer<FeedPage>, Failure> {
    let last = last.map(|text| text.parse::<Hash>()).transpose();
    let request = FeedRequest {
        scope,
        epoch,
        after,
        limit: limit.min(FEED_PAGE_MAX),
        last: last.map_err(|_| Error::invalid("last", "a hash of 64 hexadecimal digits"))?,
    };
    Ok(CborAnswer(call.service.feed(call.device, request).await?))
}
