//! Challenges and tokens of devices, without anything to remember: both carry their time and are
//! authenticated by the server (HMAC-SHA-256, RFC 2104).
//!
//! ```text
//! nonce = time (8 bytes, ms) ‖ random (16) ‖ HMAC("usher/nonce/1" ‖ time ‖ random)
//! token = "ud1." base64url(device (16) ‖ expiry (8, ms) ‖ HMAC("usher/device-token/1" ‖ device ‖ expiry))
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tokio::sync::watch;
use usher_domain::cose::{self, ContentType, PublicKey};
use usher_domain::ids::DeviceId;
use usher_domain::secret::{Private, Seed};
use usher_domain::time::UnixMillis;
use usher_domain::wire::{DeviceToken, Proof, TOKEN_MS};

/// How long a challenge may be answered, in milliseconds.
const CHALLENGE_MS: u64 = 60_000;
const PREFIX: &str = "ud1.";
const NONCE: &[u8] = b"usher/nonce/1";
const TOKEN: &[u8] = b"usher/device-token/1";

/// Why a device's proof or token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Not in the form expected.
    #[error("not readable")]
    Malformed,
    /// Not made by this server, or not signed by this device.
    #[error("not authentic")]
    NotAuthentic,
    /// Its time is over.
    #[error("expired")]
    Expired,
}

/// What a token proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// Whose it is.
    pub(crate) device: DeviceId,
    /// Until when.
    pub(crate) ends: UnixMillis,
}

/// Makes and checks challenges and tokens.
pub(crate) struct DeviceTokens {
    secret: watch::Receiver<Seed>,
}

impl DeviceTokens {
    /// `secret` is the server's and nobody else's. When it changes, devices sign in anew.
    pub(crate) const fn new(secret: watch::Receiver<Seed>) -> Self {
        Self { secret }
    }

    /// What a device is to sign.
    pub(crate) fn challenge(&self, now: UnixMillis, random: [u8; 16]) -> Vec<u8> {
        let time = now.get().to_be_bytes();
        let tag = self.tag(NONCE, &time, &random);
        [&time[..], &random, &tag].concat()
    }

    /// Checks a signed [`Proof`] of `device`, whose key is `key`, and hands out a token.
    pub(crate) fn exchange(
        &self,
        device: DeviceId,
        key: &PublicKey,
        signed: &[u8],
        now: UnixMillis,
    ) -> Result<DeviceToken, Refused> {
        let envelope = cose::parse(signed).map_err(|_| Refused::Malformed)?;
        let payload = envelope
            .verify(key, ContentType::CHALLENGE)
            .map_err(|_| Refused::NotAuthentic)?;
        let proof: Proof =
            usher_domain::cbor::decode_deterministic(payload).map_err(|_| Refused::Malformed)?;
        if proof.device != device {
            return Err(Refused::NotAuthentic);
        }
        self.check_nonce(&proof.nonce, now)?;
        let expires_at = now.shifted(i64::try_from(TOKEN_MS).unwrap_or(i64::MAX));
        Ok(DeviceToken {
            token: self.token(device, expires_at),
            expires_at,
            server_time: now,
        })
    }

    /// Tells whose token this is, and until when.
    pub(crate) fn lease(&self, token: &str, now: UnixMillis) -> Result<Lease, Refused> {
        let text = token.strip_prefix(PREFIX).ok_or(Refused::Malformed)?;
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| Refused::Malformed)?;
        let (device, rest) = bytes.split_first_chunk::<16>().ok_or(Refused::Malformed)?;
        let (expiry, tag) = rest.split_first_chunk::<8>().ok_or(Refused::Malformed)?;
        self.check_tag(TOKEN, device, expiry, tag)?;
        let ends = UnixMillis::new(u64::from_be_bytes(*expiry));
        if ends <= now {
            return Err(Refused::Expired);
        }
        // No server hands out a longer one, but for a clock that was a little ahead.
        if ends.since(now) > TOKEN_MS + CHALLENGE_MS {
            return Err(Refused::NotAuthentic);
        }
        let device = DeviceId::from_bytes(*device);
        Ok(Lease { device, ends })
    }

    fn token(&self, device: DeviceId, expires_at: UnixMillis) -> Private {
        let expiry = expires_at.get().to_be_bytes();
        let tag = self.tag(TOKEN, device.as_bytes(), &expiry);
        let bytes = [&device.as_bytes()[..], &expiry, &tag].concat();
        Private::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn check_nonce(&self, nonce: &[u8], now: UnixMillis) -> Result<(), Refused> {
        let (time, rest) = nonce.split_first_chunk::<8>().ok_or(Refused::Malformed)?;
        let (random, tag) = rest.split_first_chunk::<16>().ok_or(Refused::Malformed)?;
        self.check_tag(NONCE, time, random, tag)?;
        let made = UnixMillis::new(u64::from_be_bytes(*time));
        // The nodes of a server do not have quite the same time, hence also from the near future.
        if now.since(made) > CHALLENGE_MS || made.since(now) > CHALLENGE_MS {
            return Err(Refused::Expired);
        }
        Ok(())
    }

    fn mac(&self, label: &[u8], first: &[u8], second: &[u8]) -> Option<Hmac<Sha256>> {
        // HMAC takes keys of any length, so this is always there.
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.borrow().reveal()).ok()?;
        mac.update(label);
        mac.update(first);
        mac.update(second);
        Some(mac)
    }

    fn tag(&self, label: &[u8], first: &[u8], second: &[u8]) -> Vec<u8> {
        self.mac(label, first, second)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    /// Compares in constant time.
    fn check_tag(
        &self,
        label: &[u8],
        first: &[u8],
        second: &[u8],
        tag: &[u8],
    ) -> Result<(), Refused> {
        self.mac(label, first, second)
            .and_then(|mac| mac.verify_slice(tag).ok())
            .ok_or(Refused::NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use usher_domain::cose::SigningKey;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn tokens() -> DeviceTokens {
        of_secret(9)
    }

    fn of_secret(byte: u8) -> DeviceTokens {
        DeviceTokens::new(watch::Sender::new(Seed::new([byte; 32])).subscribe())
    }

    fn key(number: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([number; 32]))
    }

    fn north() -> DeviceId {
        DeviceId::from_bytes([1; 16])
    }

    fn answer(key: &SigningKey, device: DeviceId, nonce: Vec<u8>) -> Vec<u8> {
        let proof = Proof {
            device,
            nonce: nonce.into(),
        };
        cose::sign(
            key,
            ContentType::CHALLENGE,
            &usher_domain::cbor::encode(&proof),
        )
    }

    #[test]
    fn a_signed_challenge_earns_a_token_for_fifteen_minutes() {
        let signed = answer(&key(1), north(), tokens().challenge(NOW, [5; 16]));
        let token = tokens()
            .exchange(north(), &key(1).public(), &signed, NOW.shifted(59_000))
            .unwrap();
        let held = |at| {
            let lease = tokens().lease(token.token.reveal(), at);
            lease.map(|lease| lease.device)
        };
        assert_eq!(held(NOW), Ok(north()));
        assert_eq!(held(token.expires_at.shifted(-1)), Ok(north()));
        assert_eq!(held(token.expires_at), Err(Refused::Expired));
    }

    #[test]
    fn a_token_that_ends_later_than_any_handed_out_is_refused() {
        let ends = |ms| tokens().token(north(), NOW.shifted(ms));
        let held = |ms| {
            tokens()
                .lease(ends(ms).reveal(), NOW)
                .map(|lease| lease.device)
        };
        assert_eq!(held(15 * 60_000 + 60_000), Ok(north()));
        assert_eq!(held(15 * 60_000 + 60_001), Err(Refused::NotAuthentic));
        assert_eq!(held(i64::MAX / 2), Err(Refused::NotAuthentic));
    }

    #[test]
    fn what_an_earlier_secret_authenticated_counts_no_more() {
        let secret = watch::Sender::new(Seed::new([9; 32]));
        let tokens = DeviceTokens::new(secret.subscribe());
        let token = tokens.token(north(), NOW.shifted(1_000));
        assert!(tokens.lease(token.reveal(), NOW).is_ok());
        secret.send_replace(Seed::new([8; 32]));
        assert_eq!(
            tokens.lease(token.reveal(), NOW),
            Err(Refused::NotAuthentic)
        );
    }

    #[test]
    fn an_answer_counts_for_a_minute() {
        let signed = answer(&key(1), north(), tokens().challenge(NOW, [5; 16]));
        let late = tokens().exchange(north(), &key(1).public(), &signed, NOW.shifted(60_001));
        assert_eq!(late, Err(Refused::Expired));
    }

    #[test]
    fn an_answer_of_another_device_or_key_is_refused() {
        let nonce = tokens().challenge(NOW, [5; 16]);
        let public = key(1).public();
        let south = DeviceId::from_bytes([2; 16]);
        for signed in [
            answer(&key(2), north(), nonce.clone()),
            answer(&key(1), south, nonce),
        ] {
            assert_eq!(
                tokens().exchange(north(), &public, &signed, NOW),
                Err(Refused::NotAuthentic)
            );
        }
    }

    #[test]
    fn a_nonce_of_another_server_is_refused() {
        let other = of_secret(8);
        let signed = answer(&key(1), north(), other.challenge(NOW, [5; 16]));
        assert_eq!(
            tokens().exchange(north(), &key(1).public(), &signed, NOW),
            Err(Refused::NotAuthentic)
        );
    }

    #[test]
    fn a_nonce_is_no_token_and_a_token_of_another_server_is_none() {
        let nonce = tokens().challenge(NOW, [5; 16]);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(nonce));
        assert!(tokens().lease(&text, NOW).is_err());
        let foreign = of_secret(8).token(north(), NOW.shifted(1_000));
        assert_eq!(
            tokens().lease(foreign.reveal(), NOW),
            Err(Refused::NotAuthentic)
        );
    }

    proptest! {
        #[test]
        fn a_changed_token_is_refused(place in 4_usize..79, change in 1_u8..64) {
            let token = tokens().token(north(), NOW.shifted(1_000));
            let mut bytes = token.reveal().as_bytes().to_vec();
            let place = place.min(bytes.len() - 1);
            let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let at = alphabet.iter().position(|c| *c == bytes[place]).unwrap();
            bytes[place] = alphabet[(at + usize::from(change)) % 64];
            prop_assert!(tokens().lease(std::str::from_utf8(&bytes).unwrap(), NOW).is_err());
        }

        #[test]
        fn any_bytes_are_refused(text in ".{0,120}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(tokens().lease(&text, NOW).is_err());
            prop_assert!(tokens().exchange(north(), &key(1).public(), &bytes, NOW).is_err());
            let signed = answer(&key(1), north(), bytes);
            prop_assert!(tokens().exchange(north(), &key(1).public(), &signed, NOW).is_err());
        }
    }
}
