//! What cameras send, as luma alone: codes are black on white, colours say nothing about them.

use thiserror::Error;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::frame::{FrameError, MAX_SIDE, check_size};

/// How a camera stores the pixels of a frame. Rows are not padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// One byte of luma a pixel.
    Grey,
    /// Luma and chroma in turn: Y U Y V. Also called YUY2.
    Yuyv,
    /// Chroma and luma in turn: U Y V Y.
    Uyvy,
    /// All luma, then chroma at half the width and height: NV12, NV21, I420 and YV12 alike.
    Planar420,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// A JPEG picture for each frame.
    Mjpeg,
}

/// Why bytes of a camera are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LumaError {
    /// Fewer or more bytes than the format has at these sizes.
    #[error("the camera's picture needs {needed} bytes and has {found}")]
    Length {
        /// Bytes that the format asks for.
        needed: usize,
        /// Bytes that came.
        found: usize,
    },
    /// The JPEG picture is damaged, or of a kind that no camera sends.
    #[error("the camera's JPEG picture is damaged")]
    Jpeg,
    /// The sizes make no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Writes the luma of a frame, without padding, into `luma`, whose content is replaced. Returns its
/// width and height: those of the picture itself for [`PixelFormat::Mjpeg`], else the ones given.
///
/// # Errors
/// [`LumaError`] if the bytes are not what the format says.
pub fn luma_of(
    format: PixelFormat,
    bytes: &[u8],
    (width, height): (u32, u32),
    luma: &mut Vec<u8>,
) -> Result<(u32, u32), LumaError> {
    if format == PixelFormat::Mjpeg {
        return jpeg(bytes, luma);
    }
    check_size(width, height)?;
    let (row, rows) = (width as usize, height as usize);
    let pixels = row * rows;
    let needed = match format {
        PixelFormat::Grey | PixelFormat::Mjpeg => pixels,
        // Two pixels share their chroma; an odd one at the end has its own.
        PixelFormat::Yuyv | PixelFormat::Uyvy => row.div_ceil(2) * 4 * rows,
        PixelFormat::Planar420 => pixels + 2 * row.div_ceil(2) * rows.div_ceil(2),
        PixelFormat::Rgb | PixelFormat::Bgr => pixels * 3,
    };
    let found = bytes.len();
    // Drivers round their buffers up; what lies behind the picture is nobody's.
    let bytes = bytes
        .get(..needed)
        .ok_or(LumaError::Length { needed, found })?;
    luma.clear();
    match format {
        PixelFormat::Grey | PixelFormat::Planar420 | PixelFormat::Mjpeg => {
            luma.extend(bytes.iter().take(pixels));
        }
        PixelFormat::Yuyv => packed(bytes, row, |[y, _]| y, luma),
        PixelFormat::Uyvy => packed(bytes, row, |[_, y]| y, luma),
        PixelFormat::Rgb => luma.extend(coloured(bytes, |[red, green, blue]| [red, green, blue])),
        PixelFormat::Bgr => luma.extend(coloured(bytes, |[blue, green, red]| [red, green, blue])),
    }
    Ok((width, height))
}

fn packed(bytes: &[u8], row: usize, pick: fn([u8; 2]) -> u8, luma: &mut Vec<u8>) {
    for bytes in bytes.chunks_exact(row.div_ceil(2) * 4) {
        let (pixels, _) = bytes.as_chunks::<2>();
        luma.extend(pixels.iter().take(row).map(|pixel| pick(*pixel)));
    }
}

/// Luma by the weights of ITU-R BT.601, in 256ths.
fn coloured(bytes: &[u8], order: fn([u8; 3]) -> [u8; 3]) -> impl Iterator<Item = u8> {
    let (pixels, _) = bytes.as_chunks::<3>();
    pixels.iter().map(move |pixel| {
        let [red, green, blue] = order(*pixel).map(u32::from);
        // The weights add up to 256.
        ((red * 77 + green * 150 + blue * 29) >> 8) as u8
    })
}

/// Marks a JPEG picture as one of a Motion JPEG stream, so that the decoder knows the Huffman tables
/// that most webcams leave out (an APP0 segment `AVI1`, as files of that kind have it).
const MJPEG_MARK: [u8; 18] = *b"\xff\xe0\x00\x10AVI1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/// The first two bytes of every JPEG picture.
const START: &[u8] = b"\xff\xd8";

fn jpeg(bytes: &[u8], luma: &mut Vec<u8>) -> Result<(u32, u32), LumaError> {
    let rest = bytes.strip_prefix(START).ok_or(LumaError::Jpeg)?;
    let marked = [START, &MJPEG_MARK, rest].concat();
    let side = MAX_SIDE as usize;
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side)
        .jpeg_set_max_scans(1)
        .jpeg_set_out_colorspace(ColorSpace::Luma);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(marked.as_slice()), options);
    decoder.decode_headers().map_err(|_| LumaError::Jpeg)?;
    let (width, height) = decoder
        .info()
        .map_or((0, 0), |info| (info.width, info.height));
    let (width, height) = (u32::from(width), u32::from(height));
    check_size(width, height)?;
    let pixels = width as usize * height as usize;
    // Anything else than one byte a pixel is no luma.
    if decoder.output_buffer_size() != Some(pixels) {
        return Err(LumaError::Jpeg);
    }
    luma.clear();
    luma.resize(pixels, 0);
    decoder.decode_into(luma).map_err(|_| LumaError::Jpeg)?;
    Ok((width, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat, RgbImage};
    use proptest::prelude::*;
    use std::io::Cursor;

    fn luma(format: PixelFormat, bytes: &[u8], size: (u32, u32)) -> Result<Vec<u8>, LumaError> {
        let mut luma = vec![99; 3];
        luma_of(format, bytes, size, &mut luma).map(|_| luma)
    }

    /// A coloured gradient as JPEG.
    fn picture(width: u32, height: u32) -> (RgbImage, Vec<u8>) {
        let colour = |x: u32, y: u32| image::Rgb([(x * 3) as u8, (y * 5) as u8, (x + y) as u8]);
        let picture = RgbImage::from_fn(width, height, colour);
        let mut file = Cursor::new(Vec::new());
        let whole = DynamicImage::from(picture.clone());
        whole.write_to(&mut file, ImageFormat::Jpeg).unwrap();
        (picture, file.into_inner())
    }

    /// Without its Huffman tables (marker FFC4), as webcams send it.
    fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let (mut kept, mut at) = (jpeg[..2].to_vec(), 2);
        while jpeg[at + 1] != 0xda {
            let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])) + 2;
            if jpeg[at + 1] != 0xc4 {
                kept.extend(&jpeg[at..at + length]);
            }
            at += length;
        }
        kept.extend(&jpeg[at..]);
        kept
    }

    #[test]
    fn luma_is_picked_from_between_the_colours() {
        use PixelFormat::{Bgr, Grey, Planar420, Rgb, Uyvy, Yuyv};
        assert_eq!(luma(Grey, &[1, 2, 3, 4], (2, 2)).unwrap(), [1, 2, 3, 4]);
        let yuyv = [1, 0, 2, 0, 3, 0, 9, 0, 4, 0, 5, 0, 6, 0, 9, 0];
        assert_eq!(luma(Yuyv, &yuyv, (3, 2)).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(luma(Uyvy, &[0, 1, 0, 2], (2, 1)).unwrap(), [1, 2]);
        let nv12 = [1, 2, 3, 4, 5, 6, 0, 0, 0, 0];
        assert_eq!(luma(Planar420, &nv12, (3, 2)).unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            luma(Rgb, &[255, 255, 255, 255, 0, 0], (2, 1)).unwrap(),
            [255, 76]
        );
        assert_eq!(
            luma(Bgr, &[255, 0, 0, 0, 255, 0], (2, 1)).unwrap(),
            [28, 149]
        );
    }

    #[test]
    fn too_few_bytes_are_refused_and_more_are_left_over() {
        for format in [
            PixelFormat::Grey,
            PixelFormat::Yuyv,
            PixelFormat::Planar420,
            PixelFormat::Rgb,
        ] {
            let short = luma(format, &[0; 11], (4, 3));
            assert!(
                matches!(short, Err(LumaError::Length { found: 11, .. })),
                "{format:?}"
            );
            assert_eq!(
                luma(format, &[7; 400], (4, 3)).unwrap().len(),
                12,
                "{format:?}"
            );
        }
        let none = luma(PixelFormat::Grey, &[], (0, 3));
        assert!(matches!(none, Err(LumaError::Frame(_))));
    }

    #[test]
    fn a_jpeg_frame_gives_its_luma_with_and_without_its_tables() {
        let (picture, whole) = picture(64, 48);
        for jpeg in [whole.clone(), without_tables(&whole)] {
            let mut luma = Vec::new();
            let size = luma_of(PixelFormat::Mjpeg, &jpeg, (1, 1), &mut luma).unwrap();
            assert_eq!(size, (64, 48));
            let grey = coloured(picture.as_raw(), |rgb| rgb);
            let off: u64 = grey
                .zip(&luma)
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum();
            assert!(off < 64 * 48 * 2, "{off}");
        }
    }

    #[test]
    fn a_jpeg_frame_that_is_cut_off_gives_an_error_or_what_there_is() {
        let (_, jpeg) = picture(64, 48);
        for length in 0..jpeg.len() {
            if let Ok(luma) = luma(PixelFormat::Mjpeg, &jpeg[..length], (64, 48)) {
                assert_eq!(luma.len(), 64 * 48);
            }
        }
    }

    #[test]
    fn a_jpeg_frame_larger_than_any_camera_is_refused_by_its_header() {
        let (_, mut jpeg) = picture(64, 48);
        let frame = jpeg.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
        jpeg[frame + 5..frame + 9].fill(0xff);
        assert!(luma(PixelFormat::Mjpeg, &jpeg, (64, 48)).is_err());
    }

    proptest! {
        #[test]
        fn damaged_frames_never_panic(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        ) {
            let (_, mut jpeg) = picture(40, 24);
            for (place, byte) in damage {
                let place = place.index(jpeg.len());
                jpeg[place] = byte;
            }
            let mut luma = Vec::new();
            if let Ok((width, height)) = luma_of(PixelFormat::Mjpeg, &jpeg, (40, 24), &mut luma) {
                prop_assert_eq!(luma.len(), (width * height) as usize);
            }
        }

        #[test]
        fn any_bytes_in_any_format_are_luma_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            width in 0_u32..20,
            height in 0_u32..20,
        ) {
            use PixelFormat::{Bgr, Grey, Mjpeg, Planar420, Rgb, Uyvy, Yuyv};
            for format in [Grey, Yuyv, Uyvy, Planar420, Rgb, Bgr, Mjpeg] {
                if let Ok(luma) = luma(format, &bytes, (width, height)) {
                    prop_assert_eq!(luma.len(), (width * height) as usize);
                }
            }
        }
    }
}
