//! Pictures, one after the other, as a source of frames.

use std::time::Duration;

use super::frame::LumaFrame;
use super::picture::PictureError;
use super::source::{Captured, FrameSource, Next, Rotation, SourceError};

/// Pictures as frames, a second apart. Each is a showing of its own: a [`Next::Cut`] follows it, also
/// where it could not be opened, so that whoever counts them knows which picture is meant.
#[derive(Debug)]
pub struct Pictures<I> {
    pictures: I,
    current: Option<LumaFrame>,
    cut: bool,
    time: Duration,
}

impl<I: Iterator<Item = Result<LumaFrame, PictureError>>> Pictures<I> {
    /// The pictures that `pictures` opens, one at a time.
    pub fn new(pictures: impl IntoIterator<IntoIter = I>) -> Self {
        Self {
            pictures: pictures.into_iter(),
            current: None,
            cut: false,
            time: Duration::ZERO,
        }
    }
}

impl<I: Iterator<Item = Result<LumaFrame, PictureError>>> FrameSource for Pictures<I> {
    fn poll(&mut self) -> Result<Next<'_>, SourceError> {
        if std::mem::take(&mut self.cut) {
            return Ok(Next::Cut);
        }
        let Some(picture) = self.pictures.next() else {
            return Ok(Next::End);
        };
        self.cut = true;
        self.time = self.time.saturating_add(Duration::from_secs(1));
        match picture {
            Ok(picture) => Ok(Next::Frame(Captured {
                frame: self.current.insert(picture).as_frame(),
                time: self.time,
                rotation: Rotation::None,
            })),
            Err(error) => Ok(Next::Trouble(error.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_ends_with_a_cut_also_one_that_does_not_open() {
        let picture = || LumaFrame::new(vec![0; 4], 2, 2).map_err(PictureError::from);
        let damaged = Err(PictureError::UnknownFormat);
        let mut source = Pictures::new([picture(), damaged, picture()]);
        let mut told = String::new();
        loop {
            told.push(match source.poll().unwrap() {
                Next::Frame(_) => 'F',
                Next::Trouble(_) => 'T',
                Next::Cut => '|',
                Next::Later => '.',
                Next::End => break,
            });
        }
        assert_eq!(told, "F|T|F|");
    }
}
