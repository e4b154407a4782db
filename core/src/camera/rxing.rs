//! [`Decoder`] over the `rxing` library, QR codes only.
//!
//! Of the library's readers this is the one ported from zxing-cpp: on photographs it reads most, it
//! returns all codes of a frame with their corners, and its search is bounded (the readers ported
//! from Java searched for seconds on some pictures).

use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::HybridBinarizer;
use rxing::multi::MultipleBarcodeReader;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BarcodeFormat, BinaryBitmap, DecodeHints, Luma8Source, LuminanceSource, RXingResult};
use usher_domain::secret::Private;

use super::decoder::{DecodeError, Decoder, Detection, Point};
use super::frame::{Frame, LumaFrame};

/// No side of what the library looks at is longer: this bounds its work.
const MAX_DECODED_SIDE: u32 = 2_048;

/// A frame is looked at in its (bounded) size, at half and at a third of it. The pixels of a
/// photographed screen disturb the full size; small codes are only seen there.
const SCALES: [u32; 3] = [1, 2, 3];

/// The smallest QR code has 21 modules a side; with fewer pixels there is nothing to find.
const MIN_DECODED_SIDE: u32 = 21;

/// Dark modules on a light ground, or the other way round.
#[derive(Clone, Copy)]
enum Polarity {
    Normal,
    Inverted,
}

/// Reads QR codes with `rxing`.
#[derive(Debug, Default)]
pub struct RxingDecoder {
    panics: u64,
}

impl RxingDecoder {
    /// A decoder that has seen nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { panics: 0 }
    }

    /// How often the library panicked since this decoder was made. Every one is a bug to report
    /// to its authors.
    #[must_use]
    pub const fn panics(&self) -> u64 {
        self.panics
    }

    /// One try: adds what is new among the codes seen in `view`.
    fn look(&mut self, view: &View, polarity: Polarity, found: &mut Vec<Detection>) {
        let results = self
            .guarded(|| read(&view.picture, polarity))
            .unwrap_or_default();
        for detection in results
            .iter()
            .filter_map(|result| detection(result, view.factor))
        {
            if found.iter().all(|known| known.text != detection.text) {
                found.push(detection);
            }
        }
    }

    /// What `work` returns, or nothing if it panicked, which is counted.
    fn guarded<T>(&mut self, work: impl FnOnce() -> T) -> Option<T> {
        // The library keeps no state between calls and changes nothing of ours, so a panic leaves
        // nothing half done.
        let outcome = catch_unwind(AssertUnwindSafe(work)).ok();
        if outcome.is_none() {
            self.panics = self.panics.saturating_add(1);
        }
        outcome
    }
}

impl Decoder for RxingDecoder {
    fn decode(&mut self, frame: Frame<'_>) -> Result<Vec<Detection>, DecodeError> {
        let panics_before = self.panics;
        let views = views(frame);
        let mut found = Vec::new();
        for polarity in [Polarity::Normal, Polarity::Inverted] {
            for view in &views {
                self.look(view, polarity, &mut found);
            }
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if self.panics > panics_before {
            Err(DecodeError::Panicked)
        } else {
            Ok(found)
        }
    }
}

/// A frame at one `factor`-th of its size.
struct View {
    picture: LumaFrame,
    factor: u32,
}

fn views(frame: Frame<'_>) -> Vec<View> {
    let bound = frame.width().max(frame.height()).div_ceil(MAX_DECODED_SIDE);
    let view = |scale| {
        let factor = bound * scale;
        let picture = frame.shrunk(factor)?;
        let readable = picture.width().min(picture.height()) >= MIN_DECODED_SIDE;
        readable.then_some(View { picture, factor })
    };
    SCALES.into_iter().filter_map(view).collect()
}

/// An error of the library means that it found nothing.
fn read(picture: &LumaFrame, polarity: Polarity) -> Vec<RXingResult> {
    let hints = DecodeHints {
        TryHarder: Some(true),
        PossibleFormats: Some([BarcodeFormat::QR_CODE].into()),
        ..DecodeHints::default()
    };
    let source = Luma8Source::new_with_slice(picture.luma(), picture.width(), picture.height());
    let Ok(mut source) = source else {
        return Vec::new();
    };
    match polarity {
        Polarity::Normal => {}
        Polarity::Inverted => source.invert(),
    }
    let mut bitmap = BinaryBitmap::new(HybridBinarizer::new(source));
    QrReader
        .decode_multiple_with_hints(&mut bitmap, &hints)
        .unwrap_or_default()
}

fn detection(result: &RXingResult, factor: u32) -> Option<Detection> {
    // In the library's order, which goes by rows.
    let &[top_left, top_right, bottom_left, bottom_right] = result.getPoints() else {
        return None;
    };
    let scale = factor as f32;
    let corners = [top_left, top_right, bottom_right, bottom_left].map(|corner| Point {
        x: corner.x * scale,
        y: corner.y * scale,
    });
    // This reader's "raw bytes" are the bytes that the code holds, not its codewords.
    let text = lossless_text(result.getRawBytes(), result.getText());
    (!text.is_empty()).then(|| Detection {
        text: Private::new(text),
        corners,
    })
}

/// The text of a code such that codes with different bytes never get the same text by a loss.
///
/// QR codes hold bytes and seldom say in which character set. In this order: bytes that are UTF-8
/// are that text; else the library's guess (Kanji mode, a declared character set, Shift_JIS) if
/// nothing was replaced or left out; else each byte is the character of its number (ISO 8859-1),
/// which is how binary codes come through: `char as u8` gives the bytes back.
fn lossless_text(bytes: &[u8], guess: &str) -> String {
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
    fn a_panic_of_the_library_is_counted_and_goes_no_further() {
        let mut decoder = RxingDecoder::new();
        assert_eq!(
            decoder.guarded(|| -> u8 { panic!("as a library might") }),
            None
        );
        assert_eq!(decoder.guarded(|| 7), Some(7));
        assert_eq!(decoder.panics(), 1);
    }

    #[test]
    fn utf8_bytes_are_their_text_whatever_the_library_guessed() {
        assert_eq!(lossless_text("Zoë".as_bytes(), "ZoÃ«"), "Zoë");
    }

    #[test]
    fn a_guess_that_lost_nothing_is_taken() {
        assert_eq!(lossless_text(&[0x93, 0xFA, 0x96, 0x7B], "日本"), "日本");
    }

    #[test]
    fn binary_codes_come_through_byte_by_byte() {
        let bytes: Vec<u8> = (0..=255).collect();
        for guess in ["", "\u{FFFD}\u{FFFD}", "left out"] {
            let text = lossless_text(&bytes, guess);
            let back: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
            assert_eq!(back, bytes);
        }
    }
}
