//! Codes as pictures, and back from them: nothing is scanned here that a decoder did not read.

use super::photo::{Conditions, photograph};
use crate::error::CliError;
use crate::qr::{Qr, Surface};
use usher_core::camera::{Decoder as _, Frame, Scanner};
use usher_domain::secret::Private;

/// Pixels of a module of a drawn code; finer than the camera sees it.
const MODULE_PX: u32 = 12;
/// How often a code is held up until somebody gives up.
const TRIES: u32 = 8;

/// A camera at a gate, and what it saw.
#[derive(Debug)]
pub struct Camera {
    decoder: Scanner,
    seed: u64,
    /// Codes that were held up.
    pub shown: u64,
    /// Codes that were read exactly as they were issued.
    pub exact: u64,
    /// Pictures in which no code was found; the next picture was taken then.
    pub blind: u64,
}

impl Camera {
    /// A camera whose pictures follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            decoder: Scanner::patient(),
            seed,
            shown: 0,
            exact: 0,
            blind: 0,
        }
    }

    /// Draws a code, photographs it and reads the photograph.
    ///
    /// # Errors
    /// [`CliError`] if the code is in none of many pictures.
    pub fn read(&mut self, code: &Private) -> Result<Private, CliError> {
        let sheet = Qr::new(code.reveal(), Surface::Screen)?.picture(MODULE_PX)?;
        self.shown += 1;
        for _ in 0..TRIES {
            // Every picture is another one.
            self.seed = self.seed.wrapping_add(1);
            let photo = photograph(&sheet, &Conditions::default(), self.seed);
            let (width, height) = photo.dimensions();
            let frame =
                Frame::new(&photo, width, height, width as usize).map_err(CliError::invalid)?;
            let mut seen = self.decoder.decode(frame).map_err(CliError::invalid)?;
            if let Some(detection) = seen.pop() {
                self.exact += u64::from(seen.is_empty() && detection.text == *code);
                return Ok(detection.text);
            }
            self.blind += 1;
        }
        Err(CliError::Invalid(format!(
            "none of {TRIES} pictures of a code could be read"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_up_is_read_and_counted() {
        let mut camera = Camera::new(3);
        let code = Private::new("41000000011234567890123456789012");
        assert_eq!(camera.read(&code).unwrap(), code);
        assert_eq!((camera.shown, camera.exact), (1, 1));
    }
}
