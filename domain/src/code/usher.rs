//! Our own ticket code: small enough for a coarse QR code, checkable without a network.
//!
//! `USH1:` and the base45 of one COSE_Sign1 (see [`crate::cose`]) whose payload is the deterministic CBOR
//! array `[ticket, access, issue, type]`, or `[ticket, access, issue, type, not-before, not-after]` if the
//! ticket has an entry window of its own. No names, no prices.

use super::base45::{self, Base45Error};
use super::text::TicketCodeText;
use crate::cbor;
use crate::cose::{self, ContentType, EnvelopeError, KeyId, PublicKey, SigningKey, VerifyError};
use crate::ids::TicketId;
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use minicbor::data::Type;
use std::fmt;

/// What every code of ours begins with; the digit is the version of the format.
pub const PREFIX: &str = "USH1:";

/// Characters of the longest code without an entry window. In alphanumeric mode QR version 7 holds 178
/// at level M (screens) and version 9 holds 189 at level Q (paper) (ISO/IEC 18004, table 7).
pub const MAX_SHORT_CHARS: usize = 175;

/// Characters of the longest code of all, with an entry window: QR version 8-M or 10-Q.
pub const MAX_CHARS: usize = 190;

/// What a ticket code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TicketCode {
    /// The ticket.
    pub ticket: TicketId,
    /// The session, or the sessions of one kind of pass, that it opens.
    pub access: AccessNumber,
    /// Which issue of the ticket this is; only the newest is valid.
    pub issue: IssueNumber,
    /// The ticket type.
    pub type_number: TypeNumber,
    /// Not valid before this time, in unix seconds.
    pub not_before: Option<u32>,
    /// Not valid after this time, in unix seconds.
    pub not_after: Option<u32>,
}

impl<C> minicbor::Encode<C> for TicketCode {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        let windowed = self.not_before.is_some() || self.not_after.is_some();
        e.array(if windowed { 6 } else { 4 })?
            .encode_with(self.ticket, ctx)?
            .encode_with(self.access, ctx)?
            .encode_with(self.issue, ctx)?
            .encode_with(self.type_number, ctx)?;
        if windowed {
            for bound in [self.not_before, self.not_after] {
                match bound {
                    Some(seconds) => e.u32(seconds)?,
                    None => e.null()?,
                };
            }
        }
        Ok(())
    }
}

impl<'b, C> minicbor::Decode<'b, C> for TicketCode {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let at = d.position();
        let windowed = match d.array()? {
            Some(4) => false,
            Some(6) => true,
            _ => return Err(minicbor::decode::Error::message("array of 4 or 6").at(at)),
        };
        let mut code = Self {
            ticket: d.decode_with(ctx)?,
            access: d.decode_with(ctx)?,
            issue: d.decode_with(ctx)?,
            type_number: d.decode_with(ctx)?,
            not_before: None,
            not_after: None,
        };
        if windowed {
            code.not_before = seconds_or_null(d)?;
            code.not_after = seconds_or_null(d)?;
        }
        Ok(code)
    }
}

fn seconds_or_null(d: &mut minicbor::Decoder<'_>) -> Result<Option<u32>, minicbor::decode::Error> {
    if d.datatype()? == Type::Null {
        d.null()?;
        Ok(None)
    } else {
        d.u32().map(Some)
    }
}

/// Signs `code` and writes it as the text of a QR code.
#[must_use]
pub fn issue(code: &TicketCode, key: &SigningKey) -> TicketCodeText {
    let envelope = cose::sign(key, ContentType::CODE, &cbor::encode(code));
    TicketCodeText::written(format!("{PREFIX}{}", base45::encode(&envelope)))
}

/// Why a text that claims to be a code of ours is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Written in small letters.
    #[error("written in small letters; a ticket code has capital letters only")]
    SmallLetters,
    /// Of a version this program does not know.
    #[error("a ticket code of another version")]
    OtherVersion,
    /// Longer than any code of ours.
    #[error("longer than {MAX_CHARS} characters")]
    TooLong,
    /// Not base45 after the prefix.
    #[error(transparent)]
    Base45(#[from] Base45Error),
    /// Not signed in our form.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Signed, but what is signed is no ticket code in its one encoding.
    #[error("does not say what a ticket code says")]
    Payload,
}

/// Whether a text begins like a code of ours of any version, in capital or small letters: `USH`, digits, `:`.
pub(super) fn claims_to_be(text: &str) -> bool {
    let Some((head, _)) = text.split_once(':') else {
        return false;
    };
    let Some((name, version)) = head.split_at_checked(3) else {
        return false;
    };
    name.eq_ignore_ascii_case("USH")
        && !version.is_empty()
        && version.bytes().all(|c| c.is_ascii_digit())
}

/// A well-formed code of ours whose signature nobody has checked yet; it says nothing before
/// [`SignedCode::verify`].
#[derive(Clone)]
pub struct SignedCode {
    bytes: Vec<u8>,
    kid: KeyId,
    claims: TicketCode,
}

impl SignedCode {
    /// Reads the text of a code.
    ///
    /// # Errors
    /// [`Malformed`] for everything that is not the one form.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_CHARS {
            return Err(Malformed::TooLong);
        }
        if text.contains(|c: char| c.is_ascii_lowercase()) {
            return Err(Malformed::SmallLetters);
        }
        let body = text.strip_prefix(PREFIX).ok_or(Malformed::OtherVersion)?;
        let bytes = base45::decode(body)?;
        let envelope = cose::parse(&bytes)?;
        let claims = cbor::decode_deterministic(envelope.unverified_payload())
            .map_err(|_| Malformed::Payload)?;
        Ok(Self {
            kid: envelope.kid(),
            claims,
            bytes,
        })
    }

    /// The key that the code claims to be signed with.
    #[must_use]
    pub const fn kid(&self) -> KeyId {
        self.kid
    }

    /// Checks the signature and hands out what the code says.
    ///
    /// # Errors
    /// [`VerifyError`] if another key is named or the signature does not fit.
    pub fn verify(&self, key: &PublicKey) -> Result<TicketCode, VerifyError> {
        cose::parse(&self.bytes)
            .map_err(|_| VerifyError::BadSignature)?
            .verify(key, ContentType::CODE)?;
        Ok(self.claims)
    }
}

impl fmt::Debug for SignedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedCode({}, …)", self.kid)
    }
}

#[cfg(test)]
mod tests;
