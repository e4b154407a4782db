//! The live feed: where the pieces of a stream end makes no difference, and what is read can be written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::protocol::live::{EventReader, LiveEvent, LivePlace, NotAnEvent};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(place) = text.parse::<LivePlace>()
    {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    let Some((&size, stream)) = data.split_first() else {
        return;
    };
    let (events, end) = read(stream, stream.len());
    assert_eq!(read(stream, usize::from(size) + 1), (events.clone(), end));
    for event in events {
        let (again, end) = read(event.to_text().as_bytes(), usize::from(size) + 1);
        assert_eq!((again, end), (vec![event], Ok(())));
    }
    // What the fuzzer made up, under every name.
    let names = [
        "hello", "feed", "table", "trust", "yield", "ping", "bye", "other",
    ];
    let name = names[usize::from(size) % names.len()];
    if let Ok(Some(event)) = LiveEvent::decode(name, stream) {
        assert_eq!(LiveEvent::decode(name, &event.encode()), Ok(Some(event)));
    }
});

/// The events of a stream that arrives in pieces of a size, and how it ended.
fn read(stream: &[u8], size: usize) -> (Vec<LiveEvent>, Result<(), NotAnEvent>) {
    let mut events = Vec::new();
    let mut reader = EventReader::default();
    for piece in stream.chunks(size.max(1)) {
        reader.push(piece);
        loop {
            match reader.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(odd) => return (events, Err(odd)),
            }
        }
    }
    (events, Ok(()))
}
