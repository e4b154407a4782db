use super::*;
use crate::cbor;
use minicbor::bytes::ByteArray;
use proptest::collection::vec;
use proptest::prelude::*;

fn row(n: u8, text: &str) -> Vec<u8> {
    cbor::encode(&(ByteArray::from([n; 16]), u64::from(n), text))
}

fn stream(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    rows.iter().for_each(|row| write_row(&mut out, row));
    out
}

fn read(chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, RowError> {
    let mut rows = Vec::new();
    let mut reader = RowReader::default();
    for chunk in chunks {
        reader.push(chunk, |row| {
            rows.push(row.bytes().to_vec());
            Ok::<_, RowError>(())
        })?;
    }
    reader.finish().map(|()| rows)
}

#[test]
fn an_empty_stream_has_no_rows() {
    assert_eq!(read(&[]), Ok(vec![]));
    assert_eq!(read(&[&[]]), Ok(vec![]));
}

#[test]
fn a_stream_cut_off_within_a_row_is_refused() {
    let bytes = stream(&[row(1, "a"), row(2, &"b".repeat(300))]);
    let first = stream(&[row(1, "a")]).len();
    for end in 1..bytes.len() {
        let expected = if end == first {
            Ok(vec![row(1, "a")])
        } else {
            Err(RowError::Truncated)
        };
        assert_eq!(read(&[&bytes[..end]]), expected, "{end}");
    }
}

#[test]
fn a_row_announced_too_long_is_refused_before_it_is_read() {
    assert_eq!(read(&[&[0x59, 0x10, 0x01]]), Err(RowError::TooLong));
    assert_eq!(read(&[&[0x5a, 0, 1]]), Err(RowError::TooLong));
    assert_eq!(read(&[&[0x5b]]), Err(RowError::TooLong));
}

#[test]
fn anything_but_byte_strings_of_shortest_form_is_refused() {
    for other in [
        &[0x00][..],
        &[0x58, 0x17],
        &[0x59, 0x00, 0xff],
        &[0x5f],
        &[0x80],
        &[0x60],
    ] {
        assert_eq!(read(&[other]), Err(RowError::Framing), "{other:02x?}");
    }
}

#[test]
fn what_the_taker_says_ends_the_reading() {
    let bytes = stream(&[row(1, "a"), row(2, "b")]);
    let mut seen = 0;
    let answer = RowReader::default().push(&bytes, |_| {
        seen += 1;
        Err(RowError::Order)
    });
    assert_eq!((answer, seen), (Err(RowError::Order), 1));
}

proptest! {
    #[test]
    fn rows_read_back_however_the_stream_is_cut(
        texts in vec((any::<u8>(), 0..600_usize), 0..12),
        cuts in vec(1..400_usize, 0..40),
    ) {
        let rows: Vec<_> = texts.iter().map(|(n, length)| row(*n, &"x".repeat(*length))).collect();
        let bytes = stream(&rows);
        let mut chunks = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            chunks.push(now);
            rest = later;
        }
        chunks.push(rest);
        prop_assert_eq!(read(&chunks), Ok(rows.clone()));
        let single: Vec<_> = bytes.chunks(1).collect();
        prop_assert_eq!(read(&single), Ok(rows));
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in vec(any::<u8>(), 0..300), cut in 0..300_usize) {
        let (first, second) = bytes.split_at(cut.min(bytes.len()));
        prop_assert_eq!(read(&[first, second]), read(&[&bytes]));
    }
}
