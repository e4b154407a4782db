//! The text that was presented: scanned, typed, or read from a shop's list.

use super::pretix::PretixSecret;
use super::usher::{self, Malformed, SignedCode};
use crate::secret::Private;

/// Bytes of the longest text taken: more than any 2D code holds in practice, little enough to hash at once.
pub const MAX_TEXT_BYTES: usize = 4096;

/// Why a text cannot be a ticket code of any format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space.
    #[error("empty")]
    Empty,
    /// Longer than [`MAX_TEXT_BYTES`].
    #[error("longer than {MAX_TEXT_BYTES} bytes")]
    TooLong,
    /// A control character inside, so it is no text that a shop prints.
    #[error("holds a control character")]
    ControlCharacter,
}

/// The text of a ticket code, without the white space and line ends that keyboard-wedge scanners add.
///
/// Whoever holds it can enter, so it is [`Private`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketCodeText(Private);

impl TicketCodeText {
    /// Takes a text in. Trimming never harms a code of ours: base45 has a space, but its last character
    /// is the most significant digit of a group and stays below it.
    ///
    /// # Errors
    /// [`InvalidText`] for texts that no shop prints.
    pub fn new(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        if text.is_empty() {
            Err(InvalidText::Empty)
        } else if text.len() > MAX_TEXT_BYTES {
            Err(InvalidText::TooLong)
        } else if text.contains(char::is_control) {
            Err(InvalidText::ControlCharacter)
        } else {
            Ok(Self(Private::new(text)))
        }
    }

    /// For texts this crate writes itself.
    pub(super) fn written(text: String) -> Self {
        Self(Private::new(text))
    }

    /// The text itself, to print it on a ticket or to compute with it, never for a log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

/// What a text looks like, before any signature is checked.
///
/// Whatever it looks like, [`super::Identity::of`] can be taken of the text as well: a shop's list may
/// hold any text as an opaque code.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A well-formed code of ours.
    Usher(SignedCode),
    /// Claims to be a code of ours and is not one.
    MalformedUsher(Malformed),
    /// Framed like a `pretix_sig1` secret in every byte; an opaque text does so only by a rare accident.
    PretixLike(PretixSecret),
    /// A text without a format known here.
    Opaque,
}

/// Tells the format of a text. Total: every text is something.
///
/// Only capital letters make a code of ours: base45 and the alphanumeric mode of QR codes have no others,
/// and a second spelling would be a second text with another identity. `ush1:…` typed by hand is
/// therefore malformed, with a reason that says what to do.
#[must_use]
pub fn read(text: &TicketCodeText) -> Presented {
    let text = text.reveal();
    if usher::claims_to_be(text) {
        return match SignedCode::parse(text) {
            Ok(code) => Presented::Usher(code),
            Err(reason) => Presented::MalformedUsher(reason),
        };
    }
    PretixSecret::parse(text).map_or(Presented::Opaque, Presented::PretixLike)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_keyboard_wedge_adds_is_trimmed() {
        for text in ["ABC-1\r\n", "\tABC-1\n", "  ABC-1 "] {
            assert_eq!(TicketCodeText::new(text).unwrap().reveal(), "ABC-1");
        }
    }

    #[test]
    fn a_text_that_no_shop_prints_is_refused() {
        assert_eq!(TicketCodeText::new(" \r\n"), Err(InvalidText::Empty));
        assert_eq!(
            TicketCodeText::new("A\u{1d}B"),
            Err(InvalidText::ControlCharacter)
        );
        assert_eq!(
            TicketCodeText::new("A\nB"),
            Err(InvalidText::ControlCharacter)
        );
        assert_eq!(
            TicketCodeText::new(&"A".repeat(4097)),
            Err(InvalidText::TooLong)
        );
        assert!(TicketCodeText::new(&"A".repeat(4096)).is_ok());
    }

    #[test]
    fn debug_never_shows_the_code() {
        let text = TicketCodeText::new("SECRET-1").unwrap();
        assert!(!format!("{text:?}").contains("SECRET"));
    }

    #[test]
    fn a_plain_barcode_is_opaque() {
        for text in ["4006381333931", "USHER", "USH:1", "=AAA", "AAA="] {
            let text = TicketCodeText::new(text).unwrap();
            assert!(matches!(read(&text), Presented::Opaque));
        }
    }

    proptest! {
        #[test]
        fn every_text_is_something(text in "\\PC{0,80}|(USH1:|ush1:|USH[0-9]{0,3}:)[0-9A-Z $%*+./:-]{0,200}|=?[0-9a-zA-Z+/]{0,120}") {
            if let Ok(text) = TicketCodeText::new(&text) {
                let _ = format!("{:?}", read(&text));
            }
        }
    }
}
