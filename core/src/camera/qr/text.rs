//! From the bytes in a symbol to its text.

use rxing::qrcode::common::{ErrorCorrectionLevel, VersionRef};
use rxing::qrcode::cpp_port::decoder::DecodeBitStream;

/// The text of a symbol's data codewords; none if they are no sequence of segments, or are empty.
pub(super) fn read(
    data: &[u8],
    version: VersionRef,
    level: ErrorCorrectionLevel,
) -> Option<String> {
    let result = DecodeBitStream(data, version, level).ok()?;
    if !result.isValid() {
        return None;
    }
    let text = lossless(result.content().bytes(), &result.text());
    (!text.is_empty()).then_some(text)
}

/// The text of a code such that codes with different bytes never get the same text by a loss.
///
/// QR codes hold bytes and seldom say in which character set. In this order: bytes that are UTF-8
/// are that text; else the library's guess (Kanji mode, a declared character set, Shift_JIS) if
/// nothing was replaced or left out; else each byte is the character of its number (ISO 8859-1),
/// which is how binary codes come through: `char as u8` gives the bytes back.
fn lossless(bytes: &[u8], guess: &str) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    // The library leaves out a segment that contradicts its declared character set. None of the
    // character sets in use takes more than two bytes for a character, UTF-8 aside.
    let whole = guess.chars().count() * 2 >= bytes.len();
    if whole && !guess.contains(char::REPLACEMENT_CHARACTER) {
        return guess.to_owned();
    }
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_bytes_are_their_text_whatever_the_library_guessed() {
        assert_eq!(lossless("Zoë".as_bytes(), "ZoÃ«"), "Zoë");
    }

    #[test]
    fn a_guess_that_lost_nothing_is_taken() {
        assert_eq!(lossless(&[0x93, 0xFA, 0x96, 0x7B], "日本"), "日本");
    }

    #[test]
    fn binary_codes_come_through_byte_by_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        for guess in ["", "\u{FFFD}\u{FFFD}", "left out"] {
            let text = lossless(&bytes, guess);
            let back: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
            assert_eq!(back, bytes);
        }
    }
}
