//! Small numbers of a ticket code, a type each, so that an issue is never taken for a ticket type.

use std::fmt;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
            serde::Serialize, serde::Deserialize, minicbor::Encode, minicbor::Decode,
        )]
        #[serde(transparent)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[cbor(transparent)]
        pub struct $name(#[n(0)] $int);

        impl $name {
            /// The number of this value.
            #[must_use]
            pub const fn new(value: $int) -> Self {
                Self(value)
            }

            /// The value.
            #[must_use]
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// What a ticket code opens: one session, or the sessions of one kind of pass.
    AccessNumber(u32)
);
number!(
    /// Counts the reissues of a ticket: only the newest issue is valid.
    IssueNumber(u16)
);
number!(
    /// A ticket type, numbered within its event.
    TypeNumber(u16)
);

impl AccessNumber {
    /// Stands in rows that no single session owns, such as that of a code which a shop revoked: what the row
    /// says holds at every session that has it. No code bears it.
    pub const EVERY_SESSION: Self = Self(0);
}

impl IssueNumber {
    /// The issue that replaces this one, or `None` when a ticket has used up all its issues.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_the_bare_integer() {
        let number = AccessNumber::new(70_000);
        assert_eq!(crate::cbor::encode(&number), [0x1a, 0x00, 0x01, 0x11, 0x70]);
        assert_eq!(number.to_string().parse(), Ok(number));
    }

    #[test]
    fn the_last_issue_has_no_successor() {
        assert_eq!(IssueNumber::new(1).next(), Some(IssueNumber::new(2)));
        assert_eq!(IssueNumber::new(u16::MAX).next(), None);
    }
}
