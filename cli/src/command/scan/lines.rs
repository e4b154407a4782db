//! Lines of an input that a hand scanner or a person types into.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};
use usher_domain::secret::Private;
use zeroize::Zeroize as _;

/// Bytes kept of a line; a longer one is no code.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// What ends a line: CR, LF, and the end of text (ETX) with which framed scanners end a code.
const fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0x03)
}

/// An input, line by line. Waiting for a line may be given up at any time: what was read of it is kept.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    /// What was read of a line that did not end yet.
    begun: Vec<u8>,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The lines of an input.
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            begun: Vec::new(),
        }
    }

    /// The next line that is not empty; none at the end. A line ends at once where CR or LF stands, so a
    /// scanner that ends its codes by both types an empty line after each, which is no showing of anything.
    /// What is not UTF-8 stays wrong and gets its verdict, and so does the beginning of a line that is too
    /// long: its rest is thrown away, for nobody showed it by itself.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn next(&mut self) -> io::Result<Option<Private>> {
        loop {
            let seen = self.input.fill_buf().await?;
            let end = seen.iter().position(|byte| ends_line(*byte));
            let at_the_end = seen.is_empty();
            let text = seen.get(..end.unwrap_or(seen.len())).unwrap_or_default();
            let room = LINE_BYTES_MAX.saturating_sub(self.begun.len());
            self.begun.extend(text.iter().take(room));
            let used = end.map_or(seen.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() || at_the_end {
                let line = self.take();
                if line.is_some() || at_the_end {
                    return Ok(line);
                }
            }
        }
    }

    /// The line that ended; none if nothing stands in it.
    fn take(&mut self) -> Option<Private> {
        let text = String::from_utf8_lossy(&self.begun);
        let line = (!text.trim().is_empty()).then(|| Private::new(text.as_ref()));
        self.begun.zeroize();
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut input = Lines::new(bytes);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let mut lines = Vec::new();
            while let Some(line) = input.next().await.unwrap() {
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
    fn a_line_ends_at_cr_lf_both_or_the_end_of_text() {
        assert_eq!(lines(b"A\rB\rC\n\rD\r\n"), ["A", "B", "C", "D"]);
        assert_eq!(lines(b"\x02A\x03\x02B\x03\r\n"), ["\u{2}A", "\u{2}B"]);
    }

    #[test]
    fn a_code_that_ends_with_cr_alone_is_answered_at_once() {
        use tokio::io::AsyncWriteExt as _;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let (mut scanner, gate) = tokio::io::duplex(64);
            let mut input = Lines::new(tokio::io::BufReader::new(gate));
            scanner.write_all(b"A\r").await.unwrap();
            // The scanner's end stays open: nothing but the CR says that the line is over.
            let line = input.next().await.unwrap().unwrap();
            assert_eq!(line.reveal(), "A");
            scanner.write_all(b"\nB\r").await.unwrap();
            assert_eq!(input.next().await.unwrap().unwrap().reveal(), "B");
        });
    }

    #[test]
    fn a_line_that_was_waited_for_in_vain_is_read_to_its_end_later() {
        use tokio::io::AsyncWriteExt as _;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let (mut scanner, gate) = tokio::io::duplex(64);
            let mut input = Lines::new(tokio::io::BufReader::new(gate));
            scanner.write_all(b"AB").await.unwrap();
            tokio::select! {
                biased;
                _ = input.next() => panic!("the line goes on"),
                () = std::future::ready(()) => {}
            }
            scanner.write_all(b"CD\r").await.unwrap();
            assert_eq!(input.next().await.unwrap().unwrap().reveal(), "ABCD");
        });
    }

    #[test]
    fn what_is_not_text_is_shown_all_the_same() {
        assert_eq!(lines(b"\xff\xfe\nA\n"), ["\u{fffd}\u{fffd}", "A"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_one_showing_and_its_end_is_no_code() {
        for length in [
            LINE_BYTES_MAX - 1,
            LINE_BYTES_MAX,
            LINE_BYTES_MAX + 1,
            10_000,
            100_000,
        ] {
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
