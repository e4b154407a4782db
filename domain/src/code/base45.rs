//! Base45 (RFC 9285): bytes in the characters of a QR code's alphanumeric mode.
//!
//! Two bytes become three characters, a last single byte two. The decoder takes exactly what the
//! encoder writes: every byte string has one text and every accepted text one byte string.

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// Why a text is not base45.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Base45Error {
    /// A character outside the 45.
    #[error("a character is not of the base45 alphabet")]
    Character,
    /// One character is left over: the text is truncated or extended.
    #[error("one character is left over")]
    Length,
    /// A group stands for more than its one or two bytes can hold.
    #[error("a group of characters is out of range")]
    Range,
}

/// Writes `bytes` as base45.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(2) * 3);
    let (pairs, last) = bytes.as_chunks::<2>();
    for pair in pairs {
        push_digits(&mut out, u32::from(u16::from_be_bytes(*pair)), 3);
    }
    for byte in last {
        push_digits(&mut out, u32::from(*byte), 2);
    }
    out
}

/// Digits are written least significant first (RFC 9285, section 4).
fn push_digits(out: &mut String, mut value: u32, count: usize) {
    for _ in 0..count {
        let digit = ALPHABET.get((value % 45) as usize);
        out.extend(digit.map(|&c| char::from(c)));
        value /= 45;
    }
}

/// Reads base45.
///
/// # Errors
/// [`Base45Error`] if the text is not what [`encode`] writes for some bytes.
pub fn decode(text: &str) -> Result<Vec<u8>, Base45Error> {
    let (triples, last) = text.as_bytes().as_chunks::<3>();
    let mut out = Vec::with_capacity(triples.len() * 2 + 1);
    for triple in triples {
        let pair = u16::try_from(value(triple)?).map_err(|_| Base45Error::Range)?;
        out.extend_from_slice(&pair.to_be_bytes());
    }
    match last {
        [] => {}
        [_] => return Err(Base45Error::Length),
        pair => out.push(u8::try_from(value(pair)?).map_err(|_| Base45Error::Range)?),
    }
    Ok(out)
}

fn value(digits: &[u8]) -> Result<u32, Base45Error> {
    digits.iter().rev().try_fold(0, |sum, &c| {
        let digit = digit(c).ok_or(Base45Error::Character)?;
        Ok(sum * 45 + digit)
    })
}

fn digit(c: u8) -> Option<u32> {
    match c {
        b'0'..=b'9' => Some(u32::from(c - b'0')),
        b'A'..=b'Z' => Some(u32::from(c - b'A') + 10),
        b' ' => Some(36),
        b'$' => Some(37),
        b'%' => Some(38),
        b'*' => Some(39),
        b'+' => Some(40),
        b'-' => Some(41),
        b'.' => Some(42),
        b'/' => Some(43),
        b':' => Some(44),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        // RFC 9285, sections 4.3 and 4.4.
        for (bytes, text) in [
            (&b"AB"[..], "BB8"),
            (b"Hello!!", "%69 VD92EX0"),
            (b"base-45", "UJCLQE7W581"),
            (b"ietf!", "QED8WEX0"),
            (b"", ""),
            (b"\xff\xff", "FGW"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).unwrap(), bytes);
        }
    }

    #[test]
    fn a_group_beyond_its_bytes_is_refused() {
        // 65,536 and 45³ - 1 in three characters, 256 in two.
        assert_eq!(decode("GGW"), Err(Base45Error::Range));
        assert_eq!(decode(":::"), Err(Base45Error::Range));
        assert_eq!(decode("V5"), Err(Base45Error::Range));
    }

    #[test]
    fn a_lone_character_is_refused() {
        assert_eq!(decode("A"), Err(Base45Error::Length));
        assert_eq!(decode("BB8A"), Err(Base45Error::Length));
    }

    #[test]
    fn characters_outside_the_alphabet_are_refused() {
        for text in ["bb8", "BB!", "ÄB8", "B\u{0}8", "😀BB"] {
            assert_eq!(decode(text), Err(Base45Error::Character), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_read_back(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn every_accepted_text_is_the_one_encoding(text in "[0-9A-Z $%*+./:-]{0,60}|.{0,20}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
