//! `pretix_sig1`: the signed ticket secrets of pretix (<https://docs.pretix.eu/dev/development/algorithms/>).
//!
//! ```text
//! secret    = reverse(base64(raw)), standard alphabet, padded
//! raw       = 01 ‖ u16be n ‖ u16be 64 ‖ payload (n bytes) ‖ signature
//! signature = Ed25519 over the payload alone
//! payload   = protobuf {1 seed, 2 item, 3 variation, 4 subevent, 5 valid from, 6 valid until}
//! ```
//!
//! Numbers that are 0 or absent stand for "none". The keys are listed in the event's JSON under
//! `valid_keys.pretix_sig1`; every one of them is tried, so that a shop can change its key.

use super::protobuf::{self, Field};
use super::text::TicketCodeText;
use crate::cose::{InvalidKey, PublicKey, SigningKey};
use crate::secret::Private;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use std::fmt;

const VERSION: u8 = 1;

/// What a verified secret says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretixCode {
    /// Random text that makes the secret unique.
    pub seed: Private,
    /// The shop's number of the product.
    pub item: i64,
    /// The shop's number of the product's variation.
    pub variation: Option<i64>,
    /// The shop's number of the date in a series.
    pub subevent: Option<i64>,
    /// Not valid before this time, in unix seconds.
    pub valid_from: Option<i64>,
    /// Not valid after this time, in unix seconds.
    pub valid_until: Option<i64>,
}

/// Why a secret framed like `pretix_sig1` is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PretixError {
    /// The signature fits none of the keys: forged, or of another event.
    #[error("signed by none of the event's keys")]
    NoKeyFits,
    /// Signed by the shop, but what is signed is not readable.
    #[error("signed by the shop, but not readable")]
    Payload,
}

/// A text framed like a `pretix_sig1` secret in every byte; its signature is not checked yet.
#[derive(Clone)]
pub struct PretixSecret {
    payload: Vec<u8>,
    signature: [u8; 64],
}

impl PretixSecret {
    /// Reads the frame of a secret, or `None` if the text is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The decoder refuses missing padding and stray bits, so a secret has one text only.
        let reversed: Vec<u8> = text.bytes().rev().collect();
        let raw = STANDARD.decode(reversed).ok()?;
        let rest = raw.strip_prefix(&[VERSION])?;
        let (payload_length, rest) = rest.split_first_chunk::<2>()?;
        let (signature_length, rest) = rest.split_first_chunk::<2>()?;
        let (payload, rest) = rest.split_at_checked(u16::from_be_bytes(*payload_length).into())?;
        let signature = <[u8; 64]>::try_from(rest).ok()?;
        (usize::from(u16::from_be_bytes(*signature_length)) == signature.len()).then(|| Self {
            payload: payload.to_vec(),
            signature,
        })
    }

    /// Checks the signature against every key and only then reads what is signed.
    ///
    /// # Errors
    /// [`PretixError`] if no key fits or the signed bytes are no ticket.
    pub fn verify<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k PublicKey>,
    ) -> Result<PretixCode, PretixError> {
        if !keys
            .into_iter()
            .any(|key| key.accepts(&self.payload, &self.signature))
        {
            return Err(PretixError::NoKeyFits);
        }
        read_payload(&self.payload).ok_or(PretixError::Payload)
    }
}

impl fmt::Debug for PretixSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PretixSecret(…)")
    }
}

/// Fields may come in any order, the last of a number counts, and unknown ones are skipped.
fn read_payload(bytes: &[u8]) -> Option<PretixCode> {
    let mut seed = None;
    let mut numbers = [0i64; 5];
    for field in protobuf::fields(bytes) {
        match field.ok()? {
            (1, Field::Bytes(text)) => seed = Some(std::str::from_utf8(text).ok()?),
            (number @ 2..=6, Field::Varint(value)) => {
                // int64 is written as the two's complement.
                *numbers.get_mut(number as usize - 2)? = value.cast_signed();
            }
            _ => {}
        }
    }
    let [item, variation, subevent, valid_from, valid_until] = numbers;
    let unless_zero = |number| (number != 0).then_some(number);
    Some(PretixCode {
        seed: Private::new(seed?),
        item,
        variation: unless_zero(variation),
        subevent: unless_zero(subevent),
        valid_from: unless_zero(valid_from),
        valid_until: unless_zero(valid_until),
    })
}

/// Signs `code` as the shop does: what an import or a demonstration needs to have real secrets.
///
/// # Errors
/// [`SeedTooLong`] if the result would be longer than a ticket code may be.
pub fn sign(code: &PretixCode, key: &SigningKey) -> Result<TicketCodeText, SeedTooLong> {
    let mut payload = Vec::new();
    protobuf::push_bytes(&mut payload, 1, code.seed.reveal().as_bytes());
    protobuf::push_varint(&mut payload, 2, code.item.cast_unsigned());
    for (number, value) in [(3, code.variation), (4, code.subevent)] {
        if let Some(value) = value {
            protobuf::push_varint(&mut payload, number, value.cast_unsigned());
        }
    }
    // The shop writes the bounds even if they are none.
    for (number, value) in [(5, code.valid_from), (6, code.valid_until)] {
        protobuf::push_varint(&mut payload, number, value.unwrap_or(0).cast_unsigned());
    }
    let signature = key.sign_bare(&payload);
    let payload_length = u16::try_from(payload.len()).map_err(|_| SeedTooLong)?;
    let mut raw = vec![VERSION];
    raw.extend_from_slice(&payload_length.to_be_bytes());
    raw.extend_from_slice(&64u16.to_be_bytes());
    raw.extend_from_slice(&payload);
    raw.extend_from_slice(&signature);
    let secret: String = STANDARD.encode(raw).chars().rev().collect();
    TicketCodeText::new(&secret).map_err(|_| SeedTooLong)
}

/// The seed does not fit into a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the seed is too long for a ticket secret")]
pub struct SeedTooLong;

/// Reads one entry of `valid_keys.pretix_sig1`: the base64 of a public key in PEM.
///
/// # Errors
/// [`InvalidKey`] if it is anything but an Ed25519 public key (RFC 8410).
pub fn read_key(entry: &str) -> Result<PublicKey, InvalidKey> {
    let pem = STANDARD.decode(entry.trim()).map_err(|_| InvalidKey)?;
    let pem = String::from_utf8(pem).map_err(|_| InvalidKey)?;
    VerifyingKey::from_public_key_pem(&pem)
        .map_err(|_| InvalidKey)?
        .try_into()
}

#[cfg(test)]
mod tests;
