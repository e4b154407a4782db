//! Where frames come from: webcams, phones, videos and pictures look alike to whoever reads codes.

use std::time::Duration;

use thiserror::Error;

use super::decoder::Point;
use super::device::DeviceError;
use super::frame::{Frame, FrameError};
use super::video::VideoError;

/// Gives the newest frame whenever it is asked. It never makes its caller wait and never queues: a
/// frame that was not fetched before the next one came is gone.
pub trait FrameSource {
    /// What there is now.
    ///
    /// # Errors
    /// [`SourceError`] if the source is at its end because something is wrong with it.
    fn poll(&mut self) -> Result<Next<'_>, SourceError>;
}

impl<S: FrameSource + ?Sized> FrameSource for Box<S> {
    fn poll(&mut self) -> Result<Next<'_>, SourceError> {
        (**self).poll()
    }
}

/// What a source has.
#[derive(Debug)]
pub enum Next<'a> {
    /// A frame that was not fetched before.
    Frame(Captured<'a>),
    /// Nothing new yet: ask again in a few milliseconds.
    Later,
    /// What follows has nothing to do with what came before: another picture.
    Cut,
    /// Frames fail to come, or this one failed, and the source goes on by itself: a camera that was
    /// unplugged is opened again once it is back. Told once each time.
    Trouble(SourceError),
    /// Nothing follows.
    End,
}

/// A frame with what its source knows about it.
#[derive(Debug, Clone, Copy)]
pub struct Captured<'a> {
    /// The picture as the sensor gives it.
    pub frame: Frame<'a>,
    /// When it was captured, on the source's own clock: it goes on and starts anywhere.
    pub time: Duration,
    /// How it must be turned to stand upright.
    pub rotation: Rotation,
}

/// How a frame must be turned, clockwise, to stand upright: phones hold their sensors sideways.
///
/// Pixels are never turned. Decoders read codes in any direction, so it is enough to turn the four
/// corners of what was found; turning a 720p frame would cost about as much as a third of decoding
/// it, for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Rotation {
    /// It is upright.
    #[default]
    None,
    /// By 90°.
    Quarter,
    /// By 180°.
    Half,
    /// By 270°.
    ThreeQuarters,
}

impl Rotation {
    /// The rotation by this many degrees; none unless it is a multiple of 90.
    #[must_use]
    pub const fn from_degrees(degrees: u32) -> Option<Self> {
        match degrees % 360 {
            0 => Some(Self::None),
            90 => Some(Self::Quarter),
            180 => Some(Self::Half),
            270 => Some(Self::ThreeQuarters),
            _ => None,
        }
    }

    /// Width and height of a frame of this size once it is upright.
    #[must_use]
    pub const fn upright_size(self, (width, height): (u32, u32)) -> (u32, u32) {
        match self {
            Self::None | Self::Half => (width, height),
            Self::Quarter | Self::ThreeQuarters => (height, width),
        }
    }

    /// Where a point of a frame of this size lies once the frame is upright.
    #[must_use]
    pub const fn upright(self, point: Point, (width, height): (u32, u32)) -> Point {
        let (width, height) = (width as f32, height as f32);
        let Point { x, y } = point;
        match self {
            Self::None => point,
            Self::Quarter => Point {
                x: height - y,
                y: x,
            },
            Self::Half => Point {
                x: width - x,
                y: height - y,
            },
            Self::ThreeQuarters => Point { x: y, y: width - x },
        }
    }
}

/// Why a source has no frames.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The camera.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The video file.
    #[error(transparent)]
    Video(#[from] VideoError),
    /// A picture file.
    #[cfg(feature = "pictures")]
    #[error(transparent)]
    Picture(#[from] super::picture::PictureError),
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl SourceError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Device(error) => error.code(),
            Self::Video(_) => "bad_video",
            #[cfg(feature = "pictures")]
            Self::Picture(_) => "bad_picture",
            Self::Frame(_) => "bad_frame",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_quarters_bring_a_point_back_and_a_corner_to_each_corner() {
        let size = (640, 480);
        let point = Point { x: 10.0, y: 20.0 };
        let turned = |rotation: Rotation| rotation.upright(point, size);
        assert_eq!(turned(Rotation::None), point);
        assert_eq!(turned(Rotation::Quarter), Point { x: 460.0, y: 10.0 });
        assert_eq!(turned(Rotation::Half), Point { x: 630.0, y: 460.0 });
        assert_eq!(turned(Rotation::ThreeQuarters), Point { x: 20.0, y: 630.0 });
        let (mut point, mut size) = (point, size);
        for _ in 0..4 {
            point = Rotation::Quarter.upright(point, size);
            size = Rotation::Quarter.upright_size(size);
        }
        assert_eq!((point, size), (Point { x: 10.0, y: 20.0 }, (640, 480)));
    }

    #[test]
    fn only_quarters_are_rotations() {
        assert_eq!(Rotation::from_degrees(270), Some(Rotation::ThreeQuarters));
        assert_eq!(Rotation::from_degrees(450), Some(Rotation::Quarter));
        assert_eq!(Rotation::from_degrees(45), None);
    }
}
