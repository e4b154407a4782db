//! The same ticket at another gate at this very moment.

use super::*;
use crate::ids::AttemptId;
use crate::merge::WALKING_MS;
use crate::record::Direction;
use crate::table::rows::CancelReason;
use crate::verdict::OpenAdmission;

fn open(since: UnixMillis) -> OpenAdmission {
    OpenAdmission {
        attempt: Some(AttemptId::from_bytes([3; 16])),
        device: OTHER,
        gate: Some(SOUTH),
        since,
    }
}

fn walking(for_ms: u64) -> (OpenAdmission, Context) {
    let now = context().now;
    let open = open(UnixMillis::new(now.get() - for_ms));
    let context = Context {
        open: Some(open),
        ..context()
    };
    (open, context)
}

#[test]
fn a_ticket_being_let_through_elsewhere_is_refused_for_half_a_minute() {
    for age in [0, WALKING_MS] {
        let (open, context) = walking(age);
        let verdict = listed(&row(), &SubjectState::default(), &terms(), &context);
        assert_eq!(verdict, refuse(Refusal::BeingAdmitted(open)));
    }
}

#[test]
fn an_attempt_elsewhere_that_never_ended_is_for_a_person_and_never_admits() {
    let (open, context) = walking(WALKING_MS + 1);
    let verdict = listed(&row(), &SubjectState::default(), &terms(), &context);
    assert_eq!(verdict, Verdict::Refer(Referral::AdmissionOpen(open)));
}

#[test]
fn what_cannot_enter_anyway_is_told_its_own_reason() {
    let (_, context) = walking(WALKING_MS + 1);
    let cancelled = TicketRow {
        state: TicketState::Cancelled(CancelReason::Refunded),
        ..row()
    };
    let verdict = listed(&cancelled, &SubjectState::default(), &terms(), &context);
    assert_eq!(
        verdict,
        refuse(Refusal::Cancelled {
            reason: CancelReason::Refunded
        })
    );
}

#[test]
fn nobody_leaves_while_the_ticket_is_let_through_elsewhere() {
    let leave = |context| {
        let leaving = Context {
            direction: Direction::Exit,
            ..context
        };
        listed(&row(), &inside(), &terms(), &leaving)
    };
    let (open, fresh) = walking(1);
    assert_eq!(leave(fresh), refuse(Refusal::BeingAdmitted(open)));
    let (open, old) = walking(WALKING_MS + 1);
    assert_eq!(leave(old), Verdict::Refer(Referral::AdmissionOpen(open)));
}

#[test]
fn a_verdict_survives_its_encoding() {
    for age in [0, WALKING_MS + 1] {
        let (_, context) = walking(age);
        let verdict = listed(&row(), &SubjectState::default(), &terms(), &context);
        let bytes = crate::cbor::encode(&verdict);
        assert_eq!(crate::cbor::decode_deterministic(&bytes), Ok(verdict));
    }
}
