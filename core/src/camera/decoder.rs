//! What every decoder of codes offers.

use thiserror::Error;
use usher_domain::secret::Private;

use super::frame::Frame;

/// A place in a frame, in pixels from its top left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Pixels to the right.
    pub x: f32,
    /// Pixels down.
    pub y: f32,
}

/// A code that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// What the code says.
    pub text: Private,
    /// Where it is seen: the code's own top left, top right, bottom right and bottom left corner,
    /// however it is turned in the frame.
    pub corners: [Point; 4],
}

/// Why a frame could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The decoding library panicked. The frame is dropped; the decoder goes on with the next.
    #[error("reading the picture failed inside the decoding library")]
    Panicked,
}

/// Finds codes in frames.
pub trait Decoder {
    /// All codes in a frame, each text once, in no order. A frame without a code is no error.
    ///
    /// The work is bounded by the size of the frame, whatever it shows.
    ///
    /// # Errors
    /// [`DecodeError`] if the frame could not be looked at.
    fn decode(&mut self, frame: Frame<'_>) -> Result<Vec<Detection>, DecodeError>;
}
