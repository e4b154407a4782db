//! The loop of a gate's camera, one step at a time: newest frame, codes in it, what to do about them.

use std::time::Duration;

use super::decoder::{DecodeError, Decoder, Detection};
use super::presence::{Act, Presence};
use super::source::{FrameSource, Next, SourceError};

/// Reads a source's frames with a decoder. It neither waits nor scans: its caller does both.
#[derive(Debug)]
pub struct Reader<S, D> {
    source: S,
    decoder: D,
    presence: Presence,
    failed: Option<SourceError>,
}

/// What one step came to.
#[derive(Debug)]
pub enum Step {
    /// A frame was looked at.
    Frame(Look),
    /// No new frame yet: come back in a few milliseconds.
    Later,
    /// A picture is over, or the source failed, with what was still to be done about it.
    Cut(Option<Act>),
    /// Frames fail to come for now.
    Trouble(SourceError),
    /// Nothing follows, with what was still to be done.
    End(Option<Act>),
}

/// What was seen in a frame. All places are those of the frame turned upright.
#[derive(Debug)]
pub struct Look {
    /// When it was captured, on the source's clock.
    pub time: Duration,
    /// Width and height.
    pub size: (u32, u32),
    /// All codes in it; or that it could not be read.
    pub seen: Result<Vec<Detection>, DecodeError>,
    /// What the gate shall do now.
    pub act: Option<Act>,
}

impl<S: FrameSource, D: Decoder> Reader<S, D> {
    /// A reader that has seen nothing yet.
    pub fn new(source: S, decoder: D) -> Self {
        Self {
            source,
            decoder,
            presence: Presence::new(),
            failed: None,
        }
    }

    /// Looks at the newest frame, if there is one.
    ///
    /// # Errors
    /// [`SourceError`] if the source failed. What it showed before is in the steps before.
    pub fn step(&mut self) -> Result<Step, SourceError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let captured = match self.source.poll() {
            Ok(Next::Frame(captured)) => captured,
            Ok(Next::Later) => return Ok(Step::Later),
            Ok(Next::Trouble(error)) => return Ok(Step::Trouble(error)),
            Ok(Next::Cut) => return Ok(Step::Cut(self.finish())),
            Ok(Next::End) => return Ok(Step::End(self.finish())),
            Err(error) => {
                self.failed = Some(error);
                return Ok(Step::Cut(self.finish()));
            }
        };
        let (time, rotation) = (captured.time, captured.rotation);
        let sensor = (captured.frame.width(), captured.frame.height());
        let size = rotation.upright_size(sensor);
        let seen = self.decoder.decode(captured.frame).map(|mut seen| {
            for corner in seen.iter_mut().flat_map(|one| &mut one.corners) {
                *corner = rotation.upright(*corner, sensor);
            }
            seen
        });
        // A frame that could not be read does not prove that a code was gone.
        let act = match &seen {
            Ok(seen) => self.presence.frame(time, seen, size),
            Err(_) => None,
        };
        Ok(Step::Frame(Look {
            time,
            size,
            seen,
            act,
        }))
    }

    /// The decoder, for what it counted.
    #[must_use]
    pub const fn decoder(&self) -> &D {
        &self.decoder
    }

    fn finish(&mut self) -> Option<Act> {
        std::mem::take(&mut self.presence).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::decoder::Point;
    use crate::camera::device::DeviceError;
    use crate::camera::frame::Frame;
    use crate::camera::slot::push_source;
    use crate::camera::source::Rotation;
    use usher_domain::secret::Private;

    /// Sees a code named after the first pixel, at the left of the top; of 0 nothing, and of 255 it
    /// panics, as it says.
    struct FirstPixel;

    impl Decoder for FirstPixel {
        fn decode(&mut self, frame: Frame<'_>) -> Result<Vec<Detection>, DecodeError> {
            let corner = |x: f32, y: f32| Point { x, y };
            match frame.rows().next().unwrap()[0] {
                0 => Ok(Vec::new()),
                255 => Err(DecodeError::Panicked),
                first => Ok(vec![Detection {
                    text: Private::new(first.to_string()),
                    corners: [
                        corner(0.0, 0.0),
                        corner(2.0, 0.0),
                        corner(2.0, 2.0),
                        corner(0.0, 2.0),
                    ],
                }]),
            }
        }
    }

    fn scanned(act: Option<Act>) -> Option<String> {
        match act? {
            Act::Scan(detection) => Some(detection.text.reveal().to_owned()),
            Act::ShowOne(_) => None,
        }
    }

    #[test]
    fn a_code_is_scanned_where_it_is_in_the_upright_frame() {
        let (pusher, source) = push_source();
        let mut reader = Reader::new(source, FirstPixel);
        assert!(matches!(reader.step(), Ok(Step::Later)));
        let mut acts = Vec::new();
        for ms in [0, 50, 100] {
            let frame = Frame::new(&[7; 12], 4, 3, 4).unwrap();
            pusher.push(frame, Duration::from_millis(ms), Rotation::Quarter);
            let Ok(Step::Frame(look)) = reader.step() else {
                panic!()
            };
            assert_eq!((look.size, look.seen.as_ref().unwrap().len()), ((3, 4), 1));
            acts.extend(look.act);
        }
        let [Act::Scan(scan)] = acts.as_slice() else {
            panic!("{acts:?}")
        };
        assert_eq!(scan.corners[0], Point { x: 3.0, y: 0.0 });
        assert_eq!(scan.corners[2], Point { x: 1.0, y: 2.0 });
    }

    #[test]
    fn a_frame_that_could_not_be_read_does_not_end_a_showing() {
        let (pusher, source) = push_source();
        let mut reader = Reader::new(source, FirstPixel);
        let mut scans = Vec::new();
        for (second, first) in [(0, 7), (1, 255), (2, 255), (3, 7), (4, 0), (5, 7)] {
            let frame = [first; 4];
            let frame = Frame::new(&frame, 2, 2, 2).unwrap();
            pusher.push(frame, Duration::from_secs(second), Rotation::None);
            let Ok(Step::Frame(look)) = reader.step() else {
                panic!()
            };
            assert_eq!(look.seen.is_err(), first == 255);
            scans.extend(scanned(look.act));
        }
        assert_eq!(scans, ["7"]);
    }

    #[test]
    fn what_was_shown_before_a_source_fails_is_scanned() {
        let (pusher, source) = push_source();
        let mut reader = Reader::new(source, FirstPixel);
        pusher.trouble(DeviceError::Busy);
        assert!(matches!(reader.step(), Ok(Step::Trouble(_))));
        let frame = Frame::new(&[9; 4], 2, 2, 2).unwrap();
        pusher.push(frame, Duration::ZERO, Rotation::None);
        pusher.fail(DeviceError::NoFormat);
        assert!(matches!(reader.step(), Ok(Step::Frame(_))));
        let Ok(Step::Cut(act)) = reader.step() else {
            panic!()
        };
        assert_eq!(scanned(act).as_deref(), Some("9"));
        assert_eq!(reader.step().unwrap_err().code(), "camera_format");
        assert!(matches!(reader.step(), Ok(Step::End(None))));
    }
}
