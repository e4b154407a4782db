//! Code texts as QR codes (ISO/IEC 18004): picture files for screens and paper, and the terminal.

mod caption;

use std::fmt::Write as _;
use std::io::Cursor;
use std::iter::repeat_n;

use image::{GrayImage, ImageFormat};
use qrcode::bits::Bits;
use qrcode::types::{QrError as EncodeError, Version};
use qrcode::{Color, EcLevel, QrCode};
use thiserror::Error;

/// Light modules around a code, which readers need to find it (ISO/IEC 18004, 6.3.8).
const QUIET_ZONE: u32 = 4;

/// The largest module drawn, in pixels: the largest code (177 modules) stays a picture that can be
/// read back.
pub const MAX_MODULE_PX: u32 = 40;

/// What alphanumeric mode holds (ISO/IEC 18004, table 5).
const ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// ECI assignment number of UTF-8 (AIM ECI specification).
const ECI_UTF8: u32 = 26;

/// Why a text has no QR code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QrError {
    /// More than the largest code holds.
    #[error("a text of {bytes} bytes does not fit into a QR code")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
    /// Modules of no size, or larger than [`MAX_MODULE_PX`].
    #[error("a module can be 1 to {MAX_MODULE_PX} pixels wide, not {module_px}")]
    ModuleSize {
        /// What was asked for.
        module_px: u32,
    },
    /// The PNG encoder failed.
    #[error("the picture could not be written as PNG")]
    Png,
}

/// Where a code is shown; this decides how much damage it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// A phone's screen: clean and small, error correction level M.
    Screen,
    /// Paper, which gets folded and wet: level Q.
    Paper,
}

impl Surface {
    const fn level(self) -> EcLevel {
        match self {
            Self::Screen => EcLevel::M,
            Self::Paper => EcLevel::Q,
        }
    }
}

/// A code text laid out as modules.
pub struct Qr {
    code: QrCode,
}

/// The size only: the modules are the code.
impl std::fmt::Debug for Qr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Qr({} modules)", self.code.width())
    }
}

impl Qr {
    /// Lays a text out in the smallest code that holds it. Our own codes are in alphanumeric mode.
    ///
    /// # Errors
    /// [`QrError::TooLong`].
    pub fn new(text: &str, surface: Surface) -> Result<Self, QrError> {
        let encoded = smallest(text, surface.level());
        let code = encoded.map_err(|_| QrError::TooLong { bytes: text.len() })?;
        Ok(Self { code })
    }

    /// The code's version, 1 (21 modules a side) to 40 (177).
    #[must_use]
    pub fn version(&self) -> i16 {
        match self.code.version() {
            Version::Normal(version) | Version::Micro(version) => version,
        }
    }

    /// Modules a side, quiet zone included.
    fn side(&self) -> u32 {
        // At most 177 modules.
        self.code.width() as u32 + 2 * QUIET_ZONE
    }

    /// Whether the module is dark, counted from the corner of the quiet zone.
    fn is_dark(&self, x: u32, y: u32) -> bool {
        let modules = self.code.width() as u32;
        match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
            (Some(x), Some(y)) if x < modules && y < modules => {
                self.code[(x as usize, y as usize)] == Color::Dark
            }
            _ => false,
        }
    }

    /// The code as a grey picture with its quiet zone.
    ///
    /// # Errors
    /// [`QrError::ModuleSize`].
    pub fn picture(&self, module_px: u32) -> Result<GrayImage, QrError> {
        if !(1..=MAX_MODULE_PX).contains(&module_px) {
            return Err(QrError::ModuleSize { module_px });
        }
        let (side, side_px) = (self.side(), self.side() * module_px);
        let mut luma = Vec::with_capacity(side_px as usize * side_px as usize);
        for y in 0..side {
            let colour = |x| if self.is_dark(x, y) { 0 } else { 255 };
            let row: Vec<u8> = (0..side)
                .flat_map(|x| repeat_n(colour(x), module_px as usize))
                .collect();
            luma.extend(row.repeat(module_px as usize));
        }
        Ok(GrayImage::from_raw(side_px, side_px, luma).unwrap_or_default())
    }

    /// The code as a PNG file, with lines for people under it (on a badge: who, what, for whom) unless `caption`
    /// is empty.
    ///
    /// # Errors
    /// [`QrError::ModuleSize`], or [`QrError::Png`] if the encoder fails.
    pub fn png(&self, module_px: u32, caption: &str) -> Result<Vec<u8>, QrError> {
        let mut picture = self.picture(module_px)?;
        if !caption.trim().is_empty() {
            picture = caption::under(&picture, caption);
        }
        let mut file = Cursor::new(Vec::new());
        picture
            .write_to(&mut file, ImageFormat::Png)
            .map_err(|_| QrError::Png)?;
        Ok(file.into_inner())
    }

    /// The code for a terminal: two modules a character, one line of text for two rows.
    ///
    /// Both colours are stated (of the fixed part of the 256-colour palette, which themes leave
    /// alone), so that the code is dark on light whatever the terminal's own colours are.
    #[must_use]
    pub fn terminal(&self) -> String {
        const BLACK: u8 = 16;
        const WHITE: u8 = 231;
        let colour = |x, y| if self.is_dark(x, y) { BLACK } else { WHITE };
        let mut lines = String::new();
        for y in (0..self.side()).step_by(2) {
            let mut current = None;
            for x in 0..self.side() {
                let pair = (colour(x, y), colour(x, y + 1));
                if current.replace(pair) != Some(pair) {
                    // Writing to a string cannot fail.
                    let _ = write!(lines, "\x1b[38;5;{};48;5;{}m", pair.0, pair.1);
                }
                lines.push('▀');
            }
            lines.push_str("\x1b[0m\n");
        }
        lines
    }
}

fn smallest(text: &str, level: EcLevel) -> Result<QrCode, EncodeError> {
    if !text.is_ascii() {
        // Left to itself, the encoder takes some UTF-8 for Shift_JIS, which comes back as other
        // characters. So the bytes are declared.
        return in_one_segment(level, |bits| {
            bits.push_eci_designator(ECI_UTF8)?;
            bits.push_byte_data(text.as_bytes())
        });
    }
    let is_alphanumeric = text.bytes().all(|byte| ALPHANUMERIC.contains(&byte));
    if is_alphanumeric && !text.bytes().all(|byte| byte.is_ascii_digit()) {
        // The encoder's own segments are near the best, not the best: its changes between digits
        // and letters can cost our codes a version.
        return in_one_segment(level, |bits| bits.push_alphanumeric_data(text.as_bytes()));
    }
    QrCode::with_error_correction_level(text, level)
}

/// The smallest code that holds what `push` puts into it.
fn in_one_segment(
    level: EcLevel,
    push: impl Fn(&mut Bits) -> Result<(), EncodeError>,
) -> Result<QrCode, EncodeError> {
    let mut outcome = Err(EncodeError::DataTooLong);
    for version in 1..=40 {
        let mut bits = Bits::new(Version::Normal(version));
        outcome = push(&mut bits)
            .and_then(|()| bits.push_terminator(level))
            .and_then(|()| QrCode::with_bits(bits, level));
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

#[cfg(test)]
mod tests;
