//! Decoding a sampled symbol: format, codewords, error correction.

use super::format::{self, Format};
use super::grid::Grid;
use super::layout::{Layout, masked};
use super::{reed_solomon, text};

/// A codeword and how sure its most doubtful bit is.
#[derive(Debug, Clone, Copy)]
struct Word {
    value: u8,
    sureness: f32,
}

/// The text of a sampled symbol, if enough of it is right. `layout` is that of the grid's side.
///
/// A symbol seen in a mirror is read as well.
pub(in crate::camera) fn read(grid: &Grid, layout: &Layout) -> Option<String> {
    read_upright(grid, layout).or_else(|| read_upright(&grid.mirrored(), layout))
}

fn read_upright(grid: &Grid, layout: &Layout) -> Option<String> {
    let format = format::read(grid)?;
    let words = words(grid, layout, format.mask);
    let data = data(&words, layout, format)?;
    text::read(&data, layout.version(), format.level)
}

/// All codewords of the symbol, interleaved as they stand.
fn words(grid: &Grid, layout: &Layout, mask: u8) -> Vec<Word> {
    let word = |places: &[(usize, usize)]| {
        let mut word = Word {
            value: 0,
            sureness: f32::INFINITY,
        };
        for &place in places {
            let darkness = grid.darkness(place);
            let bit = (darkness > 0.0) != masked(mask, place);
            word.value = word.value << 1 | u8::from(bit);
            word.sureness = word.sureness.min(darkness.abs());
        }
        word
    };
    layout.data().chunks_exact(8).map(word).collect()
}

/// The data codewords of all blocks, put right.
fn data(words: &[Word], layout: &Layout, format: Format) -> Option<Vec<u8>> {
    let blocks = layout.version().getECBlocksForLevel(format.level);
    let checks = blocks.getECCodewordsPerBlock() as usize;
    let lengths: Vec<usize> = blocks
        .getECBlocks()
        .iter()
        .flat_map(|group| {
            std::iter::repeat_n(group.getDataCodewords() as usize, group.getCount() as usize)
        })
        .collect();
    let longest = lengths.iter().copied().max()?;
    let mut parts: Vec<Vec<Word>> = vec![Vec::new(); lengths.len()];
    let mut words = words.iter().copied();
    for step in 0..longest + checks {
        for (part, &length) in parts.iter_mut().zip(&lengths) {
            // Short blocks have one data codeword less; check codewords follow all data.
            if step < length || step >= longest {
                part.push(words.next()?);
            }
        }
    }
    let mut data = Vec::new();
    for (part, &length) in parts.iter().zip(&lengths) {
        let block = corrected(part, checks)?;
        data.extend_from_slice(block.get(..length)?);
    }
    Some(data)
}

/// One block put right: as it is, then with ever more of its most doubtful codewords erased
/// (generalized minimum distance decoding: G. D. Forney, 1966).
///
/// Random codewords pass with a chance of about 256 to the power of the checks not used up, so with
/// erasures at least two stay unused.
fn corrected(part: &[Word], checks: usize) -> Option<Vec<u8>> {
    let received: Vec<u8> = part.iter().map(|word| word.value).collect();
    let mut block = received.clone();
    if reed_solomon::correct(&mut block, checks, &[]).is_ok() {
        return Some(block);
    }
    let mut order: Vec<usize> = (0..part.len()).collect();
    let sureness = |place: &usize| part.get(*place).map_or(0.0, |word| word.sureness);
    order.sort_by(|a, b| sureness(a).total_cmp(&sureness(b)));
    let most = checks.saturating_sub(2);
    let step = (most / 6).max(2);
    for erasures in (step..=most).step_by(step) {
        let erased = order.get(..erasures)?;
        block.copy_from_slice(&received);
        if let Ok(errors) = reed_solomon::correct(&mut block, checks, erased)
            && 2 * errors + erasures <= most
        {
            return Some(block);
        }
    }
    None
}
