//! Whatever happens in whatever order: for each entry that a ticket has, one open attempt or one admission.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Something that a gate does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Claim { gate: usize, attempt: u8 },
    Record { attempt: u8, outcome: Outcome },
    Abort { attempt: u8 },
    Undo { attempt: u8 },
    Leave { attempt: u8 },
    Override { gate: usize, attempt: u8, over: u8 },
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Admit),
        1 => Just(Outcome::Refuse),
        1 => Just(Outcome::Refer),
    ];
    prop_oneof![
        6 => (0..3_usize, 0..12_u8).prop_map(|(gate, attempt)| Step::Claim { gate, attempt }),
        4 => (0..12_u8, outcome).prop_map(|(attempt, outcome)| Step::Record { attempt, outcome }),
        1 => (0..12_u8).prop_map(|attempt| Step::Abort { attempt }),
        1 => (0..12_u8).prop_map(|attempt| Step::Undo { attempt }),
        1 => (0..12_u8).prop_map(|attempt| Step::Leave { attempt }),
        1 => (0..3_usize, 12..20_u8, 0..12_u8)
            .prop_map(|(gate, attempt, over)| Step::Override { gate, attempt, over }),
        1 => Just(Step::Wait),
    ]
}

/// What the gates know of their attempts.
#[derive(Default)]
struct Model {
    /// Granted, by attempt, to a gate, and not ended.
    open: BTreeMap<u8, usize>,
    /// Admitted, by attempt, and neither taken back nor left.
    inside: BTreeMap<u8, (usize, Hash)>,
    ended: Vec<u8>,
    /// Admitted by a supervisor's word: it may be one more than the rule allows.
    overridden: Vec<u8>,
    /// When each was granted.
    granted_at: BTreeMap<u8, UnixMillis>,
    /// When a supervisor let somebody in last.
    overridden_at: Option<UnixMillis>,
}

impl Model {
    fn end(&mut self, number: u8) -> Option<usize> {
        let gate = self.open.remove(&number);
        self.ended.extend(gate.map(|_| number));
        gate
    }

    /// What was open when a supervisor let somebody in, and nobody can be walking through by any more, is
    /// forgotten: no record ended it, so it may be asked for anew.
    fn settle(&mut self, now: UnixMillis) {
        let Some(overridden) = self.overridden_at else {
            return;
        };
        let old =
            |at: &UnixMillis| *at <= overridden && now.since(*at) > usher_domain::merge::WALKING_MS;
        let open: Vec<u8> = self.open.keys().copied().collect();
        for number in open {
            if self.granted_at.get(&number).is_some_and(old) {
                self.open.remove(&number);
            }
        }
    }

    fn used(&self) -> usize {
        let by_rule = self
            .inside
            .keys()
            .filter(|number| !self.overridden.contains(number));
        self.open.len() + by_rule.count()
    }
}

async fn run(entries: u16, steps: Vec<Step>) {
    let new = NewTicket {
        entries: (entries > 1).then_some(entries),
        ..new_ticket("A-1", &[])
    };
    let doors = Doors::with(Rules::default(), vec![new]).await;
    let mut gates = [
        doors.gate(1).await,
        doors.gate(2).await,
        doors.gate(3).await,
    ];
    let mut model = Model::default();
    let scan = |number, outcome| Scan {
        entries: (entries > 1).then_some(entries),
        ..doors.scan(number, 0, outcome)
    };
    for step in steps {
        doors.house.clock.advance(10);
        match step {
            Step::Claim { gate, attempt } => {
                // An attempt that is known is answered as before, and nothing else is looked at.
                if !model.open.contains_key(&attempt) && !model.ended.contains(&attempt) {
                    model.settle(doors.service().now());
                }
                let request = doors.request(attempt, 0).await;
                let answer = doors.try_claim(gates[gate].id, request).await;
                match answer {
                    Ok(ClaimAnswer::Decided(decided)) if admitted(&decided) => {
                        assert!(!model.ended.contains(&attempt));
                        if !model.open.contains_key(&attempt) {
                            model.granted_at.insert(attempt, doors.service().now());
                        }
                        let holder = *model.open.entry(attempt).or_insert(gate);
                        assert_eq!(holder, gate);
                    }
                    Ok(ClaimAnswer::Ended { .. }) => assert!(model.ended.contains(&attempt)),
                    Ok(_) => assert!(!model.open.contains_key(&attempt)),
                    Err(Error::Conflict(_)) => {
                        let held = model.open.get(&attempt).is_some_and(|of| *of != gate);
                        assert!(held || model.ended.contains(&attempt));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Record { attempt, outcome } => {
                let Some(gate) = model.open.get(&attempt).copied() else {
                    continue;
                };
                let line = doors
                    .records(&mut gates[gate], scan(attempt, outcome))
                    .await;
                if outcome != Outcome::Refer {
                    model.end(attempt);
                }
                if outcome == Outcome::Admit {
                    model.inside.insert(attempt, (gate, line.hash));
                }
            }
            Step::Abort { attempt } => {
                if let Some(gate) = model.end(attempt) {
                    doors.aborts(&mut gates[gate], attempt, 0).await;
                }
            }
            Step::Undo { attempt } => {
                if let Some((gate, hash)) = model.inside.remove(&attempt) {
                    doors.undoes(&mut gates[gate], hash, 0).await;
                }
            }
            Step::Leave { attempt } => {
                // Leaving gives no entry back: it is nobody's right any more, and stays used.
                if let Some((gate, _)) = model.inside.get(&attempt).copied() {
                    let exit = Scan {
                        direction: Direction::Exit,
                        reason: Reason::Exit,
                        ..scan(attempt.wrapping_add(100), Outcome::Admit)
                    };
                    doors.records(&mut gates[gate], exit).await;
                }
            }
            Step::Override {
                gate,
                attempt,
                over,
            } => {
                let is_new = !model.ended.contains(&attempt);
                if is_new && model.end(over).is_some() {
                    let over = Scan {
                        reason: Reason::Override,
                        sanction: Some(vec![1].into()),
                        takes_over: Some(super::attempt(over)),
                        ..scan(attempt, Outcome::Admit)
                    };
                    let line = doors.records(&mut gates[gate], over).await;
                    model.overridden_at = Some(doors.service().now());
                    model.settle(doors.service().now());
                    model.ended.push(attempt);
                    model.overridden.push(attempt);
                    model.inside.insert(attempt, (gate, line.hash));
                }
            }
            Step::Wait => doors.house.clock.advance(40_000),
        }
        assert!(model.used() <= usize::from(entries), "{step:?}");
        let stored = doors.open_count().await;
        assert_eq!(stored, model.open.len() as u64, "{step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn each_entry_has_one_open_attempt_or_one_admission(
        entries in 1..4_u16,
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(run(entries, steps));
    }
}
