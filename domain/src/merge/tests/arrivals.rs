//! Records whose stamps are ahead of the time at which they arrived.

use super::*;
use crate::record::Arrival;

/// A stamp of the year 2096, in milliseconds.
const FAR: u64 = 4_000_000_000_000;

impl Story {
    /// The server says when a range of a device's log arrived.
    pub(super) fn arrives(
        &mut self,
        stamp: u64,
        device: DeviceId,
        (first, last): (u64, u64),
        at: u64,
    ) {
        let own = self.entries.iter().rev();
        let named = own
            .filter(|entry| entry.frame.log == log_of(device))
            .find(|entry| entry.frame.sequence == last);
        let arrival = Arrival {
            log: log_of(device),
            first,
            last,
            hash: named.map_or(Hash::ZERO, |entry| entry.hash),
            at: ms(at),
        };
        self.says(SERVER, stamp, Body::Arrival(arrival));
    }

    fn stamps(&self) -> Vec<u64> {
        let lines = self.lines();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let devices = lines.iter().filter(|line| line.record.log.device != SERVER);
        let stamps = devices.map(|line| ground.stamp_of(&line.record).get());
        stamps.collect()
    }
}

#[test]
fn a_stamp_counts_as_its_arrival_where_that_is_lower() {
    let mut story = Story::default();
    story.scans(SOUTH, 5, scan(ticket(1)));
    story.scans(SOUTH, FAR, scan(ticket(2)));
    story.scans(SOUTH, FAR + 1, scan(ticket(3)));
    story.arrives(1, SOUTH, (1, 2), 20);
    assert_eq!(story.stamps(), [5, 20, FAR + 1]);
    // Of several arrivals the earliest counts, and one that is later than the stamp says nothing.
    story.arrives(2, SOUTH, (2, 3), 30);
    assert_eq!(story.stamps(), [5, 20, 30]);
}

#[test]
fn a_range_longer_than_any_batch_says_nothing_of_what_lies_beyond() {
    let mut story = Story::default();
    story.scans(SOUTH, FAR, scan(ticket(1)));
    story.arrives(1, SOUTH, (0, u64::MAX), 20);
    assert_eq!(story.stamps(), [20]);
}

#[test]
fn a_device_tells_nobody_when_records_arrived() {
    let mut story = Story::default();
    story.scans(SOUTH, 50, scan(ticket(1)));
    let arrival = Arrival {
        log: log_of(SOUTH),
        first: 1,
        last: 1,
        hash: Hash::ZERO,
        at: ms(1),
    };
    story.says(NORTH, 60, Body::Arrival(arrival));
    assert_eq!(story.stamps(), [50, 60]);
}

#[test]
fn a_stamp_years_ahead_makes_no_honest_admission_excess() {
    let mut story = Story::default();
    // A gate lets somebody in; another one, whose clock is years ahead, lets the same ticket in later.
    story.scans(NORTH, 10, scan(ticket(1)));
    let late = story.scans(SOUTH, FAR, scan(ticket(1)));
    story.arrives(30, SOUTH, (1, 1), 30);
    story.scans(NORTH, 40, exit(ticket(1)));
    assert_eq!(story.excess(ticket(1)), [late]);
    // Who left is outside, for all that was dated after.
    assert!(story.state(ticket(1)).inside.is_none());
}

#[test]
fn a_stamp_years_ahead_keeps_nobody_inside_when_everyone_is_sent_out() {
    let mut story = Story::default();
    story.scans(SOUTH, FAR, scan(ticket(1)));
    story.arrives(20, SOUTH, (1, 1), 20);
    story.sends_out(30, None, 30);
    let state = story.state(ticket(1));
    assert!(state.inside.is_none() && state.may_return.is_some());
    assert_eq!(state.may_return.unwrap().at, ms(20));
}

#[test]
fn a_stamp_after_the_year_9999_never_counts() {
    let mut story = Story::default();
    story.scans(SOUTH, LAST_STAMP.get(), scan(ticket(1)));
    let beyond = story.scans(SOUTH, LAST_STAMP.get() + 1, scan(ticket(2)));
    story.arrives(20, SOUTH, (1, 2), 20);
    story.rules_on(30, beyond, RulingWord::Accept);
    assert!(story.state(ticket(1)).inside.is_some());
    assert_eq!(story.state(ticket(2)), SubjectState::default());
}
