//! Scanning with claims: what the authority says, and what happens when it says nothing.

use super::authority::*;
use super::door::*;
use super::*;
use crate::claims::{Claims, Line as Wire};
use crate::http::Channel;
use futures_util::future::FutureExt as _;
use std::cell::RefCell;
use std::rc::Rc;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::protocol::claim::{CLAIM_BUDGET_MS, ClaimAnswer};
use usher_domain::record::{Certainty, Outcome};
use usher_domain::rules::IsolatedRule;

fn last_scan(door: &Door) -> (Outcome, Certainty) {
    let records = door.records();
    let Body::Scan(scan) = &records.last().unwrap().record.body else {
        panic!("no scan")
    };
    (scan.outcome, scan.certainty)
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
fn an_admission_is_told_however_often_the_ticket_was_shown_after_it() {
    let door = Door::evening();
    door.server.weather.set(Weather::Down);
    let admitted_by = door.enter(1).record.unwrap();
    for _ in 0..70 {
        assert!(!admitted(&door.enter(1)));
    }
    door.server.weather.set(Weather::Clear);
    door.stand.borrow().clock.pass(40_000);
    let now = door.stand.borrow().clock.read();
    door.claims.probed(now, now);
    let again = door.enter(1);
    assert_eq!(again.asked, Asked::Answered);
    assert_eq!(again.verdict.reason(), Reason::AlreadyInside);
    let asked = door.server.asked.borrow();
    let unsent = &asked.last().unwrap().unsent;
    assert_eq!(
        unsent.len(),
        usher_domain::protocol::claim::CLAIM_UNSENT_MAX
    );
    let told = unsent.iter().map(|bytes| Line::read(bytes).unwrap().hash);
    assert_eq!(told.take(1).collect::<Vec<_>>(), [admitted_by]);
    // A server that was put back and lost it must not decide.
    assert_eq!(asked.last().unwrap().last_entry, Some(admitted_by));
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

#[test]
fn a_home_that_signed_off_lets_nobody_in_alone_where_only_homes_do() {
    let mut table = Table::set(EVENING, 0..3);
    table.terms.as_mut().unwrap().rules.isolated = IsolatedRule::HomeOnly;
    let home = Some(DEVICE);
    table.put(&TicketRow {
        home,
        ..row(1, EVENING)
    });
    table.put(&TicketRow {
        home,
        ..row(2, EVENING)
    });
    let door = Door::with(table);
    let signed_off = |since| {
        let mut stand = door.stand.borrow_mut();
        stand.store.set_away(since).unwrap();
    };
    signed_off(Some(UnixMillis::new(NOW)));
    assert!(admitted(&door.enter(2)), "the authority may");
    door.server.weather.set(Weather::Dead);
    let answer = door.enter(1);
    assert_eq!(answer.verdict, Verdict::Refer(Referral::NotHome { home }));
    signed_off(None);
    assert!(admitted(&door.enter(1)), "on duty it may");
}
