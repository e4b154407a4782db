//! Deterministic CBOR (RFC 8949, section 4.2): one value, one encoding.
//!
//! Everything signed, hashed or stored is a definite-length array with shortest integers, which is what
//! `minicbor`'s derived encoders write. Optional fields stand last, so an older reader skips what it
//! does not know and a newer one reads what is missing as absent.

use minicbor::{Decode, Decoder, Encode};

/// Why bytes are not the value asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes are truncated, of another shape, or out of range.
    #[error("not readable: {0}")]
    Malformed(String),
    /// Bytes follow the value.
    #[error("bytes follow the value")]
    Trailing,
    /// The value is right but written in another way than the one allowed.
    #[error("not the one deterministic encoding")]
    NotDeterministic,
}

/// The one encoding of `value`.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail and none of our encoders raises an error of its own.
    let _infallible = minicbor::encode(value, &mut out);
    out
}

/// Reads exactly one value and nothing after it.
pub fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, CborError> {
    let mut decoder = Decoder::new(bytes);
    let value = decoder
        .decode()
        .map_err(|e| CborError::Malformed(e.to_string()))?;
    if decoder.position() == bytes.len() {
        Ok(value)
    } else {
        Err(CborError::Trailing)
    }
}

/// Reads exactly one value and refuses any other encoding of it than [`encode`]'s.
pub fn decode_deterministic<'b, T>(bytes: &'b [u8]) -> Result<T, CborError>
where
    T: Decode<'b, ()> + Encode<()>,
{
    let value = decode(bytes)?;
    if encode(&value) == bytes {
        Ok(value)
    } else {
        Err(CborError::NotDeterministic)
    }
}

/// A byte string of exactly `N` bytes.
pub(crate) fn byte_array<const N: usize>(
    d: &mut Decoder<'_>,
) -> Result<[u8; N], minicbor::decode::Error> {
    let at = d.position();
    <[u8; N]>::try_from(d.bytes()?)
        .map_err(|_| minicbor::decode::Error::message("byte string of another length").at(at))
}
