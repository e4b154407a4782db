//! Which pixels are dark, by the light around them.
//!
//! The threshold of a block of 8 × 8 pixels is the mean of the 5 × 5 blocks around it, as in ZXing's
//! hybrid binarizer; where nothing in them differs, nothing is dark. All loops run over whole rows
//! of bytes, so that the compiler makes vectors of them.

use super::frame::Frame;

/// Pixels along a side of a block.
const BLOCK: usize = 8;

/// Blocks to each side that count for a threshold.
const REACH: usize = 2;

/// Where light and dark differ by less there is no code, only noise.
const LEAST_CONTRAST: u16 = 20;

/// How dark a pixel must be to be dark: a share of the mean around it, in 128ths. What glares or is
/// over- or underexposed is told apart better off the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bias(pub u16);

impl Bias {
    /// As dark as the mean.
    pub(super) const NONE: Self = Self(128);
    /// Clearly darker than the mean.
    pub(super) const DARK: Self = Self(117);
    /// Slightly lighter than the mean is dark, too.
    pub(super) const LIGHT: Self = Self(137);
}

/// A picture of dark (1) and light (0) pixels.
#[derive(Debug)]
pub(super) struct Mask {
    dark: Vec<u8>,
    width: usize,
    height: usize,
}

impl Mask {
    /// Tells dark from light.
    pub(super) fn new(frame: Frame<'_>, bias: Bias) -> Self {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let thresholds = Blocks::measured(frame).thresholds(bias);
        let columns = width.div_ceil(BLOCK);
        let mut limits = vec![0_u8; columns * BLOCK];
        let mut dark = Vec::with_capacity(width * height);
        let mut bands = thresholds.chunks_exact(columns);
        for (y, row) in frame.rows().enumerate() {
            if y % BLOCK == 0
                && let Some(band) = bands.next()
            {
                for (cell, &limit) in limits.chunks_exact_mut(BLOCK).zip(band) {
                    cell.fill(limit);
                }
            }
            dark.extend(
                row.iter()
                    .zip(&limits)
                    .map(|(luma, limit)| u8::from(luma < limit)),
            );
        }
        Self {
            dark,
            width,
            height,
        }
    }

    /// Rows.
    pub(super) fn height(&self) -> usize {
        self.height
    }

    /// A row of pixels; empty if there is none.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        let start = y * self.width;
        self.dark.get(start..start + self.width).unwrap_or(&[])
    }

    /// A pixel; none outside.
    pub(super) fn get(&self, x: isize, y: isize) -> Option<u8> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x >= self.width {
            return None;
        }
        self.dark.get(y * self.width + x).copied()
    }

    /// The pixels from a place on, without it, in one of the eight directions, up to the edge.
    pub(super) fn ray(
        &self,
        (x, y): (isize, isize),
        (dx, dy): (isize, isize),
    ) -> impl Iterator<Item = u8> + '_ {
        let room = |place: isize, step: isize, size: usize| match step {
            0 => isize::MAX,
            1 => size as isize - 1 - place,
            _ => place,
        };
        let inside = x >= 0 && y >= 0;
        let steps = room(x, dx, self.width).min(room(y, dy, self.height));
        let width = self.width as isize;
        let (start, step) = (y * width + x, dy * width + dx);
        let places = (1..=if inside { steps } else { 0 }).map(move |count| start + step * count);
        places.map_while(|place| self.dark.get(place as usize).copied())
    }
}

/// Mean, darkest and lightest pixel of every block, row by row.
struct Blocks {
    columns: usize,
    means: Vec<u8>,
    darkest: Vec<u8>,
    lightest: Vec<u8>,
}

impl Blocks {
    fn measured(frame: Frame<'_>) -> Self {
        let width = frame.width() as usize;
        let columns = width.div_ceil(BLOCK);
        let mut blocks = Self {
            columns,
            means: Vec::new(),
            darkest: Vec::new(),
            lightest: Vec::new(),
        };
        let mut sums = vec![0_u16; width];
        let (mut low, mut high) = (vec![u8::MAX; width], vec![0_u8; width]);
        let height = frame.height() as usize;
        let mut rows = 0_u16;
        for (y, row) in frame.rows().enumerate() {
            for (sum, &luma) in sums.iter_mut().zip(row) {
                *sum += u16::from(luma);
            }
            for (low, &luma) in low.iter_mut().zip(row) {
                *low = luma.min(*low);
            }
            for (high, &luma) in high.iter_mut().zip(row) {
                *high = luma.max(*high);
            }
            rows += 1;
            if (y + 1) % BLOCK == 0 || y + 1 == height {
                blocks.means.extend(sums.chunks(BLOCK).map(|cell| {
                    // 64 bytes at most; their mean is a byte.
                    (cell.iter().sum::<u16>() / (cell.len() as u16 * rows)) as u8
                }));
                let least = |cell: &[u8]| cell.iter().copied().min().unwrap_or(0);
                let most = |cell: &[u8]| cell.iter().copied().max().unwrap_or(0);
                blocks.darkest.extend(low.chunks(BLOCK).map(least));
                blocks.lightest.extend(high.chunks(BLOCK).map(most));
                sums.fill(0);
                low.fill(u8::MAX);
                high.fill(0);
                rows = 0;
            }
        }
        blocks
    }

    /// The threshold of every block: what is darker than it is dark.
    fn thresholds(&self, Bias(bias): Bias) -> Vec<u8> {
        let widened = |values: &[u8]| values.iter().map(|&value| u16::from(value)).collect();
        let ones = vec![1; self.means.len()];
        let sums = gathered(widened(&self.means), self.columns, 0, |a, b| a + b);
        let counts = gathered(ones, self.columns, 0, |a, b| a + b);
        let darkest = gathered(widened(&self.darkest), self.columns, u16::MAX, u16::min);
        let lightest = gathered(widened(&self.lightest), self.columns, 0, u16::max);
        let means = sums.iter().zip(&counts).map(|(sum, count)| sum / count);
        let contrasts = lightest.iter().zip(&darkest);
        means
            .zip(contrasts)
            .map(|(mean, (&high, &low))| {
                if high < low + LEAST_CONTRAST {
                    0
                } else {
                    (u32::from(mean) * u32::from(bias) / 128).min(255) as u8
                }
            })
            .collect()
    }
}

/// For each block all of those within [`REACH`] joined, where `nothing` changes nothing.
fn gathered(
    values: Vec<u16>,
    columns: usize,
    nothing: u16,
    join: impl Fn(u16, u16) -> u16 + Copy,
) -> Vec<u16> {
    let mut padded = vec![nothing; columns + 2 * REACH];
    let mut across = values;
    for row in across.chunks_exact_mut(columns) {
        if let Some(middle) = padded.get_mut(REACH..REACH + columns) {
            middle.copy_from_slice(row);
        }
        for shift in (0..=2 * REACH).filter(|&shift| shift != REACH) {
            for (value, &other) in row.iter_mut().zip(padded.iter().skip(shift)) {
                *value = join(*value, other);
            }
        }
    }
    let rows: Vec<&[u16]> = across.chunks_exact(columns).collect();
    let mut result = Vec::with_capacity(across.len());
    for y in 0..rows.len() {
        let first = result.len();
        result.extend(std::iter::repeat_n(nothing, columns));
        let near = rows
            .iter()
            .take(y + REACH + 1)
            .skip(y.saturating_sub(REACH));
        for row in near {
            for (value, &other) in result.iter_mut().skip(first).zip(*row) {
                *value = join(*value, other);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::frame::LumaFrame;
    use super::*;

    fn mask(width: usize, height: usize, luma: impl Fn(usize, usize) -> u8) -> Mask {
        let pixels = (0..width * height)
            .map(|i| luma(i % width, i / width))
            .collect();
        let frame = LumaFrame::new(pixels, width as u32, height as u32).unwrap();
        Mask::new(frame.as_frame(), Bias::NONE)
    }

    #[test]
    fn dark_squares_are_dark_in_uneven_light() {
        let square = |x: usize, y: usize| (x / 6 + y / 6).is_multiple_of(2);
        let seen = mask(203, 101, |x, y| {
            (x / 2 + if square(x, y) { 20 } else { 90 }) as u8
        });
        let right = (0..101)
            .flat_map(|y| (0..203).map(move |x| (x, y)))
            .filter(|&(x, y)| (seen.get(x as isize, y as isize) == Some(1)) == square(x, y))
            .count();
        assert!(right * 100 > 203 * 101 * 97, "{right}");
    }

    #[test]
    fn noise_on_a_plain_ground_is_light() {
        let seen = mask(64, 64, |x, y| 100 + ((x * 31 + y * 17) % 12) as u8);
        assert!((0..64).all(|y| seen.row(y).iter().all(|&pixel| pixel == 0)));
    }

    #[test]
    fn a_picture_of_one_pixel_has_a_mask() {
        let seen = mask(1, 1, |_, _| 7);
        assert_eq!(
            (seen.row(0), seen.get(0, 0), seen.get(1, 0)),
            ([0].as_slice(), Some(0), None)
        );
        assert_eq!((seen.height(), seen.get(0, -1)), (1, None));
        assert!(seen.row(1).is_empty());
    }
}
