//! Proxies in front of the server: whom it believes when they say from where a request came.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses that begin with the same bits (RFC 4632, section 3.1), such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// A text names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network, such as 10.0.0.7 or 10.0.0.0/8")]
pub struct NoNetwork;

impl Network {
    /// Whether an address is in the network.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                u32::from(first) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.bits))
                    .unwrap_or(0);
                u128::from(first) & mask == u128::from(address) & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        let first = address.to_canonical();
        let bits = if first.is_ipv4() { 32 } else { 128 };
        Self { first, bits }
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let Some((first, bits)) = text.split_once('/') else {
            return text
                .parse::<IpAddr>()
                .map(Self::from)
                .map_err(|_| NoNetwork);
        };
        let first: IpAddr = first.parse().map_err(|_| NoNetwork)?;
        let bits: u8 = bits.parse().map_err(|_| NoNetwork)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        if bits > most {
            return Err(NoNetwork);
        }
        Ok(Self { first, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// The proxies that are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// None: whoever connects is who asks.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Those of these networks.
    #[must_use]
    pub const fn of(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Programs on this machine.
    #[must_use]
    pub fn on_this_machine() -> Self {
        Self(vec![
            Network {
                first: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
                bits: 8,
            },
            Network::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ])
    }

    /// Whether what connects from an address is one of them.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }

    /// From where a request came that `peer` sent on, by the addresses that proxies noted, the nearest last.
    /// Each is believed as far as the one that noted it is, so nobody can claim to be elsewhere.
    #[must_use]
    pub fn origin<'a>(
        &self,
        peer: IpAddr,
        noted: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut origin = peer;
        for entry in noted.rev() {
            if !self.has(origin) {
                break;
            }
            match entry.trim().parse::<IpAddr>() {
                Ok(address) => origin = address.to_canonical(),
                Err(_) => break,
            }
        }
        origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(texts: &[&str]) -> Proxies {
        Proxies::of(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_network_has_what_begins_with_its_bits() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.has(at("10.1.255.3")) && network.has(at("::ffff:10.1.0.1")));
        assert!(!network.has(at("10.2.0.1")) && !network.has(at("::1")));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.has(at("203.0.113.9")));
        let one: Network = "2001:db8::7".parse().unwrap();
        assert!(one.has(at("2001:db8::7")) && !one.has(at("2001:db8::8")));
        assert_eq!(network.to_string(), "10.1.0.0/16");
        for bad in ["", "x", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1"] {
            assert_eq!(bad.parse::<Network>(), Err(NoNetwork), "{bad}");
        }
    }

    #[test]
    fn only_a_named_proxy_is_believed() {
        let named = proxies(&["10.0.0.1"]);
        let of = |peer: &str, noted: &[&str]| named.origin(at(peer), noted.iter().copied());
        assert_eq!(of("203.0.113.9", &["198.51.100.7"]), at("203.0.113.9"));
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), at("198.51.100.7"));
        // What the caller wrote itself stands before what the proxy noted.
        let noted = ["192.0.2.1", "198.51.100.7"];
        assert_eq!(of("10.0.0.1", &noted), at("198.51.100.7"));
        assert_eq!(of("10.0.0.1", &["x"]), at("10.0.0.1"));
        assert_eq!(of("10.0.0.1", &[]), at("10.0.0.1"));
    }

    #[test]
    fn one_proxy_behind_another_is_seen_through() {
        let named = proxies(&["10.0.0.0/24"]);
        let noted = ["192.0.2.1", "198.51.100.7", "10.0.0.2"];
        assert_eq!(
            named.origin(at("10.0.0.1"), noted.into_iter()),
            at("198.51.100.7")
        );
    }

    proptest! {
        #[test]
        fn whatever_is_noted_nobody_but_a_proxy_is_elsewhere(
            noted in prop::collection::vec("[ -~]{0,20}", 0..5),
        ) {
            let named = proxies(&["10.0.0.1"]);
            let peer = at("203.0.113.9");
            prop_assert_eq!(named.origin(peer, noted.iter().map(String::as_str)), peer);
        }
    }
}
