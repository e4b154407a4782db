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

/// Why holder data cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The holder data are longer than [`MAX_HOLDER_BYTES`].
    #[error("holder data of more than {MAX_HOLDER_BYTES} bytes")]
    TooLong,
    /// Sealed for other codes, another session or ticket, or changed since.
    #[error("the holder data do not open with this code")]
    NotForThisCode,
    /// They open, and what is inside is no holder data of a version known here.
    #[error("the holder data are not readable")]
    Unreadable,
}

/// Seals `holder` so that the text of one medium opens it, in one session, for one ticket. The bytes are
/// what a ticket set carries.
///
/// # Errors
/// [`SealError::TooLong`].
pub fn seal(
    code: &TicketCodeText,
    session: SessionId,
    ticket: TicketId,
    holder: &Holder,
) -> Result<Vec<u8>, SealError> {
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
        .ok_or(SealError::TooLong)
}

/// Opens what [`seal`] sealed, out of all that a set carries for the ticket: one for each current medium,
/// and nothing says which is whose.
///
/// # Errors
/// [`SealError`] if none was sealed for this code, session and ticket.
pub fn open<'s>(
    candidates: impl IntoIterator<Item = &'s [u8]>,
    code: &TicketCodeText,
    session: SessionId,
    ticket: TicketId,
) -> Result<Holder, SealError> {
    let cipher = cipher(code, session).ok_or(SealError::NotForThisCode)?;
    let plain = candidates
        .into_iter()
        .filter(|sealed| sealed.len() <= MAX_HOLDER_BYTES + TAG_BYTES)
        .find_map(|sealed| {
            cipher
                .decrypt(&Nonce::default(), bound_to(&ticket, sealed))
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
