//! The device's token: had by signing a challenge, kept while it counts.

use super::{HttpSync, answer};
use minicbor::bytes::ByteVec;
use reqwest::Method;
use reqwest::header::HeaderValue;
use std::sync::{Mutex, PoisonError};
use usher_domain::cbor;
use usher_domain::challenge::prove_device;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::paths;
use usher_domain::wire::{Challenge, DeviceToken, TokenRequest};

/// A token this near to its end is renewed before it is used.
const MARGIN_MS: u64 = 30_000;

/// The token in use.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Option<Held>>);

struct Held {
    header: HeaderValue,
    /// Reading of the device's monotonic clock until which it is used.
    until_ms: u64,
}

impl Tokens {
    fn held(&self, now_ms: u64) -> Option<HeaderValue> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|held| now_ms < held.until_ms)
            .map(|held| held.header.clone())
    }

    /// The token as long as it may count at all: somebody waits at a door, and a sign of life renews it in
    /// time.
    fn still_held(&self, now_ms: u64) -> Option<HeaderValue> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|held| now_ms < held.until_ms.saturating_add(MARGIN_MS))
            .map(|held| held.header.clone())
    }

    fn put(&self, new: Held) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    }

    /// Forgets the token, unless another took its place meanwhile.
    pub(super) fn forget(&self, header: &HeaderValue) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.take_if(|held| held.header == *header);
    }
}

impl HttpSync {
    /// The `Authorization` header's value for what cannot wait: a token near its end is not renewed first.
    pub(super) async fn token_at_hand(&self) -> Result<HeaderValue, Problem> {
        match self.tokens.still_held(self.clock.read().monotonic_ms) {
            Some(header) => Ok(header),
            None => self.token().await,
        }
    }

    /// The `Authorization` header's value.
    pub(super) async fn token(&self) -> Result<HeaderValue, Problem> {
        if let Some(header) = self.tokens.held(self.clock.read().monotonic_ms) {
            return Ok(header);
        }
        let caller = self.caller.as_ref().ok_or_else(|| {
            Problem::new(Code::Unauthenticated, "this device is not enrolled yet")
        })?;
        let challenge: Challenge = {
            let url = self.endpoint.url(paths::CHALLENGE);
            answer::decode(self.send_open(Method::POST, url, Vec::new()).await?).await?
        };
        let signed = prove_device(caller.device, &challenge.nonce, &caller.key);
        let request = TokenRequest {
            device: caller.device,
            signed: ByteVec::from(signed),
        };
        let asked_ms = self.clock.read().monotonic_ms;
        let url = self.endpoint.url(paths::TOKEN);
        let reply = self
            .send_open(Method::POST, url, cbor::encode(&request))
            .await?;
        let correlation = reply.correlation.clone();
        let answer: DeviceToken = answer::decode(reply).await?;
        let mut header = HeaderValue::try_from(format!("Bearer {}", answer.token.reveal()))
            .map_err(|_| answer::unreadable("a token that is none", &correlation))?;
        header.set_sensitive(true);
        // How long it counts, both ends tell by their own clock; the device's may be wrong by years.
        let counts_ms = answer.expires_at.since(answer.server_time);
        self.tokens.put(Held {
            header: header.clone(),
            until_ms: asked_ms.saturating_add(counts_ms.saturating_sub(MARGIN_MS)),
        });
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_near_its_end_is_renewed_but_not_while_somebody_waits() {
        let tokens = Tokens::default();
        tokens.put(Held {
            header: HeaderValue::from_static("Bearer x"),
            until_ms: 1_000,
        });
        assert!(tokens.held(999).is_some() && tokens.still_held(999).is_some());
        assert!(tokens.held(1_000).is_none());
        assert!(tokens.still_held(1_000 + MARGIN_MS - 1).is_some());
        assert!(tokens.still_held(1_000 + MARGIN_MS).is_none());
    }
}
