//! From cameras to ticket codes.
//!
//! A [`FrameSource`] has the newest frame, a [`Decoder`] finds the codes in it, [`presence`] says
//! which of them is a showing that the gate scans. A [`Reader`] does these three in turn.
//!
//! The decoder is [`Scanner`]. A frame goes this way: `pyramid` makes smaller copies, `threshold`
//! tells dark from light, `finder` looks for finder patterns and `triple` for three that belong
//! together; `ring` and `measured` find out what they say about their symbol, `fit` places it by the
//! `probes` of its version, `surface` follows it where it is not flat, `sampler` reads its modules and
//! `qr` the text. A symbol that fills its picture is placed by `cropped`, from its outline alone.
//! `search` calls them within a budget, and the scanner does so for frame after frame.
//! `docs/camera.md` says why, with figures.
//!
//! Nothing here needs hardware, threads or a clock, but for `webcam` behind the feature of that name.
//! Opening picture files is behind the feature `pictures`, for the shells that take them.

mod budget;
mod cropped;
mod decoder;
mod device;
mod finder;
mod fit;
mod frame;
mod geometry;
mod luma;
mod measured;
#[cfg(feature = "pictures")]
pub mod picture;
#[cfg(feature = "pictures")]
mod pictures;
mod placement;
pub mod presence;
mod probes;
mod pyramid;
mod qr;
mod reader;
mod ring;
mod sampler;
mod scanner;
mod search;
mod slot;
mod source;
mod surface;
mod threshold;
mod triple;
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
pub use scanner::{FRAME_BUDGET, Scanner};
pub use slot::{FramePusher, PushSource, push_source};
pub use source::{Captured, FrameSource, Next, Rotation, SourceError};
pub use video::{Pace, VideoError, Y4mVideo};
