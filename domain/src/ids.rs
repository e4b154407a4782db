//! Names of things: 16 random bytes each, a type each, so that a gate is never taken for a session.
//!
//! Written as 26 characters of Crockford's base32 in lower case (<https://www.crockford.com/base32.html>):
//! short, safe in paths and file names, and without letters that are read for each other.

use std::fmt;
use std::str::FromStr;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a written id: 16 bytes, 5 bits a character.
pub const ID_CHARS: usize = 26;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 26 characters out of 0-9 and a-z without i, l, o and u")]
pub struct InvalidId;

fn write_base32(bytes: &[u8; 16]) -> [u8; ID_CHARS] {
    let mut rest = u128::from_be_bytes(*bytes);
    let mut out = [b'0'; ID_CHARS];
    for slot in out.iter_mut().rev() {
        let digit = (rest & 31) as usize;
        *slot = ALPHABET.get(digit).copied().unwrap_or(b'0');
        rest >>= 5;
    }
    out
}

fn read_base32(text: &str) -> Result<[u8; 16], InvalidId> {
    if text.len() != ID_CHARS {
        return Err(InvalidId);
    }
    let mut value: u128 = 0;
    for (place, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&c| c == byte).ok_or(InvalidId)? as u128;
        // 26 characters hold 130 bits; the first may use only its lower three.
        if place == 0 && digit > 7 {
            return Err(InvalidId);
        }
        value = (value << 5) | digit;
    }
    Ok(value.to_be_bytes())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        crate::bytes::bytes_type!(
            $(#[$doc])*
            $name(16)
        );

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = write_base32(&self.0);
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                read_base32(text).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some("26 characters of Crockford's base32 in lower case"))
                    .min_length(Some(ID_CHARS))
                    .max_length(Some(ID_CHARS))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}

    };
}

id!(
    /// An organizer: who sells and who owns the keys.
    OrganizerId
);
id!(
    /// An event: what is sold.
    EventId
);
id!(
    /// A session: one dated occurrence of an event.
    SessionId
);
id!(
    /// A scope: the sessions that passes connect; they share one feed and one merged state.
    ScopeId
);
id!(
    /// A ticket: the right of one person to enter.
    TicketId
);
id!(
    /// An order of a shop, as a group of tickets; derived from the shop's number, never the number itself.
    OrderId
);
id!(
    /// A zone: an area of the venue.
    ZoneId
);
id!(
    /// A gate: the place where devices stand.
    GateId
);
id!(
    /// A device: an enrolled installation with its own key. The server's own log has one too.
    DeviceId
);
id!(
    /// A member of staff: a person with a badge.
    StaffId
);
id!(
    /// A log of one device in one scope; a device that was restored from a backup starts a new one.
    LogId
);
id!(
    /// An attempt: one showing of one ticket, from the first question to its last record.
    AttemptId
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_written_id_reads_back(bytes: [u8; 16]) {
            let id = TicketId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<TicketId>(), Ok(id));
        }

        #[test]
        fn any_text_is_an_id_or_an_error(text in ".{0,40}") {
            if let Ok(id) = text.parse::<TicketId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn a_text_of_more_than_128_bits_is_refused() {
        assert_eq!(
            "80000000000000000000000000".parse::<TicketId>(),
            Err(InvalidId)
        );
    }
}
