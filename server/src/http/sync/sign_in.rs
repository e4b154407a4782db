//! How a device becomes known, and how it proves who it is.

use super::device::known;
use crate::http::answer::CborAnswer;
use crate::http::device_token::Refused;
use crate::http::endpoint::{Describe, Endpoint, Sketch, post};
use crate::http::extract::Cbor;
use crate::http::observe;
use crate::http::origin::Origin;
use crate::http::problem::Failure;
use crate::http::strangers::Proof;
use crate::http::{Shared, budgets};
use crate::listen::{Caller, Seat};
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use usher_domain::problem::Code;
use usher_domain::protocol::{EnrollAnswer, paths};
use usher_domain::wire::{Challenge, DeviceToken, EnrollBody, TokenRequest};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(paths::ENROLL, "Take a use of an enrollment code", enroll).within(budgets::STRANGER),
        post(paths::CHALLENGE, "Ask what to sign for a token", challenge).within(budgets::STRANGER),
        post(
            paths::TOKEN,
            "Exchange a signed challenge for a token",
            token,
        )
        .within(budgets::STRANGER),
    ]
}

/// A caller that has no token yet. What it says is looked at before its failures are: a device that proves
/// who it is gets through, whoever else failed beside it.
struct Unknown {
    app: Shared,
    origin: Origin,
    seat: Option<Seat>,
    proof: Option<Proof>,
}

impl FromRequestParts<Shared> for Unknown {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        Ok(Self {
            app: Shared::clone(app),
            origin: Origin::of(parts, app),
            seat: parts.extensions.get().cloned(),
            proof: parts.extensions.get().cloned(),
        })
    }
}

impl Describe for Unknown {
    /// Anybody may try.
    fn describe(_: &mut Sketch) {}
}

impl Unknown {
    /// Counts a refusal that may have been a guess.
    fn refused(&self, failure: Failure) -> Failure {
        let guess = matches!(
            failure.0.code,
            Code::EnrollmentRefused | Code::Unauthenticated | Code::NotAuthentic
        );
        if guess {
            self.origin.refused(failure)
        } else {
            failure
        }
    }
}

async fn enroll(
    caller: Unknown,
    Cbor(body): Cbor<EnrollBody>,
) -> Result<CborAnswer<EnrollAnswer>, Failure> {
    caller
        .app
        .service
        .enroll(body.into())
        .await
        .map(CborAnswer)
        .map_err(|error| caller.refused(error.into()))
}

async fn challenge(State(app): State<Shared>) -> Result<CborAnswer<Challenge>, Failure> {
    let random = crate::keys::random().map_err(crate::service::Error::from)?;
    let now = app.service.now();
    Ok(CborAnswer(Challenge {
        nonce: app.device_tokens.challenge(now, random).into(),
        server_time: now,
    }))
}

/// Revoked devices get tokens too: with them they hand over what they recorded, and nothing else.
async fn token(
    caller: Unknown,
    Cbor(request): Cbor<TokenRequest>,
) -> Result<CborAnswer<DeviceToken>, Failure> {
    let app = &caller.app;
    let device = known(&app.service, request.device)
        .await
        .map_err(|failure| caller.refused(failure))?;
    observe::note_caller(format_args!("device {}", device.id));
    app.device_tokens
        .exchange(device.id, &device.key, &request.signed, app.service.now())
        .map(|token| {
            if let Some(seat) = &caller.seat {
                seat.know(Caller::Device(device.id));
            }
            if let Some(proof) = &caller.proof {
                proof.give();
            }
            CborAnswer(token)
        })
        .map_err(|refused| {
            let detail = format!("the answer to the challenge is {refused}");
            let failure = Failure::new(Code::Unauthenticated, detail);
            match refused {
                // Signed by the device, and too late: it asks for another challenge.
                Refused::Expired => failure,
                Refused::Malformed | Refused::NotAuthentic => caller.refused(failure),
            }
        })
}
