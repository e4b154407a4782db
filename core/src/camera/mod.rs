//! From cameras to ticket codes.
//!
//! A [`FrameSource`] has the newest frame, a [`Decoder`] finds the codes in it, [`presence`] says
//! which of them is a showing that the gate scans. A [`Reader`] does these three in turn.
//!
//! Nothing here needs hardware, threads or a clock, but for `webcam` behind the feature of that name.
//! Opening picture files is behind the feature `pictures`, for the shells that take them.

mod decoder;
mod device;
mod frame;
mod luma;
#[cfg(feature = "pictures")]
pub mod picture;
#[cfg(feature = "pictures")]
mod pictures;
pub mod presence;
mod reader;
mod rxing;
mod slot;
mod source;
mod video;
#[cfg(feature = "webcam")]
pub mod webcam;

#[cfg(test)]
mod tests;

pub use decoder::{DecodeError, Decoder, Detection, Point};
pub use device::{CameraFound, DeviceError};
pub use frame::{Frame, FrameError, LumaFrame, MAX_PIXELS, MAX_SIDE};
pub use luma::{LumaError, PixelFormat, luma_of};
#[cfg(feature = "pictures")]
pub use pictures::Pictures;
pub use reader::{Look, Reader, Step};
pub use rxing::RxingDecoder;
pub use slot::{FramePusher, PushSource, push_source};
pub use source::{Captured, FrameSource, Next, Rotation, SourceError};
pub use video::{Pace, VideoError, Y4mVideo};
