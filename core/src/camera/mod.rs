//! From pictures to code texts: frames, and decoders that find codes in them.
//!
//! [`presence`] turns what is read frame by frame into scans: one for each showing.
//!
//! Nothing here needs hardware. Opening picture files is behind the feature `pictures`, for the
//! shells that take them.

mod decoder;
mod frame;
#[cfg(feature = "pictures")]
pub mod picture;
pub mod presence;
mod rxing;

#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder, Detection, Point};
pub use frame::{Frame, FrameError, LumaFrame, MAX_PIXELS, MAX_SIDE};
pub use rxing::RxingDecoder;
