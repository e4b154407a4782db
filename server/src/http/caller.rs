//! Who asks: the holder of an API token. A handler says in its signature which role it is for, so there
//! is no way to an organizer's things without one.

use super::endpoint::{Access, Describe, Sketch};
use super::origin::Origin;
use super::problem::Failure;
use super::strangers::Proof;
use super::{Shared, observe};
use crate::listen::{Caller, Seat};
use crate::service::Service;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::marker::PhantomData;
use usher_domain::api::access::TokenRole;
use usher_domain::ids::OrganizerId;
use usher_domain::problem::Code;
use usher_domain::secret::Private;

/// A role that an endpoint asks for at least.
pub(crate) trait Role: Send + Sync {
    /// Which.
    const ROLE: TokenRole;
}

/// Who may read.
pub(crate) struct Viewer;
/// Who may sell.
pub(crate) struct Sales;
/// Who may do everything of one organizer.
pub(crate) struct Organizer;

impl Role for Viewer {
    const ROLE: TokenRole = TokenRole::Viewer;
}

impl Role for Sales {
    const ROLE: TokenRole = TokenRole::Sales;
}

impl Role for Organizer {
    const ROLE: TokenRole = TokenRole::Organizer;
}

/// A call with a token of an organizer, of the role `R` or above.
pub(crate) struct Call<R> {
    pub(crate) service: Service,
    pub(crate) organizer: OrganizerId,
    /// The token's own role; some answers hold more for higher ones.
    pub(crate) role: TokenRole,
    /// The token's name: who it is, as people of the house know them.
    pub(crate) by: String,
    asked_for: PhantomData<R>,
}

/// A call with an administrator's token.
pub(crate) struct AdminCall {
    pub(crate) service: Service,
}

impl<R: Role> FromRequestParts<Shared> for Call<R> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let access = token_holder(parts, app).await?;
        Ok(Self {
            service: app.service.clone(),
            organizer: access.organizer(R::ROLE)?,
            role: access.role,
            by: access.name,
            asked_for: PhantomData,
        })
    }
}

impl FromRequestParts<Shared> for AdminCall {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        token_holder(parts, app).await?.admin()?;
        Ok(Self {
            service: app.service.clone(),
        })
    }
}

impl<R: Role> Describe for Call<R> {
    fn describe(to: &mut Sketch) {
        to.access(Access::Token(R::ROLE));
    }
}

impl Describe for AdminCall {
    fn describe(to: &mut Sketch) {
        to.access(Access::Token(TokenRole::Admin));
    }
}

async fn token_holder(parts: &mut Parts, app: &Shared) -> Result<crate::service::Access, Failure> {
    let secret = Private::new(bearer(parts)?);
    let access = app.service.authenticate(secret).await.map_err(|error| {
        let failure = Failure::from(error);
        // A database that fails is no wrong guess.
        if failure.0.code == Code::Unauthenticated {
            Origin::of(parts, app).refused(failure)
        } else {
            failure
        }
    })?;
    observe::note_caller(format_args!("token {}", access.token));
    known_on(parts, Caller::Token(access.token.clone()));
    app.by_token
        .take(access.token.clone(), app.service.now())
        .map_err(|often| {
            app.metrics.rate_limited("token");
            Failure::too_often(often.0)
        })?;
    Ok(access)
}

/// Somebody proved who asks: its connection is no stranger's any more, and its body is its own.
pub(crate) fn known_on(parts: &mut Parts, caller: Caller) {
    if let Some(seat) = parts.extensions.get::<Seat>() {
        seat.know(caller.clone());
    }
    if let Some(proof) = parts.extensions.get::<Proof>() {
        proof.give();
    }
    parts.extensions.insert(caller);
}

/// The token of the `Authorization` header (RFC 6750, section 2.1).
pub(crate) fn bearer(parts: &Parts) -> Result<&str, Failure> {
    let value = parts
        .headers
        .get(AUTHORIZATION)
        .ok_or_else(|| Failure::new(Code::Unauthenticated, "send a token"))?;
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| {
            Failure::new(
                Code::Unauthenticated,
                "send the token as `Authorization: Bearer …`",
            )
        })
}
