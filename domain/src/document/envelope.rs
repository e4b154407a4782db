//! Signing documents and checking their signatures.

use crate::cbor::{self, CborError};
use crate::cose::{self, ContentType, EnvelopeError, KeyId, PublicKey, SigningKey, VerifyError};
use crate::hash::Hash;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// Bytes of the longest signed document, signature included.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// Something that is signed: it has one encoding and knows what it is signed as.
pub trait Document: Encode<()> + for<'b> Decode<'b, ()> {
    /// What its signature is for.
    fn content_type(&self) -> ContentType;
}

/// Signs `document` and returns the envelope that travels.
pub fn sign<T: Document>(document: &T, key: &SigningKey) -> Vec<u8> {
    cose::sign(key, document.content_type(), &cbor::encode(document))
}

/// A document whose signature was checked; there is no other way to make one.
///
/// That says who wrote it, not that it is new: see [`super::accept`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    bytes: Vec<u8>,
    hash: Hash,
    kid: KeyId,
}

impl<T> Verified<T> {
    /// What it says.
    #[must_use]
    pub const fn value(&self) -> &T {
        &self.value
    }

    /// What it says, without the proof.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// The envelope as it was received, to keep and to hand on.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of [`Verified::bytes`].
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// The key that signed it.
    #[must_use]
    pub const fn signer(&self) -> KeyId {
        self.kid
    }
}

/// Why a document is not what it claims to be. Nothing it says is believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Longer than any document.
    #[error("longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Not signed in our form.
    #[error(transparent)]
    Envelope(EnvelopeError),
    /// The signature does not fit: forged, damaged, or signed as a document of another kind.
    #[error("the signature does not fit this kind of document")]
    BadSignature,
    /// What is signed is no such document in its one encoding.
    #[error("the content is not readable: {0}")]
    Content(CborError),
    /// Signed by a key that the organizer's trust document does not name.
    #[error("signed by key {0}, which this organizer does not know")]
    UnknownKey(KeyId),
    /// Signed by a key that may sign other things, but not this.
    #[error("key {0} may not sign this kind of document")]
    WrongPurpose(KeyId),
    /// Issued before the key's time.
    #[error("issued at {issued_at}, before key {kid} may sign")]
    KeyNotYetValid {
        /// The key.
        kid: KeyId,
        /// When the document says that it was issued.
        issued_at: UnixMillis,
    },
    /// Issued after the key's time: the organizer must renew the delegation.
    #[error("issued at {issued_at}, after the time of key {kid}")]
    KeyExpired {
        /// The key.
        kid: KeyId,
        /// When the document says that it was issued.
        issued_at: UnixMillis,
    },
    /// The organizer revoked the key.
    #[error("key {0} was revoked")]
    KeyRevoked(KeyId),
    /// The root key is not the one that was pinned.
    #[error("the root key is not the one of the enrollment code")]
    OtherRoot,
    /// It speaks of another organizer.
    #[error("belongs to another organizer")]
    OtherOrganizer,
    /// It speaks of another table or session than the one asked for.
    #[error("belongs to another table or session")]
    OtherTable,
    /// It speaks of another device's key.
    #[error("belongs to another device")]
    OtherDevice,
    /// Parts of it contradict each other.
    #[error("contradicts itself: {0}")]
    Inconsistent(&'static str),
}

impl Untrusted {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Envelope(EnvelopeError::Trailing) => "trailing_bytes",
            Self::Envelope(_) => "malformed_envelope",
            Self::BadSignature => "bad_signature",
            Self::Content(_) => "malformed_content",
            Self::UnknownKey(_) => "unknown_key",
            Self::WrongPurpose(_) => "wrong_purpose",
            Self::KeyNotYetValid { .. } => "key_not_yet_valid",
            Self::KeyExpired { .. } => "key_expired",
            Self::KeyRevoked(_) => "key_revoked",
            Self::OtherRoot => "other_root",
            Self::OtherOrganizer => "other_organizer",
            Self::OtherTable => "other_table",
            Self::OtherDevice => "other_device",
            Self::Inconsistent(_) => "inconsistent",
        }
    }
}

/// A parsed envelope and its bytes, on the way to a [`Verified`].
pub(super) struct Received<'b> {
    bytes: &'b [u8],
    envelope: cose::Envelope<'b>,
}

impl<'b> Received<'b> {
    /// Bounds and parses; checks no signature.
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Self, Untrusted> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(Untrusted::TooLarge);
        }
        let envelope = cose::parse(bytes).map_err(Untrusted::Envelope)?;
        Ok(Self { bytes, envelope })
    }

    /// The key that it names.
    pub(super) const fn kid(&self) -> KeyId {
        self.envelope.kid()
    }

    /// Reads the content of an envelope whose signature was checked before.
    pub(super) fn read<T: Document>(&self) -> Result<T, Untrusted> {
        cbor::decode_canonical(self.envelope.unverified_payload()).map_err(Untrusted::Content)
    }

    /// Checks the signature over the bytes received, and only then reads them.
    pub(super) fn verify<T: Document>(
        self,
        key: &PublicKey,
        content_type: ContentType,
    ) -> Result<Verified<T>, Untrusted> {
        self.envelope
            .verify(key, content_type)
            .map_err(|e| match e {
                VerifyError::OtherKey(kid) => Untrusted::UnknownKey(kid),
                VerifyError::BadSignature => Untrusted::BadSignature,
            })?;
        let value: T = self.read()?;
        if value.content_type() != content_type {
            return Err(Untrusted::Inconsistent(
                "signed as another kind than it says it is",
            ));
        }
        Ok(Verified {
            value,
            bytes: self.bytes.to_vec(),
            hash: Hash::of(&[self.bytes]),
            kid: self.kid(),
        })
    }
}
