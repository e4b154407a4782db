use super::*;
use crate::document::batch::Batch;
use proptest::prelude::*;

fn scope(number: u8) -> ScopeId {
    ScopeId::from_bytes([number; 16])
}

fn version(number: u64) -> Version {
    Version { epoch: 1, number }
}

fn any_batch() -> impl Strategy<Value = FeedBatch> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let records = prop::collection::vec(bytes(), 0..3);
    (any::<u64>(), bytes(), records).prop_map(|(position, head, records)| FeedBatch {
        position,
        batch: Batch {
            head: head.into(),
            records: records.into_iter().map(Into::into).collect(),
        },
    })
}

fn any_event() -> impl Strategy<Value = LiveEvent> {
    let hello = (any::<u64>(), any::<u32>(), any::<u64>()).prop_map(|(time, epoch, number)| {
        LiveEvent::Hello(Hello {
            server_time: UnixMillis::new(time),
            epoch,
            tables: vec![TableVersion {
                table: TableId::Set(crate::ids::SessionId::from_bytes([3; 16])),
                version: version(number),
            }],
            feeds: vec![FeedEnd {
                scope: scope(1),
                position: number,
            }],
            trust: version(number),
        })
    });
    let feed = (
        any::<(u8, u32, u64, u64)>(),
        prop::collection::vec(any_batch(), 0..4),
    )
        .prop_map(|((number, epoch, after, end), batches)| {
            LiveEvent::Feed(FeedNews {
                scope: scope(number),
                epoch,
                after,
                batches,
                end,
                last: (number % 2 == 0).then(|| crate::hash::Hash::of(&[&[number]])),
            })
        });
    let table = (any::<u64>(), prop::collection::vec(any::<u8>(), 0..50)).prop_map(|(n, bytes)| {
        LiveEvent::Table(TableNews {
            table: TableId::Set(crate::ids::SessionId::from_bytes([3; 16])),
            version: version(n),
            segment: (!bytes.is_empty()).then(|| TableSegment {
                since: version(n.saturating_sub(1)),
                manifest: bytes.clone().into(),
                rows: bytes.into(),
            }),
        })
    });
    prop_oneof![
        hello,
        feed,
        table,
        any::<u64>().prop_map(|n| LiveEvent::Trust(TrustNews {
            version: version(n)
        })),
        any::<u64>().prop_map(|n| LiveEvent::Ping(Ping {
            server_time: UnixMillis::new(n)
        })),
        (0_u8..6).prop_map(|n| LiveEvent::Bye(Bye {
            reason: crate::cbor::decode(&[n]).unwrap()
        })),
    ]
}

fn read_all(reader: &mut EventReader) -> Result<Vec<LiveEvent>, NotAnEvent> {
    let mut events = Vec::new();
    while let Some(event) = reader.next_event()? {
        events.push(event);
    }
    Ok(events)
}

proptest! {
    #[test]
    fn events_come_out_as_they_went_in_however_they_are_cut(
        events in prop::collection::vec(any_event(), 0..6),
        piece in 1_usize..200,
        crlf in any::<bool>(),
    ) {
        let mut text: String = events.iter().map(LiveEvent::to_text).collect();
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let mut reader = EventReader::default();
        let mut read = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            reader.push(piece);
            read.extend(read_all(&mut reader).unwrap());
        }
        prop_assert_eq!(read, events);
    }

    #[test]
    fn any_bytes_are_events_or_refused(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6)) {
        let mut reader = EventReader::default();
        for piece in pieces {
            reader.push(&piece);
            if read_all(&mut reader).is_err() {
                break;
            }
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written(number: u8, epoch: u32, position: u64) {
        let place = LivePlace { scope: scope(number), epoch, position };
        prop_assert_eq!(place.to_string().parse(), Ok(place));
    }
}

#[test]
fn an_event_of_an_unknown_name_is_skipped() {
    let ping = LiveEvent::Ping(Ping {
        server_time: UnixMillis::new(7),
    });
    let text = format!(
        ": a comment\nevent: tomorrow\nretry: 5\ndata: AAAA\n\n{}",
        ping.to_text()
    );
    let mut reader = EventReader::default();
    reader.push(text.as_bytes());
    assert_eq!(read_all(&mut reader), Ok(vec![ping]));
}

#[test]
fn what_a_newer_server_adds_at_the_end_is_skipped() {
    // [7, "more"]
    let bytes = [0x82, 0x07, 0x64, b'm', b'o', b'r', b'e'];
    let ping = LiveEvent::decode("ping", &bytes).unwrap();
    let server_time = UnixMillis::new(7);
    assert_eq!(ping, Some(LiveEvent::Ping(Ping { server_time })));
    let bye = LiveEvent::decode("bye", &[0x81, 0x18, 0x63]).unwrap();
    let reason = ByeReason::Other(99);
    assert_eq!(bye, Some(LiveEvent::Bye(Bye { reason })));
}

#[test]
fn a_line_without_an_end_is_refused_and_not_kept() {
    let mut reader = EventReader::default();
    let piece = vec![b'x'; EVENT_BYTES_MAX];
    reader.push(&piece);
    assert_eq!(reader.next_event(), Ok(None));
    reader.push(&piece);
    assert_eq!(reader.next_event(), Err(NotAnEvent));
}

#[test]
fn data_without_an_end_is_refused() {
    let mut reader = EventReader::default();
    let line = format!("data: {}\n", "A".repeat(EVENT_BYTES_MAX / 2));
    reader.push(line.as_bytes());
    reader.push(line.as_bytes());
    assert_eq!(reader.next_event(), Ok(None));
    reader.push(line.as_bytes());
    assert_eq!(reader.next_event(), Err(NotAnEvent));
}

#[test]
fn what_is_told_fits_an_event() {
    // Base64 makes four of three; the manifest of a segment may be as long as its rows.
    const { assert!(TOLD_BYTES_MAX * 2 * 4 / 3 < EVENT_BYTES_MAX) };
}

#[test]
fn a_text_that_is_no_place_is_refused() {
    for text in ["", ":", "x:1:2", "1:2", "00:1:2:3"] {
        assert!(text.parse::<LivePlace>().is_err(), "{text}");
    }
}
