//! What a gate owes the authority: attempts that it gives up, tickets that it holds back.

use super::door::*;
use super::*;
use std::rc::Rc;
use usher_domain::record::Abort;
use usher_domain::rules::IsolatedRule;

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
    refers.terms.as_mut().unwrap().rules.isolated = IsolatedRule::Refer;
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
