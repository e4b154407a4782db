//! From pictures to code texts: frames, and decoders that find codes in them.
//!
//! Nothing here needs hardware. Opening picture files is behind the feature `pictures`, for the
//! shells that take them.

mod decoder;
mod frame;
#[cfg(feature = "pictures")]
pub mod picture;
mod rxing;

#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder, Detection, Point};
pub use frame::{Frame, FrameError, LumaFrame, MAX_PIXELS, MAX_SIDE};
pub use rxing::RxingDecoder;
