//! The one form of everything signed: a COSE_Sign1 (RFC 9052, section 4.2) with Ed25519.
//!
//! There is exactly one encoding, so equal contents under one key are equal bytes:
//!
//! ```text
//! 84                            array of 4, untagged
//!   4D A2 01 32 04 48 ‖ kid     protected: {alg: -19 (Ed25519, RFC 9864), kid: 8 bytes}
//!   A0                          unprotected: empty
//!   bstr ‖ payload              shortest length
//!   58 40 ‖ signature           64 bytes
//! ```
//!
//! The signature covers `["Signature1", protected, external_aad, payload]`, where `external_aad` is the
//! [`ContentType`]: a signature made for one kind of document never passes for another.

pub use crate::keys::{InvalidKey, KeyId, PublicKey, SigningKey};
use std::fmt;

/// Everything before the key id: array head, head of the protected header, algorithm, label of the kid.
const HEAD: [u8; 7] = [0x84, 0x4d, 0xa2, 0x01, 0x32, 0x04, 0x48];
/// Where the protected header's map begins in [`HEAD`].
const PROTECTED_AT: usize = 2;
const UNPROTECTED: u8 = 0xa0;
const SIGNATURE_HEAD: [u8; 2] = [0x58, 0x40];

/// What a signature is for; it is signed along as the external data.
///
/// A new kind of document adds a constant here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentType(&'static str);

impl ContentType {
    /// A ticket code.
    pub const CODE: Self = Self("usher/code/1");
    /// A trust document: delegations, keys, uses and windows.
    pub const TRUST: Self = Self("usher/trust/1");
    /// A roster manifest: devices and staff.
    pub const ROSTER: Self = Self("usher/roster/1");
    /// A ticket set manifest.
    pub const SET: Self = Self("usher/set/1");
    /// A directory manifest: names and order numbers.
    pub const DIRECTORY: Self = Self("usher/directory/1");
    /// An enrollment: what a device asks with, under its own new key.
    pub const ENROLLMENT: Self = Self("usher/enrollment/1");
    /// A batch of a device's records.
    pub const BATCH: Self = Self("usher/batch/1");
    /// A supervisor's override.
    pub const OVERRIDE: Self = Self("usher/override/1");
    /// A supervisor's approval of taking another device's admission back.
    pub const UNDO: Self = Self("usher/undo/1");
    /// A device's answer to the server's challenge.
    pub const CHALLENGE: Self = Self("usher/challenge/1");

    /// The text that is signed along.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Signs `payload` as a document of `content_type` and returns the whole envelope.
#[must_use]
pub fn sign(key: &SigningKey, content_type: ContentType, payload: &[u8]) -> Vec<u8> {
    let kid = key.kid();
    let signature = key.sign_bare(&signed_bytes(kid, content_type, payload));
    let mut out = Vec::with_capacity(payload.len() + 96);
    out.extend_from_slice(&HEAD);
    out.extend_from_slice(kid.as_bytes());
    out.push(UNPROTECTED);
    push_byte_string(&mut out, payload);
    out.extend_from_slice(&SIGNATURE_HEAD);
    out.extend_from_slice(&signature);
    out
}

/// The bytes the signature covers: `Sig_structure` of RFC 9052, section 4.4.
fn signed_bytes(kid: KeyId, content_type: ContentType, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 64);
    out.extend_from_slice(b"\x84\x6aSignature1");
    out.extend(HEAD.iter().skip(PROTECTED_AT - 1));
    out.extend_from_slice(kid.as_bytes());
    push_byte_string(&mut out, content_type.0.as_bytes());
    push_byte_string(&mut out, payload);
    out
}

fn push_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    // Writing to a Vec cannot fail.
    let _infallible = minicbor::Encoder::new(out).bytes(bytes).map(drop);
}

/// Why bytes are not an envelope of the one profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The bytes do not begin with the array and protected header of the profile: not signed at all,
    /// another algorithm, another header, another encoding of them, or a key id of another length.
    #[error("not signed in the form and with the algorithm expected")]
    Header,
    /// The unprotected header is not empty.
    #[error("carries unsigned header fields")]
    Unprotected,
    /// The payload is no byte string of definite length with the shortest head.
    #[error("the content is not written in the one allowed form")]
    Payload,
    /// The signature is no byte string of 64 bytes.
    #[error("the signature is not of 64 bytes")]
    Signature,
    /// The bytes end too soon.
    #[error("truncated")]
    Truncated,
    /// Bytes follow the envelope.
    #[error("bytes follow the signature")]
    Trailing,
}

/// Why an envelope does not hold under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Signed by another key, says the envelope itself.
    #[error("signed by key {0}, not by the one expected")]
    OtherKey(KeyId),
    /// The signature does not fit content, content type and key.
    #[error("the signature does not fit")]
    BadSignature,
}

/// A well-formed envelope whose signature nobody has checked yet.
#[derive(Clone, Copy)]
pub struct Envelope<'b> {
    kid: KeyId,
    payload: &'b [u8],
    signature: &'b [u8; 64],
}

impl<'b> Envelope<'b> {
    /// The key the envelope claims to be signed with.
    #[must_use]
    pub const fn kid(&self) -> KeyId {
        self.kid
    }

    /// The content as received, not yet verified.
    #[must_use]
    pub const fn unverified_payload(&self) -> &'b [u8] {
        self.payload
    }

    /// The envelope without its content and its signature: it still says by which key it was signed, and
    /// verifies under none.
    #[must_use]
    pub fn emptied(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD.len() + 80);
        out.extend_from_slice(&HEAD);
        out.extend_from_slice(self.kid.as_bytes());
        out.push(UNPROTECTED);
        push_byte_string(&mut out, &[]);
        out.extend_from_slice(&SIGNATURE_HEAD);
        out.extend_from_slice(&[0; 64]);
        out
    }

    /// Checks the signature over the bytes received and hands out the content.
    ///
    /// # Errors
    /// [`VerifyError`] if another key is named or the signature does not fit.
    pub fn verify(
        &self,
        key: &PublicKey,
        content_type: ContentType,
    ) -> Result<&'b [u8], VerifyError> {
        if self.kid != key.kid() {
            return Err(VerifyError::OtherKey(self.kid));
        }
        if key.accepts(
            &signed_bytes(self.kid, content_type, self.payload),
            self.signature,
        ) {
            Ok(self.payload)
        } else {
            Err(VerifyError::BadSignature)
        }
    }
}

impl fmt::Debug for Envelope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The payload of a ticket code is half of what opens the door.
        write!(f, "Envelope({}, {} bytes)", self.kid, self.payload.len())
    }
}

/// Reads an envelope and refuses everything that is not the one profile.
///
/// # Errors
/// [`EnvelopeError`] with the first deviation found.
pub fn parse(bytes: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let rest = bytes.strip_prefix(&HEAD).ok_or(EnvelopeError::Header)?;
    let (kid, rest) = rest
        .split_first_chunk::<8>()
        .ok_or(EnvelopeError::Truncated)?;
    let (&unprotected, rest) = rest.split_first().ok_or(EnvelopeError::Truncated)?;
    if unprotected != UNPROTECTED {
        return Err(EnvelopeError::Unprotected);
    }
    let (payload, rest) = split_byte_string(rest)?;
    let rest = rest
        .strip_prefix(&SIGNATURE_HEAD)
        .ok_or(if rest.len() < SIGNATURE_HEAD.len() {
            EnvelopeError::Truncated
        } else {
            EnvelopeError::Signature
        })?;
    let (signature, rest) = rest
        .split_first_chunk::<64>()
        .ok_or(EnvelopeError::Truncated)?;
    if !rest.is_empty() {
        return Err(EnvelopeError::Trailing);
    }
    Ok(Envelope {
        kid: KeyId::from_bytes(*kid),
        payload,
        signature,
    })
}

/// Splits off a byte string of definite length whose head is the shortest one (RFC 8949, section 4.2.1).
fn split_byte_string(bytes: &[u8]) -> Result<(&[u8], &[u8]), EnvelopeError> {
    let (&head, rest) = bytes.split_first().ok_or(EnvelopeError::Truncated)?;
    // Major type 2; the lower five bits are the length or say how many bytes it takes.
    let (width, shortest_above) = match head {
        0x40..=0x57 => return split_at(rest, u64::from(head & 0x1f)),
        0x58 => (1, 23),
        0x59 => (2, 0xff),
        0x5a => (4, 0xffff),
        0x5b => (8, 0xffff_ffff),
        _ => return Err(EnvelopeError::Payload),
    };
    let (length, rest) = rest
        .split_at_checked(width)
        .ok_or(EnvelopeError::Truncated)?;
    let length = length.iter().fold(0, |sum, &b| (sum << 8) | u64::from(b));
    if length <= shortest_above {
        return Err(EnvelopeError::Payload);
    }
    split_at(rest, length)
}

fn split_at(bytes: &[u8], at: u64) -> Result<(&[u8], &[u8]), EnvelopeError> {
    usize::try_from(at)
        .ok()
        .and_then(|at| bytes.split_at_checked(at))
        .ok_or(EnvelopeError::Truncated)
}

#[cfg(test)]
mod tests;
