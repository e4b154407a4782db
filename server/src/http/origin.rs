//! From where a request came, and how often somebody there failed to say who it is.
//!
//! Behind one address may be a whole venue, and in it whoever wants to harm it. So failures are counted by
//! address, and nothing else is: what proves who asks is heard however many others failed.

use super::Shared;
use super::problem::Failure;
use crate::config::Proxies;
use axum::extract::ConnectInfo;
use http::request::Parts;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// From where a request came.
pub(crate) struct Origin {
    app: Shared,
    address: IpAddr,
}

impl Origin {
    /// Of this request.
    pub(crate) fn of(parts: &Parts, app: &Shared) -> Self {
        Self {
            app: Shared::clone(app),
            address: address(parts, &app.proxies),
        }
    }

    /// Counts a failure; whether there were so few that its reason is told.
    fn count(&self) -> Result<(), Failure> {
        self.app.metrics.sign_in_failed();
        let now = self.app.service.now();
        self.app
            .failed_sign_ins
            .take(self.address, now)
            .map_err(|often| {
                self.app.metrics.rate_limited("address");
                Failure::too_often(often.0)
            })
    }

    /// Counts a failure whose reason is told whatever happened before: a device does something about it.
    pub(crate) fn failed(&self) {
        let _told_all_the_same = self.count();
    }

    /// Counts a failure that may have been a guess. Where there were too many, it is refused as such, and
    /// nobody learns what was wrong with it.
    pub(crate) fn refused(&self, failure: Failure) -> Failure {
        self.count().err().unwrap_or(failure)
    }
}

/// The address that a request came from; of IPv6 the network's half, because one caller has all of the other.
fn address(parts: &Parts, proxies: &Proxies) -> IpAddr {
    // Unknown callers share one address, and so their failures.
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |ConnectInfo(address)| {
            address.ip()
        });
    let headers = parts.headers.get_all("x-forwarded-for");
    let texts: Vec<&str> = headers.iter().filter_map(|it| it.to_str().ok()).collect();
    let noted: Vec<&str> = texts.iter().flat_map(|text| text.split(',')).collect();
    network_of(proxies.origin(peer, noted.into_iter()))
}

/// What one caller has of addresses.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        address @ IpAddr::V4(_) => address,
    }
}
