//! Which keys may sign which ticket codes.

use super::usher::{SignedCode, TicketCode};
use crate::cose::{KeyId, PublicKey};
use crate::document::trust::{Delegation, Purpose};
use crate::numbers::{AccessNumber, TypeNumber};
use std::collections::BTreeSet;

/// What a key may sign for: everything, or only the listed. An empty list permits nothing.
///
/// In CBOR null stands for everything, and a list is written in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit<T> {
    /// No limit.
    All,
    /// These only.
    Only(BTreeSet<T>),
}

impl<T: Ord> Limit<T> {
    /// Whether `value` is within the limit.
    #[must_use]
    pub fn permits(&self, value: &T) -> bool {
        match self {
            Self::All => true,
            Self::Only(listed) => listed.contains(value),
        }
    }
}

impl<C, T: minicbor::Encode<C>> minicbor::Encode<C> for Limit<T> {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::All => e.null()?.ok(),
            Self::Only(listed) => e.encode_with(listed, ctx)?.ok(),
        }
    }
}

impl<'b, C, T: minicbor::Decode<'b, C> + Ord> minicbor::Decode<'b, C> for Limit<T> {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            return Ok(Self::All);
        }
        d.decode_with(ctx).map(Self::Only)
    }
}

/// Whether codes under a key count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStanding {
    /// They count.
    Good,
    /// They count only if the ticket set lists them: whoever stole the key can sign new ones.
    Revoked,
}

/// A key with what it may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeKey {
    /// The key.
    pub key: PublicKey,
    /// The access numbers it may put into a code.
    pub accesses: Limit<AccessNumber>,
    /// The ticket types it may put into a code.
    pub types: Limit<TypeNumber>,
    /// Whether codes under it count.
    pub standing: KeyStanding,
}

impl CodeKey {
    /// The row for a delegation, or `None` if it is not for ticket codes.
    ///
    /// The window of the delegation plays no part: it bounds when the key issues, a code carries no time
    /// of issue, and a ticket sold in time must open the door until its last session.
    #[must_use]
    pub fn of(delegation: &Delegation) -> Option<Self> {
        match &delegation.purpose {
            Purpose::Code { accesses, types } => Some(Self {
                key: delegation.key,
                accesses: accesses.clone(),
                types: types.clone(),
                standing: match delegation.revoked_at {
                    None => KeyStanding::Good,
                    Some(_) => KeyStanding::Revoked,
                },
            }),
            Purpose::Roster | Purpose::Set => None,
        }
    }

    /// Whether this key may sign `code`.
    #[must_use]
    pub fn permits(&self, code: &TicketCode) -> bool {
        self.accesses.permits(&code.access) && self.types.permits(&code.type_number)
    }
}

/// What the keys say about a code of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeCheck {
    /// Signed by a key that may sign it.
    Good(TicketCode),
    /// Signed by a revoked key within its limits: counts only if the ticket set lists it.
    Revoked(TicketCode),
    /// Really signed, by a key that may not sign this.
    OutsideKeyLimits(TicketCode),
    /// Names a known key, whose signature it is not. Says nothing, so nothing is handed out.
    Forged,
    /// Names a key that is not known here: another organizer's, newer than this device's documents, or
    /// invented.
    UnknownKey(KeyId),
}

/// Checks a code against the keys of its organizer.
///
/// One key may stand in several rows (delegated twice with different limits): one row that permits is
/// enough, one row that revokes is too.
#[must_use]
pub fn verify_code(code: &SignedCode, keys: &[CodeKey]) -> CodeCheck {
    let named = || keys.iter().filter(|row| row.key.kid() == code.kid());
    if named().next().is_none() {
        return CodeCheck::UnknownKey(code.kid());
    }
    let Some((signer, ticket_code)) =
        named().find_map(|row| Some((row.key, code.verify(&row.key).ok()?)))
    else {
        return CodeCheck::Forged;
    };
    let rows = || named().filter(|row| row.key == signer);
    if !rows().any(|row| row.permits(&ticket_code)) {
        CodeCheck::OutsideKeyLimits(ticket_code)
    } else if rows().any(|row| row.standing == KeyStanding::Revoked) {
        CodeCheck::Revoked(ticket_code)
    } else {
        CodeCheck::Good(ticket_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::usher;
    use crate::cose::SigningKey;
    use crate::ids::TicketId;
    use crate::numbers::IssueNumber;
    use crate::secret::Seed;
    use crate::time::UnixMillis;

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([seed; 32]))
    }

    fn ticket_code() -> TicketCode {
        TicketCode {
            ticket: TicketId::from_bytes([9; 16]),
            access: AccessNumber::new(7),
            issue: IssueNumber::new(1),
            type_number: TypeNumber::new(3),
            not_before: None,
            not_after: None,
        }
    }

    fn shown(seed: u8) -> SignedCode {
        SignedCode::parse(usher::issue(&ticket_code(), &signer(seed)).reveal()).unwrap()
    }

    fn key(seed: u8) -> CodeKey {
        CodeKey {
            key: signer(seed).public(),
            accesses: Limit::All,
            types: Limit::All,
            standing: KeyStanding::Good,
        }
    }

    fn only<T: Ord>(value: T) -> Limit<T> {
        Limit::Only(BTreeSet::from([value]))
    }

    #[test]
    fn a_code_of_a_permitted_key_is_good() {
        let limited = CodeKey {
            accesses: only(AccessNumber::new(7)),
            types: only(TypeNumber::new(3)),
            ..key(1)
        };
        for row in [key(1), limited] {
            assert_eq!(
                verify_code(&shown(1), &[key(2), row]),
                CodeCheck::Good(ticket_code())
            );
        }
    }

    #[test]
    fn a_box_office_key_opens_only_its_own_accesses_and_types() {
        let other_access = CodeKey {
            accesses: only(AccessNumber::new(8)),
            ..key(1)
        };
        let other_type = CodeKey {
            types: Limit::Only(BTreeSet::new()),
            ..key(1)
        };
        for row in [other_access, other_type] {
            assert_eq!(
                verify_code(&shown(1), &[row]),
                CodeCheck::OutsideKeyLimits(ticket_code())
            );
        }
    }

    #[test]
    fn a_code_of_a_revoked_key_is_told_apart() {
        let revoked = CodeKey {
            standing: KeyStanding::Revoked,
            ..key(1)
        };
        assert_eq!(
            verify_code(&shown(1), &[key(1), revoked]),
            CodeCheck::Revoked(ticket_code())
        );
    }

    #[test]
    fn a_code_of_a_key_not_known_here_names_that_key() {
        assert_eq!(
            verify_code(&shown(1), &[key(2)]),
            CodeCheck::UnknownKey(signer(1).kid())
        );
        assert_eq!(
            verify_code(&shown(1), &[]),
            CodeCheck::UnknownKey(signer(1).kid())
        );
    }

    #[test]
    fn a_code_that_names_a_key_it_was_not_signed_with_is_forged() {
        let text = usher::issue(&ticket_code(), &signer(2));
        let mut bytes =
            crate::code::base45::decode(text.reveal().strip_prefix(usher::PREFIX).unwrap())
                .unwrap();
        bytes[7..15].copy_from_slice(signer(1).kid().as_bytes());
        let forged =
            SignedCode::parse(&format!("USH1:{}", crate::code::base45::encode(&bytes))).unwrap();
        assert_eq!(verify_code(&forged, &[key(1)]), CodeCheck::Forged);
    }

    #[test]
    fn limits_read_back_and_have_one_encoding() {
        let two = Limit::Only(BTreeSet::from([AccessNumber::new(7), AccessNumber::new(8)]));
        for (limit, bytes) in [(Limit::All, &b"\xf6"[..]), (two, b"\x82\x07\x08")] {
            assert_eq!(crate::cbor::encode(&limit), bytes);
            assert_eq!(
                crate::cbor::decode_deterministic::<Limit<AccessNumber>>(bytes),
                Ok(limit)
            );
        }
        for bytes in [&b"\x82\x08\x07"[..], b"\x82\x07\x07", b"\x9f\x07\xff"] {
            assert!(crate::cbor::decode_deterministic::<Limit<AccessNumber>>(bytes).is_err());
        }
    }

    #[test]
    fn only_delegations_for_codes_are_code_keys() {
        let delegation = |purpose, revoked_at| Delegation {
            key: signer(1).public(),
            purpose,
            not_before: UnixMillis::new(0),
            not_after: UnixMillis::new(0),
            revoked_at,
        };
        let codes = || Purpose::Code {
            accesses: Limit::All,
            types: Limit::All,
        };
        assert_eq!(CodeKey::of(&delegation(codes(), None)), Some(key(1)));
        let revoked = CodeKey::of(&delegation(codes(), Some(UnixMillis::new(1)))).unwrap();
        assert_eq!(revoked.standing, KeyStanding::Revoked);
        for purpose in [Purpose::Roster, Purpose::Set] {
            assert_eq!(CodeKey::of(&delegation(purpose, None)), None);
        }
    }
}
