//! What the authority's records change.

use super::*;
use crate::ids::ZoneId;
use crate::merge::Order;
use crate::record::{EveryoneOut, FreeFlow, Honour};

#[test]
fn a_link_moves_an_identitys_scans_to_the_ticket() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(medium(8)));
    assert_eq!(story.state(medium(8)).entries, 1);
    let own = story.scans(SOUTH, 2, scan(ticket(1)));
    story.links(3, 8, 1);
    assert_eq!(story.state(medium(8)), SubjectState::default());
    assert_eq!(story.state(ticket(1)).entries, 2);
    assert_eq!(story.excess(ticket(1)), [own]);
    let ground = Ground::of(SCOPE, SERVER, &story.lines());
    assert_eq!(ground.aliases(ticket(1)), [ticket(1), medium(8)]);
    // An undo may name the identity or the ticket.
    story.undoes(SOUTH, 4, own, medium(8));
    assert_eq!(story.excess(ticket(1)), []);
}

#[test]
fn the_last_link_of_an_identity_counts() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(medium(8)));
    story.links(3, 8, 1);
    story.links(4, 8, 2);
    assert_eq!(story.state(ticket(1)).entries, 0);
    assert_eq!(story.state(ticket(2)).entries, 1);
    let ground = Ground::of(SCOPE, SERVER, &story.lines());
    assert_eq!(ground.aliases(ticket(1)), [ticket(1)]);
}

#[test]
fn a_rule_counts_from_its_place_in_the_order_on() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let too_many = story.scans(NORTH, 2, scan(ticket(1)));
    let twice = EntryRule {
        mode: EntryMode::Times(3),
        counted: Counted::PerSession,
    };
    story.rules(3, None, Some(twice));
    story.scans(NORTH, 4, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [too_many]);
}

#[test]
fn a_types_rule_goes_before_the_sessions_until_it_is_taken_away() {
    let mut story = Story::default();
    let rule = |mode| EntryRule {
        mode,
        counted: Counted::PerSession,
    };
    story.rules(0, None, Some(rule(EntryMode::Single)));
    story.rules(0, Some(STANDARD), Some(rule(EntryMode::Times(9))));
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), []);
    story.rules(3, Some(STANDARD), None);
    let third = story.scans(NORTH, 4, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [third]);
}

#[test]
fn an_exit_counts_although_the_unit_changed_since_the_entry() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let per_pass = EntryRule {
        mode: EntryMode::Single,
        counted: Counted::PerPass,
    };
    story.rules(2, None, Some(per_pass));
    story.scans(NORTH, 3, exit(ticket(1)));
    assert_eq!(occupancy(&story.states(), EVENING), BTreeMap::new());
}

#[test]
fn records_after_a_cut_are_quarantined() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(2)));
    story.cuts(3, NORTH, 1);
    assert_eq!(story.state(ticket(1)).entries, 1);
    assert_eq!(story.state(ticket(2)).entries, 0);
    let lines = story.lines();
    let ground = Ground::of(SCOPE, SERVER, &lines);
    let waiting = |line: &&Line| ground.is_quarantined(line);
    assert_eq!(lines.iter().filter(waiting).count(), 1);
}

#[test]
fn an_accepted_record_counts_after_all() {
    let mut story = Story::default();
    let record = story.scans(NORTH, 1, scan(ticket(1)));
    story.cuts(2, NORTH, 0);
    story.rules_on(3, record, RulingWord::Accept);
    assert_eq!(story.state(ticket(1)).entries, 1);
    // The last word counts.
    story.rules_on(4, record, RulingWord::Void);
    assert_eq!(story.state(ticket(1)).entries, 0);
}

#[test]
fn a_voided_record_does_not_count() {
    let mut story = Story::default();
    let record = story.scans(NORTH, 1, scan(ticket(1)));
    story.rules_on(2, record, RulingWord::Void);
    assert_eq!(story.states(), States::new());
}

#[test]
fn a_quarantined_undo_does_not_count() {
    let mut story = Story::default();
    let record = story.scans(NORTH, 1, scan(ticket(1)));
    let undo = story.undoes(SOUTH, 2, record, ticket(1));
    story.cuts(3, SOUTH, 0);
    assert_eq!(story.state(ticket(1)).entries, 1);
    story.rules_on(4, undo, RulingWord::Accept);
    assert_eq!(story.state(ticket(1)).entries, 0);
}

#[test]
fn everyone_sent_out_comes_back_once_without_excess() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.sends_out(5, None, 5);
    let out = story.state(ticket(1));
    assert_eq!((out.inside, out.may_return.unwrap().at), (None, ms(1)));
    story.scans(SOUTH, 6, scan(ticket(1)));
    let back = story.state(ticket(1));
    assert_eq!((back.may_return, back.entries), (None, 1));
    assert_eq!(back.inside.unwrap().at, ms(6));
    let twice = story.scans(NORTH, 7, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [twice]);
}

#[test]
fn everyone_out_concerns_only_who_was_inside_then() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, exit(ticket(1)));
    // Written down late: what came between its time and its stamp comes after it.
    story.sends_out(9, None, 5);
    story.scans(NORTH, 6, scan(ticket(2)));
    assert_eq!(story.state(ticket(1)).may_return, None);
    let later = story.state(ticket(2));
    assert!(later.inside.is_some() && later.may_return.is_none());
}

#[test]
fn everyone_out_of_one_zone_leaves_the_others_inside() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let elsewhere = Scan {
        zone: None,
        ..scan(ticket(2))
    };
    story.scans(NORTH, 2, elsewhere);
    story.sends_out(5, Some(HALL), 5);
    assert!(story.state(ticket(1)).may_return.is_some());
    assert!(story.state(ticket(2)).inside.is_some());
}

#[test]
fn everyone_out_of_one_session_leaves_the_other_inside() {
    let mut story = Story::default();
    let matinee = Scan {
        session: MATINEE,
        ..scan(ticket(1))
    };
    story.scans(NORTH, 1, matinee);
    story.sends_out(5, None, 5);
    let key = (Unit::Session(MATINEE), ticket(1));
    assert!(story.states()[&key].inside.is_some());
}

#[test]
fn a_gate_device_cannot_speak_for_the_authority() {
    let mut story = Story::default();
    let record = story.scans(NORTH, 1, scan(ticket(1)));
    let generous = EntryRule {
        mode: EntryMode::Times(99),
        counted: Counted::PerSession,
    };
    for body in [
        Body::Rule(RuleChange {
            session: EVENING,
            type_number: None,
            rule: Some(generous),
        }),
        Body::Ruling(Ruling {
            of: record,
            word: RulingWord::Void,
        }),
        Body::Cut(Cut {
            log: log_of(NORTH),
            last: 0,
            heads: Some(Vec::new()),
            by: Some(CutBy::Person),
        }),
        Body::EveryoneOut(EveryoneOut {
            session: EVENING,
            zone: None,
            at: ms(9),
        }),
    ] {
        story.says(SOUTH, 0, body);
    }
    let lines = story.lines();
    let ground = Ground::of(SCOPE, SERVER, &lines);
    assert!(!ground.is_cut(log_of(NORTH)));
    assert!(lines.iter().all(|line| ground.counts(line)));
    assert_eq!(ground.orders(EVENING, None, ms(99)), []);
    assert!(story.state(ticket(1)).inside.is_some());
}

#[test]
fn records_of_another_scope_do_not_count() {
    let mut story = Story::default();
    let other = LogEnd::empty(log_of(NORTH), ScopeId::from_bytes([2; 16]));
    story.ends.insert(NORTH, other);
    story.scans(NORTH, 1, scan(ticket(1)));
    assert_eq!(story.states(), States::new());
}

#[test]
fn a_gate_is_open_only_in_the_time_of_its_free_flow() {
    let mut story = Story::default();
    let gate = GateId::from_bytes([1; 16]);
    let flow = FreeFlow {
        session: EVENING,
        gate,
        from: ms(10),
        until: ms(20),
    };
    story.says(SERVER, 1, Body::FreeFlow(flow));
    let ground = Ground::of(SCOPE, SERVER, &story.lines());
    let open = |now| ground.is_free_flow(EVENING, gate, ms(now));
    assert_eq!([9, 10, 19, 20].map(open), [false, true, true, false]);
    assert!(!ground.is_free_flow(MATINEE, gate, ms(15)));
    assert!(!ground.is_free_flow(EVENING, GateId::from_bytes([2; 16]), ms(15)));
}

#[test]
fn what_is_ordered_holds_in_its_time_at_its_gate() {
    let mut story = Story::default();
    let gate = GateId::from_bytes([1; 16]);
    let (from, until) = (ms(10), ms(20));
    let out = |zone, at| {
        Body::EveryoneOut(EveryoneOut {
            session: EVENING,
            zone,
            at: ms(at),
        })
    };
    let zone = Some(ZoneId::from_bytes([5; 16]));
    let session = EVENING;
    story.says(
        SERVER,
        1,
        Body::FreeFlow(FreeFlow {
            session,
            gate,
            from,
            until,
        }),
    );
    let tickets_of = MATINEE;
    story.says(
        SERVER,
        2,
        Body::Honour(Honour {
            session,
            tickets_of,
            from,
            until,
        }),
    );
    for body in [out(None, 3), out(zone, 4), out(None, 12)] {
        story.says(SERVER, 5, body);
    }
    let ground = Ground::of(SCOPE, SERVER, &story.lines());
    let orders = |gate, now| ground.orders(EVENING, gate, ms(now));
    let flow = Order::FreeFlow { from, until };
    let honour = Order::Honour {
        tickets_of,
        from,
        until,
    };
    let out = |zone, at| Order::EveryoneOut { zone, at: ms(at) };
    assert_eq!(orders(Some(gate), 9), [out(None, 3), out(zone, 4)]);
    let all = [flow, out(None, 12), out(zone, 4), honour.clone()];
    assert_eq!(orders(Some(gate), 19), all);
    let elsewhere = Some(GateId::from_bytes([2; 16]));
    for other in [elsewhere, None] {
        assert_eq!(
            orders(other, 19),
            [out(None, 12), out(zone, 4), honour.clone()]
        );
    }
    assert_eq!(orders(Some(gate), 20), [out(None, 12), out(zone, 4)]);
    assert_eq!(ground.orders(MATINEE, Some(gate), ms(15)), []);
}

#[test]
fn a_later_word_on_a_gate_replaces_the_earlier_in_whatever_order_they_come() {
    let mut story = Story::default();
    let gate = |number| GateId::from_bytes([number; 16]);
    let flow = |number, session, from, until| {
        Body::FreeFlow(FreeFlow {
            session,
            gate: gate(number),
            from: ms(from),
            until: ms(until),
        })
    };
    story.says(SERVER, 1, flow(1, EVENING, 10, 90));
    story.says(SERVER, 2, flow(2, EVENING, 10, 90));
    story.says(SERVER, 3, flow(1, MATINEE, 10, 90));
    story.says(SERVER, 30, flow(1, EVENING, 10, 30));
    let mut lines = story.lines();
    let forth = Ground::of(SCOPE, SERVER, &lines);
    lines.reverse();
    let back = Ground::of(SCOPE, SERVER, &lines);
    for ground in [&forth, &back] {
        let open = |now| ground.is_free_flow(EVENING, gate(1), ms(now));
        assert_eq!([29, 30, 50].map(open), [true, false, false], "closed early");
        assert!(ground.is_free_flow(EVENING, gate(2), ms(50)));
        assert!(ground.is_free_flow(MATINEE, gate(1), ms(50)));
    }
    // Opened once more, and for longer than it was said first.
    story.says(SERVER, 60, flow(1, EVENING, 60, 200));
    let again = Ground::of(SCOPE, SERVER, &story.lines());
    let open = |now| again.is_free_flow(EVENING, gate(1), ms(now));
    assert_eq!([59, 60, 199, 200].map(open), [false, true, true, false]);
}
