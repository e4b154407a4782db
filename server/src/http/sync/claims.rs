//! Gates that ask before they let somebody through.

use super::device::{Active, Claiming, DeviceCall};
use crate::http::answer::CborAnswer;
use crate::http::endpoint::{Endpoint, post};
use crate::http::extract::Cbor;
use crate::http::problem::Failure;
use crate::http::{Shared, budgets};
use axum::extract::State;
use tokio::time::Instant;
use usher_domain::protocol::Head;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::paths;
use usher_domain::record::Certainty;
use usher_domain::verdict::Verdict;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(
            paths::CLAIM,
            "Ask the authority whether to let somebody through",
            claim,
        )
        .within(budgets::CLAIM),
        post(
            paths::SIGN_OFF,
            "Go off duty with all records handed in",
            sign_off,
        )
        .within(budgets::SIGN_OFF),
    ]
}

async fn claim(
    call: DeviceCall<Claiming>,
    State(app): State<Shared>,
    Cbor(request): Cbor<ClaimRequest>,
) -> Result<CborAnswer<ClaimAnswer>, Failure> {
    let begun = Instant::now();
    let answer = call.service.claim(call.device, request).await?;
    let seconds = begun.elapsed().as_secs_f64();
    app.metrics.claimed(kind(&answer), seconds);
    Ok(CborAnswer(answer))
}

async fn sign_off(
    call: DeviceCall<Active>,
    Cbor(heads): Cbor<Vec<Head>>,
) -> Result<CborAnswer<()>, Failure> {
    Ok(CborAnswer(call.service.sign_off(call.device, heads).await?))
}

/// How a claim was answered, as figures name it.
const fn kind(answer: &ClaimAnswer) -> &'static str {
    match answer {
        ClaimAnswer::Decided(decided) => match (&decided.verdict, &decided.certainty) {
            (Verdict::Admit(_), Certainty::ConfirmedExcept { .. }) => "confirmed_except",
            (Verdict::Admit(_), _) => "confirmed",
            (Verdict::Refuse(_), _) => "refused",
            (Verdict::Refer(_), _) => "referred",
        },
        ClaimAnswer::Ended { .. } => "ended",
        ClaimAnswer::Behind => "behind",
        ClaimAnswer::NotAuthority { .. } => "not_authority",
    }
}
