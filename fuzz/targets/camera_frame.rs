//! What a webcam sends in any of its formats: the first byte says which, the next two the size.

#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_core::camera::{PixelFormat, luma_of};

fuzz_target!(|bytes: &[u8]| {
    let [format, width, height, frame @ ..] = bytes else {
        return;
    };
    let format = match format % 8 {
        0 => PixelFormat::Grey,
        1 => PixelFormat::Yuyv,
        2 => PixelFormat::Uyvy,
        3 => PixelFormat::Planar420,
        4 => PixelFormat::Rgb,
        5 => PixelFormat::Bgr,
        _ => PixelFormat::Mjpeg,
    };
    let mut luma = Vec::new();
    if let Ok((width, height)) = luma_of(
        format,
        frame,
        ((*width).into(), (*height).into()),
        &mut luma,
    ) {
        assert_eq!(luma.len(), width as usize * height as usize);
    }
});
