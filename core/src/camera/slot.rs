//! The one place between whoever captures frames and whoever reads them: the newest frame wins.
//!
//! A phone's camera callback or a capture thread pushes; the reader takes what is newest. There is no
//! queue: a queue that fills while a decoder thinks shows the gate the past. Three buffers go round
//! (one is written, one waits, one is read), so nothing is allocated once they have their size, and
//! neither side ever waits for the other's work on pixels.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::frame::{Frame, FrameError};
use super::source::{Captured, FrameSource, Next, Rotation, SourceError};

/// A picture without padding, in a buffer that is used again.
#[derive(Default)]
struct Buffer {
    luma: Vec<u8>,
    width: u32,
    height: u32,
    time: Duration,
    rotation: Rotation,
}

#[derive(Default)]
struct Slot {
    waiting: Option<Buffer>,
    spare: Vec<Buffer>,
    trouble: Option<SourceError>,
    ended: Option<Result<(), SourceError>>,
    senders: usize,
    missed: u64,
}

/// Pushes frames, from any thread. Its clones push into the same place; the source ends when all are
/// dropped.
pub struct FramePusher(Arc<Mutex<Slot>>);

/// The frames that were pushed, each at most once.
pub struct PushSource {
    slot: Arc<Mutex<Slot>>,
    reading: Buffer,
}

/// Where frames are pushed, and the source that has them.
#[must_use]
pub fn push_source() -> (FramePusher, PushSource) {
    let slot = Arc::new(Mutex::new(Slot {
        senders: 1,
        ..Slot::default()
    }));
    let source = PushSource {
        slot: Arc::clone(&slot),
        reading: Buffer::default(),
    };
    (FramePusher(slot), source)
}

/// Whoever panicked holding it only moved whole buffers.
fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FramePusher {
    /// Takes a copy of a frame in place of one that was not fetched yet.
    pub fn push(&self, frame: Frame<'_>, time: Duration, rotation: Rotation) {
        // A frame is always a frame.
        let _ = self.push_with(time, rotation, |luma| {
            frame.rows().for_each(|row| luma.extend_from_slice(row));
            Ok::<_, FrameError>((frame.width(), frame.height()))
        });
    }

    /// Lets `fill` write a frame's luma, without padding, into an empty buffer and say width and
    /// height. Readers are not held up meanwhile.
    ///
    /// # Errors
    /// That of `fill`, or [`FrameError`] if what it wrote is not what it said. The frame before it is
    /// still there then.
    pub fn push_with<E: From<FrameError>>(
        &self,
        time: Duration,
        rotation: Rotation,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(u32, u32), E>,
    ) -> Result<(), E> {
        let mut buffer = lock(&self.0).spare.pop().unwrap_or_default();
        buffer.luma.clear();
        let filled = fill(&mut buffer.luma).and_then(|(width, height)| {
            Frame::new(&buffer.luma, width, height, width as usize)?;
            Ok((width, height))
        });
        let mut slot = lock(&self.0);
        match filled {
            Ok((width, height)) => {
                (buffer.width, buffer.height) = (width, height);
                (buffer.time, buffer.rotation) = (time, rotation);
                slot.trouble = None;
                if let Some(missed) = slot.waiting.replace(buffer) {
                    slot.missed = slot.missed.saturating_add(1);
                    slot.spare.push(missed);
                }
                Ok(())
            }
            Err(error) => {
                slot.spare.push(buffer);
                Err(error)
            }
        }
    }

    /// Says that frames fail to come for now, and why.
    pub fn trouble(&self, error: impl Into<SourceError>) {
        lock(&self.0).trouble = Some(error.into());
    }

    /// Says that none comes any more, and why.
    pub fn fail(&self, error: impl Into<SourceError>) {
        lock(&self.0).ended = Some(Err(error.into()));
    }

    /// Whether somebody still reads.
    #[must_use]
    pub fn is_read(&self) -> bool {
        let pushers = lock(&self.0).senders;
        Arc::strong_count(&self.0) > pushers
    }
}

impl Clone for FramePusher {
    fn clone(&self) -> Self {
        lock(&self.0).senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for FramePusher {
    fn drop(&mut self) {
        let mut slot = lock(&self.0);
        slot.senders = slot.senders.saturating_sub(1);
        if slot.senders == 0 && slot.ended.is_none() {
            slot.ended = Some(Ok(()));
        }
    }
}

impl PushSource {
    /// Frames that nobody fetched before the next one came.
    #[must_use]
    pub fn missed(&self) -> u64 {
        lock(&self.slot).missed
    }
}

impl FrameSource for PushSource {
    fn poll(&mut self) -> Result<Next<'_>, SourceError> {
        let mut slot = lock(&self.slot);
        if let Some(newest) = slot.waiting.take() {
            let read = mem::replace(&mut self.reading, newest);
            slot.spare.push(read);
            drop(slot);
            let Buffer { width, height, .. } = self.reading;
            return Ok(Next::Frame(Captured {
                frame: Frame::new(&self.reading.luma, width, height, width as usize)?,
                time: self.reading.time,
                rotation: self.reading.rotation,
            }));
        }
        if let Some(trouble) = slot.trouble.take() {
            return Ok(Next::Trouble(trouble));
        }
        match slot.ended.take() {
            None => Ok(Next::Later),
            Some(ended) => {
                slot.ended = Some(Ok(()));
                ended.map(|()| Next::End)
            }
        }
    }
}

impl std::fmt::Debug for FramePusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FramePusher")
    }
}

impl std::fmt::Debug for PushSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushSource")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::device::DeviceError;
    use proptest::prelude::*;

    fn push(pusher: &FramePusher, grey: u8) {
        let frame = Frame::new(&[grey, grey, 0, grey, grey], 2, 2, 3).map(|frame| {
            pusher.push(frame, Duration::from_millis(grey.into()), Rotation::Quarter);
        });
        frame.unwrap();
    }

    fn fetch(source: &mut PushSource) -> Option<u8> {
        match source.poll().unwrap() {
            Next::Frame(captured) => {
                assert_eq!(captured.rotation, Rotation::Quarter);
                let rows: Vec<&[u8]> = captured.frame.rows().collect();
                let grey = rows[0][0];
                assert_eq!(rows, [[grey; 2]; 2]);
                assert_eq!(captured.time, Duration::from_millis(grey.into()));
                Some(grey)
            }
            Next::Later => None,
            other @ (Next::Cut | Next::Trouble(_) | Next::End) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_frame_wins_and_comes_once() {
        let (pusher, mut source) = push_source();
        assert_eq!(fetch(&mut source), None);
        for grey in 1..=5 {
            push(&pusher, grey);
        }
        assert_eq!(fetch(&mut source), Some(5));
        assert_eq!(fetch(&mut source), None);
        assert_eq!(source.missed(), 4);
    }

    #[test]
    fn three_buffers_go_round() {
        let (pusher, mut source) = push_source();
        for grey in 0..100 {
            push(&pusher, grey);
            if grey % 3 == 0 {
                fetch(&mut source);
            }
        }
        assert!(lock(&source.slot).spare.len() <= 3);
    }

    #[test]
    fn a_frame_that_is_not_what_was_said_leaves_the_one_before() {
        let (pusher, mut source) = push_source();
        push(&pusher, 7);
        let short = |luma: &mut Vec<u8>| {
            luma.push(1);
            Ok((2, 2))
        };
        let refused: Result<(), FrameError> =
            pusher.push_with(Duration::ZERO, Rotation::None, short);
        assert!(refused.is_err());
        assert_eq!(fetch(&mut source), Some(7));
    }

    #[test]
    fn trouble_is_told_once_and_forgotten_when_frames_come_again() {
        let (pusher, mut source) = push_source();
        pusher.trouble(DeviceError::Unplugged);
        assert!(matches!(source.poll(), Ok(Next::Trouble(_))));
        assert_eq!(fetch(&mut source), None);
        pusher.trouble(DeviceError::Unplugged);
        push(&pusher, 1);
        assert_eq!(fetch(&mut source), Some(1));
        assert_eq!(fetch(&mut source), None);
    }

    #[test]
    fn the_last_frame_is_read_before_the_end_and_the_reason_is_told() {
        let (pusher, mut source) = push_source();
        let other = pusher.clone();
        push(&pusher, 1);
        drop(pusher);
        push(&other, 2);
        other.fail(DeviceError::NoFormat);
        drop(other);
        assert_eq!(fetch(&mut source), Some(2));
        assert!(source.poll().is_err());
        assert!(matches!(source.poll(), Ok(Next::End)));
    }

    #[test]
    fn whoever_pushes_knows_whether_somebody_reads() {
        let (pusher, source) = push_source();
        let other = pusher.clone();
        assert!(pusher.is_read() && other.is_read());
        drop(source);
        assert!(!pusher.is_read() && !other.is_read());
    }

    #[test]
    fn frames_from_several_threads_are_never_mixed() {
        let (pusher, mut source) = push_source();
        std::thread::scope(|scope| {
            for grey in [10, 20, 30] {
                let pusher = pusher.clone();
                scope.spawn(move || (0..200).for_each(|_| push(&pusher, grey)));
            }
            drop(pusher);
            loop {
                match source.poll().unwrap() {
                    Next::Frame(captured) => {
                        let pixels = captured.frame.rows().flatten();
                        let mut greys: Vec<u8> = pixels.copied().collect();
                        greys.dedup();
                        assert_eq!(greys.len(), 1);
                    }
                    Next::End => break,
                    Next::Later | Next::Cut | Next::Trouble(_) => std::thread::yield_now(),
                }
            }
        });
    }

    proptest! {
        #[test]
        fn what_is_fetched_is_always_the_last_one_pushed(steps in proptest::collection::vec(any::<Option<u8>>(), 0..60)) {
            let (pusher, mut source) = push_source();
            let mut newest = None;
            for step in steps {
                match step {
                    Some(grey) => {
                        push(&pusher, grey);
                        newest = Some(grey);
                    }
                    None => prop_assert_eq!(fetch(&mut source), newest.take()),
                }
            }
        }
    }
}
