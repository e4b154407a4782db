//! What was shown, after every signature on it was checked.

use crate::code::{
    CodeCheck, CodeKey, Identity, MediumKey, Presented, PretixCode, TicketCode, TicketCodeText,
    read, verify_code,
};
use crate::ids::{OrganizerId, TicketId};
use crate::numbers::TypeNumber;
use crate::session::PretixTerms;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// What was shown. Nothing in here is believed before its signature was checked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Shown {
    /// No text of a ticket: empty, too long, or with control characters.
    #[n(0)]
    Unreadable,
    /// Claims to be a code of ours and is none.
    #[n(1)]
    Malformed {
        /// Of the text.
        #[n(0)]
        identity: Identity,
    },
    /// Of a signed format, but under no key of the organizer that is known here.
    ///
    /// A key that nobody here knows is treated like a wrong signature: whoever invents a key invents its
    /// name as well.
    #[n(2)]
    Forged {
        /// Of the text.
        #[n(0)]
        identity: Identity,
    },
    /// A code of ours, really signed by the organizer.
    #[n(3)]
    Code {
        /// What it says.
        #[n(0)]
        code: TicketCode,
        /// Whether its key may say so.
        #[n(1)]
        signer: Signer,
        /// Of the text.
        #[n(2)]
        identity: Identity,
    },
    /// A pretix secret, really signed by the event's shop.
    #[n(4)]
    Pretix {
        /// Of the text.
        #[n(0)]
        identity: Identity,
        /// The ticket type that its item became; none if the item admits nobody here.
        #[n(1)]
        type_number: Option<TypeNumber>,
        /// Not valid before.
        #[n(2)]
        valid_from: Option<UnixMillis>,
        /// Not valid after.
        #[n(3)]
        valid_until: Option<UnixMillis>,
        /// Which date of a series it is for; none if the program that read it did not tell.
        #[n(4)]
        date: Option<SignedDate>,
    },
    /// A text without a signature: it is worth what the set says of it.
    #[n(5)]
    Opaque {
        /// Of the text.
        #[n(0)]
        identity: Identity,
    },
}

/// Which date of a series a pretix secret is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum SignedDate {
    /// It names none.
    #[n(0)]
    Unnamed,
    /// This one, by the shop's number. What is no number of a date is that of none.
    #[n(1)]
    Subevent(#[n(0)] u64),
}

/// Whether the key under a code of ours may sign it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Signer {
    /// It may.
    #[n(0)]
    Entitled,
    /// It was revoked: the code counts only if the set lists it.
    #[n(1)]
    Revoked,
    /// It may not sign for this access number or type.
    #[n(2)]
    OutsideLimits,
}

impl Shown {
    /// Reads what a scanner or a person typed and checks its signature. Total: every text is something.
    #[must_use]
    pub fn read(
        text: &str,
        organizer: OrganizerId,
        keys: &[CodeKey],
        pretix: Option<&PretixTerms>,
    ) -> Self {
        let Ok(text) = TicketCodeText::new(text) else {
            return Self::Unreadable;
        };
        let identity = Identity::of(organizer, &text);
        match (read(&text), pretix) {
            (Presented::Usher(code), _) => Self::checked(verify_code(&code, keys), identity),
            (Presented::MalformedUsher(_), _) => Self::Malformed { identity },
            (Presented::PretixLike(secret), Some(terms)) => match secret.verify(&terms.keys) {
                Ok(code) => Self::pretix(&code, terms, identity),
                Err(_) => Self::Forged { identity },
            },
            (Presented::PretixLike(_), None) | (Presented::Opaque, _) => Self::Opaque { identity },
        }
    }

    const fn checked(check: CodeCheck, identity: Identity) -> Self {
        let (code, signer) = match check {
            CodeCheck::Good(code) => (code, Signer::Entitled),
            CodeCheck::Revoked(code) => (code, Signer::Revoked),
            CodeCheck::OutsideKeyLimits(code) => (code, Signer::OutsideLimits),
            CodeCheck::Forged | CodeCheck::UnknownKey(_) => return Self::Forged { identity },
        };
        Self::Code {
            code,
            signer,
            identity,
        }
    }

    fn pretix(code: &PretixCode, terms: &PretixTerms, identity: Identity) -> Self {
        // A bound out of range is no bound that a clock here could pass.
        let point = |seconds: i64| {
            let ms = u64::try_from(seconds).ok()?.checked_mul(1000)?;
            Some(UnixMillis::new(ms))
        };
        Self::Pretix {
            identity,
            type_number: terms.type_of(code.item, code.variation),
            valid_from: code.valid_from.and_then(point),
            valid_until: code.valid_until.and_then(point),
            date: Some(match code.subevent {
                None => SignedDate::Unnamed,
                Some(number) => SignedDate::Subevent(number.cast_unsigned()),
            }),
        }
    }

    /// The ticket that a code of ours names: where to look it up first.
    #[must_use]
    pub const fn ticket(&self) -> Option<TicketId> {
        match self {
            Self::Code { code, .. } => Some(code.ticket),
            Self::Unreadable
            | Self::Malformed { .. }
            | Self::Forged { .. }
            | Self::Pretix { .. }
            | Self::Opaque { .. } => None,
        }
    }

    /// The identity of the text, whatever its format.
    #[must_use]
    pub const fn identity(&self) -> Option<Identity> {
        match self {
            Self::Unreadable => None,
            Self::Malformed { identity }
            | Self::Forged { identity }
            | Self::Code { identity, .. }
            | Self::Pretix { identity, .. }
            | Self::Opaque { identity } => Some(*identity),
        }
    }

    /// How sets list the text if it is a medium. A shop's list may hold any text, so everything readable
    /// is looked up, and what the set lists is that ticket's whatever it looks like.
    #[must_use]
    pub fn medium(&self) -> Option<MediumKey> {
        self.identity().map(|identity| identity.medium_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{KeyStanding, Limit, pretix, usher};
    use crate::cose::SigningKey;
    use crate::numbers::{AccessNumber, IssueNumber};
    use crate::secret::{Private, Seed};
    use crate::session::PretixItem;

    const ORGANIZER: OrganizerId = OrganizerId::from_bytes([1; 16]);

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Seed::new([seed; 32]))
    }

    fn key(seed: u8, standing: KeyStanding) -> CodeKey {
        CodeKey {
            key: signer(seed).public(),
            accesses: Limit::Only([AccessNumber::new(7)].into()),
            types: Limit::All,
            standing,
        }
    }

    fn issued(access: u32) -> TicketCodeText {
        let code = TicketCode {
            ticket: TicketId::from_bytes([9; 16]),
            access: AccessNumber::new(access),
            issue: IssueNumber::new(1),
            type_number: TypeNumber::new(3),
            not_before: None,
            not_after: None,
        };
        usher::issue(&code, &signer(1))
    }

    fn read_text(text: &str, keys: &[CodeKey]) -> Shown {
        let terms = PretixTerms {
            keys: vec![signer(5).public()],
            items: vec![PretixItem {
                item: 11,
                type_number: TypeNumber::new(4),
                variation: None,
                instruction: None,
            }],
            dates: None,
        };
        Shown::read(text, ORGANIZER, keys, Some(&terms))
    }

    #[test]
    fn a_code_is_read_with_what_its_key_may_sign() {
        let signer_of = |access, keys: &[CodeKey]| {
            let Shown::Code { signer, .. } = read_text(issued(access).reveal(), keys) else {
                panic!("a signed code");
            };
            signer
        };
        let good = [key(1, KeyStanding::Good)];
        assert_eq!(signer_of(7, &good), Signer::Entitled);
        assert_eq!(signer_of(8, &good), Signer::OutsideLimits);
        let revoked = [key(1, KeyStanding::Revoked)];
        assert_eq!(signer_of(7, &revoked), Signer::Revoked);
    }

    #[test]
    fn a_code_under_a_key_that_nobody_knows_is_forged() {
        let shown = read_text(issued(7).reveal(), &[key(2, KeyStanding::Good)]);
        assert!(matches!(shown, Shown::Forged { .. }));
        assert_eq!(shown.ticket(), None);
        assert!(shown.medium().is_some());
    }

    #[test]
    fn texts_without_a_signature_are_told_apart() {
        assert_eq!(read_text(" \n", &[]), Shown::Unreadable);
        assert!(matches!(
            read_text("USH1:ABC", &[]),
            Shown::Malformed { .. }
        ));
        let Shown::Opaque { identity } = read_text("4006381333931", &[]) else {
            panic!("a barcode is opaque");
        };
        let text = TicketCodeText::new("4006381333931").unwrap();
        assert_eq!(identity, Identity::of(ORGANIZER, &text));
    }

    #[test]
    fn a_pretix_secret_is_read_with_the_type_of_its_item() {
        let secret = |item, seed| {
            let code = PretixCode {
                seed: Private::new("seed"),
                item,
                variation: Some(2),
                subevent: None,
                valid_from: Some(1_800_000_000),
                valid_until: Some(-1),
            };
            pretix::sign(&code, &signer(seed)).unwrap()
        };
        let read_kind = |item| {
            let Shown::Pretix {
                type_number,
                valid_from,
                valid_until,
                ..
            } = read_text(secret(item, 5).reveal(), &[])
            else {
                panic!("a secret of the shop");
            };
            (type_number, valid_from, valid_until)
        };
        let from = Some(UnixMillis::new(1_800_000_000_000));
        assert_eq!(read_kind(11), (Some(TypeNumber::new(4)), from, None));
        assert_eq!(read_kind(12), (None, from, None));
        assert!(matches!(
            read_text(secret(11, 6).reveal(), &[]),
            Shown::Forged { .. }
        ));
        // Without the event's keys nothing can be said of it.
        assert!(matches!(
            Shown::read(secret(11, 5).reveal(), ORGANIZER, &[], None),
            Shown::Opaque { .. }
        ));
    }
}
