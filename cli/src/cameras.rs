//! What a command reads frames from: a webcam, a video file, picture files.

use crate::error::CliError;
use clap::Args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use usher_core::camera::picture::{self, PictureError};
use usher_core::camera::{
    CameraFound, DeviceError, FRAME_BUDGET, FrameSource, LumaFrame, MAX_SIDE, Pace, Pictures,
    Scanner, SourceError, VideoError, Y4mVideo,
};
use usher_core::clock::{Clock, SystemClock};

/// Files and wishes: the flags that say where frames come from, beside the number of a camera.
#[derive(Debug, Clone, Args)]
pub struct Frames {
    /// Read a video (YUV4MPEG2, .y4m)
    #[arg(long, value_name = "FILE", group = "source")]
    pub video: Option<PathBuf>,
    /// Play the video as fast as it was filmed; without this every frame is looked at
    #[arg(long, requires = "video")]
    pub paced: bool,
    /// Read pictures (PNG, JPEG)
    #[arg(long = "image", value_name = "FILE", num_args = 1.., group = "source")]
    pub images: Vec<PathBuf>,
    /// How a camera shall film.
    #[command(flatten)]
    pub wish: Wish,
}

/// How a camera shall film. It takes what it has that comes nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub struct Wish {
    /// The camera's picture size in pixels; it takes the nearest it has
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size, default_value = "1280x720")]
    pub size: (u32, u32),
    /// The camera's frames a second; it takes the nearest it has
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=240))]
    pub rate: u32,
}

/// `1280x720`.
fn size(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| {
        text.parse()
            .ok()
            .filter(|side| (1..=MAX_SIDE).contains(side))
    };
    text.split_once('x')
        .and_then(|(width, height)| Some((side(width)?, side(height)?)))
        .ok_or_else(|| "a size is width and height in pixels, as 1280x720".to_owned())
}

/// Where frames come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The webcam of this number.
    Camera {
        /// Its number.
        index: u32,
        /// How it shall film.
        wish: Wish,
    },
    /// A video file, every frame of it.
    Video(PathBuf),
    /// A video file, as fast as it was filmed.
    PacedVideo(PathBuf),
    /// Picture files, each a showing of its own.
    Pictures(Vec<PathBuf>),
}

/// What a frame of a video may take that nobody waits for: enough on a slow and busy machine.
const UNHURRIED: Duration = Duration::from_secs(1);

impl Origin {
    /// A scanner that takes as long for a frame as the next one leaves it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "how long this program's own work takes is no input"
    )]
    pub fn scanner(&self) -> Scanner {
        let start = Instant::now();
        let clock = move || start.elapsed();
        match self {
            Self::Camera { .. } | Self::PacedVideo(_) => Scanner::new(FRAME_BUDGET, clock),
            Self::Video(_) => Scanner::new(UNHURRIED, clock),
            Self::Pictures(_) => Scanner::patient(),
        }
    }

    /// What the flags of a command name; none if they name nothing that has frames.
    #[must_use]
    pub fn of(camera: Option<u32>, frames: &Frames) -> Option<Self> {
        let wish = frames.wish;
        match (camera, &frames.video) {
            (Some(index), _) => Some(Self::Camera { index, wish }),
            (None, Some(file)) if frames.paced => Some(Self::PacedVideo(file.clone())),
            (None, Some(file)) => Some(Self::Video(file.clone())),
            (None, None) if frames.images.is_empty() => None,
            (None, None) => Some(Self::Pictures(frames.images.clone())),
        }
    }

    /// Opens it.
    ///
    /// # Errors
    /// [`CliError`] if the camera cannot be opened or the file is no video. Pictures are opened one by
    /// one, later.
    pub fn open(&self) -> Result<Box<dyn FrameSource>, CliError> {
        match self {
            Self::Camera { index, wish } => webcam(*index, *wish),
            Self::Video(file) => video(file, Pace::EveryFrame),
            Self::PacedVideo(file) => video(file, Pace::ByClock(Box::new(stopwatch()))),
            Self::Pictures(files) => {
                let pictures = files.clone().into_iter().map(|file| open_picture(&file));
                Ok(Box::new(Pictures::new(pictures)))
            }
        }
    }

    /// The file that is read, or the one of this number if there are several.
    #[must_use]
    pub fn file(&self, number: usize) -> Option<&Path> {
        match self {
            Self::Camera { .. } => None,
            Self::Video(file) | Self::PacedVideo(file) => Some(file),
            Self::Pictures(files) => files.get(number).map(PathBuf::as_path),
        }
    }

    /// An error of the source, with the file of this number where it is one's.
    #[must_use]
    pub fn error(&self, number: usize, error: SourceError) -> CliError {
        match (self.file(number), error) {
            (
                Some(file),
                SourceError::Video(VideoError::Read(error))
                | SourceError::Picture(PictureError::Read(error)),
            ) => CliError::reading(file, error),
            (Some(file), error) => CliError::bad_file(file, error),
            (None, error) => CliError::Camera(error),
        }
    }
}

fn video(file: &Path, pace: Pace) -> Result<Box<dyn FrameSource>, CliError> {
    let opened = File::open(file).map_err(|error| CliError::reading(file, error))?;
    let video = Y4mVideo::open(BufReader::new(opened), pace);
    Ok(Box::new(
        video.map_err(|error| CliError::bad_file(file, error))?,
    ))
}

fn open_picture(file: &Path) -> Result<LumaFrame, PictureError> {
    picture::open(&std::fs::read(file)?)
}

/// The cameras of this machine.
///
/// # Errors
/// [`CliError::Camera`] if this program was built without webcams, or the system does not tell.
pub fn list() -> Result<Vec<CameraFound>, CliError> {
    webcams::list().map_err(|error| CliError::Camera(error.into()))
}

fn webcam(index: u32, wish: Wish) -> Result<Box<dyn FrameSource>, CliError> {
    webcams::open(index, wish).map_err(|error| CliError::Camera(error.into()))
}

#[cfg(feature = "webcam")]
mod webcams {
    use super::*;
    use usher_core::camera::webcam::{self, Wanted, Webcam};

    pub(super) use webcam::list;

    pub(super) fn open(index: u32, wish: Wish) -> Result<Box<dyn FrameSource>, DeviceError> {
        let wanted = Wanted {
            width: wish.size.0,
            height: wish.size.1,
            rate: wish.rate,
        };
        let webcam = Webcam::open(index, wanted, Arc::new(SystemClock::new()))?;
        Ok(Box::new(webcam))
    }
}

#[cfg(not(feature = "webcam"))]
mod webcams {
    use super::*;

    pub(super) fn list() -> Result<Vec<CameraFound>, DeviceError> {
        Err(DeviceError::NotBuilt)
    }

    pub(super) fn open(_: u32, _: Wish) -> Result<Box<dyn FrameSource>, DeviceError> {
        Err(DeviceError::NotBuilt)
    }
}

/// How long it has been running.
fn stopwatch() -> impl Fn() -> Duration + Send {
    let clock = Arc::new(SystemClock::new());
    let start = clock.read().monotonic_ms;
    move || Duration::from_millis(clock.read().monotonic_ms.saturating_sub(start))
}
