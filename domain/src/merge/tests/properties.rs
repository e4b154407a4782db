//! What holds of every set of records.

use super::*;
use crate::record::{Correction, FreeFlow, Honour};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

/// Something that happens at a gate or at the server.
#[derive(Debug, Clone)]
enum Event {
    Scan(u8, Subject, Kind),
    Undo(u8, Index),
    Rule(Option<TypeNumber>, Option<EntryRule>),
    Cut(u8, u64, CutBy),
    Ruling(Index, RulingWord),
    Out(Option<ZoneId>, u64),
    Link(u8, u8),
    /// The server says when a range of a device's log arrived.
    Arrival(u8, u64, u64, u64),
    /// One session lets tickets of the other in.
    Honour(bool),
    /// A gate is open for a time.
    Flow(u64),
    Correction(Index, Option<u16>),
    Key(Option<u64>),
    /// The device is restored from a backup, made after some of its records.
    Restore(u8, Index),
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Entry,
    Exit,
    Override,
    ForgedOverride,
    Refused,
    /// A ticket of the other session that this one honours.
    Guest,
    /// Through an open gate.
    Flow,
}

fn any_subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        4 => (1u8..3).prop_map(ticket),
        2 => (1u8..3).prop_map(medium),
        1 => Just(Subject::Nothing),
    ]
}

fn any_rule() -> impl Strategy<Value = EntryRule> {
    let mode = prop_oneof![
        Just(EntryMode::Single),
        Just(EntryMode::Reentry),
        (0u16..3).prop_map(EntryMode::Times)
    ];
    let counted = prop_oneof![Just(Counted::PerSession), Just(Counted::PerPass)];
    (mode, counted).prop_map(|(mode, counted)| EntryRule { mode, counted })
}

fn any_cut_by() -> impl Strategy<Value = CutBy> {
    prop_oneof![Just(CutBy::Person), Just(CutBy::Server)]
}

fn any_event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![
        4 => Just(Kind::Entry),
        2 => Just(Kind::Exit),
        2 => Just(Kind::Override),
        1 => Just(Kind::ForgedOverride),
        1 => Just(Kind::Refused),
        1 => Just(Kind::Guest),
        1 => Just(Kind::Flow),
    ];
    let word = prop_oneof![Just(RulingWord::Accept), Just(RulingWord::Void)];
    let kind_of = proptest::option::of(Just(STANDARD));
    let rule = proptest::option::of(any_rule());
    prop_oneof![
        12 => (1u8..4, any_subject(), kind).prop_map(|(d, s, k)| Event::Scan(d, s, k)),
        2 => (1u8..4, any::<Index>()).prop_map(|(d, of)| Event::Undo(d, of)),
        1 => (kind_of, rule).prop_map(|(kind, rule)| Event::Rule(kind, rule)),
        1 => (1u8..4, 0u64..5, any_cut_by()).prop_map(|(d, last, by)| Event::Cut(d, last, by)),
        1 => (any::<Index>(), word).prop_map(|(of, word)| Event::Ruling(of, word)),
        1 => (proptest::option::of(Just(HALL)), 0u64..40).prop_map(|(z, at)| Event::Out(z, at)),
        1 => (1u8..3, 1u8..3).prop_map(|(medium, number)| Event::Link(medium, number)),
        1 => any::<bool>().prop_map(Event::Honour),
        1 => (0u64..40).prop_map(Event::Flow),
        1 => (any::<Index>(), proptest::option::of(0u16..3))
            .prop_map(|(of, entries)| Event::Correction(of, entries)),
        2 => proptest::option::of(0u64..40).prop_map(Event::Key),
        1 => (1u8..4, any::<Index>()).prop_map(|(d, to)| Event::Restore(d, to)),
        2 => (1u8..4, 0u64..6, 0u64..6, 0u64..40)
            .prop_map(|(d, first, last, at)| Event::Arrival(d, first, last, at)),
    ]
}

const fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 16])
}

fn play(events: Vec<(u64, Event)>) -> Story {
    let mut story = Story::default();
    for (stamp, event) in events {
        happen(&mut story, stamp, event);
    }
    story
}

fn happen(story: &mut Story, stamp: u64, event: Event) {
    match event {
        Event::Scan(number, subject, kind) => {
            let scan = match kind {
                Kind::Entry | Kind::Guest | Kind::Flow => scan(subject),
                Kind::Exit => exit(subject),
                Kind::Override | Kind::ForgedOverride => forged_override(subject),
                Kind::Refused => Scan {
                    outcome: Outcome::Refuse,
                    ..scan(subject)
                },
            };
            // One device serves the other session of the pass.
            let (session, other) = if number == 3 {
                (MATINEE, EVENING)
            } else {
                (EVENING, MATINEE)
            };
            let scan = match kind {
                Kind::Guest => Scan {
                    reason: Reason::Honoured,
                    honours: Some(other),
                    ..scan
                },
                Kind::Flow => Scan {
                    reason: Reason::FreeFlow,
                    ..scan
                },
                Kind::Entry
                | Kind::Exit
                | Kind::Override
                | Kind::ForgedOverride
                | Kind::Refused => scan,
            };
            let scan = Scan { session, ..scan };
            match kind {
                // Every one under the same attempt: a sanction is good for one of them.
                Kind::Override => story.overrides(device(number), stamp, scan),
                Kind::Entry
                | Kind::Guest
                | Kind::Exit
                | Kind::Flow
                | Kind::ForgedOverride
                | Kind::Refused => story.scans(device(number), stamp, scan),
            };
        }
        Event::Undo(number, of) if !story.entries.is_empty() => {
            let target = of.get(&story.entries).clone();
            if let Some(Body::Scan(scan)) = target.record.map(|record| record.body) {
                let undo = Undo {
                    of: target.hash,
                    session: scan.session,
                    subject: scan.subject,
                    operator: None,
                    approval: None,
                };
                story.says(device(number), stamp, Body::Undo(undo));
            }
        }
        Event::Rule(kind, rule) => story.rules(stamp, kind, rule),
        Event::Cut(number, last, by) => story.cuts_by(by, stamp, device(number), last),
        Event::Ruling(of, word) if !story.entries.is_empty() => {
            let of = of.get(&story.entries).hash;
            story.rules_on(stamp, of, word);
        }
        Event::Out(zone, at) => story.sends_out(stamp, zone, at),
        Event::Arrival(number, first, last, at) => {
            story.arrives(stamp, device(number), (first, last), at);
        }
        Event::Link(medium, number) => story.links(stamp, medium, number),
        Event::Honour(matinee) => {
            let (session, tickets_of) = if matinee {
                (MATINEE, EVENING)
            } else {
                (EVENING, MATINEE)
            };
            let honour = Honour {
                session,
                tickets_of,
                from: ms(0),
                until: ms(40),
            };
            story.says(SERVER, stamp, Body::Honour(honour));
        }
        Event::Flow(until) => {
            let flow = FreeFlow {
                session: EVENING,
                gate: GateId::from_bytes([1; 16]),
                from: ms(0),
                until: ms(until),
            };
            story.says(SERVER, stamp, Body::FreeFlow(flow));
        }
        Event::Correction(of, entries) if !story.entries.is_empty() => {
            let target = of.get(&story.entries).clone();
            if let Some(Body::Scan(scan)) = target.record.map(|record| record.body) {
                let correction = Correction {
                    of: target.hash,
                    session: scan.session,
                    subject: scan.subject,
                    type_number: Some(STANDARD),
                    access: scan.access,
                    entries,
                    honours: scan.honours,
                };
                story.says(SERVER, stamp, Body::Correction(correction));
            }
        }
        Event::Key(until) => story.lists_key(stamp, until),
        Event::Restore(number, to) => {
            let log = log_of(device(number));
            let own = story.entries.iter().filter(|entry| entry.frame.log == log);
            let own: Vec<&Entry> = own.collect();
            if !own.is_empty() {
                let head = to.get(&own).head();
                let end = LogEnd { scope: SCOPE, head };
                story.ends.insert(device(number), end);
            }
        }
        Event::Undo(..) | Event::Ruling(..) | Event::Correction(..) => {}
    }
}

fn any_story() -> impl Strategy<Value = Story> {
    proptest::collection::vec((0u64..40, any_event()), 0..40).prop_map(play)
}

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.lines()).finish()
    }
}

proptest! {
    #[test]
    fn any_order_and_repetition_give_the_same_state(
        story in any_story(), keys in proptest::collection::vec(any::<u64>(), 80),
    ) {
        let mut shuffled: Vec<(u64, Line)> = Vec::new();
        for (n, line) in story.lines().into_iter().enumerate() {
            shuffled.push((keys[n % 80], line.clone()));
            if keys[(n + 7) % 80] % 3 == 0 {
                shuffled.push((keys[(n + 13) % 80], line));
            }
        }
        shuffled.sort_by_key(|(key, _)| *key);
        let lines: Vec<Line> = shuffled.into_iter().map(|(_, line)| line).collect();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        prop_assert_eq!(&ground, &Ground::of(SCOPE, SERVER, &story.lines()));
        prop_assert_eq!(fold(&ground, &lines), story.states());
    }

    #[test]
    fn the_whole_fold_is_the_folds_of_the_subjects(story in any_story()) {
        let lines = story.lines();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let mut whole = States::new();
        for subject in [1, 2].into_iter().flat_map(|n| [ticket(n), medium(n)]) {
            if ground.resolve(subject) != subject {
                continue;
            }
            // Only what a store finds under the subject and its aliases.
            let aliases = ground.aliases(subject);
            let own = lines.iter().filter(|line| {
                line.record.subject().is_some_and(|of| aliases.contains(&of))
            });
            for (unit, state) in fold_subject(&ground, subject, own) {
                whole.insert((unit, subject), state);
            }
        }
        prop_assert_eq!(whole, story.states());
    }

    #[test]
    fn folding_again_only_what_a_record_reaches_is_enough(story in any_story()) {
        let lines = story.lines();
        let mut ground = Ground::new(SCOPE, SERVER);
        let mut states = States::new();
        for (n, line) in lines.iter().enumerate() {
            let known = &lines[..=n];
            match ground.add(line) {
                Reach::Nothing => {}
                Reach::Everything => states = fold(&ground, known),
                Reach::Subject(subject) => {
                    states.retain(|(_, of), _| *of != subject);
                    let again = fold_subject(&ground, subject, known);
                    states.extend(again.into_iter().map(|(unit, state)| ((unit, subject), state)));
                }
            }
        }
        prop_assert_eq!(states, story.states());
    }

    #[test]
    fn a_state_never_contradicts_itself(
        story in any_story(),
    ) {
        let lines = story.lines();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let states = fold(&ground, &lines);
        for ((_, subject), state) in &states {
            prop_assert_eq!(ground.resolve(*subject), *subject);
            prop_assert!(state.excess.len() <= state.entries as usize);
            prop_assert!(state.inside.is_none() || state.last_entry == state.inside);
            prop_assert!(state.inside.is_none() || state.may_return.is_none());
        }
        // No record is excess twice.
        let excess: Vec<Hash> = states.values()
            .flat_map(|state| state.excess.iter().map(|scan| scan.record)).collect();
        let unique: BTreeSet<&Hash> = excess.iter().collect();
        prop_assert_eq!(unique.len(), excess.len());
    }

    #[test]
    fn cuts_by_people_only_shrink_what_counts(
        story in any_story(), cuts in proptest::collection::vec((1u8..4, 0u64..5), 1..4),
    ) {
        let counting = |story: &Story| -> BTreeSet<Hash> {
            let lines = story.lines();
            let ground = Ground::of(SCOPE, SERVER, &lines);
            let counting = lines.iter().filter(|line| !ground.is_cut_off(line));
            counting.map(|line| line.hash).collect()
        };
        let mut story = story;
        // Where a person cut the log before, whatever is said later takes away only.
        for number in 1..4 {
            story.cuts(50, device(number), 4);
        }
        for (number, last) in cuts {
            let before = counting(&story);
            story.cuts(60, device(number), last);
            let after = counting(&story);
            let released = after.difference(&before);
            let released = released.filter(|hash| {
                !story.entries.iter().any(|entry| entry.hash == **hash && entry.frame.log == log_of(SERVER))
            });
            prop_assert_eq!(released.count(), 0);
        }
    }

    #[test]
    fn a_rewritten_log_never_counts(
        first in proptest::collection::vec(1u8..3, 1..6),
        again in proptest::collection::vec(1u8..3, 1..9),
        last in 0usize..6, by_person: bool, keys in proptest::collection::vec(any::<u64>(), 20),
    ) {
        let mut story = Story::default();
        for number in &first {
            story.scans(NORTH, 1, scan(ticket(*number)));
        }
        let last = u64::try_from(last.min(first.len())).unwrap();
        let by = if by_person { CutBy::Person } else { CutBy::Server };
        story.cuts_by(by, 2, NORTH, last);
        // The thief writes the log anew from its first record on, each one other than it was.
        story.ends.remove(&NORTH);
        let rewritten: BTreeSet<Hash> = again
            .iter()
            .map(|number| story.scans(NORTH, 3, scan(ticket(*number))))
            .collect();
        // Another cut, made when the server knew of both branches, brings none of it back.
        story.cuts_by(by, 4, NORTH, u64::try_from(again.len()).unwrap());
        let mut lines: Vec<(u64, Line)> = keys.iter().copied().cycle().zip(story.lines()).collect();
        lines.sort_by_key(|(key, _)| *key);
        let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).collect();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        for line in &lines {
            prop_assert!(!rewritten.contains(&line.hash) || ground.is_quarantined(line));
        }
    }

    #[test]
    fn heads_are_the_records_that_nothing_follows(story in any_story()) {
        let frames = || story.entries.iter().map(|entry| (&entry.frame, entry.hash));
        let forwards = heads(frames());
        prop_assert_eq!(&forwards, &heads(frames().rev().chain(frames())));
        let expected = story.entries.iter().filter(|entry| {
            !story.entries.iter().any(|other| other.frame.previous == entry.hash)
        });
        let expected: BTreeSet<Hash> = expected.map(|entry| entry.hash).collect();
        let found: BTreeSet<Hash> = forwards.heads.iter().map(|head| head.hash).collect();
        prop_assert_eq!(found, expected);
    }
}
