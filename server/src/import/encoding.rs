//! Bytes of a list to text.
//!
//! In this order: what the organizer says; a byte order mark; UTF-8 if all of it is; UTF-8 with some damage
//! (better a few bad lines than every umlaut wrong); old Mac OS where its letters stand in words or nothing but
//! carriage returns ends the lines; else what chardetng finds, which is nearly always Windows-1252.

use super::ImportError;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};
use std::borrow::Cow;
use std::str::FromStr;

/// An encoding of the Encoding Standard (<https://encoding.spec.whatwg.org/>), by one of its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEncoding(&'static Encoding);

impl FileEncoding {
    /// Its standard name, such as `UTF-8` or `windows-1252`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl FromStr for FileEncoding {
    type Err = UnknownEncoding;

    fn from_str(label: &str) -> Result<Self, UnknownEncoding> {
        Encoding::for_label(label.as_bytes())
            .map(Self)
            .ok_or(UnknownEncoding)
    }
}

/// A label that names no encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this encoding is not known; known are utf-8, utf-16le, windows-1252 and others")]
pub struct UnknownEncoding;

/// The text of a file.
pub(super) struct Decoded<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) encoding: FileEncoding,
    /// UTF-8 with bytes that are none; they are replacement characters now.
    pub(super) damaged_utf8: bool,
}

/// Reads the bytes as text.
pub(super) fn decode(
    bytes: &[u8],
    given: Option<FileEncoding>,
) -> Result<Decoded<'_>, ImportError> {
    refuse_spreadsheet(bytes)?;
    let encoding = match (given, Encoding::for_bom(bytes)) {
        (Some(FileEncoding(given)), _) => given,
        (None, Some((marked, _))) => marked,
        (None, None) => guess(bytes)?,
    };
    let (text, damaged) = encoding.decode_with_bom_removal(bytes);
    Ok(Decoded {
        text,
        encoding: FileEncoding(encoding),
        damaged_utf8: damaged && encoding == UTF_8,
    })
}

fn refuse_spreadsheet(bytes: &[u8]) -> Result<(), ImportError> {
    const ZIP: &[u8] = b"PK\x03\x04";
    const COMPOUND_FILE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    if bytes.starts_with(ZIP) || bytes.starts_with(COMPOUND_FILE) {
        return Err(ImportError::Spreadsheet);
    }
    Ok(())
}

fn guess(bytes: &[u8]) -> Result<&'static Encoding, ImportError> {
    if bytes.is_ascii() || mostly_utf8(bytes) {
        return Ok(UTF_8);
    }
    if bytes.contains(&0) {
        return Err(ImportError::NoText);
    }
    if is_old_mac(bytes) {
        return Ok(encoding_rs::MACINTOSH);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

/// Letters of Mac OS Roman (ä é è ê ü ù å ç) that are nothing, or hardly stand within a word, in Windows-1252.
const MAC_LETTERS: [u8; 9] = [0x8A, 0x8C, 0x8D, 0x8E, 0x8F, 0x90, 0x9D, 0x9F, 0x81];

/// Whether a text that is no UTF-8 was written on an old Mac: its letters stand between letters, and those of
/// Windows-1252 do not.
fn is_old_mac(bytes: &[u8]) -> bool {
    let (mut mac, mut windows) = (0_usize, 0_usize);
    for around in bytes.windows(3) {
        let [before, letter, after] = around else {
            continue;
        };
        if before.is_ascii_alphabetic() && after.is_ascii_lowercase() {
            mac += usize::from(MAC_LETTERS.contains(letter));
            windows += usize::from((0xDF..=0xFF).contains(letter) && *letter != 0xF7);
        }
    }
    let returns_alone = bytes.contains(&b'\r') && !bytes.contains(&b'\n');
    mac > windows || (returns_alone && windows == 0)
}

/// True if characters of several bytes are well-formed at least ten times as often as not. Windows-1252
/// text hardly ever forms one.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    bad == 0 || good >= bad.saturating_mul(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umlauts_read_the_same_in_every_encoding() {
        let text = "Barcode;Name\n1;Jürgen Müßig – Straße\n2;Zoë\n";
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(text);
        let utf16: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let utf16be: Vec<u8> = [0xFE, 0xFF]
            .into_iter()
            .chain(text.encode_utf16().flat_map(u16::to_be_bytes))
            .collect();
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for (bytes, name) in [
            (text.as_bytes(), "UTF-8"),
            (&marked, "UTF-8"),
            (&utf16, "UTF-16LE"),
            (&utf16be, "UTF-16BE"),
            (&latin, "windows-1252"),
        ] {
            let decoded = decode(bytes, None).unwrap();
            assert_eq!(decoded.text, text, "{name}");
            assert_eq!(decoded.encoding.name(), name);
            assert!(!decoded.damaged_utf8);
        }
    }

    #[test]
    fn utf8_with_one_broken_byte_stays_utf8() {
        let mut bytes = "Jürgen Müßig Größe äöüß ÄÖÜ é".repeat(2).into_bytes();
        bytes.push(0xFF);
        let decoded = decode(&bytes, None).unwrap();
        assert_eq!(decoded.encoding.name(), "UTF-8");
        assert!(decoded.damaged_utf8);
    }

    #[test]
    fn a_list_of_an_old_mac_reads_right() {
        // No encoder of Mac OS Roman is at hand: ü 9F, ä 8A, ö 9A, ß A7, é 8E.
        let mac = b"Barcode;Name\r1;J\x9frgen M\x8arz\r2;Jos\x8e Gr\x9a\xa7e\r";
        let decoded = decode(mac, None).unwrap();
        assert_eq!(decoded.encoding.name(), "macintosh");
        assert_eq!(decoded.text, "Barcode;Name\r1;Jürgen März\r2;José Größe\r");
        let lines = b"Barcode;Name\n1;Ren\x8ee M\x9fller\n";
        assert_eq!(
            decode(lines, None).unwrap().text,
            "Barcode;Name\n1;Renée Müller\n"
        );
        // Apostrophes, dashes and letters of Windows in the same places stay what they are.
        let (windows, _, _) = encoding_rs::WINDOWS_1252
            .encode("Barcode;Name\n1;Ren\u{e9}e O\u{2019}Neil \u{2013} M\u{fc}ller\n");
        assert_eq!(
            decode(&windows, None).unwrap().encoding.name(),
            "windows-1252"
        );
    }

    #[test]
    fn a_workbook_is_named_as_one() {
        assert_eq!(
            decode(b"PK\x03\x04rest", None).err(),
            Some(ImportError::Spreadsheet)
        );
    }
}
