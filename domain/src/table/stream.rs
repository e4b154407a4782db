//! Streams of rows: each row's encoding as a CBOR byte string, one after the other. That is what
//! snapshots, segments and buckets are before compression.

use super::row::{ROW_BYTES_MAX, Row, RowError};

/// Writes a row into a stream.
pub fn write_row(out: &mut Vec<u8>, row: &[u8]) {
    // Writing to a Vec cannot fail.
    let _infallible = minicbor::Encoder::new(out).bytes(row).map(drop);
}

/// Takes a stream of rows apart that arrives in chunks of any size. It holds one row at most, so its
/// memory is bounded whatever is sent.
#[derive(Debug, Default)]
pub struct RowReader {
    /// The beginning of a row whose rest has not come yet.
    begun: Vec<u8>,
}

impl RowReader {
    /// Takes the next chunk in and hands each row that is now complete to `each`.
    ///
    /// # Errors
    /// [`RowError`] for a stream or a row that is not in the one form, and whatever `each` returns. The
    /// reader is of no use after an error.
    pub fn push<E: From<RowError>>(
        &mut self,
        mut chunk: &[u8],
        mut each: impl FnMut(Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.begun.is_empty() && !chunk.is_empty() {
            // Byte by byte until the frame is known, then as much as the row still needs.
            let wanted = match split(&self.begun)? {
                Split::Row { .. } => 0,
                Split::Needs(wanted) => wanted,
            };
            let (now, later) = chunk.split_at(wanted.min(chunk.len()));
            self.begun.extend_from_slice(now);
            chunk = later;
            if let Split::Row { row, .. } = split(&self.begun)? {
                each(Row::parse(row)?)?;
                self.begun.clear();
            }
        }
        while let Split::Row { row, rest } = split(chunk)? {
            each(Row::parse(row)?)?;
            chunk = rest;
        }
        self.begun.extend_from_slice(chunk);
        Ok(())
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// [`RowError::Truncated`] if a row was begun.
    pub fn finish(self) -> Result<(), RowError> {
        if self.begun.is_empty() {
            Ok(())
        } else {
            Err(RowError::Truncated)
        }
    }
}

/// What the beginning of a stream holds.
enum Split<'b> {
    /// A whole row.
    Row { row: &'b [u8], rest: &'b [u8] },
    /// Not yet a row; at least this many bytes are missing.
    Needs(usize),
}

fn split(bytes: &[u8]) -> Result<Split<'_>, RowError> {
    let (length, body) = match bytes {
        [] | [0x58] | [0x59] => return Ok(Split::Needs(1)),
        [0x59, _] => return Ok(Split::Needs(1)),
        [head @ 0x40..=0x57, body @ ..] => (usize::from(head & 0x1f), body),
        [0x58, length @ 24..=0xff, body @ ..] => (usize::from(*length), body),
        [0x59, high @ 1..=0xff, low, body @ ..] => {
            (usize::from(u16::from_be_bytes([*high, *low])), body)
        }
        // Longer rows have longer heads; everything else is no byte string in its shortest form.
        [0x5a | 0x5b, ..] => return Err(RowError::TooLong),
        _ => return Err(RowError::Framing),
    };
    if length > ROW_BYTES_MAX {
        return Err(RowError::TooLong);
    }
    Ok(match body.split_at_checked(length) {
        Some((row, rest)) => Split::Row { row, rest },
        None => Split::Needs(length - body.len()),
    })
}

#[cfg(test)]
mod tests;
