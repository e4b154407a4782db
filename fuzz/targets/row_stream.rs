//! Streams of rows: where chunks end makes no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::table::{RowError, RowReader, SnapshotDigest, write_row};

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else {
        return;
    };
    let whole = read(stream, stream.len());
    assert_eq!(read(stream, usize::from(size) + 1), whole);
    if let Ok(rows) = whole {
        let mut again = Vec::new();
        let mut digest = SnapshotDigest::default();
        for row in &rows {
            write_row(&mut again, row);
            let row = usher_domain::table::Row::parse(row).expect("read before");
            let _ = digest.push(&row);
        }
        assert_eq!(again, stream);
        let _ = digest.finish();
    }
});

fn read(stream: &[u8], size: usize) -> Result<Vec<Vec<u8>>, RowError> {
    let mut rows = Vec::new();
    let mut reader = RowReader::default();
    for chunk in stream.chunks(size.max(1)) {
        reader.push(chunk, |row| {
            rows.push(row.bytes().to_vec());
            Ok::<_, RowError>(())
        })?;
    }
    reader.finish().map(|()| rows)
}
