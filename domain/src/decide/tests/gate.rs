//! Time, place, capacity, how well informed the gate is, and instructions.

use super::*;
use crate::record::Confirmed;
use crate::rules::{IsolatedRule, OperatorRule, StaleAction, StaleRule, ZoneCapacity};
use crate::table::rows::CancelReason;

fn under(terms: &SessionTerms, context: &Context) -> Verdict {
    listed(&row(), &fresh(), terms, context)
}

fn when(now: UnixMillis) -> Context {
    // A set that is young whenever the test plays.
    let set = SetAge {
        issued_at: now,
        expires_at: UnixMillis::new(u64::MAX),
    };
    Context {
        now,
        set,
        ..context()
    }
}

#[test]
fn a_ticket_is_let_in_within_the_entry_window_bounds_included() {
    let terms = ruled(|rules| rules.late_minutes = 10);
    for now in [at(17, 45), at(18, 0), at(23, 10)] {
        assert!(passes(&under(&terms, &when(now))), "{now}");
    }
}

#[test]
fn a_ticket_before_the_entry_window_is_told_from_when() {
    assert_eq!(
        under(&terms(), &when(at(17, 44))),
        refuse(Refusal::NotYetValid { from: at(17, 45) })
    );
}

#[test]
fn a_ticket_after_the_entry_window_is_told_until_when() {
    assert_eq!(
        under(&terms(), &when(at(23, 1))),
        refuse(Refusal::NoLongerValid { until: at(23, 0) })
    );
}

#[test]
fn a_ticket_with_its_own_validity_is_held_to_it() {
    let timed = TicketRow {
        valid_from: Some(seconds(at(19, 30))),
        valid_until: Some(seconds(at(20, 0))),
        ..row()
    };
    let answer = |now| listed(&timed, &fresh(), &terms(), &when(now));
    assert_eq!(
        answer(at(19, 0)),
        refuse(Refusal::NotYetValid { from: at(19, 30) })
    );
    assert!(passes(&answer(at(19, 45))));
    assert_eq!(
        answer(at(20, 30)),
        refuse(Refusal::NoLongerValid { until: at(20, 0) })
    );
}

#[test]
fn an_unlisted_code_is_held_to_the_validity_it_carries() {
    let timed = TicketCode {
        not_after: Some(seconds(at(18, 30))),
        ..code()
    };
    assert_eq!(
        decide(
            &signed(timed, Signer::Entitled),
            &Found::Nowhere,
            &fresh(),
            &terms(),
            &context()
        ),
        refuse(Refusal::NoLongerValid { until: at(18, 30) })
    );
}

#[test]
fn a_refusal_for_time_under_an_unproved_clock_is_referred() {
    let context = Context {
        clock: ClockTrust::Unproved,
        ..when(at(17, 0))
    };
    let refusal = Box::new(Refusal::NotYetValid { from: at(17, 45) });
    assert_eq!(
        under(&terms(), &context),
        refer(Referral::ClockUnproved { refusal })
    );
}

#[test]
fn an_unproved_clock_alone_is_a_caution() {
    let context = Context {
        clock: ClockTrust::Unproved,
        ..context()
    };
    assert_eq!(
        under(&terms(), &context),
        admit(AdmitWhy::Listed, vec![Caution::ClockUnproved])
    );
}

#[test]
fn a_wrong_place_is_refused_although_the_clock_is_unproved() {
    let context = Context {
        clock: ClockTrust::Unproved,
        gate: Some(SOUTH),
        ..when(at(17, 0))
    };
    let terms = type_rule(|rule| rule.zones = vec![HALL]);
    assert!(matches!(under(&terms, &context), Verdict::Refuse(_)));
}

#[test]
fn a_type_in_the_wrong_zone_is_told_the_right_gates() {
    let terms = type_rule(|rule| rule.zones = vec![BALCONY]);
    let gates = vec!["South".to_owned()];
    assert_eq!(
        under(&terms, &context()),
        refuse(Refusal::WrongZone { gates })
    );
}

#[test]
fn a_ticket_in_the_wrong_zone_is_told_the_right_gates() {
    let seated = TicketRow {
        zone: Some(BALCONY),
        ..row()
    };
    // The ticket's own zone goes before its type's.
    let terms = type_rule(|rule| rule.zones = vec![HALL]);
    let gates = vec!["South".to_owned()];
    assert_eq!(
        listed(&seated, &fresh(), &terms, &context()),
        refuse(Refusal::WrongZone { gates })
    );
}

#[test]
fn a_zone_without_a_gate_of_its_own_is_reached_through_the_main_gate() {
    let terms = type_rule(|rule| rule.zones = vec![ZoneId::from_bytes([77; 16])]);
    let gates = vec!["Main".to_owned()];
    assert_eq!(
        under(&terms, &context()),
        refuse(Refusal::WrongZone { gates })
    );
}

#[test]
fn a_main_gate_is_open_to_every_zone() {
    let terms = type_rule(|rule| rule.zones = vec![BALCONY]);
    let gate = Some(MAIN);
    assert!(passes(&under(&terms, &Context { gate, ..context() })));
}

#[test]
fn a_spare_refers_a_ticket_of_certain_zones_and_lets_the_others_in() {
    let no_gate = Verdict::Refer(Referral::NoGate);
    let of_type = type_rule(|rule| rule.zones = vec![BALCONY]);
    let zoned = TicketRow {
        zone: Some(BALCONY),
        ..row()
    };
    // At no gate, or at one of which the list in use does not know where it leads.
    for gate in [None, Some(GateId::from_bytes([99; 16]))] {
        let spare = Context { gate, ..context() };
        assert_eq!(under(&of_type, &spare), no_gate);
        assert_eq!(listed(&zoned, &fresh(), &terms(), &spare), no_gate);
        assert!(passes(&under(&terms(), &spare)));
        // What is refused anyway is refused here as well.
        let cancelled = TicketRow {
            state: TicketState::Cancelled(CancelReason::Refunded),
            ..zoned.clone()
        };
        let verdict = listed(&cancelled, &fresh(), &terms(), &spare);
        assert_eq!(verdict.outcome(), Outcome::Refuse);
        // Who is inside comes out.
        let leaving = Context {
            direction: Direction::Exit,
            ..spare
        };
        assert!(passes(&listed(&zoned, &inside(), &terms(), &leaving)));
    }
}

#[test]
fn where_an_operator_is_required_a_gate_refers_until_somebody_is_signed_in() {
    let required = ruled(|rules| rules.operator = OperatorRule::Required);
    let nobody = context();
    let somebody = Context {
        operator: Attendance::SignedIn,
        ..nobody
    };
    assert_eq!(
        under(&required, &nobody),
        Verdict::Refer(Referral::OperatorRequired)
    );
    assert!(passes(&under(&required, &somebody)));
    assert!(passes(&under(&terms(), &nobody)));
    // An exit is never refused for want of an operator, and an open gate asks for none.
    let leaving = Context {
        direction: Direction::Exit,
        ..nobody
    };
    assert!(passes(&listed(&row(), &inside(), &required, &leaving)));
    let open = Context {
        flow: Flow::Free,
        ..nobody
    };
    assert!(passes(&under(&required, &open)));
}

fn capacity(people: u32) -> SessionTerms {
    ruled(|rules| rules.capacity = vec![ZoneCapacity { zone: HALL, people }])
}

#[test]
fn a_full_zone_by_local_count_is_a_caution() {
    let inside = |count| Context {
        inside: Headcount::Local(count),
        ..context()
    };
    let full = Caution::OverCapacity {
        zone: HALL,
        inside: 100,
    };
    assert_eq!(
        under(&capacity(100), &inside(100)),
        admit(AdmitWhy::Listed, vec![full])
    );
    assert_eq!(
        under(&capacity(100), &inside(99)),
        admit(AdmitWhy::Listed, vec![])
    );
}

#[test]
fn a_full_zone_by_confirmed_count_refuses() {
    let inside = |count| Context {
        inside: Headcount::Confirmed(count),
        ..context()
    };
    assert_eq!(
        under(&capacity(100), &inside(100)),
        refuse(Refusal::Full {
            zone: HALL,
            inside: 100
        })
    );
    assert!(passes(&under(&capacity(100), &inside(99))));
}

#[test]
fn a_full_zone_does_not_concern_another_gate() {
    let context = Context {
        gate: Some(SOUTH),
        inside: Headcount::Confirmed(100),
        ..context()
    };
    assert!(passes(&under(&capacity(100), &context)));
}

fn alone(rule: IsolatedRule) -> SessionTerms {
    ruled(|rules| rules.isolated = rule)
}

const ISOLATED_SINCE: Caution = Caution::Isolated {
    since: UnixMillis::new(1_800_000_000_000 + 18 * HOUR + HOUR / 2),
};

#[test]
fn an_isolated_gate_admits_by_rule_and_says_so() {
    assert_eq!(
        under(&alone(IsolatedRule::Admit), &isolated()),
        admit(AdmitWhy::Listed, vec![ISOLATED_SINCE])
    );
}

#[test]
fn an_isolated_gate_refers_by_rule() {
    let since = at(18, 30);
    assert_eq!(
        under(&alone(IsolatedRule::Refer), &isolated()),
        refer(Referral::Isolated { since })
    );
    assert!(passes(&under(&alone(IsolatedRule::Refer), &context())));
}

#[test]
fn only_the_home_device_admits_while_isolated() {
    let homed = |home| TicketRow { home, ..row() };
    let terms = alone(IsolatedRule::HomeOnly);
    let answer = |home| listed(&homed(home), &fresh(), &terms, &isolated());
    assert_eq!(
        answer(Some(HERE)),
        admit(AdmitWhy::Listed, vec![ISOLATED_SINCE])
    );
    for home in [Some(OTHER), None] {
        assert_eq!(answer(home), refer(Referral::NotHome { home }));
    }
    let online = listed(&homed(Some(OTHER)), &fresh(), &terms, &context());
    assert!(passes(&online));
}

fn stale(then: StaleAction) -> SessionTerms {
    ruled(|rules| {
        rules.stale = StaleRule {
            after_minutes: 30,
            then,
        };
    })
}

#[test]
fn a_stale_set_admits_with_its_age_or_refers_by_rule() {
    let issued_at = at(18, 0);
    assert_eq!(
        under(&stale(StaleAction::Warn), &context()),
        admit(AdmitWhy::Listed, vec![Caution::StaleSet { issued_at }])
    );
    assert_eq!(
        under(&stale(StaleAction::Refer), &context()),
        refer(Referral::StaleSet { issued_at })
    );
    let young = Context {
        now: at(18, 30),
        ..context()
    };
    assert_eq!(
        under(&stale(StaleAction::Refer), &young),
        admit(AdmitWhy::Listed, vec![])
    );
}

#[test]
fn an_expired_set_never_stops_a_gate() {
    let expired_at = at(18, 30);
    let set = SetAge {
        issued_at: at(18, 0),
        expires_at: expired_at,
    };
    assert_eq!(
        under(&terms(), &Context { set, ..context() }),
        admit(AdmitWhy::Listed, vec![Caution::ExpiredSet { expired_at }])
    );
}

#[test]
fn a_staff_instruction_is_referred_until_confirmed() {
    let terms = type_rule(|rule| rule.instruction = Some("check student ID".into()));
    let told = TicketRow {
        instruction: Some("brings a wheelchair".into()),
        ..row()
    };
    let texts = vec![
        "check student ID".to_owned(),
        "brings a wheelchair".to_owned(),
    ];
    assert_eq!(
        listed(&told, &fresh(), &terms, &context()),
        refer(Referral::Instruction { texts })
    );
    let confirmed = Context {
        confirmed: Some(Confirmed::Instruction),
        ..context()
    };
    assert!(passes(&listed(&told, &fresh(), &terms, &confirmed)));
}

#[test]
fn nobody_checks_an_identity_in_vain() {
    let terms = ruled(|rules| {
        rules.isolated = IsolatedRule::Refer;
        rules.types.push(TypeRule {
            number: STANDARD,
            entry: None,
            zones: Vec::new(),
            instruction: Some("check student ID".into()),
        });
    });
    let since = at(18, 30);
    assert_eq!(
        under(&terms, &isolated()),
        refer(Referral::Isolated { since })
    );
}

#[test]
fn free_flow_lets_everything_through_and_counts_nothing() {
    let cancelled = TicketRow {
        state: TicketState::Cancelled(CancelReason::Other),
        ..row()
    };
    for direction in [Direction::Entry, Direction::Exit] {
        let open = Context {
            flow: Flow::Free,
            direction,
            ..context()
        };
        let verdict = listed(&cancelled, &fresh(), &terms(), &open);
        assert!(!verdict.reason().is_entry(direction));
        assert_eq!(verdict, admit(AdmitWhy::FreeFlow, vec![]));
    }
}

#[test]
fn a_zone_of_the_tickets_own_opens_nothing_to_a_type_that_nobody_allowed() {
    let terms = type_rule(|rule| rule.zones = vec![crate::rules::NOT_ALLOWED]);
    let own = |zone| TicketRow {
        zone: Some(zone),
        ..row()
    };
    assert_eq!(
        listed(&own(HALL), &fresh(), &terms, &context()),
        refer(Referral::TypeNotAllowed)
    );
    assert!(matches!(
        listed(&own(BALCONY), &fresh(), &terms, &context()),
        Verdict::Refuse(Refusal::WrongZone { .. })
    ));
    let allowed = type_rule(|rule| rule.zones = vec![BALCONY]);
    assert!(passes(&listed(&own(HALL), &fresh(), &allowed, &context())));
}
