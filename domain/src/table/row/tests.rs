use super::*;
use crate::secret::Private;
use proptest::prelude::*;

fn row(order: &str) -> DirectoryRow {
    DirectoryRow {
        ticket: TicketId::from_bytes([7; 16]),
        revision: 300,
        holder: None,
        order: Some(Private::new(order)),
    }
}

#[test]
fn the_head_of_a_row_is_read_without_knowing_the_rest() {
    let bytes = encode_row(&row("A1")).unwrap();
    let read = Row::parse(&bytes).unwrap();
    assert_eq!(read.head(), row("A1").head());
    assert_eq!(read.key(), TicketId::from_bytes([7; 16]).into());
    assert_eq!(read.revision(), 300);
    assert_eq!(decode_row(&bytes), Ok(row("A1")));
}

#[test]
fn a_row_of_more_than_four_kibibytes_is_refused_on_both_sides() {
    let long = row(&"A".repeat(ROW_BYTES_MAX));
    assert_eq!(encode_row(&long), Err(RowError::TooLong));
    assert_eq!(Row::parse(&cbor::encode(&long)), Err(RowError::TooLong));
    assert_eq!(
        decode_row::<DirectoryRow>(&cbor::encode(&long)),
        Err(RowError::TooLong)
    );
}

#[test]
fn another_encoding_of_a_row_is_refused() {
    let bytes = encode_row(&row("A1")).unwrap();
    // The same row with a revision of four bytes, or an absent field written as null at the end.
    let mut long_revision = bytes[..18].to_vec();
    long_revision.extend([0x1a, 0, 0, 1, 0x2c]);
    long_revision.extend(&bytes[21..]);
    let mut null_at_end = [&bytes[..], &[0xf6]].concat();
    null_at_end[0] += 1;
    for other in [long_revision, null_at_end] {
        assert_eq!(
            Row::parse(&other),
            Err(RowError::Encoding(CborError::NotDeterministic))
        );
        assert_eq!(
            decode_row::<DirectoryRow>(&other),
            Err(RowError::Encoding(CborError::NotDeterministic))
        );
    }
    let trailing = [&bytes[..], &[0]].concat();
    assert_eq!(
        Row::parse(&trailing),
        Err(RowError::Encoding(CborError::Trailing))
    );
}

#[test]
fn a_field_of_a_newer_program_does_not_bar_the_way() {
    let mut newer = encode_row(&row("A1")).unwrap();
    newer[0] += 1;
    newer.extend([0x61, b'x']);
    assert_eq!(decode_row(&newer), Ok(row("A1")));
    assert_eq!(Row::parse(&newer).unwrap().revision(), 300);
}

#[test]
fn something_without_key_and_revision_is_no_row() {
    for bytes in [&[0x80][..], &[0x81, 0x00], &[0x82, 0x00, 0x00], &[0x00]] {
        assert!(matches!(Row::parse(bytes), Err(RowError::Encoding(_))));
    }
}

#[test]
fn debug_shows_no_names() {
    let bytes = encode_row(&row("SECRET")).unwrap();
    assert!(!format!("{:?}", Row::parse(&bytes).unwrap()).contains("SECRET"));
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Row::parse(&bytes);
        let _ = decode_row::<TicketRow>(&bytes);
        let _ = decode_row::<RosterRow>(&bytes);
        let _ = decode_row::<DirectoryRow>(&bytes);
    }

    #[test]
    fn a_damaged_row_is_a_row_or_an_error(at in 0..25_usize, byte: u8) {
        let mut bytes = encode_row(&row("A1")).unwrap();
        if let Some(slot) = bytes.get_mut(at) {
            *slot = byte;
        }
        if let (Ok(read), Ok(typed)) = (Row::parse(&bytes), decode_row::<DirectoryRow>(&bytes)) {
            prop_assert_eq!(read.head(), typed.head());
        }
    }
}
