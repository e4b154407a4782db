//! The format of a symbol: error correction level and mask (ISO/IEC 18004:2015, 7.9).

use rxing::qrcode::common::ErrorCorrectionLevel;

use super::grid::Grid;
use super::layout::Place;

/// What turns the format's bits so that none is all light.
const MASK: u16 = 0b101_0100_0001_0010;

/// The generator polynomial of the BCH (15, 5) code of the format.
const GENERATOR: u16 = 0b101_0011_0111;

/// Of the 30 modules of both copies, as many may be wrong. A copy alone bears 3.
const MAX_WRONG: u32 = 8;

/// Level and mask of a symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// The level of error correction.
    pub level: ErrorCorrectionLevel,
    /// The number of the mask, 0 to 7.
    pub mask: u8,
}

/// The format that fits best what both copies show; none if no one fits well.
pub(super) fn read(grid: &Grid) -> Option<Format> {
    let seen: Vec<[f32; 2]> = places(grid.side())
        .map(|copies| copies.map(|place| grid.darkness(place)))
        .collect();
    let fit = |data: u8| -> (f32, u32, u32) {
        let word = encoded(data);
        let mut fit = 0.0;
        let (mut first, mut second) = (0, 0);
        for (bit, [a, b]) in seen.iter().enumerate() {
            let sign = if word >> (14 - bit) & 1 == 1 {
                1.0
            } else {
                -1.0
            };
            fit += sign * (a + b);
            first += u32::from(sign * a < 0.0);
            second += u32::from(sign * b < 0.0);
        }
        (fit, first, second)
    };
    let (data, (_, first, second)) = (0..32)
        .map(|data| (data, fit(data)))
        .max_by(|(_, (a, ..)), (_, (b, ..))| a.total_cmp(b))?;
    if first + second > MAX_WRONG && first.min(second) > 3 {
        return None;
    }
    Some(Format {
        level: ErrorCorrectionLevel::forBits(data >> 3).ok()?,
        mask: data & 7,
    })
}

/// Five bits with their check bits, masked.
fn encoded(data: u8) -> u16 {
    let word = u16::from(data) << 10;
    let rest = (10..15).rev().fold(word, |rest, bit| {
        if rest >> bit & 1 == 1 {
            rest ^ GENERATOR << (bit - 10)
        } else {
            rest
        }
    });
    (word | rest) ^ MASK
}

/// For each bit, the highest first, where its two copies stand.
fn places(side: usize) -> impl Iterator<Item = [Place; 2]> {
    (0..15).map(move |bit| {
        let around = match bit {
            0..6 => (bit, 8),
            6 => (7, 8),
            7 => (8, 8),
            8 => (8, 7),
            _ => (8, 14 - bit),
        };
        let apart = if bit < 7 {
            (8, side - 1 - bit)
        } else {
            (side - 15 + bit, 8)
        };
        [around, apart]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_encoded() {
        // ISO/IEC 18004:2015, 7.9.1: level M, mask 5.
        assert_eq!(encoded(0b00101), 0b100_0000_1100_1110);
    }

    #[test]
    fn formats_differ_in_at_least_five_bits() {
        for a in 0..32 {
            for b in 0..a {
                assert!((encoded(a) ^ encoded(b)).count_ones() >= 5);
            }
        }
    }
}
