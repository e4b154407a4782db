//! Everyone out, taken back.

use super::*;
use crate::merge::{Order, occupancy};
use crate::rules::EntryMode;

fn people(story: &Story) -> u32 {
    occupancy(&story.states(), EVENING).values().sum()
}

#[test]
fn who_has_not_come_back_is_inside_again_once_everyone_out_is_taken_back() {
    let mut story = Story::default();
    for (stamp, number) in [(1, 1), (2, 2), (3, 3)] {
        story.scans(NORTH, stamp, scan(ticket(number)));
    }
    let order = story.evacuates(4);
    assert_eq!(people(&story), 0);
    story.scans(NORTH, 5, scan(ticket(1)));
    story.scans(NORTH, 6, exit(ticket(2)));
    story.takes_back(7, order);
    // One came back, one was seen leaving, one never went.
    assert_eq!(people(&story), 2);
    assert_eq!(story.state(ticket(2)).inside, None);
    assert_eq!(story.state(ticket(2)).may_return, None);
    let again = story.scans(SOUTH, 8, scan(ticket(3)));
    assert_eq!(story.excess(ticket(3)), [again]);
    assert_eq!(story.excess(ticket(1)), []);
}

#[test]
fn whoever_came_in_beside_is_inside_again_too() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    let second = story.scans(SOUTH, 2, scan(ticket(1)));
    let order = story.evacuates(3);
    story.takes_back(4, order);
    let state = story.state(ticket(1));
    assert_eq!(state.inside.map(|scan| scan.record), Some(first));
    assert_eq!(state.others_inside.len(), 1);
    assert_eq!(state.others_inside[0].record, second);
    assert_eq!(state.may_return, None);
}

#[test]
fn who_is_outside_by_another_order_as_well_stays_outside() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    let first = story.evacuates(2);
    let second = story.evacuates(3);
    story.takes_back(4, second);
    assert_eq!(people(&story), 0);
    assert!(story.state(ticket(1)).may_return.is_some());
    story.takes_back(5, first);
    assert_eq!(people(&story), 1);
    assert_eq!(story.state(ticket(1)).may_return, None);
}

#[test]
fn what_is_dated_before_its_order_or_names_no_order_takes_nothing_back() {
    let mut story = Story::default();
    let entry = story.scans(NORTH, 1, scan(ticket(1)));
    let order = story.evacuates(5);
    story.says(
        SERVER,
        6,
        Body::OutTakenBack(OutTakenBack {
            of: order,
            at: ms(4),
        }),
    );
    story.takes_back(7, entry);
    // Nor does what a device says.
    let back = OutTakenBack {
        of: order,
        at: ms(8),
    };
    story.says(NORTH, 8, Body::OutTakenBack(back));
    assert_eq!(people(&story), 0);
}

#[test]
fn an_exit_of_who_stayed_inside_counts_after_everyone_out_is_taken_back() {
    let mut story = Story::default();
    story.entry_mode(EntryMode::Reentry);
    story.scans(NORTH, 1, scan(ticket(1)));
    let order = story.evacuates(2);
    story.takes_back(3, order);
    story.scans(NORTH, 4, exit(ticket(1)));
    assert_eq!(people(&story), 0);
    story.scans(NORTH, 5, scan(ticket(1)));
    assert_eq!(story.excess(ticket(1)), []);
    assert_eq!(people(&story), 1);
}

#[test]
fn an_order_that_was_taken_back_holds_at_no_gate() {
    let mut story = Story::default();
    story.evacuates(2);
    let second = story.evacuates(4);
    story.takes_back(6, second);
    let held = |now| story.ground().orders(EVENING, None, ms(now));
    let out = |at| Order::EveryoneOut {
        zone: None,
        at: ms(at),
    };
    assert_eq!(held(5), [out(4)]);
    assert_eq!(held(6), [out(2)]);
}
