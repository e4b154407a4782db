//! What hand scanners type: one code a line.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use usher_domain::secret::Private;

/// Bytes read of a line; a longer one is no code.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// The next line that is not empty; none at the end. A scanner that ends its codes by CR and LF types an
/// empty line after each, which is no showing of anything. What is not UTF-8 stays wrong and gets its
/// verdict, and so does the beginning of a line that is too long: its rest is thrown away, for nobody
/// showed it by itself.
///
/// # Errors
/// What the system says.
pub(super) async fn next_line(
    input: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Private>> {
    loop {
        let mut line = Vec::new();
        let read = (&mut *input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            skip_rest(input).await?;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.trim().is_empty() {
            return Ok(Some(Private::new(text)));
        }
    }
}

/// Skips to the end of the line, holding no more of it than the reader's buffer.
async fn skip_rest(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    loop {
        let seen = input.fill_buf().await?;
        let end = seen.iter().position(|byte| *byte == b'\n');
        let skipped = end.map_or(seen.len(), |end| end + 1);
        input.consume(skipped);
        if end.is_some() || skipped == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut input = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let mut lines = Vec::new();
            while let Some(line) = next_line(&mut input).await.unwrap() {
                lines.push(line.reveal().to_owned());
            }
            lines
        })
    }

    #[test]
    fn every_line_that_is_not_empty_is_a_code() {
        assert_eq!(lines(b"A\r\n\r\n  \n\nB\nC"), ["A", "B", "C"]);
        assert!(lines(b"").is_empty() && lines(b"\n\n").is_empty());
    }

    #[test]
    fn what_is_not_text_is_shown_all_the_same() {
        assert_eq!(lines(b"\xff\xfe\nA\n"), ["\u{fffd}\u{fffd}", "A"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_showing_and_its_end_is_no_code() {
        let limit = usize::try_from(LINE_BYTES_MAX).unwrap();
        for length in [limit - 1, limit, limit + 1, 10_000, 100_000] {
            let long = "x".repeat(length);
            let read = lines(format!("{long}CODE\nA\n").as_bytes());
            assert_eq!(read.len(), 2, "{length}");
            assert!(long.starts_with(read[0].trim_end_matches(char::is_uppercase)));
            assert_eq!(read[1], "A");
            let unended = lines(long.as_bytes());
            assert_eq!(unended.len(), 1);
        }
    }
}
