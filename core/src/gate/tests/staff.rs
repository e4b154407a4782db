//! Badges, PINs and overrides.

use super::*;
use usher_domain::document::approval::{ApprovalUse, verify_approval};
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::document::sign;
use usher_domain::hash::Hash;
use usher_domain::ids::{GateId, StaffId};
use usher_domain::record::{Outcome, OverrideKey, Scan, Subject};
use usher_domain::rules::OperatorRule;
use usher_domain::table::rows::StaffRole;

fn badge_text(staff: StaffId) -> String {
    badge(staff).text().reveal().to_owned()
}

fn overriding(record: Hash, staff: StaffId, pin: &str) -> OverrideRequest {
    OverrideRequest {
        record,
        badge: badge(staff).text(),
        pin: Private::new(pin),
        reason: SanctionReason::GateMistake,
    }
}

#[test]
fn a_member_of_staff_signs_in_by_badge_and_stands_in_the_records() {
    let mut stand = Stand::evening();
    let signed = stand
        .with_gate(|gate, means| gate.sign_in(means, &badge_text(STEWARD)))
        .unwrap();
    assert_eq!((signed.staff, signed.role), (STEWARD, StaffRole::Steward));
    stand.enter(&barcode(1));
    let records = stand.records();
    assert!(matches!(&records[0].record.body, Body::Scan(scan) if scan.operator == Some(STEWARD)));
    stand.with_gate(|gate, means| gate.sign_out(means)).unwrap();
    let operator = stand.with_gate(|gate, means| gate.operator(means)).unwrap();
    assert_eq!(operator, None);
}

#[test]
fn whose_badge_was_revoked_meanwhile_stands_in_no_further_record() {
    let mut stand = Stand::evening();
    stand
        .with_gate(|gate, means| gate.sign_in(means, &badge_text(STEWARD)))
        .unwrap();
    roster_without_staff().install(&mut stand.store).unwrap();
    stand.enter(&barcode(1));
    let records = stand.records();
    assert!(matches!(&records[0].record.body, Body::Scan(scan) if scan.operator.is_none()));
}

#[test]
fn who_may_not_work_here_any_more_is_signed_out_once_and_a_notice_stays() {
    use crate::store::{NoticeBody, SignOutReason};
    let other = GateId::from_bytes([55; 16]);
    for (why, change) in [
        (
            SignOutReason::Revoked,
            Box::new(|store: &mut Store| roster_without_staff().install(store).unwrap())
                as Box<dyn Fn(&mut Store)>,
        ),
        (
            SignOutReason::OtherGate,
            Box::new(move |store: &mut Store| store.set_gate(Some(other)).unwrap()),
        ),
    ] {
        let mut stand = Stand::evening();
        stand
            .with_gate(|gate, means| gate.sign_in(means, &badge_text(STEWARD)))
            .unwrap();
        let look = |stand: &mut Stand| {
            let out = stand.with_gate(|gate, means| gate.sign_out_if_barred(means));
            out.unwrap()
        };
        assert_eq!(look(&mut stand), None);
        change(&mut stand.store);
        let out = look(&mut stand).unwrap();
        assert_eq!((out.staff, out.why), (STEWARD, why));
        assert_eq!(look(&mut stand), None);
        assert_eq!(stand.store.operator().unwrap(), None);
        let notices = stand.store.notices().unwrap();
        assert!(
            notices
                .iter()
                .any(|notice| notice.body == NoticeBody::SignedOut { why })
        );
    }
}

#[test]
fn a_gate_that_requires_an_operator_refers_until_a_badge_is_scanned_and_lets_people_out() {
    let mut table = Table::set(EVENING, 0..10);
    table.terms.as_mut().unwrap().rules.operator = OperatorRule::Required;
    let mut stand = Stand::with(&[table]);
    let refers = Verdict::Refer(Referral::OperatorRequired);
    assert_eq!(stand.enter(&barcode(1)).verdict, refers);
    stand
        .with_gate(|gate, means| gate.sign_in(means, &badge_text(STEWARD)))
        .unwrap();
    assert!(admitted(&stand.enter(&barcode(1))));
    stand
        .store
        .set_gate(Some(GateId::from_bytes([55; 16])))
        .unwrap();
    assert_eq!(stand.enter(&barcode(2)).verdict, refers);
    assert!(admitted(&stand.leave(&barcode(1))));
}

#[test]
fn a_gate_remembers_which_event_it_serves_once_people_may_enter() {
    let mut stand = Stand::evening();
    // A session named for one scan says nothing of where the gate stands.
    stand.ask(&ScanRequest {
        session: Some(EVENING),
        ..ScanRequest::entry(barcode(2))
    });
    assert_eq!(stand.store.served_event().unwrap(), None);
    stand.enter(&barcode(1));
    let event = terms(EVENING).event;
    assert_eq!(stand.store.served_event().unwrap(), Some(event));
}

#[test]
fn a_badge_that_the_roster_does_not_know_signs_nobody_in() {
    let mut stand = Stand::evening();
    let stranger = badge_text(StaffId::from_bytes([200; 16]));
    assert!(matches!(
        stand.with_gate(|gate, means| gate.sign_in(means, &stranger)),
        Err(GateError::UnknownBadge)
    ));
    assert!(matches!(
        stand.with_gate(|gate, means| gate.sign_in(means, "hello")),
        Err(GateError::Badge(_))
    ));
}

#[test]
fn a_supervisor_overrides_a_refusal_once() {
    let mut stand = Stand::evening();
    stand.enter(&barcode(1));
    let refused = stand.enter(&barcode(1));
    let request = overriding(refused.record.unwrap(), SUPERVISOR, PIN);
    let answer = stand
        .with_gate(|gate, means| gate.override_verdict(means, &request))
        .unwrap();
    assert!(admitted(&answer));
    assert_ne!(answer.attempt, refused.attempt);
    let line = stand.store.record(answer.record.unwrap()).unwrap().unwrap();
    let Body::Scan(scan) = &line.record.body else {
        panic!()
    };
    let supervisor = stand
        .store
        .roster_staff(ORGANIZER, SUPERVISOR)
        .unwrap()
        .unwrap();
    let used = ApprovalUse {
        session: EVENING,
        subject: scan.subject,
        device: DEVICE,
        at: line.record.stamp,
        act: answer.attempt,
    };
    let sanction = scan.sanction.as_ref().unwrap();
    let key = supervisor.override_key.unwrap();
    let verified = verify_approval::<Sanction>(sanction, (&key, supervisor.staff), &used);
    assert_eq!(verified.unwrap().value().refused, refused.attempt);
    assert!(matches!(
        stand.with_gate(|gate, means| gate.override_verdict(means, &request)),
        Err(GateError::DoneBefore)
    ));
    assert!(stand.chain_holds());
}

#[test]
fn a_steward_may_not_override_and_an_admission_needs_none() {
    let mut stand = Stand::evening();
    let admission = stand.enter(&barcode(1)).record.unwrap();
    let refusal = stand.enter(&barcode(1)).record.unwrap();
    let steward = overriding(refusal, STEWARD, PIN);
    assert!(matches!(
        stand.with_gate(|gate, means| gate.override_verdict(means, &steward)),
        Err(GateError::NoSupervisor(StaffRole::Steward))
    ));
    // Nor is a PIN asked for.
    let asked = stand.with_gate(|gate, means| gate.check_supervisor(means, &badge_text(STEWARD)));
    assert!(matches!(
        asked,
        Err(GateError::NoSupervisor(StaffRole::Steward))
    ));
    let asked =
        stand.with_gate(|gate, means| gate.check_supervisor(means, &badge_text(SUPERVISOR)));
    assert!(asked.is_ok());
    let needless = overriding(admission, SUPERVISOR, PIN);
    assert!(matches!(
        stand.with_gate(|gate, means| gate.override_verdict(means, &needless)),
        Err(GateError::WrongKind(_))
    ));
}

#[test]
fn wrong_pins_make_a_pause_that_a_restart_does_not_end() {
    let mut stand = Stand::evening();
    stand.enter(&barcode(1));
    let refusal = stand.enter(&barcode(1)).record.unwrap();
    let wrong = overriding(refusal, SUPERVISOR, "000000");
    for _ in 0..3 {
        assert!(matches!(
            stand.with_gate(|gate, means| gate.override_verdict(means, &wrong)),
            Err(GateError::WrongPin)
        ));
    }
    stand.gate = Gate::new();
    let right = overriding(refusal, SUPERVISOR, PIN);
    assert!(matches!(
        stand.with_gate(|gate, means| gate.override_verdict(means, &right)),
        Err(GateError::PinLocked {
            wait_ms: 30_000,
            ..
        })
    ));
    stand.clock.pass(30_000);
    assert!(
        stand
            .with_gate(|gate, means| gate.override_verdict(means, &right))
            .is_ok()
    );
    assert_eq!(stand.store.pin_failures(SUPERVISOR).unwrap().failures, 0);
}

#[test]
fn nobody_signs_in_to_search_where_no_names_are_held() {
    let mut stand = Stand::evening();
    let search = |gate: &mut Gate, means: &mut Means<'_>| gate.search(means, EVENING, "ada", 5);
    assert!(matches!(stand.with_gate(search), Err(GateError::NoNames)));
    stand
        .with_gate(|gate, means| gate.sign_in(means, &badge_text(SUPERVISOR)))
        .unwrap();
    assert!(matches!(stand.with_gate(search), Err(GateError::NoNames)));
    for short in [" a ", "''", "- ’", "á"] {
        let search = |gate: &mut Gate, means: &mut Means<'_>| gate.search(means, EVENING, short, 5);
        let refused = stand.with_gate(search);
        assert!(matches!(refused, Err(GateError::SearchTooShort)), "{short}");
    }
    // One letter is a name in some scripts.
    for name in ["李", "이"] {
        let search = |gate: &mut Gate, means: &mut Means<'_>| gate.search(means, EVENING, name, 5);
        assert!(matches!(stand.with_gate(search), Err(GateError::NoNames)));
    }
}

/// An admission of another gate that the feed brought.
fn admitted_elsewhere(stand: &mut Stand, ticket: u64) -> Line {
    stand.enter(&barcode(ticket));
    let Some(Line { record, .. }) = stand.records().pop() else {
        panic!("a record");
    };
    let Body::Scan(scan) = record.body else {
        panic!("a scan");
    };
    let elsewhere = Scan {
        subject: Subject::Ticket(ticket_id(ticket + 1)),
        attempt: AttemptId::from_bytes([77; 16]),
        ..scan
    };
    feed_brings(
        stand,
        DeviceId::from_bytes([88; 16]),
        vec![Body::Scan(elsewhere)],
    )
    .remove(0)
}

#[test]
fn what_another_gate_admitted_is_taken_back_by_a_supervisor_alone() {
    let mut stand = Stand::evening();
    let elsewhere = admitted_elsewhere(&mut stand, 1);
    assert!(!admitted(&stand.enter(&barcode(2))));
    assert!(matches!(
        stand.with_gate(|gate, means| gate.undo(means, elsewhere.hash)),
        Err(GateError::NeedsSupervisor)
    ));
    let request = |staff, pin| UndoRequest {
        record: elsewhere.hash,
        badge: badge(staff).text(),
        pin: Private::new(pin),
        reason: SanctionReason::GateMistake,
    };
    for (staff, pin, code) in [
        (STEWARD, PIN, "forbidden"),
        (SUPERVISOR, "000000", "wrong_pin"),
    ] {
        let refused =
            stand.with_gate(|gate, means| gate.undo_approved(means, &request(staff, pin)));
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let right = request(SUPERVISOR, PIN);
    let roster = stand.store.roster_staff(ORGANIZER, SUPERVISOR).unwrap();
    let listed = Body::OverrideKey(OverrideKey {
        staff: SUPERVISOR,
        key: roster.unwrap().override_key.unwrap(),
        until: None,
    });
    feed_brings(&mut stand, SERVER, vec![listed]);
    stand
        .with_gate(|gate, means| gate.undo_approved(means, &right))
        .unwrap();
    assert!(matches!(
        stand.with_gate(|gate, means| gate.undo_approved(means, &right)),
        Err(GateError::DoneBefore)
    ));
    assert!(admitted(&stand.enter(&barcode(2))));
    assert!(stand.chain_holds());
}

#[test]
fn an_override_that_somebody_forged_bars_no_supervisor() {
    let mut stand = Stand::evening();
    stand.enter(&barcode(1));
    let refused = stand.enter(&barcode(1));
    let record = refused.record.unwrap();
    let line = stand.store.record(record).unwrap().unwrap();
    let Body::Scan(scan) = line.record.body else {
        panic!("a scan");
    };
    let sanction = Sanction {
        session: scan.session,
        subject: scan.subject,
        refused: scan.attempt,
        attempt: scan.attempt,
        device: DEVICE,
        supervisor: SUPERVISOR,
        reason: SanctionReason::Other,
        expires_at: line.record.stamp.shifted(1_000),
        record,
    };
    let forged = Scan {
        outcome: Outcome::Admit,
        reason: Reason::Override,
        sanction: Some(sign(&sanction, &badge(STEWARD).key()).into()),
        ..scan
    };
    let thief = DeviceId::from_bytes([88; 16]);
    feed_brings(&mut stand, thief, vec![Body::Scan(forged)]);
    let request = overriding(record, SUPERVISOR, PIN);
    let answer = stand.with_gate(|gate, means| gate.override_verdict(means, &request));
    assert!(admitted(&answer.unwrap()));
}
