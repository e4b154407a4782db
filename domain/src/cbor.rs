//! Deterministic CBOR (RFC 8949, section 4.2): one value, one encoding.
//!
//! Everything signed, hashed or stored is a definite-length array with shortest integers, which is what
//! `minicbor`'s derived encoders write. Optional fields stand last, so an older reader skips what it
//! does not know and a newer one reads what is missing as absent.

mod bounds;

pub use bounds::Bounds;

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

/// Reads exactly one value that is written deterministically, perhaps by a newer program that added
/// fields at the end: those are skipped.
pub fn decode_canonical<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, CborError> {
    check_canonical(bytes)?;
    decode(bytes)
}

/// Arrays within arrays that are followed; ours are flatter.
const DEPTH_MAX: usize = 16;

/// Checks that `bytes` are exactly one value in the deterministic form of everything we write: integers
/// and lengths in their shortest form, definite lengths, no maps, tags or floats, UTF-8 in texts, and no
/// null at the end of the outermost array, where an absent field is left out.
///
/// # Errors
/// [`CborError`] with the first deviation found.
pub fn check_canonical(bytes: &[u8]) -> Result<(), CborError> {
    // Elements still to come in each open array, the outermost value first.
    let mut open = [0_u64; DEPTH_MAX];
    let mut depth = 0;
    let mut last_was_null = false;
    let mut walk = Walk(bytes);
    if let Some(outer) = open.first_mut() {
        *outer = 1;
    }
    loop {
        let remaining = open.get_mut(depth).ok_or(CborError::NotDeterministic)?;
        if *remaining == 0 {
            if depth == 0 {
                break;
            }
            if depth == 1 && last_was_null {
                return Err(CborError::NotDeterministic);
            }
            depth -= 1;
            last_was_null = false;
            continue;
        }
        *remaining -= 1;
        match walk.item()? {
            Item::Null => last_was_null = true,
            Item::Scalar => last_was_null = false,
            Item::Array(length) => {
                depth += 1;
                *open.get_mut(depth).ok_or(CborError::NotDeterministic)? = length;
                last_was_null = false;
            }
        }
    }
    if walk.0.is_empty() {
        Ok(())
    } else {
        Err(CborError::Trailing)
    }
}

/// What the walk over an encoding meets.
enum Item {
    Null,
    Scalar,
    Array(u64),
}

/// The part of an encoding that is still to be walked.
struct Walk<'b>(&'b [u8]);

impl<'b> Walk<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], CborError> {
        let (taken, rest) = self
            .0
            .split_at_checked(count)
            .ok_or_else(|| CborError::Malformed("truncated".to_owned()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn item(&mut self) -> Result<Item, CborError> {
        let head = self.take(1)?.first().copied().unwrap_or_default();
        // RFC 8949, section 3: three bits of type, five bits that are the argument or tell its width.
        match head >> 5 {
            0 | 1 => self.argument(head).map(|_| Item::Scalar),
            2 => self.run(head).map(|_| Item::Scalar),
            3 => {
                std::str::from_utf8(self.run(head)?)
                    .map_err(|_| CborError::Malformed("a text is not UTF-8".to_owned()))?;
                Ok(Item::Scalar)
            }
            4 => self.argument(head).map(Item::Array),
            _ => match head {
                0xf4 | 0xf5 => Ok(Item::Scalar),
                0xf6 => Ok(Item::Null),
                _ => Err(CborError::NotDeterministic),
            },
        }
    }

    fn run(&mut self, head: u8) -> Result<&'b [u8], CborError> {
        let length = self.argument(head)?;
        // Longer than memory is longer than the bytes at hand.
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn argument(&mut self, head: u8) -> Result<u64, CborError> {
        let (width, shortest_above) = match head & 0x1f {
            small @ 0..=23 => return Ok(u64::from(small)),
            24 => (1, 23),
            25 => (2, 0xff),
            26 => (4, 0xffff),
            27 => (8, 0xffff_ffff),
            _ => return Err(CborError::NotDeterministic),
        };
        let bytes = self.take(width)?;
        let value = bytes.iter().fold(0, |sum, &b| (sum << 8) | u64::from(b));
        if value > shortest_above {
            Ok(value)
        } else {
            Err(CborError::NotDeterministic)
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_form_of_each_value_is_canonical() {
        for canonical in [
            &[0x00][..],
            &[0x18, 0x18],
            &[0x82, 0x01, 0x42, 0x01, 0x02],
            &[0x81, 0x81, 0xf6],
            &[0x62, b'h', b'i'],
            &[0x80],
        ] {
            assert_eq!(check_canonical(canonical), Ok(()), "{canonical:02x?}");
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        for other in [
            // A longer head than needed, for an integer, a length and an array.
            &[0x18, 0x17][..],
            &[0x58, 0x01, 0x00],
            &[0x98, 0x01, 0x00],
            // Indefinite lengths.
            &[0x9f, 0x00, 0xff],
            &[0x5f, 0x41, 0x00, 0xff],
            // A map, a tag, a float, undefined.
            &[0xa0],
            &[0xc0, 0x00],
            &[0xf9, 0x00, 0x00],
            &[0xf7],
            // A null that stands for an absent field at the end.
            &[0x82, 0x01, 0xf6],
        ] {
            assert_eq!(
                check_canonical(other),
                Err(CborError::NotDeterministic),
                "{other:02x?}"
            );
        }
        assert_eq!(check_canonical(&[0x00, 0x00]), Err(CborError::Trailing));
        assert_eq!(
            check_canonical(&[0x81; 40]),
            Err(CborError::NotDeterministic)
        );
        for malformed in [
            &[][..],
            &[0x82, 0x01],
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x61, 0xff],
        ] {
            assert!(matches!(
                check_canonical(malformed),
                Err(CborError::Malformed(_))
            ));
        }
    }

    #[test]
    fn a_field_added_by_a_newer_program_is_skipped() {
        #[derive(Debug, PartialEq, Encode, Decode)]
        struct Old(#[n(0)] u8);
        assert_eq!(decode_canonical(&[0x82, 0x01, 0x61, b'x']), Ok(Old(1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_canonical_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = check_canonical(&bytes);
        }

        #[test]
        fn what_is_written_here_is_canonical(numbers: Vec<u64>, text in ".{0,30}", bytes: Vec<u8>) {
            let bytes = minicbor::bytes::ByteVec::from(bytes);
            let encoded = encode(&(numbers, text, bytes));
            prop_assert_eq!(check_canonical(&encoded), Ok(()));
        }
    }
}
