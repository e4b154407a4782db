//! What scans and undos fold to.

use super::*;
use crate::record::FreeFlow;

#[test]
fn an_admission_puts_a_person_inside_with_when_where_and_by_which_device() {
    let mut story = Story::default();
    let record = story.scans(NORTH, 10, scan(ticket(1)));
    let state = story.state(ticket(1));
    let inside = state.inside.unwrap();
    assert_eq!((inside.at, inside.device), (ms(10), NORTH));
    assert_eq!((inside.record, inside.session), (record, EVENING));
    assert_eq!(inside.zone, Some(HALL));
    assert_eq!((state.entries, state.excess), (1, vec![]));
    assert_eq!(state.last_entry, state.inside);
}

#[test]
fn what_was_refused_or_referred_changes_nothing() {
    let mut story = Story::default();
    for outcome in [Outcome::Refuse, Outcome::Refer] {
        let refused = Scan {
            outcome,
            ..scan(ticket(1))
        };
        story.scans(NORTH, 10, refused);
    }
    assert_eq!(story.states(), States::new());
}

#[test]
fn two_gates_apart_admit_one_ticket_and_the_later_is_excess() {
    let mut story = Story::default();
    let later = story.scans(NORTH, 20, scan(ticket(1)));
    let earlier = story.scans(SOUTH, 10, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [later]);
    let state = story.state(ticket(1));
    assert_eq!(state.entries, 2);
    // The evidence for the next refusal is the admission that used the ticket up.
    assert_eq!(state.inside.unwrap().record, earlier);
}

#[test]
fn one_incident_lists_all_excess_admissions_of_a_ticket() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let second = story.scans(SOUTH, 2, scan(ticket(1)));
    let third = story.scans(NORTH, 3, scan(ticket(1)));
    story.scans(NORTH, 4, scan(ticket(2)));
    let [incident] = &incidents(&story.states())[..] else {
        panic!("one incident");
    };
    assert_eq!((incident.session, incident.subject), (EVENING, ticket(1)));
    let records: Vec<Hash> = incident.admissions.iter().map(|scan| scan.record).collect();
    assert_eq!(records, [second, third]);
}

#[test]
fn a_person_re_enters_after_an_exit_and_not_before() {
    let mut story = Story::default();
    story.entry_mode(EntryMode::Reentry);
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(SOUTH, 2, exit(ticket(1)));
    story.scans(NORTH, 3, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), []);
    let without_leaving = story.scans(SOUTH, 4, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [without_leaving]);
    story.scans(SOUTH, 5, exit(ticket(1)));
    let state = story.state(ticket(1));
    assert_eq!((state.inside, state.entries), (None, 3));
    assert_eq!(state.last_exit.unwrap().at, ms(5));
}

#[test]
fn a_ticket_of_two_entries_enters_twice() {
    let mut story = Story::default();
    story.entry_mode(EntryMode::Times(2));
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(1)));
    let third = story.scans(NORTH, 3, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [third]);
}

#[test]
fn the_entries_of_one_ticket_go_before_its_types_rule() {
    let mut story = Story::default();
    let twice = Scan {
        entries: Some(2),
        ..scan(ticket(1))
    };
    story.scans(NORTH, 1, twice.clone());
    story.scans(NORTH, 2, twice.clone());
    assert_eq!(story.excess(ticket(1)), []);
    let third = story.scans(NORTH, 3, twice);
    assert_eq!(story.excess(ticket(1)), [third]);
}

#[test]
fn a_pass_counts_over_all_its_sessions_where_the_rule_says_so() {
    let mut story = Story::default();
    let per_pass = EntryRule {
        mode: EntryMode::Times(2),
        counted: Counted::PerPass,
    };
    for session in [MATINEE, EVENING] {
        let change = RuleChange {
            session,
            type_number: None,
            rule: Some(per_pass),
        };
        story.says(SERVER, 0, Body::Rule(change));
    }
    let matinee = Scan {
        session: MATINEE,
        ..scan(ticket(1))
    };
    story.scans(NORTH, 1, matinee);
    story.scans(NORTH, 2, scan(ticket(1)));
    let third = story.scans(NORTH, 3, scan(ticket(1)));
    let states = story.states();
    assert_eq!(states.len(), 1);
    let state = &states[&(Unit::Pass(PASS), ticket(1))];
    assert_eq!(state.excess[0].record, third);
    assert_eq!(incidents(&states)[0].session, EVENING);
}

#[test]
fn each_session_counts_by_itself_where_the_rule_says_nothing() {
    let mut story = Story::default();
    let matinee = Scan {
        session: MATINEE,
        ..scan(ticket(1))
    };
    story.scans(NORTH, 1, matinee);
    story.scans(NORTH, 2, scan(ticket(1)));
    assert_eq!(story.states().len(), 2);
    assert_eq!(incidents(&story.states()), []);
}

#[test]
fn an_override_is_never_excess_but_counts_as_inside() {
    let mut story = Story::default();
    story.lists_key(0, None);
    story.scans(NORTH, 1, scan(ticket(1)));
    story.overrides(NORTH, 2, scan(ticket(1)));
    let state = story.state(ticket(1));
    assert_eq!((state.excess.len(), state.entries), (0, 2));
    assert_eq!(state.inside.unwrap().at, ms(2));
    // After an override, the ticket's own admission is one too many.
    story.overrides(NORTH, 3, scan(ticket(2)));
    let own = story.scans(SOUTH, 4, scan(ticket(2)));
    assert_eq!(story.excess(ticket(2)), [own]);
}

#[test]
fn an_override_without_a_signature_is_an_admission_like_any_other() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let bare = Scan {
        sanction: None,
        ..forged_override(ticket(1))
    };
    let record = story.scans(NORTH, 2, bare);
    assert_eq!(story.excess(ticket(1)), [record]);
}

#[test]
fn free_flow_is_no_admission() {
    let mut story = Story::default();
    let flow = FreeFlow {
        session: EVENING,
        gate: GateId::from_bytes([1; 16]),
        from: ms(0),
        until: ms(10),
    };
    story.says(SERVER, 1, Body::FreeFlow(flow));
    for direction in [Direction::Entry, Direction::Exit] {
        let open = Scan {
            direction,
            reason: Reason::FreeFlow,
            ..scan(ticket(1))
        };
        story.scans(NORTH, 1, open);
    }
    assert_eq!(story.states(), States::new());
}

#[test]
fn an_undo_makes_the_scan_not_have_happened() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 3, scan(ticket(1)));
    story.undoes(NORTH, 2, first, ticket(1));
    let state = story.state(ticket(1));
    assert_eq!((state.entries, state.excess.len()), (1, 0));
    assert_eq!(state.inside.unwrap().at, ms(3));
}

#[test]
fn an_undo_of_an_exit_puts_the_person_back_inside() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let left = story.scans(NORTH, 2, exit(ticket(1)));
    assert_eq!(story.state(ticket(1)).inside, None);
    story.undoes(NORTH, 3, left, ticket(1));
    assert_eq!(story.state(ticket(1)).inside.unwrap().at, ms(1));
}

#[test]
fn an_undo_is_never_undone() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    let undo = story.undoes(NORTH, 2, first, ticket(1));
    story.undoes(NORTH, 3, undo, ticket(1));
    assert_eq!(story.states(), States::new());
}

#[test]
fn an_undo_that_speaks_of_another_ticket_or_session_changes_nothing() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    story.undoes(NORTH, 2, first, ticket(2));
    let undo = Undo {
        of: first,
        session: MATINEE,
        subject: ticket(1),
        operator: None,
        approval: None,
    };
    story.says(NORTH, 3, Body::Undo(undo));
    assert_eq!(story.state(ticket(1)).entries, 1);
}

#[test]
fn what_was_unreadable_has_no_state() {
    let mut story = Story::default();
    story.overrides(NORTH, 1, scan(Subject::Nothing));
    assert_eq!(story.states(), States::new());
}

#[test]
fn both_branches_of_a_forked_log_count() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let before = story.ends[&NORTH];
    story.scans(NORTH, 2, scan(ticket(2)));
    // The device comes back from a backup and goes on from there.
    story.ends.insert(NORTH, before);
    story.scans(NORTH, 3, scan(ticket(3)));
    let states = story.states();
    assert_eq!(states.len(), 3);
    let frames = || story.entries.iter().map(|entry| (&entry.frame, entry.hash));
    let heads = heads(frames());
    assert_eq!(heads.heads.len(), 2);
    assert!(heads.heads.iter().all(|head| head.sequence == 2));
}

#[test]
fn people_inside_are_counted_by_zone() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(2)));
    story.scans(NORTH, 3, exit(ticket(2)));
    let anywhere = Scan {
        zone: None,
        ..scan(ticket(3))
    };
    story.scans(SOUTH, 4, anywhere);
    let states = story.states();
    assert_eq!(
        occupancy(&states, EVENING),
        BTreeMap::from([(Some(HALL), 1), (None, 1)])
    );
    assert_eq!(occupancy(&states, MATINEE), BTreeMap::new());
}

fn at(zone: Option<ZoneId>, scan: Scan) -> Scan {
    Scan { zone, ..scan }
}

fn people(story: &Story) -> BTreeMap<Option<ZoneId>, u32> {
    occupancy(&story.states(), EVENING)
}

#[test]
fn who_came_in_by_a_used_ticket_is_counted_where_they_went() {
    let mut story = Story::default();
    story.scans(NORTH, 1, at(None, scan(ticket(1))));
    story.scans(SOUTH, 2, scan(ticket(1)));
    story.scans(SOUTH, 3, scan(ticket(1)));
    let everybody = BTreeMap::from([(None, 1), (Some(HALL), 2)]);
    assert_eq!(people(&story), everybody);
    let state = story.state(ticket(1));
    assert_eq!((state.entries, state.others_inside.len()), (3, 2));
}

#[test]
fn an_exit_takes_one_of_several_who_are_inside_and_first_one_of_its_zone() {
    let mut story = Story::default();
    story.entry_mode(EntryMode::Reentry);
    story.scans(NORTH, 1, at(None, scan(ticket(1))));
    let in_hall = story.scans(SOUTH, 2, scan(ticket(1)));
    story.scans(SOUTH, 3, exit(ticket(1)));
    assert_eq!(people(&story), BTreeMap::from([(None, 1)]));
    // The ticket may enter again, as after every exit.
    assert_eq!(story.state(ticket(1)).inside, None);
    story.scans(SOUTH, 4, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [in_hall]);
    assert_eq!(people(&story).values().sum::<u32>(), 2);
    for (stamp, left) in [(5, 1), (6, 0), (7, 0)] {
        story.scans(NORTH, stamp, exit(ticket(1)));
        assert_eq!(people(&story).values().sum::<u32>(), left);
    }
}

#[test]
fn everyone_out_takes_all_and_one_of_a_ticket_may_come_back() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(SOUTH, 2, at(None, scan(ticket(1))));
    story.sends_out(3, Some(HALL), 3);
    assert_eq!(people(&story), BTreeMap::from([(None, 1)]));
    story.sends_out(4, None, 4);
    assert_eq!(people(&story), BTreeMap::new());
    story.scans(NORTH, 5, scan(ticket(1)));
    let twice = story.scans(NORTH, 6, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)).last(), Some(&twice));
    assert_eq!(people(&story), BTreeMap::from([(Some(HALL), 2)]));
}

#[test]
fn a_digest_tells_states_heads_and_scopes_apart() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let head = |story: &Story| heads(story.entries.iter().map(|entry| (&entry.frame, entry.hash)));
    let (heads_before, states_before) = (head(&story), story.states());
    let before = state_digest(SCOPE, &heads_before, &states_before);
    story.scans(NORTH, 2, scan(ticket(2)));
    let (heads_after, states_after) = (head(&story), story.states());
    assert_eq!(before, state_digest(SCOPE, &heads_before, &states_before));
    for other in [
        state_digest(SCOPE, &heads_before, &states_after),
        state_digest(SCOPE, &heads_after, &states_before),
        state_digest(ScopeId::from_bytes([2; 16]), &heads_before, &states_before),
    ] {
        assert_ne!(before, other);
    }
}

#[test]
fn who_is_inside_at_another_session_of_a_pass_stays_when_somebody_else_leaves_this_one() {
    let mut story = Story::default();
    let rule = EntryRule {
        mode: EntryMode::Reentry,
        counted: Counted::PerPass,
    };
    for session in [EVENING, MATINEE] {
        let change = RuleChange {
            session,
            type_number: None,
            rule: Some(rule),
        };
        story.says(SERVER, 0, Body::Rule(change));
    }
    let pass = |session, scan: Scan| Scan {
        session,
        access: Some(AccessNumber::new(5)),
        ..scan
    };
    let evening = story.scans(NORTH, 1, pass(EVENING, scan(ticket(1))));
    let night = story.scans(SOUTH, 2, pass(MATINEE, scan(ticket(1))));
    story.scans(SOUTH, 3, pass(MATINEE, exit(ticket(1))));
    let states = story.states();
    let key = (Unit::Pass(AccessNumber::new(5)), ticket(1));
    let state = &states[&key];
    assert_eq!(state.excess.len(), 1, "{night:?}");
    let inside: Vec<Hash> = state.everybody_inside().map(|scan| scan.record).collect();
    assert_eq!(inside, [evening]);
}
