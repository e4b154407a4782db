//! Whatever happens in whatever order: for each entry that a ticket has, one open attempt or one admission.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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

/// An attempt: the gate that makes it, and its number. Gates may use the same numbers.
type Made = (usize, u8);

/// What the gates know of their attempts.
#[derive(Default)]
struct Model {
    /// Granted and not ended.
    open: BTreeSet<Made>,
    /// Admitted, and neither taken back nor left.
    inside: BTreeMap<Made, Hash>,
    ended: Vec<Made>,
    /// Admitted by a supervisor's word: it may be one more than the rule allows.
    overridden: Vec<Made>,
    /// When each was granted.
    granted_at: BTreeMap<Made, UnixMillis>,
    /// When a supervisor let somebody in last.
    overridden_at: Option<UnixMillis>,
}

impl Model {
    fn end(&mut self, made: Made) {
        if self.open.remove(&made) {
            self.ended.push(made);
        }
    }

    /// The open attempts of this number.
    fn open_with(&self, number: u8) -> Vec<Made> {
        let open = self.open.iter().copied();
        open.filter(|(_, of)| *of == number).collect()
    }

    /// What was open when a supervisor let somebody in, and nobody can be walking through by any more, is
    /// forgotten: no record ended it, so it may be asked for anew.
    fn settle(&mut self, now: UnixMillis) {
        let Some(overridden) = self.overridden_at else {
            return;
        };
        let old =
            |at: &UnixMillis| *at <= overridden && now.since(*at) > usher_domain::merge::WALKING_MS;
        let granted_at = &self.granted_at;
        self.open
            .retain(|made| !granted_at.get(made).is_some_and(old));
    }

    fn used(&self) -> usize {
        let by_rule = self
            .inside
            .keys()
            .filter(|made| !self.overridden.contains(made));
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
                let made = (gate, attempt);
                if !model.open.contains(&made) && !model.ended.contains(&made) {
                    model.settle(doors.service().now());
                }
                let request = doors.request(attempt, 0).await;
                let answer = doors.try_claim(gates[gate].id, request).await;
                match answer {
                    Ok(ClaimAnswer::Decided(decided)) if admitted(&decided) => {
                        assert!(!model.ended.contains(&made));
                        if model.open.insert(made) {
                            model.granted_at.insert(made, doors.service().now());
                        }
                    }
                    Ok(ClaimAnswer::Ended { .. }) => {
                        let is_taken_over = model.ended.iter().any(|(_, of)| *of == attempt);
                        assert!(model.ended.contains(&made) || is_taken_over);
                    }
                    Ok(_) => assert!(!model.open.contains(&made)),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Record { attempt, outcome } => {
                let Some(made) = model.open_with(attempt).first().copied() else {
                    continue;
                };
                let (gate, _) = made;
                let line = doors
                    .records(&mut gates[gate], scan(attempt, outcome))
                    .await;
                if outcome != Outcome::Refer {
                    model.end(made);
                }
                if outcome == Outcome::Admit {
                    model.inside.insert(made, line.hash);
                }
            }
            Step::Abort { attempt } => {
                if let Some(made) = model.open_with(attempt).first().copied() {
                    model.end(made);
                    let (gate, _) = made;
                    doors.aborts(&mut gates[gate], attempt, 0).await;
                }
            }
            Step::Undo { attempt } => {
                let made = model.inside.keys().find(|(_, of)| *of == attempt).copied();
                if let Some((gate, hash)) =
                    made.and_then(|made| Some((made.0, model.inside.remove(&made)?)))
                {
                    doors.undoes(&mut gates[gate], hash, 0).await;
                }
            }
            Step::Leave { attempt } => {
                // Leaving gives no entry back: it is nobody's right any more, and stays used.
                let made = model.inside.keys().find(|(_, of)| *of == attempt).copied();
                if let Some((gate, _)) = made {
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
                let is_new = !model.ended.contains(&(gate, attempt));
                let replaced = model.open_with(over);
                if is_new && !replaced.is_empty() {
                    replaced.into_iter().for_each(|made| model.end(made));
                    let over = Scan {
                        takes_over: Some(super::attempt(over)),
                        ..scan(attempt, Outcome::Admit)
                    };
                    let over = doors.overriding(&gates[gate], over).await;
                    let line = doors.records(&mut gates[gate], over).await;
                    model.overridden_at = Some(doors.service().now());
                    model.settle(doors.service().now());
                    let made = (gate, attempt);
                    model.ended.push(made);
                    model.overridden.push(made);
                    model.inside.insert(made, line.hash);
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
