//! Ed25519 keys (RFC 8032) and their short names.

use crate::hash::Hash;
use crate::memo;
use crate::secret::Seed;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use std::fmt;

crate::bytes::bytes_type!(
    /// Names a key: the first 8 bytes of SHA-256 of its 32 bytes. A hint for the search, never a proof.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(into = "String", try_from = "String")]
    KeyId(8)
);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl From<KeyId> for String {
    fn from(kid: KeyId) -> Self {
        kid.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        read_hex(&text).map(Self)
    }
}

/// Why bytes or a text are not a key or the name of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key")]
pub struct InvalidKey;

/// An Ed25519 public key of full order, with its id at hand.
///
/// Written as 64 hexadecimal digits in text and as 32 bytes in CBOR.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey {
    key: VerifyingKey,
    kid: KeyId,
}

impl PublicKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// Bytes that are no point of the curve, and points of small order: under those, one signature
    /// fits many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        memo::recall("public key", &[bytes], || {
            VerifyingKey::from_bytes(bytes)
                .map_err(|_| InvalidKey)?
                .try_into()
        })
    }

    fn with_id(key: VerifyingKey) -> Self {
        let mut kid = [0; 8];
        let digest = Hash::of(&[key.as_bytes()]);
        kid.iter_mut()
            .zip(digest.as_bytes())
            .for_each(|(to, from)| *to = *from);
        Self {
            key,
            kid: KeyId(kid),
        }
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's id.
    #[must_use]
    pub const fn kid(&self) -> KeyId {
        self.kid
    }

    /// Checks a bare signature over `message` strictly (no malleable or small-order parts).
    ///
    /// For formats of others; everything of ours goes through [`crate::cose::Envelope::verify`].
    #[must_use]
    pub fn accepts(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        memo::recall("signature", &[self.as_bytes(), signature, message], || {
            self.key
                .verify_strict(message, &Signature::from_bytes(signature))
                .is_ok()
        })
    }
}

impl TryFrom<VerifyingKey> for PublicKey {
    type Error = InvalidKey;

    fn try_from(key: VerifyingKey) -> Result<Self, InvalidKey> {
        if key.is_weak() {
            return Err(InvalidKey);
        }
        Ok(Self::with_id(key))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for PublicKey {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(self.as_bytes(), f)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        Self::from_bytes(&read_hex(text)?)
    }
}

impl<C> minicbor::Encode<C> for PublicKey {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(self.as_bytes())?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for PublicKey {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        Self::from_bytes(&crate::cbor::byte_array(d)?)
            .map_err(|e| minicbor::decode::Error::message(e).at(at))
    }
}

/// An Ed25519 signing key; wiped when dropped.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// The key that grows from `seed` (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &Seed) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed.reveal());
        // A clamped scalar is never a multiple of the group's order, so the point has full order.
        let public = PublicKey::with_id(key.verifying_key());
        Self { key, public }
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The key's id.
    #[must_use]
    pub const fn kid(&self) -> KeyId {
        self.public.kid()
    }

    /// The bare signature over `message`, for formats of others.
    pub(crate) fn sign_bare(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.kid())
    }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn read_hex<const N: usize>(text: &str) -> Result<[u8; N], InvalidKey> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return Err(InvalidKey);
    }
    let digit = |c: u8| char::from(c).to_digit(16).ok_or(InvalidKey);
    let mut out = [0; N];
    for (slot, [high, low]) in out.iter_mut().zip(pairs) {
        *slot = u8::try_from(digit(*high)? * 16 + digit(*low)?).map_err(|_| InvalidKey)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_point_of_small_order_is_no_key() {
        // The neutral element: y = 1.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(PublicKey::from_bytes(&neutral), Err(InvalidKey));
        // y = 0, a point of order four.
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(InvalidKey));
    }

    #[test]
    fn debug_shows_the_key_id_and_nothing_secret() {
        let key = SigningKey::from_seed(&Seed::new([7; 32]));
        assert_eq!(
            format!("{:?}", key.public()),
            format!("PublicKey({})", key.kid())
        );
        assert_eq!(format!("{key:?}"), format!("SigningKey({}, …)", key.kid()));
    }

    proptest! {
        #[test]
        fn a_key_reads_back_from_text_and_cbor(seed: [u8; 32]) {
            let key = SigningKey::from_seed(&Seed::new(seed)).public();
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(crate::cbor::decode_deterministic(&crate::cbor::encode(&key)), Ok(key));
            prop_assert_eq!(PublicKey::from_bytes(key.as_bytes()), Ok(key));
            prop_assert_eq!(KeyId::try_from(key.kid().to_string()), Ok(key.kid()));
        }

        #[test]
        fn any_text_is_a_key_or_an_error(text in ".{0,70}") {
            if let Ok(key) = text.parse::<PublicKey>() {
                prop_assert_eq!(key.to_string(), text.to_lowercase());
            }
        }
    }
}
