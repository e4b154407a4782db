//! What claims are measured against: the same request through the same frame to the plainest answer.

use super::device::{Claiming, DeviceCall};
use crate::http::answer::CborAnswer;
use crate::http::budgets;
use crate::http::endpoint::{Endpoint, post};
use crate::http::extract::Cbor;
use crate::http::problem::Failure;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(
            "/sync/v1/claim-plainly",
            "Reserve what a claim asks for without looking at anything",
            claim_plainly,
        )
        .within(budgets::CLAIM),
    ]
}

async fn claim_plainly(
    call: DeviceCall<Claiming>,
    Cbor(request): Cbor<ClaimRequest>,
) -> Result<CborAnswer<ClaimAnswer>, Failure> {
    let answer = call.service.claim_plainly(call.device, request).await?;
    Ok(CborAnswer(answer))
}
