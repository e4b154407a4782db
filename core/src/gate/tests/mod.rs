//! The gate over a real store.

mod authority;
mod claims;
mod door;
mod duty;
mod leaving;
mod reading;
mod staff;
mod together;

use super::*;
use crate::fixture::*;
use crate::store::{FeedEntry, FeedPlace};
use usher_domain::code::TicketCodeText;
use usher_domain::ids::{AttemptId, DeviceId, LogId};
use usher_domain::log::{Entry, Line, LogEnd, sign_batch, verify_batch};
use usher_domain::numbers::TypeNumber;
use usher_domain::record::{Body, Certainty, Confirmed, LogRef};
use usher_domain::rules::{EntryMode, EntryRule, TypeRule, ZoneCapacity};
use usher_domain::seal;
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, TicketRow, TicketState};
use usher_domain::verdict::{AdmitWhy, Caution, Reason, Referral, Refusal, TroubleCode, Verdict};

/// A device at the north gate.
struct Stand {
    store: Store,
    clock: TestClock,
    entropy: TestEntropy,
    gate: Gate,
    _folder: tempfile::TempDir,
}

impl Stand {
    fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            store: enrolled(folder.path()),
            clock: TestClock::new(),
            entropy: TestEntropy::default(),
            gate: Gate::new(),
            _folder: folder,
        }
    }

    fn with(tables: &[Table]) -> Self {
        let mut stand = Self::bare();
        roster().install(&mut stand.store).unwrap();
        for table in tables {
            table.install(&mut stand.store).unwrap();
        }
        stand
    }

    fn evening() -> Self {
        Self::with(&[Table::set(EVENING, 0..30)])
    }

    fn with_gate<T>(&mut self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        let mut means = Means {
            store: &mut self.store,
            clock: &self.clock,
            entropy: &self.entropy,
        };
        work(&mut self.gate, &mut means)
    }

    fn ask(&mut self, request: &ScanRequest) -> Answer {
        self.with_gate(|gate, means| gate.scan(means, request))
    }

    fn enter(&mut self, text: &str) -> Answer {
        self.ask(&ScanRequest::entry(text))
    }

    fn leave(&mut self, text: &str) -> Answer {
        self.ask(&ScanRequest::exit(text))
    }

    /// All records of the scope, in the order in which they were written.
    fn records(&self) -> Vec<Line> {
        let lines = self.store.records_after(SCOPE, 0, u32::MAX).unwrap().lines;
        lines.into_iter().map(|(_, line)| line).collect()
    }

    fn chain_holds(&self) -> bool {
        let own = self.store.own_logs().unwrap();
        own.iter().all(|log| {
            let records = self
                .store
                .log_records(log.end.head.log, 1, u32::MAX)
                .unwrap();
            let encoded: Vec<_> = records.into_iter().map(|(_, bytes)| bytes).collect();
            encoded.is_empty() || usher_domain::log::sign_batch(&key(33), encoded).is_ok()
        })
    }
}

/// Brings records of a log of another device, or of the server, by the feed.
fn feed_brings(stand: &mut Stand, device: DeviceId, bodies: Vec<Body>) -> Vec<Line> {
    let known = u8::try_from(stand.records().len()).unwrap();
    let log = LogRef {
        device,
        log: LogId::from_bytes([100 + known; 16]),
    };
    let mut end = LogEnd::empty(log, SCOPE);
    let entries: Vec<Entry> = bodies
        .into_iter()
        .map(|body| end.append(UnixMillis::new(NOW), body))
        .collect();
    let records = entries.iter().map(|entry| entry.encoded.clone()).collect();
    let batch = sign_batch(&server_key(), records).unwrap();
    let batch = verify_batch(&batch, &server_key().public()).unwrap();
    stand
        .store
        .take_feed(SCOPE, &[FeedEntry::Verified(batch)], FeedPlace::default())
        .unwrap();
    entries.iter().filter_map(Entry::line).collect()
}

fn admitted(answer: &Answer) -> bool {
    matches!(answer.verdict, Verdict::Admit(_))
}

#[test]
fn a_device_without_a_set_says_that_it_serves_no_session() {
    let mut stand = Stand::bare();
    let answer = stand.enter(&barcode(1));
    assert_eq!(answer.verdict, Verdict::Refer(Referral::NoSession));
    assert_eq!(answer.record, None);
}

#[test]
fn a_device_that_is_not_enrolled_refers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), UnixMillis::new(NOW)).unwrap();
    let mut means = Means {
        store: &mut store,
        clock: &TestClock::new(),
        entropy: &TestEntropy::default(),
    };
    let answer = Gate::new().scan(&mut means, &ScanRequest::entry("x"));
    let code = "not_enrolled";
    assert_eq!(
        answer.verdict,
        Verdict::Refer(Referral::DeviceTrouble {
            code: TroubleCode::new(code)
        })
    );
}

#[test]
fn a_ticket_enters_once_by_barcode_and_by_signed_code() {
    let mut stand = Stand::evening();
    for text in [barcode(1), signed_code(2, EVENING)] {
        let first = stand.enter(&text);
        assert!(admitted(&first), "{first:?}");
        assert_eq!(first.session.as_ref().unwrap().name, "Evening");
        assert_eq!(first.type_name.as_deref(), Some("Regular"));
        stand.clock.pass(5_000);
        let second = stand.enter(&text);
        assert!(matches!(
            second.verdict,
            Verdict::Refuse(Refusal::AlreadyInside(_))
        ));
        let evidence = second.evidence.unwrap();
        assert_eq!((evidence.ago_ms, evidence.here), (5_000, true));
        assert_eq!(evidence.gate.as_deref(), Some("North"));
        assert_eq!(evidence.device.as_deref(), Some("north 1"));
        assert_eq!(Some(evidence.record), first.record);
    }
    // The barcode of a ticket that entered by its signed code is the same ticket.
    assert!(!admitted(&stand.enter(&barcode(2))));
}

#[test]
fn every_verdict_is_in_the_store_before_it_shows() {
    let mut stand = Stand::evening();
    for text in [
        "",
        "USH1:BROKEN",
        "nobody",
        &barcode(3),
        &barcode(3),
        "\u{1}",
    ] {
        let answer = stand.enter(text);
        let line = stand.store.record(answer.record.unwrap()).unwrap().unwrap();
        let Body::Scan(scan) = line.record.body else {
            panic!()
        };
        assert_eq!(scan.outcome, answer.verdict.outcome());
        assert_eq!(scan.reason, answer.verdict.reason());
        assert_eq!(scan.attempt, answer.attempt);
        assert_eq!(scan.zone, Some(HALL));
    }
    assert!(stand.chain_holds());
}

#[test]
fn the_same_attempt_repeats_its_verdict_and_writes_nothing() {
    let mut stand = Stand::evening();
    let attempt = Some(AttemptId::from_bytes([42; 16]));
    let request = ScanRequest {
        attempt,
        ..ScanRequest::entry(barcode(4))
    };
    let first = stand.ask(&request);
    stand.clock.pass(60_000);
    // Also after a restart.
    stand.gate = Gate::new();
    let again = stand.ask(&request);
    assert_eq!(again.verdict.outcome(), first.verdict.outcome());
    assert_eq!(again.record, first.record);
    let refused = ScanRequest {
        attempt: Some(AttemptId::from_bytes([43; 16])),
        ..request
    };
    let no = stand.ask(&refused);
    assert_eq!(stand.ask(&refused).record, no.record);
    assert_eq!(stand.ask(&refused).verdict, no.verdict);
    assert_eq!(stand.records().len(), 2);
}

#[test]
fn an_undone_admission_never_was() {
    let mut stand = Stand::evening();
    let record = stand.enter(&barcode(5)).record.unwrap();
    stand
        .with_gate(|gate, means| gate.undo(means, record))
        .unwrap();
    assert!(matches!(
        stand.with_gate(|gate, means| gate.undo(means, record)),
        Err(GateError::DoneBefore)
    ));
    assert!(admitted(&stand.enter(&barcode(5))));
    let refused = stand.enter(&barcode(5)).record.unwrap();
    assert!(matches!(
        stand.with_gate(|gate, means| gate.undo(means, refused)),
        Err(GateError::WrongKind(_))
    ));
    assert!(stand.chain_holds());
}

#[test]
fn who_left_comes_back_where_the_rule_lets_them() {
    let mut table = Table::set(EVENING, 0..3);
    table.terms.as_mut().unwrap().rules.entry = EntryRule {
        mode: EntryMode::Reentry,
        ..EntryRule::default()
    };
    let mut stand = Stand::with(&[table]);
    let text = barcode(1);
    assert!(admitted(&stand.enter(&text)));
    assert!(!admitted(&stand.enter(&text)));
    assert!(admitted(&stand.leave(&text)));
    assert!(!admitted(&stand.leave(&text)));
    assert!(admitted(&stand.enter(&text)));
}

#[test]
fn a_cancelled_ticket_is_refused_with_its_reason() {
    let mut table = Table::set(EVENING, 0..3);
    table.put(&TicketRow {
        state: TicketState::Cancelled(CancelReason::Refunded),
        ..row(1, EVENING)
    });
    let mut stand = Stand::with(&[table]);
    assert_eq!(
        stand.enter(&barcode(1)).verdict,
        Verdict::Refuse(Refusal::Cancelled {
            reason: CancelReason::Refunded
        })
    );
}

#[test]
fn a_ticket_for_another_session_is_told_the_right_one_and_the_gate_warns() {
    let mut stand = Stand::with(&[Table::set(EVENING, 0..10), Table::set(MATINEE, 100..110)]);
    let mut advice = None;
    for number in 100..105 {
        let answer = stand.enter(&barcode(number));
        let right = vec![(MATINEE, "Matinee".to_owned())];
        assert_eq!(
            answer.verdict,
            Verdict::Refuse(Refusal::WrongSession { right })
        );
        advice = answer.advice;
    }
    assert!(matches!(advice, Some(Advice::OtherSession(served)) if served.id == MATINEE));
    // A person chooses the other session, and follows the timetable again.
    let chosen = Some(MATINEE);
    stand
        .with_gate(|gate, means| gate.choose(means, chosen))
        .unwrap();
    assert_eq!(stand.enter(&barcode(100)).session.unwrap().id, MATINEE);
    stand
        .with_gate(|gate, means| gate.choose(means, None))
        .unwrap();
    assert_eq!(stand.enter(&barcode(1)).session.unwrap().id, EVENING);
}

#[test]
fn holder_data_open_with_the_code_shown_alone() {
    let mut table = Table::set(EVENING, 0..3);
    let holder = seal::Holder {
        name: Private::new("Ada"),
        lines: Vec::new(),
    };
    let code = TicketCodeText::new(&barcode(1)).unwrap();
    let sealed = seal::seal(&code, EVENING, ticket_id(1), &holder).unwrap();
    table.put(&TicketRow {
        sealed: Some(vec![sealed.into()]),
        explanation: None,
        ..row(1, EVENING)
    });
    let mut stand = Stand::with(&[table]);
    assert_eq!(stand.enter(&barcode(1)).holder, Some(holder));
    assert_eq!(stand.enter(&signed_code(1, EVENING)).holder, None);
}

#[test]
fn staff_check_what_the_ticket_asks_and_confirm_within_the_attempt() {
    let mut table = Table::set(EVENING, 0..3);
    table.terms.as_mut().unwrap().rules.types = vec![TypeRule {
        number: TypeNumber::new(1),
        entry: None,
        zones: Vec::new(),
        instruction: Some("check student ID".to_owned()),
    }];
    let mut stand = Stand::with(&[table]);
    let asked = stand.enter(&barcode(1));
    assert!(matches!(
        asked.verdict,
        Verdict::Refer(Referral::Instruction { .. })
    ));
    let confirm = ScanRequest {
        attempt: Some(asked.attempt),
        confirmed: Some(Confirmed::Instruction),
        ..ScanRequest::entry(barcode(1))
    };
    let answer = stand.ask(&confirm);
    assert!(admitted(&answer));
    assert_eq!(stand.ask(&confirm).record, answer.record);
    assert_eq!(stand.records().len(), 2);
}

#[test]
fn a_full_zone_is_a_caution_by_this_gates_count() {
    let mut table = Table::set(EVENING, 0..10);
    table.terms.as_mut().unwrap().rules.capacity = vec![ZoneCapacity {
        zone: HALL,
        people: 2,
    }];
    let mut stand = Stand::with(&[table]);
    let cautions = |answer: Answer| match answer.verdict {
        Verdict::Admit(admit) => admit.cautions,
        Verdict::Refuse(_) | Verdict::Refer(_) => panic!(),
    };
    assert_eq!(cautions(stand.enter(&barcode(0))), []);
    let second = stand.enter(&barcode(1));
    let record = second.record.unwrap();
    assert_eq!(cautions(second), []);
    let full = Caution::OverCapacity {
        zone: HALL,
        inside: 2,
    };
    let third = stand.enter(&barcode(2));
    let third_record = third.record.unwrap();
    assert_eq!(cautions(third), [full]);
    for record in [record, third_record] {
        stand
            .with_gate(|gate, means| gate.undo(means, record))
            .unwrap();
    }
    assert_eq!(cautions(stand.enter(&barcode(3))), []);
}

#[test]
fn a_whole_order_enters_with_one_verdict_for_each_ticket() {
    let mut stand = Stand::evening();
    assert!(admitted(&stand.enter(&barcode(4))));
    let request = ScanRequest {
        attempt: Some(AttemptId::from_bytes([9; 16])),
        ..ScanRequest::entry(barcode(3))
    };
    let answers = stand.with_gate(|gate, means| gate.scan_order(means, &request));
    let outcomes: Vec<bool> = answers.iter().map(admitted).collect();
    assert_eq!(outcomes.iter().filter(|admitted| **admitted).count(), 2);
    assert_eq!((answers.len(), outcomes[0]), (3, true));
    let again = stand.with_gate(|gate, means| gate.scan_order(means, &request));
    let records = |answers: &[Answer]| -> Vec<_> { answers.iter().map(|a| a.record).collect() };
    assert_eq!(records(&again), records(&answers));
    assert_eq!(stand.records().len(), 4);
    assert!(stand.chain_holds());
}

#[test]
fn an_isolated_gate_admits_with_a_caution_and_its_record_says_so() {
    let mut stand = Stand::evening();
    stand.clock.pass(10 * 60_000);
    let answer = stand.enter(&barcode(1));
    let since = UnixMillis::new(NOW);
    assert_eq!(
        answer.verdict,
        Verdict::Admit(usher_domain::verdict::Admit {
            why: AdmitWhy::Listed,
            cautions: vec![Caution::Isolated { since }]
        })
    );
    assert_eq!(answer.certainty, Certainty::Isolated { since });
}

#[test]
fn the_record_of_an_admission_names_the_key_that_signed_the_code() {
    let mut stand = Stand::evening();
    assert!(admitted(&stand.enter(&signed_code(1, EVENING))));
    // In nobody's list, and genuine.
    assert!(admitted(&stand.enter(&signed_code(77, EVENING))));
    assert!(admitted(&stand.enter(&barcode(2))));
    assert!(!admitted(&stand.enter(&signed_code(1, EVENING))));
    stand.leave(&signed_code(1, EVENING));
    let records = stand.records();
    let keys = records
        .iter()
        .map(|line| line.record.body.as_scan().unwrap().key);
    let keys: Vec<_> = keys.collect();
    let code_key = Some(key(103).public().kid());
    assert_eq!(keys, [code_key, code_key, None, None, None]);
}

#[test]
fn a_gate_that_does_without_the_server_is_isolated_at_once() {
    let mut stand = Stand::evening();
    let online = stand.enter(&barcode(1));
    assert!(matches!(online.certainty, Certainty::Local { .. }));
    stand.gate.go_alone();
    let since = UnixMillis::new(NOW);
    let answer = stand.enter(&barcode(2));
    assert_eq!(answer.certainty, Certainty::Isolated { since });
}

#[test]
fn a_device_that_cannot_write_refers_and_never_admits() {
    let mut stand = Stand::evening();
    assert!(admitted(&stand.enter(&barcode(1))));
    stand.store.refuse_writes();
    for number in 2..5 {
        let answer = stand.enter(&barcode(number));
        assert_eq!(answer.verdict.reason(), Reason::DeviceTrouble);
        assert_eq!(answer.record, None);
    }
    assert_eq!(stand.records().len(), 1);
}
