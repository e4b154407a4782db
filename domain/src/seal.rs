//! Holder data in a ticket set, sealed so that only the ticket itself opens it.
//!
//! A gate device that is stolen holds no names: each holder stands in the set once per current medium,
//! encrypted with AES-256-GCM-SIV (RFC 8452) under HKDF-SHA-256 (RFC 5869) of the complete text of the
//! code, which the device does not hold either. Scanning the ticket brings the text.
//!
//! ```text
//! key   = HKDF(ikm = code text, salt = session id, info = "usher/holder/1"), 32 bytes
//! nonce = 12 zero bytes
//! AAD   = ticket id
//! plain = CBOR [name, [line, …]]
//! ```
//!
//! The nonce is constant because the cipher withstands its repetition: equal plain texts give equal
//! bytes, which is what a deterministic set needs, and nothing else shows. The length of the plain text
//! does show.
//!
//! Codes weaker than [`crate::code::strength::STRONG_BITS`] could be found by trying; nothing is sealed
//! with them.

use crate::cbor;
use crate::code::TicketCodeText;
use crate::ids::{SessionId, TicketId};
use crate::secret::Private;
use aes_gcm_siv::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const INFO: &[u8] = b"usher/holder/1";

/// Bytes of the longest holder data: a set carries them for every ticket.
pub const MAX_HOLDER_BYTES: usize = 1024;

/// Bytes that sealing adds: the authentication tag.
const TAG_BYTES: usize = 16;

/// Who holds a ticket, as a gate shows it after the scan.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Holder {
    /// The person's name as the shop knows it.
    #[n(0)]
    pub name: Private,
    /// Further lines for the operator, such as a company or an accompanying person.
    #[n(1)]
    pub lines: Vec<Private>,
}

/// Sealed holder data, as a ticket set carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes in bytes from a set; whether they open is seen when they are opened.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes for a set.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<C> minicbor::Encode<C> for Sealed {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Sealed {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Ok(Self(d.bytes()?.to_vec()))
    }
}

/// Why holder data cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The holder data are longer than [`MAX_HOLDER_BYTES`].
    #[error("holder data of more than {MAX_HOLDER_BYTES} bytes")]
    TooLong,
    /// Sealed for another code, session or ticket, or changed since.
    #[error("the holder data do not open with this code")]
    NotForThisCode,
    /// They open, and what is inside is no holder data of a version known here.
    #[error("the holder data are not readable")]
    Unreadable,
}

/// Seals `holder` so that the text of one medium opens it, in one session, for one ticket.
///
/// # Errors
/// [`SealError::TooLong`].
pub fn seal(
    code: &TicketCodeText,
    session: SessionId,
    ticket: TicketId,
    holder: &Holder,
) -> Result<Sealed, SealError> {
    let plain = Zeroizing::new(cbor::encode(holder));
    if plain.len() > MAX_HOLDER_BYTES {
        return Err(SealError::TooLong);
    }
    cipher(code, session)
        .and_then(|cipher| {
            cipher
                .encrypt(&Nonce::default(), bound_to(&ticket, &plain))
                .ok()
        })
        .map(Sealed)
        .ok_or(SealError::TooLong)
}

/// Opens what [`seal`] sealed.
///
/// # Errors
/// [`SealError`] if code, session and ticket are not the ones it was sealed for.
pub fn open(
    sealed: &Sealed,
    code: &TicketCodeText,
    session: SessionId,
    ticket: TicketId,
) -> Result<Holder, SealError> {
    if sealed.0.len() > MAX_HOLDER_BYTES + TAG_BYTES {
        return Err(SealError::TooLong);
    }
    let plain = cipher(code, session)
        .and_then(|cipher| {
            cipher
                .decrypt(&Nonce::default(), bound_to(&ticket, &sealed.0))
                .ok()
        })
        .map(Zeroizing::new)
        .ok_or(SealError::NotForThisCode)?;
    cbor::decode(&plain).map_err(|_| SealError::Unreadable)
}

/// The cipher under the key that only the code's text gives; `None` never happens with a key this short.
fn cipher(code: &TicketCodeText, session: SessionId) -> Option<Aes256GcmSiv> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(session.as_bytes()), code.reveal().as_bytes())
        .expand(INFO, key.as_mut_slice())
        .ok()?;
    Aes256GcmSiv::new_from_slice(key.as_slice()).ok()
}

fn bound_to<'a>(ticket: &'a TicketId, msg: &'a [u8]) -> Payload<'a, 'a> {
    Payload {
        msg,
        aad: ticket.as_bytes(),
    }
}

#[cfg(test)]
mod tests;
