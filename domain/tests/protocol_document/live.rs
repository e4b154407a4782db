//! Events of the live feed.

use crate::diagnostic::{cbor, notation};
use crate::records::batch;
use crate::tables::set_manifest;
use crate::world::{
    ATTEMPT, DEVICE, Examples, GATE, NOW, ORGANIZER, SCOPE, SESSION, TICKET, VERSION,
};
use usher_domain::hash::Hash;
use usher_domain::protocol::claim::YieldRequest;
use usher_domain::protocol::live::{
    Bye, ByeReason, FeedNews, Hello, LiveEvent, LivePlace, Ping, TableNews, TableSegment, TrustNews,
};
use usher_domain::protocol::{FeedBatch, FeedEnd, TableVersion, paths};
use usher_domain::record::Subject;
use usher_domain::table::{TableId, Version};

pub(crate) fn examples() -> Examples {
    let tables = [TableId::Roster(ORGANIZER), TableId::Set(SESSION)].map(|table| TableVersion {
        table,
        version: VERSION,
    });
    let hello = LiveEvent::Hello(Hello {
        server_time: NOW,
        epoch: 0,
        tables: tables.to_vec(),
        feeds: vec![FeedEnd {
            scope: SCOPE,
            position: 41,
        }],
        trust: VERSION,
    });
    let feed = LiveEvent::Feed(FeedNews {
        scope: SCOPE,
        epoch: 0,
        after: 40,
        batches: vec![FeedBatch {
            position: 41,
            batch: batch(),
        }],
        end: 41,
        last: Some(Hash::of(&[b"a record"])),
    });
    let since = Version {
        number: VERSION.number - 1,
        ..VERSION
    };
    let table = LiveEvent::Table(TableNews {
        table: TableId::Set(SESSION),
        version: VERSION,
        segment: Some(TableSegment {
            since,
            manifest: set_manifest()[..4].to_vec().into(),
            rows: vec![0x28, 0xb5, 0x2f, 0xfd].into(),
        }),
    });
    let trust = LiveEvent::Trust(TrustNews { version: VERSION });
    let hold_back = LiveEvent::Yield(YieldRequest {
        scope: SCOPE,
        session: SESSION,
        subject: Subject::Ticket(TICKET),
        attempt: ATTEMPT,
        to: DEVICE,
        gate: Some(GATE),
    });
    let ping = LiveEvent::Ping(Ping { server_time: NOW });
    let bye = LiveEvent::Bye(Bye {
        reason: ByeReason::Revoked,
    });
    let place = LivePlace {
        scope: SCOPE,
        epoch: 0,
        position: 41,
    };
    vec![
        ("live-request", format!("{}?scope={place}\n", paths::LIVE)),
        ("live-text", ping.to_text() + &bye.to_text()),
        (
            "live-hello",
            cbor(
                &hello.encode(),
                "server_time epoch tables[*[table version]] feeds[*[scope position]] trust",
            ),
        ),
        (
            "live-feed",
            notation(
                &feed.encode(),
                "scope epoch after batches[*[position batch[head records]]] end last",
            ),
        ),
        (
            "live-table",
            cbor(
                &table.encode(),
                "table version segment[since manifest rows]",
            ),
        ),
        ("live-trust", cbor(&trust.encode(), "version")),
        (
            "live-yield",
            cbor(&hold_back.encode(), "scope session subject attempt to gate"),
        ),
        ("live-ping", cbor(&ping.encode(), "server_time")),
        ("live-bye", cbor(&bye.encode(), "reason")),
    ]
}
