//! What records of scans claim of their tickets and gates, and how far that counts.

use super::*;
use crate::record::{Correction, FreeFlow, Honour};

const GATE: GateId = GateId::from_bytes([1; 16]);

/// When the margin of an order that ends at 200 is over.
const LATER: u64 = 200 + LIFT_MAX_MS;

impl Story {
    fn corrects(&mut self, device: DeviceId, stamp: u64, of: Hash, entries: Option<u16>) {
        let correction = Correction {
            of,
            session: EVENING,
            subject: ticket(1),
            type_number: Some(STANDARD),
            access: Some(PASS),
            entries,
            honours: None,
        };
        self.says(device, stamp, Body::Correction(correction));
    }

    fn honours(&mut self, device: DeviceId, from: u64, until: u64) {
        let honour = Honour {
            session: EVENING,
            tickets_of: MATINEE,
            from: ms(from),
            until: ms(until),
        };
        self.says(device, 1, Body::Honour(honour));
    }

    fn opens_gate(&mut self, device: DeviceId, from: u64, until: u64) {
        let flow = FreeFlow {
            session: EVENING,
            gate: GATE,
            from: ms(from),
            until: ms(until),
        };
        self.says(device, 1, Body::FreeFlow(flow));
    }

    fn uncovered(&self) -> Vec<Uncovered> {
        let lines = self.lines();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let uncovered = lines.iter().filter_map(|line| ground.uncovered(line));
        uncovered.collect()
    }
}

fn of_many_entries() -> Scan {
    Scan {
        entries: Some(60_000),
        ..scan(ticket(1))
    }
}

fn guest() -> Scan {
    Scan {
        reason: Reason::Honoured,
        honours: Some(MATINEE),
        ..scan(ticket(1))
    }
}

fn through_an_open_gate() -> Scan {
    Scan {
        reason: Reason::FreeFlow,
        ..scan(ticket(1))
    }
}

#[test]
fn entries_that_a_record_claims_count_until_the_server_corrects_them() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 10, of_many_entries());
    let second = story.scans(NORTH, 20, of_many_entries());
    assert_eq!(story.excess(ticket(1)), []);
    story.corrects(SERVER, 30, first, None);
    story.corrects(SERVER, 31, second, None);
    assert_eq!(story.excess(ticket(1)), [second]);
}

#[test]
fn nobody_but_the_server_corrects_what_a_record_claims() {
    let mut story = Story::default();
    story.scans(NORTH, 10, scan(ticket(1)));
    let second = story.scans(NORTH, 20, scan(ticket(1)));
    story.corrects(NORTH, 30, second, Some(60_000));
    assert_eq!(story.excess(ticket(1)), [second]);
}

#[test]
fn the_last_correction_of_a_record_counts_in_any_order() {
    let mut story = Story::default();
    story.scans(NORTH, 10, scan(ticket(1)));
    let second = story.scans(NORTH, 20, of_many_entries());
    story.corrects(SERVER, 30, second, None);
    story.corrects(SERVER, 31, second, Some(60_000));
    assert_eq!(story.excess(ticket(1)), []);
    story.entries.reverse();
    assert_eq!(story.excess(ticket(1)), []);
}

#[test]
fn a_correction_of_another_record_changes_nothing() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 10, of_many_entries());
    story.scans(NORTH, 20, of_many_entries());
    let before = story.states();
    story.corrects(SERVER, 30, Hash::of(&[b"another"]), None);
    assert_eq!(story.states(), before);
    story.corrects(SERVER, 31, first, Some(60_000));
    assert_eq!(story.states(), before);
}

#[test]
fn an_honour_that_the_log_never_gave_counts_at_the_session_that_was_served() {
    for (writer, stamp, covered) in [
        (SERVER, 150, true),
        (SERVER, LATER, false),
        (NORTH, 150, false),
    ] {
        let mut story = Story::default();
        story.honours(writer, 100, 200);
        story.scans(NORTH, stamp, scan(ticket(1)));
        let again = story.scans(NORTH, stamp + 1, guest());
        let excess = if covered { vec![] } else { vec![again] };
        assert_eq!(story.excess(ticket(1)), excess, "{writer} {stamp}");
        let uncovered = if covered {
            vec![]
        } else {
            vec![Uncovered::Honour]
        };
        assert_eq!(story.uncovered(), uncovered);
    }
}

#[test]
fn an_honour_that_was_taken_back_covers_who_did_not_hear_of_that() {
    let mut story = Story::default();
    story.honours(SERVER, 100, 200);
    story.honours(SERVER, 150, 150);
    story.scans(NORTH, 180, guest());
    assert_eq!(story.uncovered(), []);
    let key = (Unit::Session(MATINEE), ticket(1));
    assert_eq!(story.states().remove(&key).unwrap().entries, 1);
}

#[test]
fn whoever_came_in_by_an_honour_leaves_after_it_ended() {
    let mut story = Story::default();
    story.honours(SERVER, 100, 200);
    story.scans(NORTH, 150, guest());
    let leaves = Scan {
        honours: Some(MATINEE),
        ..exit(ticket(1))
    };
    story.scans(NORTH, LATER, leaves);
    assert_eq!(story.uncovered(), []);
    assert_eq!(occupancy(&story.states(), EVENING).len(), 0);
}

#[test]
fn free_flow_that_the_log_never_ordered_is_an_admission_like_any_other() {
    for (writer, stamp, covered) in [
        (SERVER, 150, true),
        (SERVER, LATER, false),
        (NORTH, 150, false),
    ] {
        let mut story = Story::default();
        story.opens_gate(writer, 100, 200);
        story.scans(NORTH, stamp, scan(ticket(1)));
        let again = story.scans(NORTH, stamp + 1, through_an_open_gate());
        let excess = if covered { vec![] } else { vec![again] };
        assert_eq!(story.excess(ticket(1)), excess, "{writer} {stamp}");
        let uncovered = if covered {
            vec![]
        } else {
            vec![Uncovered::FreeFlow]
        };
        assert_eq!(story.uncovered(), uncovered);
    }
}

#[test]
fn whoever_was_let_in_counts_whatever_reason_the_record_gives() {
    for reason in [Reason::Cancelled, Reason::Exit, Reason::AlreadyInside] {
        let mut story = Story::default();
        story.scans(NORTH, 10, scan(ticket(1)));
        let again = Scan {
            reason,
            ..scan(ticket(1))
        };
        let again = story.scans(NORTH, 20, again);
        assert_eq!(story.excess(ticket(1)), [again], "{reason:?}");
    }
}

#[test]
fn free_flow_at_another_gate_covers_nothing() {
    let mut story = Story::default();
    story.opens_gate(SERVER, 100, 200);
    let elsewhere = Scan {
        gate: Some(GateId::from_bytes([2; 16])),
        ..through_an_open_gate()
    };
    story.scans(NORTH, 150, elsewhere);
    let at_no_gate = Scan {
        gate: None,
        ..through_an_open_gate()
    };
    story.scans(NORTH, 151, at_no_gate);
    assert_eq!(story.state(ticket(1)).entries, 2);
}
