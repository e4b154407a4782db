//! As much of the protobuf wire format as a ticket secret needs
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// A field's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'b> {
    /// An integer.
    Varint(u64),
    /// A length-delimited text, byte string or message.
    Bytes(&'b [u8]),
    /// Of a fixed width that no field of ours has.
    Skipped,
}

/// The bytes are truncated, out of range, or of a wire type that ended with protobuf 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The fields of a message, each with its number; ends after the first error.
pub(super) fn fields(
    mut bytes: &[u8],
) -> impl Iterator<Item = Result<(u32, Field<'_>), Unreadable>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let field = split_field(&mut bytes).ok_or(Unreadable);
        if field.is_err() {
            bytes = &[];
        }
        Some(field)
    })
}

fn split_field<'b>(bytes: &mut &'b [u8]) -> Option<(u32, Field<'b>)> {
    let tag = u32::try_from(split_varint(bytes)?).ok()?;
    let number = tag >> 3;
    if number == 0 {
        return None;
    }
    let field = match tag & 7 {
        0 => Field::Varint(split_varint(bytes)?),
        1 => split_bytes(bytes, 8).map(|_| Field::Skipped)?,
        2 => {
            let length = usize::try_from(split_varint(bytes)?).ok()?;
            Field::Bytes(split_bytes(bytes, length)?)
        }
        5 => split_bytes(bytes, 4).map(|_| Field::Skipped)?,
        _ => return None,
    };
    Some((number, field))
}

fn split_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for the 64th bit only.
        if place == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn split_bytes<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Appends an integer field.
pub(super) fn push_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    push_raw(out, u64::from(number) << 3);
    push_raw(out, value);
}

/// Appends a length-delimited field.
pub(super) fn push_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_raw(out, u64::from(number) << 3 | 2);
    push_raw(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_raw(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, Unreadable> {
        fields(bytes).collect()
    }

    #[test]
    fn fields_of_every_living_wire_type_are_read_or_skipped() {
        let bytes = b"\x08\x96\x01\x11\0\0\0\0\0\0\0\0\x1a\x02hi\x25\0\0\0\0";
        assert_eq!(
            all(bytes),
            Ok(vec![
                (1, Field::Varint(150)),
                (2, Field::Skipped),
                (3, Field::Bytes(b"hi")),
                (4, Field::Skipped),
            ])
        );
    }

    #[test]
    fn what_is_out_of_bounds_is_unreadable() {
        for bytes in [
            &b"\x08"[..],
            b"\x08\x80",
            b"\x1a\x05hi",
            b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi",
            b"\x00\x01",
            b"\x0b\x0c",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(all(bytes), Err(Unreadable), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn fields_read_back(number in 1u32..0x2000_0000, value: u64, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut out = Vec::new();
            push_varint(&mut out, number, value);
            push_bytes(&mut out, number, &bytes);
            prop_assert_eq!(
                all(&out),
                Ok(vec![(number, Field::Varint(value)), (number, Field::Bytes(&bytes))])
            );
        }

        #[test]
        fn any_bytes_are_fields_or_unreadable(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = all(&bytes);
        }
    }
}
