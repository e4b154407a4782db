//! Enrollment: the code a new device scans, and the signed document it gets.

use super::envelope::{Document, Untrusted, Verified};
use super::trusted::TrustedKeys;
use crate::cbor;
use crate::code::base45;
use crate::cose::{ContentType, PublicKey};
use crate::hash::Hash;
use crate::ids::{DeviceId, GateId, OrganizerId};
use crate::secret::{Private, Seed};
use crate::table::rows::DeviceRole;
use crate::time::UnixMillis;
use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use std::fmt;
use zeroize::Zeroizing;

/// What an enrollment code tells a new device: where the server is and how to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentCode {
    /// Base address of the server, such as `https://tickets.example:8443`.
    pub server: String,
    /// SHA-256 of the organizer's 32-byte root public key.
    pub root: Hash,
    /// SHA-256 of the server certificate's SubjectPublicKeyInfo; none for plain HTTP on loopback.
    pub spki: Option<Hash>,
    /// The secret that may be used once or a limited number of times.
    pub token: Seed,
}

/// What the text of an enrollment code begins with.
pub const PREFIX: &str = "USHE1:";
/// Bytes of the longest server address.
pub const SERVER_BYTES_MAX: usize = 200;
/// Characters of the longest enrollment code: its three hashes and secrets and the address in base45.
pub const MAX_CHARS: usize = PREFIX.len() + (1 + 3 * 34 + 2 + SERVER_BYTES_MAX) * 3 / 2 + 1;

/// Why a text is not an enrollment code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEnrollmentCode {
    /// It does not begin as one.
    #[error("not an enrollment code: it does not begin with {PREFIX}")]
    Prefix,
    /// Longer than any.
    #[error("longer than an enrollment code")]
    TooLong,
    /// Damaged: characters are missing, added or changed.
    #[error("this enrollment code is damaged or mistyped: copy it again, whole")]
    Damaged,
    /// The address in it is none that can be reached over HTTP.
    #[error("the enrollment code names no usable server address")]
    Server,
}

/// An enrollment code's content: `[server, root, spki or null, token]`.
#[derive(Encode, Decode)]
struct Content {
    #[n(0)]
    server: String,
    #[n(1)]
    root: Hash,
    #[n(2)]
    spki: Option<Hash>,
    #[n(3)]
    token: ByteArray<32>,
}

impl EnrollmentCode {
    /// The text of the code: `USHE1:` and base45 of deterministic CBOR, for the alphanumeric mode of a QR
    /// code. It holds a secret.
    ///
    /// # Errors
    /// [`InvalidEnrollmentCode::Server`] for an address that [`EnrollmentCode::parse`] would refuse.
    pub fn text(&self) -> Result<Private, InvalidEnrollmentCode> {
        check_server(&self.server, self.spki)?;
        let content = Content {
            server: self.server.clone(),
            root: self.root,
            spki: self.spki,
            token: (*self.token.reveal()).into(),
        };
        let bytes = Zeroizing::new(cbor::encode(&content));
        Ok(Private::new(format!("{PREFIX}{}", base45::encode(&bytes))))
    }

    /// Reads the text of a code; white space around it is left out.
    ///
    /// # Errors
    /// [`InvalidEnrollmentCode`] for everything but what [`EnrollmentCode::text`] writes.
    pub fn parse(text: &str) -> Result<Self, InvalidEnrollmentCode> {
        let text = text.trim();
        let body = text
            .strip_prefix(PREFIX)
            .ok_or(InvalidEnrollmentCode::Prefix)?;
        if text.len() > MAX_CHARS {
            return Err(InvalidEnrollmentCode::TooLong);
        }
        let bytes =
            Zeroizing::new(base45::decode(body).map_err(|_| InvalidEnrollmentCode::Damaged)?);
        let content: Content =
            cbor::decode_deterministic(&bytes).map_err(|_| InvalidEnrollmentCode::Damaged)?;
        // Nobody writes a code with an address that cannot be: this one was changed on its way.
        check_server(&content.server, content.spki).map_err(|_| InvalidEnrollmentCode::Damaged)?;
        Ok(Self {
            server: content.server,
            root: content.root,
            spki: content.spki,
            token: Seed::new(content.token.into()),
        })
    }
}

/// An address is `https://` or `http://`, a host, and whatever follows, in visible ASCII. Without TLS
/// there is no key to pin.
fn check_server(server: &str, spki: Option<Hash>) -> Result<(), InvalidEnrollmentCode> {
    let host = match (server.strip_prefix("https://"), spki) {
        (Some(host), _) => Some(host),
        (None, None) => server.strip_prefix("http://"),
        (None, Some(_)) => None,
    };
    let usable = |host: &str| {
        !host.is_empty() && !host.starts_with('/') && host.bytes().all(|c| c.is_ascii_graphic())
    };
    if server.len() <= SERVER_BYTES_MAX && host.is_some_and(usable) {
        Ok(())
    } else {
        Err(InvalidEnrollmentCode::Server)
    }
}

crate::bytes::bytes_type!(
    /// Random bytes that the server draws for one use of an enrollment code, after it stored the key that
    /// took the use. Nobody can choose a key by the digits it will have, for they are not decided before.
    ConfirmationNonce(32)
);

impl fmt::Debug for ConfirmationNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfirmationNonce")
    }
}

/// The six digits that the new device and the organizer's screen both show when an enrollment must be
/// confirmed: whoever took the code from a distance has another key, and so other digits.
#[must_use]
pub fn confirmation_digits(token: &Seed, key: &PublicKey, nonce: &ConfirmationNonce) -> Private {
    let digest = Hash::of(&[
        b"usher/confirm/2",
        token.reveal(),
        key.as_bytes(),
        nonce.as_bytes(),
    ]);
    let [a, b, c, d, e, f, g, h, ..] = *digest.as_bytes();
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000;
    Private::new(format!("{number:06}"))
}

/// What the server says of an enrolled device (`usher/enrollment/1`, signed by a roster key).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enrollment {
    /// The organizer.
    #[n(0)]
    pub organizer: OrganizerId,
    /// The id the device got.
    #[n(1)]
    pub device: DeviceId,
    /// The device's key: a use of a code belongs to the key that took it.
    #[n(2)]
    pub key: PublicKey,
    /// Name for people.
    #[n(3)]
    pub name: String,
    /// What it may do.
    #[n(4)]
    pub role: DeviceRole,
    /// Where it stands; a spare stands nowhere.
    #[n(5)]
    pub gate: Option<GateId>,
    /// When.
    #[n(6)]
    pub issued_at: UnixMillis,
}

impl Document for Enrollment {
    fn content_type(&self) -> ContentType {
        ContentType::ENROLLMENT
    }
}

/// Checks the document a device got for its key `own`.
///
/// # Errors
/// [`Untrusted`] with the first reason found.
pub fn verify_enrollment(
    bytes: &[u8],
    keys: &TrustedKeys,
    own: &PublicKey,
) -> Result<Verified<Enrollment>, Untrusted> {
    let enrollment: Verified<Enrollment> =
        keys.verify(bytes, ContentType::ENROLLMENT, |e: &Enrollment| e.issued_at)?;
    if enrollment.value().organizer != keys.organizer() {
        return Err(Untrusted::OtherOrganizer);
    }
    if enrollment.value().key != *own {
        return Err(Untrusted::OtherDevice);
    }
    Ok(enrollment)
}

#[cfg(test)]
mod tests;
