//! Gates that ask before they let somebody through.

use super::device::{Active, DeviceCall};
use crate::http::answer::CborAnswer;
use crate::http::endpoint::{Endpoint, post};
use crate::http::extract::Cbor;
use crate::http::problem::Failure;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::paths;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![post(
        paths::CLAIM,
        "Ask the authority whether to let somebody through",
        claim,
    )]
}

async fn claim(
    call: DeviceCall<Active>,
    Cbor(request): Cbor<ClaimRequest>,
) -> Result<CborAnswer<ClaimAnswer>, Failure> {
    Ok(CborAnswer(call.service.claim(call.device, request).await?))
}
