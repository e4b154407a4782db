//! Opaque media: barcodes of other shops, wristbands; known by a hash of their text.

use super::text::TicketCodeText;
use crate::hash::Hash;
use crate::ids::OrganizerId;
use std::fmt;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident($length:literal)) => {
        crate::bytes::bytes_type!(
            $(#[$doc])*
            $name($length)
        );

        // A prefix tells two apart in a log; the whole could be tried against guesses of weak codes.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [a, b, c, ..] = self.0;
                write!(f, concat!(stringify!($name), "({:02x}{:02x}{:02x}…)"), a, b, c)
            }
        }

    };
}

digest!(
    /// A code without the code: SHA-256(organizer id ‖ text). It stands in records.
    Identity(32)
);
digest!(
    /// The first 16 bytes of an [`Identity`]: how a ticket set lists the current and former media of a ticket.
    MediumKey(16)
);

impl Identity {
    /// The identity of a text, of whatever format, for one organizer.
    #[must_use]
    pub fn of(organizer: OrganizerId, text: &TicketCodeText) -> Self {
        let hash = Hash::of(&[organizer.as_bytes(), text.reveal().as_bytes()]);
        Self(*hash.as_bytes())
    }

    /// How ticket sets list it.
    #[must_use]
    pub fn medium_key(&self) -> MediumKey {
        let mut key = [0; 16];
        key.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        MediumKey(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(organizer: u8, text: &str) -> Identity {
        Identity::of(
            OrganizerId::from_bytes([organizer; 16]),
            &TicketCodeText::new(text).unwrap(),
        )
    }

    #[test]
    fn an_identity_is_the_hash_of_organizer_and_text() {
        let expected = Hash::of(&[&[1; 16], b"4006381333931"]);
        assert_eq!(
            identity(1, "4006381333931\r\n").as_bytes(),
            expected.as_bytes()
        );
        assert_ne!(identity(1, "4006381333931"), identity(2, "4006381333931"));
    }

    #[test]
    fn a_medium_key_is_the_first_half_of_the_identity() {
        let identity = identity(1, "4006381333931");
        assert_eq!(identity.medium_key().as_bytes(), &identity.as_bytes()[..16]);
    }

    #[test]
    fn debug_shows_a_prefix_only() {
        let identity = Identity::from_bytes([0xab; 32]);
        assert_eq!(format!("{identity:?}"), "Identity(ababab…)");
        assert_eq!(format!("{:?}", identity.medium_key()), "MediumKey(ababab…)");
    }
}
