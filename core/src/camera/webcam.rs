//! Webcams of desktops, by `nokhwa`: Video4Linux, AVFoundation, Media Foundation.
//!
//! A thread of its own opens the camera, turns each frame into luma and pushes it into the slot; whoever
//! reads takes the newest. A camera that goes away, or that another program holds, is opened again and
//! again until it is back, or until nobody reads any more.

mod choice;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use nokhwa::utils::{
    ApiBackend, CameraIndex, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Buffer, Camera, NokhwaError};

use self::choice::nearest;
use super::device::{CameraFound, DeviceError};
use super::luma::{LumaError, PixelFormat, luma_of};
use super::slot::{FramePusher, PushSource, push_source};
use super::source::{FrameSource, Next, Rotation, SourceError};
use crate::clock::Clock;

/// Pause before a camera that failed is opened again.
const AGAIN: Duration = Duration::from_secs(1);

/// A camera that is open and sent nothing for this long is not well.
const SILENCE_MS: u64 = 5_000;

/// Damaged frames in a row after which the camera is opened anew. Single ones are common: a USB cable
/// that is touched loses parts of a picture.
const DAMAGED_MAX: u32 = 30;

/// How a camera shall film.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames a second.
    pub rate: u32,
}

/// The cameras of this machine.
///
/// # Errors
/// [`DeviceError`] if the system does not tell.
pub fn list() -> Result<Vec<CameraFound>, DeviceError> {
    let found = nokhwa::query(ApiBackend::Auto).map_err(|error| explain(0, &error))?;
    let camera = |info: CameraInfo| {
        // Cameras without a number are network streams, which are not opened here.
        let index = info.index().as_index().ok()?;
        Some(CameraFound {
            index,
            name: info.human_name(),
            about: info.description().to_owned(),
        })
    };
    let mut found: Vec<CameraFound> = found.into_iter().filter_map(camera).collect();
    found.sort_by_key(|camera| camera.index);
    Ok(found)
}

/// A webcam that films.
pub struct Webcam {
    frames: PushSource,
    clock: Arc<dyn Clock + Send + Sync>,
    /// When the last frame came, or the last trouble was told.
    heard_ms: u64,
}

impl std::fmt::Debug for Webcam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Webcam")
    }
}

impl Webcam {
    /// Opens the camera of this number. It waits until the camera films or says why not.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn open(
        index: u32,
        wanted: Wanted,
        clock: Arc<dyn Clock + Send + Sync>,
    ) -> Result<Self, DeviceError> {
        let (pusher, frames) = push_source();
        let (opened, first) = channel();
        let capture = Capture {
            index,
            wanted,
            pusher,
            clock: Arc::clone(&clock),
        };
        thread::Builder::new()
            .name("camera".to_owned())
            .spawn(move || capture.run(opened))
            .map_err(|error| DeviceError::Failed(error.to_string()))?;
        match first.recv() {
            Ok(opened) => opened?,
            Err(_) => return Err(DeviceError::Failed("the driver crashed".to_owned())),
        }
        let heard_ms = clock.read().monotonic_ms;
        Ok(Self {
            frames,
            clock,
            heard_ms,
        })
    }
}

impl FrameSource for Webcam {
    fn poll(&mut self) -> Result<Next<'_>, SourceError> {
        let now_ms = self.clock.read().monotonic_ms;
        let silent = now_ms.saturating_sub(self.heard_ms) >= SILENCE_MS;
        match self.frames.poll()? {
            Next::Later if silent => {
                self.heard_ms = now_ms;
                Ok(Next::Trouble(DeviceError::Silent.into()))
            }
            Next::Later => Ok(Next::Later),
            heard @ (Next::Frame(_) | Next::Cut | Next::Trouble(_) | Next::End) => {
                self.heard_ms = now_ms;
                Ok(heard)
            }
        }
    }
}

/// The thread that films.
struct Capture {
    index: u32,
    wanted: Wanted,
    pusher: FramePusher,
    clock: Arc<dyn Clock + Send + Sync>,
}

/// Whether whoever opened the camera still waits to hear of it.
type Opened = Sender<Result<(), DeviceError>>;

impl Capture {
    fn run(self, opened: Opened) {
        let mut opened = Some(opened);
        // What was told last: it is not told again every second.
        let mut told = None;
        while self.pusher.is_read() {
            // The library panics on some failures, also while it closes a camera that is gone.
            let filmed = catch_unwind(AssertUnwindSafe(|| self.film(&mut opened, &mut told)));
            let error = match filmed {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => DeviceError::Failed("the driver crashed".to_owned()),
            };
            if let Some(opened) = opened.take() {
                // Nobody waits any more if this does not arrive.
                let _ = opened.send(Err(error));
                return;
            }
            if !error.may_pass() {
                self.pusher.fail(error);
                return;
            }
            // It was there, so it is no wrong number.
            let error = if let DeviceError::NotFound { .. } = error {
                DeviceError::Unplugged
            } else {
                error
            };
            if told.as_ref() != Some(&error) {
                self.pusher.trouble(error.clone());
                told = Some(error);
            }
            thread::park_timeout(AGAIN);
        }
    }

    /// Films until nobody reads any more.
    fn film(
        &self,
        opened: &mut Option<Opened>,
        told: &mut Option<DeviceError>,
    ) -> Result<(), DeviceError> {
        let mut camera = open(self.index, self.wanted)?;
        if let Some(opened) = opened.take() {
            let _ = opened.send(Ok(()));
        }
        let mut damaged = 0;
        while self.pusher.is_read() {
            let frame = camera
                .camera()?
                .frame()
                .map_err(|error| explain(self.index, &error))?;
            let time = Duration::from_millis(self.clock.read().monotonic_ms);
            match push(&self.pusher, &frame, time) {
                Ok(()) => {
                    damaged = 0;
                    *told = None;
                }
                Err(error) => {
                    damaged += 1;
                    tracing::debug!("a frame of the camera was dropped: {error}");
                    if damaged == DAMAGED_MAX {
                        return Err(DeviceError::DamagedFrame);
                    }
                }
            }
        }
        Ok(())
    }
}

fn push(pusher: &FramePusher, frame: &Buffer, time: Duration) -> Result<(), LumaError> {
    let format = pixels(frame.source_frame_format());
    let size = (frame.resolution().width(), frame.resolution().height());
    pusher.push_with(time, Rotation::None, |luma| {
        luma_of(format, frame.buffer(), size, luma)
    })
}

/// Opens a camera and lets it film in the format nearest to what is wanted.
fn open(index: u32, wanted: Wanted) -> Result<Closing, DeviceError> {
    let told = |error: NokhwaError| explain(index, &error);
    // Any format will do to be asked which there are.
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let camera = Camera::new(CameraIndex::Index(index), any).map_err(told)?;
    let mut closing = Closing(Some(camera));
    let camera = closing.camera()?;
    let formats = camera.compatible_camera_formats().map_err(told)?;
    let chosen = nearest(&formats, wanted).ok_or(DeviceError::NoFormat)?;
    if camera.camera_format() != chosen {
        let exactly = RequestedFormatType::Exact(chosen);
        let request = RequestedFormat::with_formats(exactly, &FORMATS);
        camera.set_camera_requset(request).map_err(told)?;
    }
    camera.open_stream().map_err(told)?;
    Ok(closing)
}

/// The formats that [`luma_of`] reads.
const FORMATS: [FrameFormat; 6] = [
    FrameFormat::GRAY,
    FrameFormat::NV12,
    FrameFormat::YUYV,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
    FrameFormat::MJPEG,
];

const fn pixels(format: FrameFormat) -> PixelFormat {
    match format {
        FrameFormat::MJPEG => PixelFormat::Mjpeg,
        FrameFormat::YUYV => PixelFormat::Yuyv,
        FrameFormat::NV12 => PixelFormat::Planar420,
        FrameFormat::GRAY => PixelFormat::Grey,
        FrameFormat::RAWRGB => PixelFormat::Rgb,
        FrameFormat::RAWBGR => PixelFormat::Bgr,
    }
}

/// What an error of the library comes to for the camera of this number.
fn explain(index: u32, error: &NokhwaError) -> DeviceError {
    let words = error.to_string();
    match error {
        // It lists the formats and finds none of ours among them.
        NokhwaError::GetPropertyError { property, .. } if property == "CameraFormat" => {
            DeviceError::NoFormat
        }
        // Those systems that do not give a number say it in words.
        NokhwaError::OpenDeviceError(_, why) if why == "Not Found" => {
            DeviceError::NotFound { index }
        }
        NokhwaError::UnitializedError
        | NokhwaError::InitializeError { .. }
        | NokhwaError::ShutdownError { .. }
        | NokhwaError::GeneralError(_)
        | NokhwaError::StructureError { .. }
        | NokhwaError::OpenDeviceError(..)
        | NokhwaError::GetPropertyError { .. }
        | NokhwaError::SetPropertyError { .. }
        | NokhwaError::OpenStreamError(_)
        | NokhwaError::ReadFrameError(_)
        | NokhwaError::ProcessFrameError { .. }
        | NokhwaError::StreamShutdownError(_)
        | NokhwaError::UnsupportedOperationError(_)
        | NokhwaError::NotImplementedError(_) => DeviceError::of_system(index, &words),
    }
}

/// A camera that is closed at the end. The library panics if a camera that is gone cannot be stopped; a
/// panic while another one unwinds would end the program.
struct Closing(Option<Camera>);

impl Closing {
    /// The camera: it is there until the end.
    fn camera(&mut self) -> Result<&mut Camera, DeviceError> {
        self.0.as_mut().ok_or(DeviceError::Unplugged)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let camera = self.0.take();
        if catch_unwind(AssertUnwindSafe(|| drop(camera))).is_err() {
            tracing::debug!("the camera did not close in order");
        }
    }
}

#[cfg(test)]
mod tests;
