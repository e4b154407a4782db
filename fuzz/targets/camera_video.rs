//! A video file: whatever stands in it, frames come and then an end or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_core::camera::{FrameSource, Next, Pace, Y4mVideo};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut video) = Y4mVideo::open(bytes, Pace::EveryFrame) {
        while let Ok(Next::Frame(captured)) = video.poll() {
            assert_eq!(
                captured.frame.rows().count(),
                captured.frame.height() as usize
            );
        }
    }
});
