use super::*;
use crate::code::MediumKey;
use crate::cose::SigningKey;
use crate::ids::{GateId, LogId, OrderId, ZoneId};
use crate::numbers::{AccessNumber, IssueNumber, TypeNumber};
use crate::secret::{Private, Seed};
use crate::table::rows::{
    AcceptedUpTo, CancelReason, DeviceEntry, DeviceRole, Revocation, RosterEntry, StaffEntry,
    StaffRole, TicketState,
};
use crate::time::UnixMillis;
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

fn ticket_row() -> impl Strategy<Value = TicketRow> {
    let state = prop_oneof![
        Just(TicketState::Valid),
        Just(TicketState::Blocked),
        Just(TicketState::Cancelled(CancelReason::Exchanged)),
    ];
    let texts = (
        proptest::option::of(".{0,20}"),
        proptest::option::of(".{0,40}"),
    );
    let media = proptest::collection::vec(any::<[u8; 16]>(), 0..4);
    let sealed = proptest::option::of(proptest::collection::vec(any::<Vec<u8>>(), 0..3));
    (
        any::<([u8; 16], u64, u16, u16, u32, u8, u8)>(),
        state,
        media,
        any::<(Option<u32>, Option<u32>, Option<u16>)>(),
        any::<(Option<[u8; 16]>, Option<[u8; 16]>, Option<[u8; 16]>)>(),
        texts,
        sealed,
    )
        .prop_map(
            |(numbers, state, media, limits, ids, texts, sealed)| TicketRow {
                ticket: TicketId::from_bytes(numbers.0),
                revision: numbers.1,
                state,
                issue: IssueNumber::new(numbers.2),
                type_number: TypeNumber::new(numbers.3),
                access: AccessNumber::new(numbers.4),
                channel: numbers.5,
                media: media.into_iter().map(MediumKey::from_bytes).collect(),
                current: numbers.6,
                valid_from: limits.0,
                valid_until: limits.1,
                order: ids.0.map(OrderId::from_bytes),
                zone: ids.1.map(ZoneId::from_bytes),
                seat: texts.0,
                home: ids.2.map(DeviceId::from_bytes),
                instruction: texts.1,
                entries: limits.2,
                sealed: sealed.map(|all| all.into_iter().map(Into::into).collect()),
                explanation: None,
            },
        )
}

fn roster_row() -> impl Strategy<Value = RosterRow> {
    let key = SigningKey::from_seed(&Seed::new([1; 32])).public();
    let entry = (
        any::<([u8; 16], bool, Option<u64>, Option<u64>)>(),
        ".{0,30}",
        proptest::option::of(any::<[u8; 16]>()),
    )
        .prop_map(move |((id, is_device, first, second), name, gate)| {
            let gate = gate.map(GateId::from_bytes);
            if is_device {
                RosterEntry::Device(DeviceEntry {
                    device: DeviceId::from_bytes(id),
                    key,
                    name,
                    role: DeviceRole::Desk,
                    gate,
                    revoked: first.map(|at| Revocation {
                        at: UnixMillis::new(at),
                        accepted: second
                            .map(|sequence| AcceptedUpTo {
                                log: LogId::from_bytes(id),
                                sequence,
                            })
                            .into_iter()
                            .collect(),
                    }),
                })
            } else {
                RosterEntry::Staff(StaffEntry {
                    staff: StaffId::from_bytes(id),
                    name: Private::new(name),
                    role: StaffRole::Supervisor,
                    gates: gate.into_iter().collect(),
                    badge: key,
                    override_key: first.map(|_| key),
                    valid_from: first.map(UnixMillis::new),
                    valid_until: second.map(UnixMillis::new),
                    revoked_at: second.map(UnixMillis::new),
                })
            }
        });
    (any::<([u8; 16], u64)>(), entry).prop_map(|((key, revision), entry)| RosterRow {
        key: key.into(),
        revision,
        entry,
    })
}

proptest! {
    #[test]
    fn rows_of_tickets_have_one_encoding(row in ticket_row()) {
        let bytes = encode_row(&row).unwrap();
        prop_assert_eq!(Row::parse(&bytes).unwrap().head(), row.head());
        prop_assert_eq!(decode_row(&bytes), Ok(row));
    }

    #[test]
    fn rows_of_the_roster_have_one_encoding(row in roster_row()) {
        let bytes = encode_row(&row).unwrap();
        prop_assert_eq!(Row::parse(&bytes).unwrap().head(), row.head());
        prop_assert_eq!(decode_row(&bytes), Ok(row));
    }

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
