//! Scanning with claims: what the authority says, what happens when it says nothing, and what is owed to it.

use super::authority::*;
use super::*;
use crate::claims::{Claims, Line as Wire};
use crate::http::Channel;
use crate::sync::Timer;
use futures_util::future::FutureExt as _;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::{CLAIM_BUDGET_MS, ClaimAnswer, OpenReservation, YieldRequest};
use usher_domain::record::{Abort, Certainty, Outcome, Subject};
use usher_domain::rules::IsolatedRule;

const SOUTH: DeviceId = DeviceId::from_bytes([30; 16]);

/// Waits by moving the hands of the clock.
struct Skip(Rc<RefCell<Stand>>);

impl Timer for Skip {
    async fn sleep(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap();
        self.0.borrow().clock.pass(ms);
    }
}

/// A gate that asks.
struct Door {
    stand: Rc<RefCell<Stand>>,
    server: Server,
    claims: Claims,
    channel: Channel,
}

impl AtGate for Door {
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        self.stand.borrow_mut().with_gate(work)
    }
}

impl Door {
    fn with(mut table: Table) -> Self {
        table.terms.as_mut().unwrap().authority = Some(OFFICE);
        Self {
            stand: Rc::new(RefCell::new(Stand::with(&[table]))),
            server: Server::new(),
            claims: Claims::default(),
            channel: Channel::Authentic,
        }
    }

    fn evening() -> Self {
        Self::with(Table::set(EVENING, 0..30))
    }

    /// One whose chance is another.
    fn other() -> Self {
        let door = Self::evening();
        for _ in 0..100 {
            door.stand.borrow().entropy.fill(&mut [0]).unwrap();
        }
        door
    }

    fn party(&self, request: &ScanRequest, party: Party) -> Vec<Answer> {
        let (clock, entropy) = (TestClock::new(), TestEntropy::default());
        // The gate's own clock moves; this one is as good for the line.
        clock.pass(self.stand.borrow().clock.read().monotonic_ms);
        let asking = Asking {
            api: &self.server,
            channel: self.channel,
            gate: self,
            timer: &Skip(Rc::clone(&self.stand)),
            clock: &clock,
            entropy: &entropy,
            claims: &self.claims,
        };
        let answered = ask(&asking, request.clone(), party).now_or_never();
        answered.expect("nothing waits for longer than the budget")
    }

    fn ask(&self, request: &ScanRequest) -> Answer {
        self.party(request, Party::One).remove(0)
    }

    fn enter(&self, number: u64) -> Answer {
        self.ask(&ScanRequest::entry(barcode(number)))
    }

    fn leave(&self, number: u64) -> Answer {
        self.ask(&ScanRequest::exit(barcode(number)))
    }

    fn asked(&self) -> usize {
        self.server.asked.borrow().len()
    }

    fn records(&self) -> Vec<Line> {
        self.stand.borrow().records()
    }

    /// Everything recorded reaches the server.
    fn upload(&self) {
        self.server.records.borrow_mut().clear();
        self.server.take(self.records());
        let mut stand = self.stand.borrow_mut();
        for log in stand.store.own_logs().unwrap() {
            let end = log.end.head;
            stand.store.server_has(end.log, end.sequence).unwrap();
        }
    }

    /// The program ends and begins again on the same store.
    fn restart(&mut self) {
        self.claims = Claims::default();
        self.stand.borrow_mut().gate = Gate::new();
    }

    fn open(&self) -> Vec<OpenReservation> {
        let open = self.server.open.borrow();
        open.iter()
            .map(|(attempt, (_, subject))| OpenReservation {
                scope: SCOPE,
                session: EVENING,
                subject: *subject,
                attempt: *attempt,
            })
            .collect()
    }

    fn give_up(&self) -> u64 {
        let open = self.open();
        self.at_gate(|_, means| give_up(means, &self.claims, &open).unwrap())
    }

    fn hold_back(&self, number: u64, attempt: u8) -> u64 {
        let asked = YieldRequest {
            scope: SCOPE,
            session: EVENING,
            subject: ticket(number),
            attempt: AttemptId::from_bytes([attempt; 16]),
            to: SOUTH,
            gate: Some(NORTH),
        };
        self.at_gate(|_, means| hold_back(means, &self.claims, &[asked]).unwrap())
    }
}

fn ticket(number: u64) -> Subject {
    Subject::Ticket(ticket_id(number))
}

fn last_scan(door: &Door) -> (Outcome, Certainty) {
    let records = door.records();
    let Body::Scan(scan) = &records.last().unwrap().record.body else {
        panic!("no scan")
    };
    (scan.outcome, scan.certainty)
}

fn aborts(door: &Door) -> Vec<Abort> {
    let records = door.records().into_iter();
    let abort = |line: Line| {
        let Body::Abort(abort) = line.record.body else {
            return None;
        };
        Some(abort)
    };
    records.filter_map(abort).collect()
}

#[test]
fn what_the_authority_grants_is_admitted_as_confirmed_and_recorded_so() {
    let door = Door::evening();
    let answer = door.enter(1);
    assert!(admitted(&answer));
    assert_eq!(answer.certainty, Certainty::Confirmed);
    assert_eq!(answer.asked, Asked::Answered);
    assert_eq!(last_scan(&door), (Outcome::Admit, Certainty::Confirmed));
    assert_eq!(door.open().len(), 1);
    door.upload();
    assert_eq!(door.open(), [], "the record takes the reservation's place");
    assert!(door.stand.borrow().chain_holds());
}

#[test]
fn what_another_gate_admitted_is_refused_although_this_one_never_heard_of_it() {
    let (door, other) = (Door::evening(), Door::other());
    other.enter(1);
    other.upload();
    door.server.take(other.records());
    let answer = door.enter(1);
    let evidence = answer.evidence.unwrap();
    assert_eq!(evidence.gate.as_deref(), Some("North"));
    assert!(matches!(
        answer.verdict,
        Verdict::Refuse(Refusal::AlreadyInside(_))
    ));
    assert_eq!(last_scan(&door), (Outcome::Refuse, Certainty::Confirmed));
    // Its record comes after what it rests on, whatever the clocks say.
    let stamps = |door: &Door| door.records().iter().map(|line| line.record.stamp).max();
    assert!(stamps(&door) > stamps(&other));
}

#[test]
fn a_silent_device_is_named() {
    let door = Door::evening();
    door.server.certainty.set(Certainty::ConfirmedExcept {
        device: DEVICE,
        since: UnixMillis::new(NOW),
        others: 0,
    });
    let answer = door.enter(1);
    assert_eq!(answer.names.devices, [(DEVICE, "north 1".to_owned())]);
}

#[test]
fn without_an_answer_in_time_the_gate_decides_alone_and_does_not_ask_again_at_once() {
    for (weather, asked) in [
        (Weather::Dead, Asked::Late),
        (Weather::AnswerLost, Asked::Late),
        (Weather::Down, Asked::Failed),
    ] {
        let door = Door::evening();
        door.server.weather.set(weather);
        let answer = door.enter(1);
        assert!(admitted(&answer));
        assert_eq!(answer.asked, asked);
        assert!(matches!(answer.certainty, Certainty::Local { .. }));
        let waited = door.stand.borrow().clock.read().monotonic_ms;
        assert!(waited <= CLAIM_BUDGET_MS);
        for number in 2..20 {
            assert!(admitted(&door.enter(number)));
        }
        assert_eq!(door.asked(), 1);
        assert_eq!(door.stand.borrow().clock.read().monotonic_ms, waited);
        // What was reserved for the lost answer, the record took the place of.
        door.upload();
        assert_eq!(door.open(), []);
        assert_eq!(door.give_up(), 0);
    }
}

#[test]
fn a_claim_that_comes_late_is_answered_by_the_record() {
    let door = Door::evening();
    door.server.weather.set(Weather::Dead);
    let answer = door.enter(1);
    let late = door.server.asked.borrow()[0].clone();
    door.upload();
    door.server.weather.set(Weather::Clear);
    let said = usher_domain::protocol::SyncApi::claim(&door.server, late);
    let said = said.now_or_never().unwrap().unwrap();
    let ClaimAnswer::Ended { record } = said else {
        panic!("{said:?}")
    };
    assert_eq!(Line::read(&record).unwrap().hash, answer.record.unwrap());
    assert_eq!(door.open(), []);
}

#[test]
fn the_line_is_good_again_after_a_sign_of_life_and_not_by_people_waiting() {
    let door = Door::evening();
    door.server.weather.set(Weather::Dead);
    door.enter(1);
    door.server.weather.set(Weather::Clear);
    door.stand.borrow().clock.pass(3_000);
    let now = door.stand.borrow().clock.read();
    assert_eq!(door.claims.line(now), Wire::Trying);
    assert_eq!(door.enter(2).asked, Asked::Not);
    door.claims.probed(now, now);
    assert_eq!(door.enter(3).asked, Asked::Answered);
}

#[test]
fn what_no_other_device_can_change_asks_nobody() {
    let mut table = Table::set(EVENING, 0..3);
    table.put(&TicketRow {
        state: TicketState::Cancelled(CancelReason::Refunded),
        ..row(1, EVENING)
    });
    let door = Door::with(table);
    for text in [
        String::new(),
        "nobody".into(),
        "USH1:BROKEN".into(),
        barcode(1),
    ] {
        let answer = door.ask(&ScanRequest::entry(text));
        assert_eq!(answer.asked, Asked::Not);
        assert_eq!(answer.verdict.outcome(), Outcome::Refuse);
    }
    assert_eq!(door.asked(), 0);
}

#[test]
fn nobody_is_asked_who_is_not_known_to_be_the_authority() {
    let mut open = Door::evening();
    open.channel = Channel::Open;
    let none = Door {
        stand: Rc::new(RefCell::new(Stand::evening())),
        ..Door::evening()
    };
    let isolated = Door::evening();
    isolated
        .stand
        .borrow_mut()
        .store
        .lost(UnixMillis::new(NOW))
        .unwrap();
    let revoked = Door::evening();
    revoked
        .stand
        .borrow_mut()
        .store
        .note_revoked(UnixMillis::new(NOW))
        .unwrap();
    for door in [open, none, isolated, revoked] {
        assert_eq!(door.enter(1).asked, Asked::Not);
        assert_eq!(door.asked(), 0);
    }
}

#[test]
fn a_gate_that_is_behind_decides_alone_and_wants_an_exchange() {
    let door = Door::evening();
    for (said, asked) in [
        (ClaimAnswer::Behind, Asked::Behind),
        (
            ClaimAnswer::NotAuthority { authority: None },
            Asked::NotAuthority,
        ),
    ] {
        *door.server.answer.borrow_mut() = Some(said);
        assert_eq!(door.claims.exchange_wanted().now_or_never(), None);
        let answer = door.enter(1);
        assert_eq!(answer.asked, asked);
        assert!(matches!(answer.certainty, Certainty::Local { .. }));
        assert_eq!(door.claims.exchange_wanted().now_or_never(), Some(()));
    }
}

#[test]
fn everybody_of_an_order_is_claimed_apart_and_at_once() {
    let (door, other) = (Door::evening(), Door::other());
    // Tickets 3, 4 and 5 are one order.
    other.enter(4);
    door.server.take(other.records());
    let answers = door.party(&ScanRequest::entry(barcode(3)), Party::Order);
    let asked = door.server.asked.borrow();
    let mut subjects: Vec<_> = asked.iter().map(subject_of).collect();
    subjects.sort();
    let mut expected = [ticket(3), ticket(4), ticket(5)];
    expected.sort();
    assert_eq!(subjects, expected);
    for answer in &answers {
        let is_inside = answer.ticket == Some(ticket_id(4));
        assert_eq!(admitted(answer), !is_inside, "{answer:?}");
        assert_eq!(answer.certainty, Certainty::Confirmed);
    }
    assert_eq!(door.records().len(), 3);
    assert_eq!(door.open().len(), 2);
}

#[test]
fn an_order_whose_claims_are_lost_costs_one_budget() {
    let door = Door::evening();
    door.server.weather.set(Weather::Dead);
    let answers = door.party(&ScanRequest::entry(barcode(3)), Party::Order);
    assert!(answers.iter().all(admitted));
    assert_eq!(answers.len(), 3);
    let now = door.stand.borrow().clock.read();
    assert_ne!(door.claims.line(now), Wire::Good);
}

#[test]
fn who_leaves_is_claimed_too() {
    let door = Door::evening();
    assert_eq!(door.leave(1).verdict, Verdict::Refuse(Refusal::NotInside));
    door.enter(1);
    let out = door.leave(1);
    assert!(admitted(&out));
    assert_eq!(out.certainty, Certainty::Confirmed);
    // What the server lacks of the ticket came with the claim.
    assert_eq!(door.server.asked.borrow().last().unwrap().unsent.len(), 2);
}

#[test]
fn an_instruction_is_claimed_again_under_the_same_attempt_when_it_was_checked() {
    let mut table = Table::set(EVENING, 0..3);
    table.put(&TicketRow {
        instruction: Some("Check the student card".into()),
        ..row(1, EVENING)
    });
    let door = Door::with(table);
    let texts = vec!["Check the student card".to_owned()];
    *door.server.answer.borrow_mut() = Some(ClaimAnswer::Decided(
        usher_domain::protocol::claim::Decided {
            verdict: Verdict::Refer(Referral::Instruction { texts }),
            certainty: Certainty::Confirmed,
            at: UnixMillis::new(NOW),
            after: None,
        },
    ));
    let first = door.enter(1);
    assert_eq!(first.verdict.reason(), Reason::Instruction);
    *door.server.answer.borrow_mut() = None;
    let second = door.ask(&ScanRequest {
        attempt: Some(first.attempt),
        confirmed: Some(Confirmed::Instruction),
        ..ScanRequest::entry(barcode(1))
    });
    assert!(admitted(&second));
    let asked = door.server.asked.borrow();
    assert_eq!(asked[1].attempt, asked[0].attempt);
    assert_eq!(asked[1].confirmed, Some(Confirmed::Instruction));
}

#[test]
fn a_grant_that_cannot_be_written_refers_and_is_given_up_later() {
    let mut door = Door::evening();
    let stand = Rc::clone(&door.stand);
    let before = door.enter(2);
    door.upload();
    stand.borrow().store.refuse_writes();
    let answer = door.enter(1);
    assert_eq!(answer.verdict.reason(), Reason::DeviceTrouble);
    assert_eq!(answer.record, None);
    assert_eq!(door.open().len(), 1);
    stand.borrow().store.allow_writes();
    door.restart();
    assert_eq!(door.give_up(), 1);
    door.upload();
    assert_eq!(door.open(), []);
    assert!(admitted(&before) && stand.borrow().chain_holds());
}

#[test]
fn killed_between_grant_and_record_the_attempt_is_given_up_at_the_next_start() {
    let mut door = Door::evening();
    let killed = AttemptId::from_bytes([9; 16]);
    door.server
        .open
        .borrow_mut()
        .insert(killed, (DEVICE, ticket(1)));
    door.restart();
    assert_eq!(door.give_up(), 1);
    assert_eq!(aborts(&door)[0].attempt, killed);
    // Said once, it is said; and the same attempt lets nobody in any more.
    assert_eq!(door.give_up(), 0);
    let again = door.stand.borrow_mut().ask(&ScanRequest {
        attempt: Some(killed),
        ..ScanRequest::entry(barcode(1))
    });
    assert_eq!(again.verdict.reason(), Reason::DeviceTrouble);
    door.upload();
    assert!(admitted(&door.enter(1)));
}

#[test]
fn a_ticket_shown_again_after_the_device_was_killed_is_let_in_at_once() {
    let mut door = Door::evening();
    let killed = AttemptId::from_bytes([9; 16]);
    door.server
        .open
        .borrow_mut()
        .insert(killed, (DEVICE, ticket(1)));
    door.restart();
    let answer = door.enter(1);
    assert!(admitted(&answer), "{answer:?}");
    assert_eq!(aborts(&door).len(), 1);
    assert_eq!(door.asked(), 2);
    // Somebody else's open attempt is theirs to end.
    let theirs = AttemptId::from_bytes([10; 16]);
    door.server
        .open
        .borrow_mut()
        .insert(theirs, (SOUTH, ticket(2)));
    assert_eq!(door.enter(2).verdict.reason(), Reason::BeingAdmitted);
    assert_eq!(aborts(&door).len(), 1);
}

#[test]
fn what_is_under_way_or_just_referred_is_not_given_up() {
    let door = Door::evening();
    let attempt = AttemptId::from_bytes([9; 16]);
    door.server
        .open
        .borrow_mut()
        .insert(attempt, (DEVICE, ticket(1)));
    let making = door.claims.begin(attempt, ticket(1));
    assert_eq!(door.give_up(), 0);
    drop(making);
    // A supervisor is being asked: the person stands there.
    door.stand
        .borrow_mut()
        .store
        .lost(UnixMillis::new(NOW))
        .unwrap();
    let mut refers = Table::set(EVENING, 0..3);
    refers.version = 2;
    refers.terms.as_mut().unwrap().rules.isolated = usher_domain::rules::IsolatedRule::Refer;
    refers.install(&mut door.stand.borrow_mut().store).unwrap();
    let referred = door.ask(&ScanRequest {
        attempt: Some(attempt),
        ..ScanRequest::entry(barcode(1))
    });
    assert_eq!(referred.verdict.reason(), Reason::Isolated);
    assert_eq!(door.give_up(), 0);
    door.stand.borrow().clock.pass(31_000);
    assert_eq!(door.give_up(), 1);
}

#[test]
fn what_happens_while_a_claim_waits_counts_if_it_is_not_answered() {
    let door = Door::evening();
    door.server.weather.set(Weather::Dead);
    let stand = Rc::clone(&door.stand);
    *door.server.meanwhile.borrow_mut() = Some(Box::new(move || {
        assert!(admitted(&stand.borrow_mut().enter(&barcode(1))));
    }));
    let answer = door.enter(1);
    assert!(matches!(
        answer.verdict,
        Verdict::Refuse(Refusal::AlreadyInside(_))
    ));
    assert!(door.stand.borrow().chain_holds());
}

#[test]
fn an_attempt_whose_record_was_lost_with_the_device_repeats_its_verdict() {
    let (door, restored) = (Door::evening(), Door::evening());
    let attempt = Some(AttemptId::from_bytes([7; 16]));
    let request = ScanRequest {
        attempt,
        ..ScanRequest::entry(barcode(1))
    };
    let first = door.ask(&request);
    door.upload();
    restored.server.take(door.records());
    let again = restored.ask(&request);
    assert_eq!(again.verdict, first.verdict);
    assert_eq!(again.record, first.record);
    assert_eq!(again.certainty, first.certainty);
    // Nothing new is written: the record comes back by the feed.
    assert_eq!(restored.records().len(), 0);
}

#[test]
fn an_override_names_the_attempt_that_it_takes_the_place_of() {
    let mut table = Table::set(EVENING, 0..3);
    table.put(&TicketRow {
        state: TicketState::Blocked,
        ..row(1, EVENING)
    });
    let door = Door::with(table);
    let refused = door.enter(1);
    let request = OverrideRequest {
        record: refused.record.unwrap(),
        badge: badge(SUPERVISOR).text(),
        pin: Private::new(PIN),
        reason: SanctionReason::GateMistake,
    };
    door.at_gate(|gate, means| gate.override_verdict(means, &request))
        .unwrap();
    let records = door.records();
    let Body::Scan(scan) = &records.last().unwrap().record.body else {
        panic!()
    };
    assert_eq!(scan.takes_over, Some(refused.attempt));
    assert_eq!(door.asked(), 0);
}

#[test]
fn a_home_holds_a_ticket_back_durably_and_lets_nobody_in_with_it() {
    let door = Door::evening();
    assert_eq!(door.hold_back(1, 9), 1);
    assert_eq!(door.hold_back(1, 9), 0, "once is enough");
    let mut stand = door.stand.borrow_mut();
    stand.store.lost(UnixMillis::new(NOW)).unwrap();
    stand.gate = Gate::new();
    assert_eq!(
        stand.enter(&barcode(1)).verdict.reason(),
        Reason::BeingAdmitted
    );
    stand.clock.pass(31_000);
    assert_eq!(
        stand.enter(&barcode(1)).verdict.reason(),
        Reason::AdmissionOpen
    );
    assert!(admitted(&stand.enter(&barcode(2))));
}

#[test]
fn a_home_that_lets_a_ticket_in_itself_does_not_hold_it_back() {
    let door = Door::evening();
    let making = door.claims.begin(AttemptId::from_bytes([8; 16]), ticket(1));
    assert_eq!(door.hold_back(1, 9), 0);
    drop(making);
    door.stand.borrow_mut().enter(&barcode(1));
    assert_eq!(door.hold_back(1, 9), 0, "the server does not know yet");
    door.upload();
    assert_eq!(door.hold_back(1, 9), 1);
}

#[test]
fn where_only_its_home_admits_a_ticket_alone_no_other_gate_does_when_nobody_answers() {
    let mut table = Table::set(EVENING, 0..3);
    table.terms.as_mut().unwrap().rules.isolated = IsolatedRule::HomeOnly;
    table.put(&TicketRow {
        home: Some(SOUTH),
        ..row(1, EVENING)
    });
    let door = Door::with(table);
    door.server.weather.set(Weather::Dead);
    let home = Some(SOUTH);
    let answer = door.enter(1);
    assert_eq!(answer.verdict, Verdict::Refer(Referral::NotHome { home }));
    assert_eq!(answer.asked, Asked::Late);
    let answer = door.enter(1);
    assert_eq!(
        answer.verdict,
        Verdict::Refer(Referral::NotHome { home }),
        "nobody is asked while the line is bad"
    );
    let door = {
        door.server.weather.set(Weather::Clear);
        Door {
            claims: Claims::default(),
            ..door
        }
    };
    assert!(admitted(&door.enter(1)), "the authority may");
}
