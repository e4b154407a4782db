//! Uncompressed videos (YUV4MPEG2, `.y4m`) as frames: what `ffmpeg` and `mjpegtools` write.
//!
//! A line of parameters, then frames: each a line that begins with `FRAME`, then the planes. Luma
//! comes first and is all that is kept. The format is described in the manual page yuv4mpeg(5) of
//! mjpegtools; the chroma names beyond it are those of ffmpeg's `libavformat/yuv4mpegdec.c`.

use std::io::{self, Read};
use std::time::Duration;

use thiserror::Error;

use super::frame::{Frame, FrameError, check_size};
use super::source::{Captured, FrameSource, Next, Rotation, SourceError};

/// The longest line of parameters that is read. Real ones have some 60 characters.
const LINE_MAX: usize = 1_024;

/// Frames per second where the file does not say.
const RATE_UNKNOWN: Rate = Rate { num: 25, den: 1 };

/// Why a file is no video that can be read.
#[derive(Debug, Error)]
pub enum VideoError {
    /// It does not begin as one.
    #[error("the file is no YUV4MPEG2 video (.y4m)")]
    NotAVideo,
    /// Width or height is missing, or a parameter is not what it should be.
    #[error("the video's parameter {0} is missing or wrong")]
    Parameter(char),
    /// A way to store colours that is not known.
    #[error("the video stores its colours in a way that is not known")]
    Chroma,
    /// Its sizes make no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The file ends inside of a frame.
    #[error("the video is cut off in frame {0}")]
    CutOff(u64),
    /// Something else stands where a frame should begin.
    #[error("frame {0} of the video does not begin where it should")]
    Damaged(u64),
    /// Reading failed.
    #[error("the video cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// How fast a video goes.
pub enum Pace {
    /// Every frame, as soon as it is asked for.
    EveryFrame,
    /// As it was filmed: the newest frame that is due by this clock, which shows how long the video has
    /// been running. Frames before it are skipped, as a camera's would be.
    ByClock(Box<dyn Fn() -> Duration + Send>),
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::EveryFrame => "EveryFrame",
            Self::ByClock(_) => "ByClock",
        })
    }
}

/// Frames per second as a fraction; neither part is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    num: u32,
    den: u32,
}

impl Rate {
    /// When frame `number` is shown.
    fn time(self, number: u64) -> Duration {
        let nanos = u128::from(number) * u128::from(self.den) * 1_000_000_000;
        let nanos = nanos / u128::from(self.num);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Bytes of the planes behind the luma of one frame, and of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    chroma_samples: u64,
    sample: Sample,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sample {
    Byte,
    /// Little endian in two bytes, with this many bits.
    Word {
        bits: u32,
    },
}

impl Sample {
    const fn bytes(self) -> usize {
        match self {
            Self::Byte => 1,
            Self::Word { .. } => 2,
        }
    }
}

/// A video that is read while it runs; one frame is in memory.
#[derive(Debug)]
pub struct Y4mVideo<R> {
    from: R,
    width: u32,
    height: u32,
    rate: Rate,
    layout: Layout,
    pace: Pace,
    /// The number of the frame that comes next in the file, from 0.
    next: u64,
    /// The line before its planes was read already.
    begun: bool,
    luma: Vec<u8>,
    wide: Vec<u8>,
}

impl<R: Read> Y4mVideo<R> {
    /// Reads the first line. Small reads follow: `from` should be buffered.
    ///
    /// # Errors
    /// [`VideoError`] if it is no video, or one that cannot be read.
    pub fn open(mut from: R, pace: Pace) -> Result<Self, VideoError> {
        let Line::Text(line) = line(&mut from)? else {
            return Err(VideoError::NotAVideo);
        };
        let mut words = line.split(|byte| *byte == b' ');
        if words.next() != Some(b"YUV4MPEG2") {
            return Err(VideoError::NotAVideo);
        }
        let (mut width, mut height) = (None, None);
        let (mut rate, mut chroma) = (RATE_UNKNOWN, b"420jpeg".as_slice());
        for word in words {
            match word.split_first() {
                Some((b'W', value)) => width = number(value),
                Some((b'H', value)) => height = number(value),
                Some((b'F', value)) => rate = read_rate(value)?,
                Some((b'C', value)) => chroma = value,
                // Interlacing, the shape of pixels and remarks change nothing for codes.
                Some(_) | None => {}
            }
        }
        let width = width.ok_or(VideoError::Parameter('W'))?;
        let height = height.ok_or(VideoError::Parameter('H'))?;
        check_size(width, height)?;
        Ok(Self {
            from,
            width,
            height,
            rate,
            layout: layout(chroma, width.into(), height.into()).ok_or(VideoError::Chroma)?,
            pace,
            next: 0,
            begun: false,
            luma: Vec::new(),
            wide: Vec::new(),
        })
    }

    /// Width and height in pixels.
    #[must_use]
    pub const fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// How long a frame is shown.
    #[must_use]
    pub fn frame_time(&self) -> Duration {
        self.rate.time(1)
    }

    /// Reads the line before the next frame; `false` at the end of the file.
    fn begin(&mut self) -> Result<bool, VideoError> {
        if self.begun {
            return Ok(true);
        }
        match line(&mut self.from).map_err(|error| self.cut_off(error))? {
            Line::None => return Ok(false),
            Line::Text(line) if line == b"FRAME" || line.starts_with(b"FRAME ") => {}
            Line::Text(_) | Line::TooLong => return Err(VideoError::Damaged(self.next)),
        }
        self.begun = true;
        Ok(true)
    }

    fn cut_off(&self, error: io::Error) -> VideoError {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            VideoError::CutOff(self.next)
        } else {
            VideoError::Read(error)
        }
    }

    fn skip(&mut self) -> Result<(), VideoError> {
        let luma = u64::from(self.width) * u64::from(self.height);
        self.skip_samples(luma + self.layout.chroma_samples)?;
        self.advance();
        Ok(())
    }

    fn skip_samples(&mut self, samples: u64) -> Result<(), VideoError> {
        let bytes = samples * self.layout.sample.bytes() as u64;
        let skipped = io::copy(&mut self.from.by_ref().take(bytes), &mut io::sink())?;
        if skipped < bytes {
            return Err(VideoError::CutOff(self.next));
        }
        Ok(())
    }

    fn advance(&mut self) {
        self.next = self.next.saturating_add(1);
        self.begun = false;
    }

    fn read(&mut self) -> Result<(), VideoError> {
        let pixels = self.width as usize * self.height as usize;
        let read = match self.layout.sample {
            Sample::Byte => {
                self.luma.resize(pixels, 0);
                self.from.read_exact(&mut self.luma)
            }
            Sample::Word { .. } => {
                self.wide.resize(pixels * 2, 0);
                self.from.read_exact(&mut self.wide)
            }
        };
        read.map_err(|error| self.cut_off(error))?;
        if let Sample::Word { bits } = self.layout.sample {
            let (samples, _) = self.wide.as_chunks::<2>();
            let byte = |sample: &[u8; 2]| {
                let byte = u16::from_le_bytes(*sample) >> (bits - 8);
                // Bits beyond those that were announced are no brighter than white.
                u8::try_from(byte).unwrap_or(u8::MAX)
            };
            self.luma.clear();
            self.luma.extend(samples.iter().map(byte));
        }
        self.skip_samples(self.layout.chroma_samples)?;
        self.advance();
        Ok(())
    }

    /// The number of the frame to show now; none if it is not yet due, or at the end of the file.
    fn seek(&mut self) -> Result<Due, VideoError> {
        loop {
            if !self.begin()? {
                return Ok(Due::Never);
            }
            let Pace::ByClock(clock) = &self.pace else {
                return Ok(Due::Now);
            };
            let now = clock();
            if self.rate.time(self.next) > now {
                return Ok(Due::Later);
            }
            if self.rate.time(self.next.saturating_add(1)) > now {
                return Ok(Due::Now);
            }
            self.skip()?;
        }
    }
}

enum Due {
    Now,
    Later,
    Never,
}

impl<R: Read> FrameSource for Y4mVideo<R> {
    fn poll(&mut self) -> Result<Next<'_>, SourceError> {
        match self.seek()? {
            Due::Never => return Ok(Next::End),
            Due::Later => return Ok(Next::Later),
            Due::Now => {}
        }
        let time = self.rate.time(self.next);
        self.read()?;
        Ok(Next::Frame(Captured {
            frame: Frame::new(&self.luma, self.width, self.height, self.width as usize)?,
            time,
            rotation: Rotation::None,
        }))
    }
}

enum Line {
    /// The file is at its end.
    None,
    TooLong,
    Text(Vec<u8>),
}

/// The next line, without its end.
fn line(from: &mut impl Read) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match from.read_exact(&mut byte) {
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof && line.is_empty() => {
                return Ok(Line::None);
            }
            other => other?,
        }
        match byte {
            [b'\n'] => return Ok(Line::Text(line)),
            _ if line.len() == LINE_MAX => return Ok(Line::TooLong),
            [byte] => line.push(byte),
        }
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// `30:1`. `0:0` says that the rate is not known.
fn read_rate(value: &[u8]) -> Result<Rate, VideoError> {
    let mut parts = value.splitn(2, |byte| *byte == b':').map(number);
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(0), Some(0)) => Ok(RATE_UNKNOWN),
        (Some(num), Some(den)) if num != 0 && den != 0 => Ok(Rate { num, den }),
        _ => Err(VideoError::Parameter('F')),
    }
}

fn layout(chroma: &[u8], width: u64, height: u64) -> Option<Layout> {
    let chroma = std::str::from_utf8(chroma).ok()?;
    let half = |side: u64| side.div_ceil(2);
    let (family, rest) = if let Some(rest) = chroma.strip_prefix("mono") {
        ("mono", rest)
    } else {
        chroma.split_at_checked(3)?
    };
    let sample = match (family, rest) {
        // Where the chroma samples lie between the pixels is nothing to luma.
        (_, "") | ("420", "jpeg" | "paldv" | "mpeg2") | ("444", "alpha") => Sample::Byte,
        ("mono", bits) => word(bits)?,
        (_, bits) => word(bits.strip_prefix('p')?)?,
    };
    let planes = match family {
        "mono" => 0,
        "420" => 2 * half(width) * half(height),
        "422" => 2 * half(width) * height,
        "440" => 2 * width * half(height),
        "411" => 2 * width.div_ceil(4) * height,
        "410" => 2 * width.div_ceil(4) * height.div_ceil(4),
        "444" => 2 * width * height,
        _ => return None,
    };
    let alpha = if rest == "alpha" { width * height } else { 0 };
    Some(Layout {
        chroma_samples: planes + alpha,
        sample,
    })
}

fn word(bits: &str) -> Option<Sample> {
    let bits = bits.parse().ok().filter(|bits| (9..=16).contains(bits))?;
    Some(Sample::Word { bits })
}

#[cfg(test)]
mod tests;
