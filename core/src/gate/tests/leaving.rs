//! Leaving after a session's end, and while another one is served already.

use super::*;
use usher_domain::ids::SessionId;

const MINUTE_MS: u64 = 60_000;

/// A set whose session began some hours ago and ends in so many minutes.
fn ending(session: SessionId, in_minutes: u64) -> Table {
    let first = u64::from(session.as_bytes()[0]) * 100;
    let mut table = Table::set(session, first..first + 30);
    let terms = table.terms.as_mut().unwrap();
    terms.session.doors = UnixMillis::new(NOW - 180 * MINUTE_MS);
    terms.session.starts = UnixMillis::new(NOW - 120 * MINUTE_MS);
    terms.session.ends = UnixMillis::new(NOW + in_minutes * MINUTE_MS);
    table
}

fn exit(answer: &Answer) -> bool {
    matches!(&answer.verdict, Verdict::Admit(admit) if admit.why == AdmitWhy::Exit)
}

#[test]
fn people_leave_until_three_hours_after_the_end_where_no_rule_says_otherwise() {
    let mut stand = Stand::with(&[ending(EVENING, 10)]);
    assert!(admitted(&stand.enter(&barcode(701))));
    assert!(admitted(&stand.enter(&barcode(702))));
    stand.clock.pass(189 * MINUTE_MS);
    let late = stand.enter(&barcode(703));
    assert_eq!(late.verdict, Verdict::Refer(Referral::NoSession));
    let left = stand.leave(&barcode(701));
    assert!(exit(&left), "{left:?}");
    assert_eq!(left.session.unwrap().name, "Evening");
    let line = stand.store.record(left.record.unwrap()).unwrap().unwrap();
    assert_eq!(line.record.body.as_scan().unwrap().session, EVENING);
    stand.clock.pass(2 * MINUTE_MS);
    let answer = stand.leave(&barcode(702));
    assert_eq!(answer.verdict, Verdict::Refer(Referral::NoSession));
}

#[test]
fn people_leave_until_the_hour_that_the_session_sets() {
    let mut table = ending(EVENING, 10);
    let rules = &mut table.terms.as_mut().unwrap().rules;
    rules.leaving_minutes = Some(600);
    let mut stand = Stand::with(&[table]);
    assert!(admitted(&stand.enter(&barcode(701))));
    stand.clock.pass(609 * MINUTE_MS);
    assert!(exit(&stand.leave(&barcode(701))));
}

#[test]
fn who_is_inside_leaves_although_the_next_session_is_served() {
    let mut next = ending(MATINEE, 600);
    let session = &mut next.terms.as_mut().unwrap().session;
    session.doors = UnixMillis::new(NOW + 30 * MINUTE_MS);
    session.starts = UnixMillis::new(NOW + 40 * MINUTE_MS);
    let mut stand = Stand::with(&[ending(EVENING, 10), next]);
    let of_evening = signed_code(701, EVENING);
    assert!(admitted(&stand.enter(&of_evening)));
    stand.clock.pass(60 * MINUTE_MS);
    assert_eq!(
        stand
            .with_gate(|gate, means| gate.serving(means))
            .unwrap()
            .unwrap()
            .name,
        "Matinee"
    );
    let left = stand.leave(&of_evening);
    assert!(exit(&left), "{left:?}");
    assert_eq!(left.session.unwrap().name, "Evening");
}
