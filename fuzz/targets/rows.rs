//! Rows of all three tables: the head read without knowing the rest is the head of what is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::table::rows::{DirectoryRow, RosterRow, TicketRow};
use usher_domain::table::{Row, TableRow, decode_row, encode_row, plan_row};

fuzz_target!(|data: &[u8]| {
    let row = Row::parse(data);
    check::<TicketRow>(data, &row);
    check::<RosterRow>(data, &row);
    check::<DirectoryRow>(data, &row);
    if let Ok(row) = row {
        let _ = row.bucket();
        let _ = plan_row(Some(&row), &row);
    }
});

fn check<R: TableRow>(data: &[u8], row: &Result<Row<'_>, usher_domain::table::RowError>) {
    let Ok(read) = decode_row::<R>(data) else {
        return;
    };
    let row = row.as_ref().expect("a row that is readable has a head");
    assert_eq!(read.head(), row.head());
    let again = encode_row(&read).expect("not longer than what was read");
    let again = Row::parse(&again).expect("in the one form");
    assert_eq!(again.head(), row.head());
}
