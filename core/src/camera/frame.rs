//! Grey pictures as decoders take them: one byte of luma per pixel, 0 black, 255 white.

use thiserror::Error;

/// The longest side a frame may have, in pixels: phone cameras of 50 megapixels fit.
pub const MAX_SIDE: u32 = 8_192;

/// The most pixels a frame may have (8192 × 6144).
pub const MAX_PIXELS: u64 = 8_192 * 6_144;

/// Why luma bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// No pixel at all.
    #[error("the picture is {width} × {height} pixels: nothing to read")]
    Empty {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// More than [`MAX_SIDE`] or [`MAX_PIXELS`].
    #[error("the picture is {width} × {height} pixels: more than can be read")]
    TooLarge {
        /// Pixels in a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Rows would overlap.
    #[error("rows of {width} pixels cannot start every {stride} bytes")]
    Stride {
        /// Pixels in a row.
        width: u32,
        /// Bytes from the start of one row to the start of the next.
        stride: usize,
    },
    /// The bytes do not fill the picture, or are more than it has.
    #[error("the picture needs {needed} bytes and has {found}")]
    Length {
        /// Bytes that the sizes ask for, padding after the last row left out.
        needed: usize,
        /// Bytes given.
        found: usize,
    },
}

/// A borrowed grey picture. Rows may be padded, as camera drivers leave them.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    luma: &'a [u8],
    width: u32,
    height: u32,
    stride: usize,
}

impl<'a> Frame<'a> {
    /// Checks sizes once, so that nothing behind a frame has to.
    ///
    /// `stride` is the number of bytes from the start of one row to the start of the next. The
    /// padding of the last row may be missing: drivers differ.
    ///
    /// # Errors
    /// [`FrameError`] if a size is zero or too large, rows overlap, or the length does not match.
    pub fn new(luma: &'a [u8], width: u32, height: u32, stride: usize) -> Result<Self, FrameError> {
        check_size(width, height)?;
        // Both sides are bounded above, so u32 → usize loses nothing on any platform.
        let (row, rows) = (width as usize, height as usize);
        if stride < row {
            return Err(FrameError::Stride { width, stride });
        }
        let found = luma.len();
        let last_row = stride.checked_mul(rows - 1);
        let Some(needed) = last_row.and_then(|start| start.checked_add(row)) else {
            return Err(FrameError::Length {
                needed: usize::MAX,
                found,
            });
        };
        if found < needed || found > needed.saturating_add(stride - row) {
            return Err(FrameError::Length { needed, found });
        }
        Ok(Self {
            luma,
            width,
            height,
            stride,
        })
    }

    /// Pixels in a row; at least 1.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows; at least 1.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The rows from top to bottom, without padding.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let width = self.width as usize;
        self.luma
            .chunks(self.stride)
            .filter_map(move |row| row.get(..width))
    }

    /// The part of the picture inside of a rectangle given by its left, top, right and bottom edge; what
    /// lies outside of the picture is left out. None if nothing remains.
    pub(super) fn part(&self, [left, top, right, bottom]: [u32; 4]) -> Option<Self> {
        let (right, bottom) = (right.min(self.width), bottom.min(self.height));
        let (width, height) = (right.checked_sub(left)?, bottom.checked_sub(top)?);
        let start = top as usize * self.stride + left as usize;
        let length = (height as usize).checked_sub(1)? * self.stride + width as usize;
        let luma = self.luma.get(start..start.checked_add(length)?)?;
        Self::new(luma, width, height, self.stride).ok()
    }

    /// The luma at a place, interpolated between the middles of pixels; outside of the picture, that
    /// of its nearest edge.
    pub(super) fn luma_at(&self, x: f32, y: f32) -> f32 {
        // In this order not-a-number becomes 0; `clamp` would keep it.
        let x = (x - 0.5).max(0.0).min(self.width as f32 - 1.0);
        let y = (y - 0.5).max(0.0).min(self.height as f32 - 1.0);
        let (column, row) = (x as usize, y as usize);
        let (right, down) = (x - column as f32, y - row as f32);
        let start = row * self.stride + column;
        let next = start
            + if row + 1 < self.height as usize {
                self.stride
            } else {
                0
            };
        let pair = |start: usize| {
            let left = self.luma.get(start).copied().unwrap_or(0);
            let other = if column + 1 < self.width as usize {
                start + 1
            } else {
                start
            };
            let other = self.luma.get(other).copied().unwrap_or(left);
            let (left, other) = (f32::from(left), f32::from(other));
            left + (other - left) * right
        };
        let (above, below) = (pair(start), pair(next));
        above + (below - above) * down
    }

    /// The picture at half of its size, as [`Frame::shrunk`] would make it, and faster.
    pub(super) fn halved(&self) -> Option<LumaFrame> {
        let (width, height) = (self.width / 2, self.height / 2);
        let columns = width as usize * 2;
        let mut sums = vec![0_u16; columns];
        let mut luma = Vec::with_capacity(width as usize * height as usize);
        let mut rows = self.rows();
        while let (Some(upper), Some(lower)) = (rows.next(), rows.next()) {
            for ((sum, &a), &b) in sums.iter_mut().zip(upper).zip(lower) {
                *sum = u16::from(a) + u16::from(b);
            }
            // A mean of bytes is a byte.
            luma.extend(
                sums.chunks_exact(2)
                    .map(|pair| (pair.iter().sum::<u16>() / 4) as u8),
            );
        }
        LumaFrame::new(luma, width, height).ok()
    }

    /// The picture at one `factor`-th of its size, without padding. Each pixel is the mean of
    /// `factor` × `factor` pixels; what does not fill a pixel at the right and bottom is left out.
    ///
    /// `None` if nothing would remain.
    #[must_use]
    pub fn shrunk(&self, factor: u32) -> Option<LumaFrame> {
        let (width, height) = (
            self.width.checked_div(factor)?,
            self.height.checked_div(factor)?,
        );
        if factor == 1 {
            let luma = self.rows().collect::<Vec<_>>().concat();
            return LumaFrame::new(luma, width, height).ok();
        }
        let (step, area) = (factor as usize, u64::from(factor) * u64::from(factor));
        let mut sums = vec![0_u64; width as usize];
        let mut luma = Vec::with_capacity(width as usize * height as usize);
        for (y, row) in self.rows().take(height as usize * step).enumerate() {
            for (sum, cell) in sums.iter_mut().zip(row.chunks_exact(step)) {
                *sum += cell.iter().map(|&pixel| u64::from(pixel)).sum::<u64>();
            }
            if (y + 1) % step == 0 {
                // A mean of bytes is a byte.
                luma.extend(sums.iter().map(|sum| (sum / area) as u8));
                sums.fill(0);
            }
        }
        LumaFrame::new(luma, width, height).ok()
    }
}

/// Sizes only: what a picture shows is nobody's business in a log.
impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Frame({} × {}, stride {})",
            self.width, self.height, self.stride
        )
    }
}

/// A grey picture that owns its bytes; rows are not padded.
#[derive(Clone, PartialEq, Eq)]
pub struct LumaFrame {
    luma: Vec<u8>,
    width: u32,
    height: u32,
}

impl LumaFrame {
    /// Takes the bytes of a picture without padding.
    ///
    /// # Errors
    /// [`FrameError`] as [`Frame::new`].
    pub fn new(luma: Vec<u8>, width: u32, height: u32) -> Result<Self, FrameError> {
        Frame::new(&luma, width, height, width as usize)?;
        Ok(Self {
            luma,
            width,
            height,
        })
    }

    /// The picture, borrowed.
    #[must_use]
    pub fn as_frame(&self) -> Frame<'_> {
        Frame {
            luma: &self.luma,
            width: self.width,
            height: self.height,
            stride: self.width as usize,
        }
    }

    /// Pixels in a row.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The luma bytes, row by row.
    #[must_use]
    pub fn luma(&self) -> &[u8] {
        &self.luma
    }
}

/// Sizes only: what a picture shows is nobody's business in a log.
impl std::fmt::Debug for LumaFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LumaFrame({} × {})", self.width, self.height)
    }
}

/// Refuses sizes that no decoder is asked to work on.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), FrameError> {
    if width == 0 || height == 0 {
        return Err(FrameError::Empty { width, height });
    }
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(FrameError::TooLarge { width, height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_pixels_is_refused() {
        assert!(matches!(
            Frame::new(&[], 0, 4, 0),
            Err(FrameError::Empty { .. })
        ));
        assert!(matches!(
            Frame::new(&[], 4, 0, 4),
            Err(FrameError::Empty { .. })
        ));
    }

    #[test]
    fn a_frame_beyond_the_bounds_is_refused_before_its_bytes_are_looked_at() {
        for (width, height) in [(MAX_SIDE + 1, 1), (1, u32::MAX), (8_192, 8_192)] {
            let refused = Frame::new(&[], width, height, width as usize);
            assert_eq!(refused.unwrap_err(), FrameError::TooLarge { width, height });
        }
    }

    #[test]
    fn a_stride_of_zero_or_shorter_than_a_row_is_refused() {
        for stride in [0, 3] {
            let refused = Frame::new(&[0; 16], 4, 4, stride).unwrap_err();
            assert_eq!(refused, FrameError::Stride { width: 4, stride });
        }
    }

    #[test]
    fn a_stride_that_overflows_is_refused() {
        let refused = Frame::new(&[0; 16], 4, 4, usize::MAX).unwrap_err();
        assert!(matches!(refused, FrameError::Length { found: 16, .. }));
    }

    #[test]
    fn bytes_that_do_not_match_the_sizes_are_refused() {
        // 3 rows of 4 pixels, a row every 6 bytes: 16 bytes, or 18 with the last padding.
        for found in [0, 15, 19] {
            let refused = Frame::new(&vec![0; found], 4, 3, 6).unwrap_err();
            assert_eq!(refused, FrameError::Length { needed: 16, found });
        }
        for found in [16, 18] {
            assert_eq!(
                Frame::new(&vec![0; found], 4, 3, 6).unwrap().rows().count(),
                3
            );
        }
    }

    #[test]
    fn padding_is_no_part_of_a_picture() {
        let frame = Frame::new(&[1, 2, 99, 3, 4, 99], 2, 2, 3).unwrap();
        assert_eq!(frame.shrunk(1).unwrap().luma(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_part_has_the_pixels_of_its_rectangle() {
        let luma: Vec<u8> = (0..20).collect();
        let frame = Frame::new(&luma, 4, 4, 5).unwrap();
        let part = frame.part([1, 2, 3, 9]).unwrap();
        assert_eq!(part.shrunk(1).unwrap().luma(), [11, 12, 16, 17]);
        for empty in [[2, 2, 2, 4], [3, 0, 1, 4], [4, 4, 9, 9]] {
            assert!(frame.part(empty).is_none());
        }
    }

    #[test]
    fn half_a_picture_is_the_same_either_way() {
        let luma: Vec<u8> = (0..35).map(|i| (i * 37 % 256) as u8).collect();
        let frame = Frame::new(&luma, 7, 5, 7).unwrap();
        assert_eq!(frame.halved(), frame.shrunk(2));
    }

    #[test]
    fn luma_between_pixels_is_interpolated() {
        let frame = Frame::new(&[0, 100, 200, 100], 2, 2, 2).unwrap();
        assert!((frame.luma_at(1.0, 0.5) - 50.0).abs() < 0.01);
        assert!((frame.luma_at(1.0, 1.0) - 100.0).abs() < 0.01);
        assert!((frame.luma_at(-9.0, 9.0) - 200.0).abs() < 0.01);
        assert!(frame.luma_at(f32::NAN, f32::INFINITY).is_finite());
    }

    #[test]
    fn a_shrunk_pixel_is_the_mean_of_its_cell() {
        let frame = LumaFrame::new(vec![0, 10, 255, 20, 30, 255, 7, 7, 7], 3, 3).unwrap();
        let half = frame.as_frame().shrunk(2).unwrap();
        assert_eq!(
            (half.width(), half.height(), half.luma()),
            (1, 1, [15].as_slice())
        );
    }

    #[test]
    fn nothing_remains_of_a_picture_smaller_than_the_factor() {
        let frame = LumaFrame::new(vec![0], 1, 1).unwrap();
        assert!(frame.as_frame().shrunk(2).is_none());
        assert!(frame.as_frame().shrunk(0).is_none());
    }
}
