//! What holds of every verdict, whatever was shown and whatever the circumstances.

use super::*;
use crate::record::Confirmed;
use crate::rules::{IsolatedRule, StaleAction, StaleRule, UnknownSignedRule, ZoneCapacity};
use crate::table::rows::CancelReason;
use proptest::option;
use proptest::prelude::*;

fn any_shown() -> impl Strategy<Value = Shown> {
    let identity = identity();
    let signer = prop_oneof![
        Just(Signer::Entitled),
        Just(Signer::Revoked),
        Just(Signer::OutsideLimits)
    ];
    let code = (1u32..4, 1u16..4, 1u16..4, signer).prop_map(|(access, issue, kind, signer)| {
        let code = TicketCode {
            access: AccessNumber::new(access),
            issue: IssueNumber::new(issue),
            type_number: TypeNumber::new(kind),
            ..code()
        };
        signed(code, signer)
    });
    let pretix = option::of(1u16..4).prop_map(move |kind| Shown::Pretix {
        identity,
        type_number: kind.map(TypeNumber::new),
        valid_from: None,
        valid_until: None,
        date: None,
    });
    prop_oneof![
        1 => Just(Shown::Unreadable),
        1 => Just(Shown::Malformed { identity }),
        1 => Just(Shown::Forged { identity }),
        1 => Just(opaque()),
        1 => pretix,
        4 => code,
    ]
}

prop_compose! {
    fn any_row()(
        state in prop_oneof![
            3 => Just(TicketState::Valid),
            1 => Just(TicketState::Blocked),
            1 => Just(TicketState::Cancelled(CancelReason::Other)),
        ],
        access in 1u32..4,
        zone in option::of(prop_oneof![Just(HALL), Just(BALCONY)]),
        home in option::of(prop_oneof![Just(HERE), Just(OTHER)]),
        instruction in option::of(Just("check".to_owned())),
        entries in option::of(0u16..3),
        valid_from in option::of(Just(seconds(at(20, 0)))),
    ) -> TicketRow {
        TicketRow {
            state, access: AccessNumber::new(access), zone, home, instruction, entries, valid_from,
            ..row()
        }
    }
}

/// Where something was found; the row is given apart, because [`Found`] borrows it.
fn any_place() -> impl Strategy<Value = Option<Via>> {
    option::weighted(
        0.8,
        prop_oneof![
            2 => Just(Via::Code),
            1 => Just(Via::CurrentMedium),
            1 => Just(Via::FormerMedium)
        ],
    )
}

fn found(via: Option<Via>, row: &TicketRow) -> Found<'_> {
    via.map_or(Found::Nowhere, |via| Found::Here { row, via })
}

fn any_history() -> impl Strategy<Value = SubjectState> {
    let sent_out = SubjectState {
        inside: None,
        may_return: Some(entry()),
        ..inside()
    };
    prop_oneof![Just(fresh()), Just(inside()), Just(left()), Just(sent_out)]
}

prop_compose! {
    fn any_terms()(
        mode in prop_oneof![
            Just(EntryMode::Single), Just(EntryMode::Reentry), (0u16..3).prop_map(EntryMode::Times),
        ],
        isolated in prop_oneof![
            Just(IsolatedRule::Admit), Just(IsolatedRule::HomeOnly), Just(IsolatedRule::Refer),
        ],
        unknown_signed in prop_oneof![
            Just(UnknownSignedRule::Admit), Just(UnknownSignedRule::Refer),
            Just(UnknownSignedRule::Refuse),
        ],
        then in prop_oneof![Just(StaleAction::Warn), Just(StaleAction::Refer)],
        people in 0u32..3,
    ) -> SessionTerms {
        let mut terms = entering(mode);
        terms.rules = Rules {
            isolated,
            unknown_signed,
            stale: StaleRule { after_minutes: 60, then },
            capacity: vec![ZoneCapacity { zone: HALL, people }],
            ..terms.rules
        };
        terms
    }
}

prop_compose! {
    fn any_context()(
        now in prop_oneof![Just(0), Just(u64::MAX), at(16, 0).get()..at(26, 0).get()],
        clock in prop_oneof![Just(ClockTrust::Proved), Just(ClockTrust::Unproved)],
        gate in option::of(prop_oneof![Just(NORTH), Just(SOUTH), Just(MAIN)]),
        direction in prop_oneof![Just(Direction::Entry), Just(Direction::Exit)],
        alone: bool,
        inside in prop_oneof![
            (0u32..4).prop_map(Headcount::Local), (0u32..4).prop_map(Headcount::Confirmed),
        ],
        confirmed in option::of(Just(Confirmed::Instruction)),
    ) -> Context {
        let connection = if alone { isolated().connection } else { context().connection };
        Context {
            now: UnixMillis::new(now), clock, gate, direction, connection, inside, confirmed,
            ..context()
        }
    }
}

proptest! {
    #[test]
    fn every_input_gets_one_verdict_and_always_the_same(
        shown in any_shown(), via in any_place(), row in any_row(), history in any_history(),
        terms in any_terms(), context in any_context(),
    ) {
        let found = found(via, &row);
        let verdict = decide(&shown, &found, &history, &terms, &context);
        prop_assert_eq!(&verdict, &decide(&shown, &found, &history, &terms, &context));
    }

    #[test]
    fn what_may_not_enter_never_does(
        shown in any_shown(), via in any_place(), row in any_row(), history in any_history(),
        terms in any_terms(), context in any_context(),
    ) {
        let context = Context { direction: Direction::Entry, ..context };
        let found = found(via, &row);
        let verdict = decide(&shown, &found, &history, &terms, &context);
        let by_medium = matches!(via, Some(Via::CurrentMedium));
        let signed = matches!(shown, Shown::Code { .. } | Shown::Pretix { .. });
        let dead = via.is_some() && row.state != TicketState::Valid;
        if dead || via == Some(Via::FormerMedium) || !(by_medium || signed) {
            prop_assert_eq!(verdict.outcome(), Outcome::Refuse);
        }
    }

    #[test]
    fn a_refusal_wins_over_every_referral(
        shown in any_shown(), via in any_place(), row in any_row(), history in any_history(),
        terms in any_terms(), context in any_context(),
    ) {
        // What is refused by a gate without doubts is never referred by one that has them, unless only
        // the time was wrong and the clock is in doubt.
        let sure = Context {
            clock: ClockTrust::Proved,
            connection: super::context().connection,
            confirmed: Some(Confirmed::Instruction),
            direction: Direction::Entry,
            ..context
        };
        let found = found(via, &row);
        let doubting = Context { direction: Direction::Entry, ..context };
        let verdict = decide(&shown, &found, &history, &terms, &doubting);
        match decide(&shown, &found, &history, &terms, &sure) {
            Verdict::Refuse(Refusal::NotYetValid { .. } | Refusal::NoLongerValid { .. })
                if context.clock == ClockTrust::Unproved => {
                prop_assert_ne!(verdict.outcome(), Outcome::Admit);
            }
            Verdict::Refuse(refusal) => prop_assert_eq!(verdict, Verdict::Refuse(refusal)),
            Verdict::Admit(_) | Verdict::Refer(_) => {
                prop_assert_ne!(verdict.outcome(), Outcome::Refuse);
            }
        }
    }

    #[test]
    fn free_flow_admits_whatever_comes(
        shown in any_shown(), via in any_place(), row in any_row(), history in any_history(),
        terms in any_terms(), context in any_context(),
    ) {
        let open = Context { flow: Flow::Free, ..context };
        let verdict = decide(&shown, &found(via, &row), &history, &terms, &open);
        prop_assert_eq!(verdict, admit(AdmitWhy::FreeFlow, Vec::new()));
    }

    #[test]
    fn who_is_inside_always_leaves(
        shown in any_shown(), via in any_place(), row in any_row(), terms in any_terms(),
        context in any_context(),
    ) {
        let context = Context { direction: Direction::Exit, ..context };
        let verdict = decide(&shown, &found(via, &row), &inside(), &terms, &context);
        prop_assert_eq!(verdict.reason(), crate::verdict::Reason::Exit);
    }

    #[test]
    fn an_admission_with_full_knowledge_is_one_that_merging_allows(
        row in any_row(), history in any_history(), terms in any_terms(), context in any_context(),
    ) {
        let context = Context { direction: Direction::Entry, ..context };
        let verdict = listed(&row, &history, &terms, &context);
        if verdict.outcome() == Outcome::Admit {
            let rule = Known::of(&good_code(), &here(&row)).entry_rule(&terms.rules);
            prop_assert!(history.may_enter(rule.mode).is_ok());
        }
    }
}
