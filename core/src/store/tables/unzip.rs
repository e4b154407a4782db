//! Unpacking zstd (RFC 8878) in bounded pieces: a stream that unpacks to more than it should never fills
//! the memory.

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;

/// Bytes unpacked at once, about.
const PIECE_BYTES: usize = 256 * 1024;
/// The largest window a stream may ask for: what the strongest ordinary level of zstd uses.
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// What unpacks one stream, of one frame or several.
pub(super) struct Unzip {
    decoder: FrameDecoder,
    begun: bool,
}

/// The stream is damaged or asks for too much.
#[derive(Debug)]
pub(super) struct BadStream;

impl Unzip {
    pub(super) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES_MAX);
        Self {
            decoder,
            begun: false,
        }
    }

    /// The next piece, or `None` at the end of the stream. `source` goes on where the call before left it.
    pub(super) fn next(&mut self, source: &mut impl Read) -> Result<Option<Vec<u8>>, BadStream> {
        loop {
            if !self.begun || (self.decoder.is_finished() && self.decoder.can_collect() == 0) {
                let mut first = [0; 1];
                if source.read(&mut first).map_err(|_| BadStream)? == 0 {
                    return Ok(None);
                }
                self.decoder
                    .reset((&first[..]).chain(&mut *source))
                    .map_err(|_| BadStream)?;
                self.begun = true;
            }
            if !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut *source, BlockDecodingStrategy::UptoBytes(PIECE_BYTES))
                    .map_err(|_| BadStream)?;
            }
            match self.decoder.collect() {
                Some(piece) if !piece.is_empty() => return Ok(Some(piece)),
                Some(_) | None => {}
            }
        }
    }
}
