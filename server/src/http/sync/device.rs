//! Who asks: a device, by the token that it earned. A handler says in its signature whether it is also
//! for revoked devices.

use crate::http::caller::{bearer, known_on};
use crate::http::device_token::{Lease, Refused};
use crate::http::endpoint::{Access, Describe, Sketch};
use crate::http::origin::Origin;
use crate::http::problem::Failure;
use crate::http::{Shared, observe};
use crate::listen::Caller;
use crate::service::{Error, KnownDevice, Service};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::marker::PhantomData;
use usher_domain::api::access::DeviceState;
use usher_domain::ids::DeviceId;
use usher_domain::problem::Code;
use usher_domain::time::UnixMillis;

/// Which devices an endpoint is for.
pub(crate) trait Standing: Send + Sync {
    /// As the description says it.
    const ACCESS: Access;
    /// What they have at these endpoints.
    const LANE: Lane;
}

/// What a device has of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// So many in a minute, whatever they are.
    Usual,
    /// As many again for claims alone: somebody waits at the gate.
    Claims,
}

/// Devices that count.
pub(crate) struct Active;
/// Devices that count, and claim.
pub(crate) struct Claiming;
/// Revoked ones too: they hand over what they recorded, so that nothing is lost.
pub(crate) struct EvenRevoked;

impl Standing for Active {
    const ACCESS: Access = Access::Device;
    const LANE: Lane = Lane::Usual;
}

impl Standing for Claiming {
    const ACCESS: Access = Access::Device;
    const LANE: Lane = Lane::Claims;
}

impl Standing for EvenRevoked {
    const ACCESS: Access = Access::DeviceEvenRevoked;
    const LANE: Lane = Lane::Usual;
}

/// A call with a device's token.
pub(crate) struct DeviceCall<S> {
    pub(crate) service: Service,
    pub(crate) device: DeviceId,
    /// Until when its token counts.
    pub(crate) token_ends: UnixMillis,
    standing: PhantomData<S>,
}

impl<S: Standing> FromRequestParts<Shared> for DeviceCall<S> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let now = app.service.now();
        let leased = app.device_tokens.lease(bearer(parts)?, now);
        let Lease { device, ends } = leased.map_err(|refused| {
            let detail = format!("the token is {refused}");
            let failure = Failure::new(Code::Unauthenticated, detail);
            match refused {
                // It was right once: no guess.
                Refused::Expired => failure,
                // A device with a token of before the server's secret changed must hear that it is to sign
                // in anew, whoever else failed beside it.
                Refused::NotAuthentic => {
                    Origin::of(parts, app).failed();
                    failure
                }
                Refused::Malformed => Origin::of(parts, app).refused(failure),
            }
        })?;
        observe::note_caller(format_args!("device {device}"));
        let limit = match S::LANE {
            Lane::Usual => &app.by_device,
            Lane::Claims => &app.claims_by_device,
        };
        limit.take(device, now).map_err(|often| {
            app.metrics.rate_limited("device");
            Failure::too_often(often.0)
        })?;
        let known = match S::LANE {
            Lane::Usual => app.service.known_device(device).await,
            Lane::Claims => app.service.known_device_that_claims(device).await,
        };
        let known = known.map_err(unknown)?;
        known_on(parts, Caller::Device(device));
        check_standing(known.state, S::ACCESS)?;
        Ok(Self {
            service: app.service.clone(),
            device,
            token_ends: ends,
            standing: PhantomData,
        })
    }
}

impl<S: Standing> Describe for DeviceCall<S> {
    fn describe(to: &mut Sketch) {
        to.access(S::ACCESS);
    }
}

/// A device that the server knows; of any other it says no more than that its token does not count.
pub(crate) async fn known(service: &Service, device: DeviceId) -> Result<KnownDevice, Failure> {
    service.known_device(device).await.map_err(unknown)
}

fn unknown(error: Error) -> Failure {
    if error.code() == Code::NotFound {
        Failure::new(Code::Unauthenticated, "this device is not known here")
    } else {
        error.into()
    }
}

fn check_standing(state: DeviceState, access: Access) -> Result<(), Failure> {
    match (state, access) {
        (DeviceState::Active, _) | (DeviceState::Revoked, Access::DeviceEvenRevoked) => Ok(()),
        (DeviceState::Revoked, _) => Err(Error::DeviceRevoked.into()),
        (DeviceState::Waiting, _) => Err(Failure::new(
            Code::Forbidden,
            "an organizer has not confirmed this device yet",
        )),
    }
}
