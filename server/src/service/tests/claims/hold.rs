//! Whoever writes waits for one job of somebody else's at most, and no job holds the writer for long, whatever
//! is sent.

use super::*;
use proptest::prelude::*;
use usher_domain::api::reports::NewRulings;
use usher_domain::hash::Hash;
use usher_domain::ids::{LogId, SessionId, TicketId};
use usher_domain::protocol::{BATCH_RECORDS_MAX, HEADS_MAX, Head, TABLES_MAX};
use usher_domain::record::{LogRef, RulingWord};

/// The longest that one job may hold the writer, in microseconds.
const HOLD_US: i64 = 50_000;

/// What a hostile device does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    /// As many records as a batch has.
    Push(Kind),
    /// The same, in a log of its own that goes another way.
    Fork(Kind),
    /// Every list as long as it may be.
    Beat,
    /// Everything unsent that a claim carries.
    Claim,
    /// Every log that there may be.
    SignOff,
}

/// What its records say.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One ticket was let in, again and again.
    OneTicket,
    /// As many tickets were.
    ManyTickets,
    /// Barcodes were.
    Media,
    /// Attempts ended that nobody made.
    Aborts,
    /// Somebody's scans are taken back.
    Undos,
}

fn deed() -> impl Strategy<Value = Deed> {
    let kind = prop_oneof![
        Just(Kind::OneTicket),
        Just(Kind::ManyTickets),
        Just(Kind::Media),
        Just(Kind::Aborts),
        Just(Kind::Undos),
    ];
    prop_oneof![
        3 => kind.prop_map(Deed::Push),
        1 => Just(Deed::Fork(Kind::ManyTickets)),
        1 => Just(Deed::Beat),
        1 => Just(Deed::Claim),
        1 => Just(Deed::SignOff),
    ]
}

fn id(number: usize) -> [u8; 16] {
    let mut id = [0xA5; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

impl Doors {
    fn hostile(&self, kind: Kind, number: usize) -> Body {
        let mut scan = self.scan(1, 0, Outcome::Admit);
        scan.attempt = AttemptId::from_bytes(id(number));
        let subject = match kind {
            Kind::OneTicket | Kind::Aborts | Kind::Undos => scan.subject,
            Kind::ManyTickets => Subject::Ticket(TicketId::from_bytes(id(number))),
            Kind::Media => {
                let mut identity = [7; 32];
                identity[..16].copy_from_slice(&id(number));
                Subject::Medium(Identity::from_bytes(identity))
            }
        };
        match kind {
            Kind::OneTicket | Kind::ManyTickets | Kind::Media => {
                Body::Scan(Scan { subject, ..scan })
            }
            Kind::Aborts => Body::Abort(Abort {
                session: scan.session,
                attempt: scan.attempt,
                subject,
            }),
            Kind::Undos => Body::Undo(Undo {
                of: Hash::of(&[&id(number)]),
                session: scan.session,
                subject,
                operator: None,
                approval: None,
            }),
        }
    }

    async fn push_many(&self, gate: &mut Gate, kind: Kind) {
        let from = gate.records.len() + 1;
        let now = self.service().now();
        for number in 0..BATCH_RECORDS_MAX {
            let body = self.hostile(kind, from + number);
            gate.write(now, body);
        }
        let batch = gate.batch(from, gate.records.len() + 1);
        let _refused_or_not = self.service().push(gate.id, batch).await;
    }

    async fn does(&self, gate: &mut Gate, deed: Deed) {
        let head = |number: usize| Head {
            log: LogRef {
                device: gate.id,
                log: LogId::from_bytes(id(number)),
            },
            sequence: 1,
            hash: Hash::of(&[]),
        };
        match deed {
            Deed::Push(kind) => self.push_many(gate, kind).await,
            Deed::Fork(kind) => {
                let mut other = gate.copy();
                self.push_many(&mut other, kind).await;
                self.push_many(gate, kind).await;
            }
            Deed::Beat => {
                let table = |number| TableVersion {
                    table: TableId::Set(SessionId::from_bytes(id(number))),
                    version: self.version,
                };
                let mut beat = self.sign_of_life(gate, Some(self.service().now()));
                beat.tables.extend((1..TABLES_MAX).map(table));
                beat.heads.extend((1..HEADS_MAX).map(head));
                self.service().heartbeat(gate.id, beat).await.unwrap();
            }
            Deed::Claim => {
                let mut request = self.request(1, 0).await;
                request.attempt = AttemptId::from_bytes(id(gate.records.len()));
                let from = gate.records.len();
                for number in 0..64 {
                    let body = self.hostile(Kind::OneTicket, from + number);
                    gate.write(self.service().now(), body);
                }
                let unsent = gate.records.iter().skip(from);
                request.unsent = unsent.map(|record| record.clone().into()).collect();
                let _refused_or_not = self.service().claim(gate.id, request).await;
            }
            Deed::SignOff => {
                let heads = (0..HEADS_MAX).map(head).collect();
                let _refused = self.service().sign_off(gate.id, heads).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn nothing_that_a_device_sends_holds_the_writer_for_long(
        deeds in prop::collection::vec(deed(), 1..2),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build().unwrap();
        runtime.block_on(async {
            let doors = Doors::open().await;
            let mut gate = doors.gate(1).await;
            let worked = doors.service().store().gauges().worked_longest_us;
            for deed in &deeds {
                worked.set(0);
                doors.does(&mut gate, *deed).await;
                let longest = worked.get();
                prop_assert!(longest < HOLD_US, "{deed:?}: {longest} µs");
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_thousand_words_of_a_person_hold_the_writer_no_longer() {
    let doors = Doors::open().await;
    let mut gate = doors.gate(1).await;
    doors.push_many(&mut gate, Kind::OneTicket).await;
    let records = gate
        .records
        .iter()
        .map(|record| Hash::of(&[record]).to_string());
    let rulings = NewRulings {
        records: records.collect(),
        word: RulingWord::Void,
    };
    let worked = doors.service().store().gauges().worked_longest_us;
    worked.set(0);
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let house = doors.house.organizer;
    let ruled = doors.service().rule(house, event, session, rulings).await;
    ruled.unwrap();
    let longest = worked.get();
    assert!(longest < HOLD_US, "{longest} µs");
}
