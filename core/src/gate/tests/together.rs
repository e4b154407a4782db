//! What the server says, and what holds of any history.

use super::*;
use proptest::prelude::*;
use usher_domain::merge::{Ground, fold, incidents};
use usher_domain::record::{EveryoneOut, FreeFlow};

/// Brings records of the server's own log by the feed.
fn server_says(stand: &mut Stand, bodies: Vec<Body>) {
    feed_brings(stand, SERVER, bodies);
}

#[test]
fn everyone_out_lets_each_back_in_once() {
    let mut stand = Stand::evening();
    stand.enter(&barcode(1));
    stand.clock.pass(1_000);
    server_says(
        &mut stand,
        vec![Body::EveryoneOut(EveryoneOut {
            session: EVENING,
            zone: None,
            at: UnixMillis::new(NOW + 500),
        })],
    );
    let back = stand.enter(&barcode(1));
    assert_eq!(back.verdict.reason(), Reason::BackAfterEveryoneOut);
    assert!(!admitted(&stand.enter(&barcode(1))));
}

#[test]
fn an_open_gate_lets_everything_through_and_counts_nothing() {
    let mut stand = Stand::evening();
    server_says(
        &mut stand,
        vec![Body::FreeFlow(FreeFlow {
            session: EVENING,
            gate: NORTH,
            from: UnixMillis::new(NOW),
            until: UnixMillis::new(NOW + 1_000),
        })],
    );
    for text in [barcode(1), "nobody".to_owned()] {
        assert_eq!(stand.enter(&text).verdict.reason(), Reason::FreeFlow);
    }
    stand.clock.pass(2_000);
    assert!(admitted(&stand.enter(&barcode(1))));
    assert!(!admitted(&stand.enter("nobody")));
}

#[derive(Debug, Clone)]
enum Step {
    Enter(u64),
    EnterSigned(u64),
    Leave(u64),
    UndoLast,
    Order(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_u64).prop_map(Step::Enter),
        2 => (0..5_u64).prop_map(Step::EnterSigned),
        2 => (0..5_u64).prop_map(Step::Leave),
        1 => Just(Step::UndoLast),
        1 => (0..5_u64).prop_map(Step::Order),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// One gate with full knowledge never admits more than the rule allows, whatever is shown, and its
    /// records say everything that it knows.
    #[test]
    fn what_a_gate_admits_is_what_merging_counts(
        steps in proptest::collection::vec(step(), 1..40),
        mode in prop_oneof![Just(EntryMode::Single), Just(EntryMode::Reentry), Just(EntryMode::Times(2))],
    ) {
        let rule = EntryRule { mode, ..EntryRule::default() };
        let mut table = Table::set(EVENING, 0..5);
        table.terms.as_mut().unwrap().rules.entry = rule;
        let mut stand = Stand::with(&[table]);
        server_says(&mut stand, vec![Body::Rule(usher_domain::record::RuleChange {
            session: EVENING,
            type_number: None,
            rule: Some(rule),
        })]);
        stand.clock.pass(1);
        let mut last = None;
        for step in steps {
            stand.clock.pass(1_000);
            let answers = match step {
                Step::Enter(number) => vec![stand.enter(&barcode(number))],
                Step::EnterSigned(number) => vec![stand.enter(&signed_code(number, EVENING))],
                Step::Leave(number) => vec![stand.leave(&barcode(number))],
                Step::Order(number) => stand.with_gate(|gate, means| {
                    gate.scan_order(means, &ScanRequest::entry(barcode(number)))
                }),
                Step::UndoLast => {
                    if let Some(record) = last.take() {
                        stand.with_gate(|gate, means| gate.undo(means, record)).unwrap();
                    }
                    Vec::new()
                }
                Step::Restart => {
                    stand.gate = Gate::new();
                    Vec::new()
                }
            };
            for answer in answers {
                prop_assert!(answer.record.is_some());
                if admitted(&answer) && answer.verdict.reason() == Reason::Listed {
                    last = answer.record;
                }
            }
        }
        let records = stand.records();
        let ground = Ground::of(SCOPE, SERVER, &records);
        prop_assert_eq!(incidents(&fold(&ground, &records)), []);
        prop_assert!(stand.chain_holds());
    }
}
