//! Picture files (PNG, JPEG) as frames.

use std::io::Cursor;

use image::{DynamicImage, ImageError, ImageReader, Limits};
use thiserror::Error;

use super::frame::{FrameError, LumaFrame, MAX_SIDE, check_size};

/// The most memory a picture file may ask for while it is opened: 50 megapixels with colours fit.
const MAX_ALLOCATION: u64 = 512 * 1024 * 1024;

/// Why a file could not be opened as a picture.
#[derive(Debug, Error)]
pub enum PictureError {
    /// Reading it failed.
    #[error("the picture cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Neither PNG nor JPEG.
    #[error("the file is neither a PNG nor a JPEG picture")]
    UnknownFormat,
    /// It starts like a picture and is cut off or damaged.
    #[error("the picture is cut off or damaged")]
    Damaged(#[source] ImageError),
    /// It would need more memory than a picture may.
    #[error("the picture is larger than can be read")]
    TooLarge,
    /// Its sizes make no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Opens a PNG or JPEG file. The format is told by its first bytes, not by its name.
///
/// Transparent places count as white, as every viewer shows them. How the camera was held (EXIF) is
/// ignored: codes are read in any direction.
///
/// # Errors
/// [`PictureError`] if the bytes are no picture, are damaged, or the picture is too large.
pub fn open(bytes: &[u8]) -> Result<LumaFrame, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|_| PictureError::UnknownFormat)?;
    if reader.format().is_none() {
        return Err(PictureError::UnknownFormat);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);
    let picture = reader.decode().map_err(refused)?;
    check_size(picture.width(), picture.height())?;
    let (width, height) = (picture.width(), picture.height());
    Ok(LumaFrame::new(luma_on_white(picture), width, height)?)
}

fn refused(error: ImageError) -> PictureError {
    match error {
        ImageError::Unsupported(_) => PictureError::UnknownFormat,
        ImageError::Limits(_) => PictureError::TooLarge,
        ImageError::Decoding(_)
        | ImageError::Encoding(_)
        | ImageError::Parameter(_)
        | ImageError::IoError(_) => PictureError::Damaged(error),
    }
}

fn luma_on_white(picture: DynamicImage) -> Vec<u8> {
    if !picture.color().has_alpha() {
        return picture.into_luma8().into_raw();
    }
    let pixels = picture.into_luma_alpha8();
    pixels
        .pixels()
        .map(|&image::LumaA([luma, alpha])| {
            let (luma, alpha) = (u32::from(luma), u32::from(alpha));
            // A mean of two bytes is a byte.
            ((luma * alpha + 255 * (255 - alpha)) / 255) as u8
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageFormat, LumaA, Rgba, RgbaImage};
    use proptest::prelude::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn gradient(format: ImageFormat) -> Vec<u8> {
        let picture = GrayImage::from_fn(64, 48, |x, y| image::Luma([(x * 3 + y) as u8]));
        encoded(&picture.into(), format)
    }

    #[test]
    fn a_png_and_a_jpeg_open_with_their_sizes() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let frame = open(&gradient(format)).unwrap();
            assert_eq!((frame.width(), frame.height()), (64, 48));
        }
    }

    #[test]
    fn a_file_that_is_no_picture_is_refused() {
        for bytes in [b"".as_slice(), b"USH1:ABC", b"GIF89a\x01\x00\x01\x00"] {
            assert!(matches!(open(bytes), Err(PictureError::UnknownFormat)));
        }
    }

    #[test]
    fn a_picture_cut_off_is_refused() {
        let (png, jpeg) = (gradient(ImageFormat::Png), gradient(ImageFormat::Jpeg));
        for bytes in [&png[..png.len() / 2], &png[..9], &jpeg[..40], &jpeg[..3]] {
            assert!(matches!(open(bytes), Err(PictureError::Damaged(_))));
        }
    }

    #[test]
    fn a_picture_with_too_many_pixels_is_refused_before_they_are_unpacked() {
        let mut wide = gradient(ImageFormat::Png);
        // Width in the IHDR chunk (PNG specification, 11.2.1), its CRC-32 made to fit.
        wide[16..20].copy_from_slice(&(MAX_SIDE + 1).to_be_bytes());
        let crc = crc32(&wide[12..29]);
        wide[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(matches!(open(&wide), Err(PictureError::TooLarge)));
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| {
                if crc & 1 == 1 {
                    0xEDB8_8320 ^ (crc >> 1)
                } else {
                    crc >> 1
                }
            })
        })
    }

    #[test]
    fn transparent_places_are_white() {
        let clear = RgbaImage::from_pixel(2, 2, Rgba([0, 0, 0, 0]));
        let half = image::GrayAlphaImage::from_pixel(2, 2, LumaA([0, 128]));
        for (picture, luma) in [(DynamicImage::from(clear), 255), (half.into(), 127)] {
            let frame = open(&encoded(&picture, ImageFormat::Png)).unwrap();
            assert_eq!(frame.luma(), [luma; 4]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn damaged_files_are_refused_or_opened_but_never_panic(
            jpeg in any::<bool>(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = gradient(if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png });
            for (place, value) in damage {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            let _ = open(&bytes);
        }
    }
}
