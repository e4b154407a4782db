//! Who asks: the holder of an API token. A handler says in its signature which role it is for, so there
//! is no way to an organizer's things without one.

use super::endpoint::{Access, Describe, Sketch};
use super::problem::Failure;
use super::{CallerAddress, Shared, observe};
use crate::service::Service;
use axum::extract::{ConnectInfo, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
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

async fn token_holder(parts: &Parts, app: &Shared) -> Result<crate::service::Access, Failure> {
    let attempt = SignIn::begin(parts, app)?;
    let secret = Private::new(bearer(parts)?);
    let access = match app.service.authenticate(secret).await {
        Ok(access) => access,
        Err(error) => {
            let failure = Failure::from(error);
            // A database that fails is no wrong guess.
            if failure.0.code == Code::Unauthenticated {
                attempt.failed();
            }
            return Err(failure);
        }
    };
    observe::note_caller(format_args!("token {}", access.token));
    app.by_token
        .take(access.token.clone(), app.service.now())
        .map_err(|often| {
            app.metrics.rate_limited("token");
            Failure::too_often(often.0)
        })?;
    Ok(access)
}

/// An attempt to sign in from an address, which has only so many wrong guesses.
pub(crate) struct SignIn<'a> {
    app: &'a Shared,
    address: IpAddr,
}

impl<'a> SignIn<'a> {
    /// Begins an attempt.
    ///
    /// # Errors
    /// A problem if the address guessed wrong too often.
    pub(crate) fn begin(parts: &Parts, app: &'a Shared) -> Result<Self, Failure> {
        let address = address(parts, app.caller_address);
        app.failed_sign_ins
            .look(&address, app.service.now())
            .map_err(|often| {
                app.metrics.rate_limited("address");
                Failure::too_often(often.0)
            })?;
        Ok(Self { app, address })
    }

    /// The guess was wrong.
    pub(crate) fn failed(self) {
        self.app.metrics.sign_in_failed();
        // Another request may have used the share up meanwhile; this one is refused all the same.
        let _used_up = self
            .app
            .failed_sign_ins
            .take(self.address, self.app.service.now());
    }
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

/// The caller's address; of IPv6 the network's half, because one caller has all of the other.
fn address(parts: &Parts, place: CallerAddress) -> IpAddr {
    let address = match place {
        CallerAddress::Connection => parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip()),
        CallerAddress::Forwarded => parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.rsplit(',').next())
            .and_then(|last| last.trim().parse().ok()),
    };
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        Some(address) => address,
        // Unknown callers share one address, and so their wrong guesses.
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}
