//! Cuts by hash: what of a revoked device's log counts.

use super::*;

impl Story {
    /// Goes on as if the device had written nothing: its log is written anew.
    fn starts_over(&mut self, device: DeviceId) {
        self.ends.remove(&device);
    }

    fn counting(&self) -> Vec<Hash> {
        let lines = self.lines();
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let devices = lines.iter().filter(|line| line.record.log.device != SERVER);
        let counting = devices.filter(|line| ground.counts(line));
        counting.map(|line| line.hash).collect()
    }
}

#[test]
fn a_log_that_is_written_anew_counts_at_no_sequence() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    let second = story.scans(NORTH, 2, scan(ticket(2)));
    story.cuts(3, NORTH, 2);
    story.starts_over(NORTH);
    story.scans(NORTH, 1, scan(ticket(3)));
    story.scans(NORTH, 2, scan(ticket(4)));
    story.scans(NORTH, 3, scan(ticket(5)));
    assert_eq!(story.counting(), [first, second]);
    // Cut once more where the new branch ends, nothing of it counts either.
    story.cuts(4, NORTH, 3);
    assert_eq!(story.counting(), []);
}

#[test]
fn a_cut_that_is_made_again_further_on_releases_nothing() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    story.cuts(2, NORTH, 1);
    story.scans(NORTH, 3, scan(ticket(2)));
    story.scans(NORTH, 4, scan(ticket(3)));
    story.cuts(5, NORTH, 3);
    assert_eq!(story.counting(), [first]);
}

#[test]
fn a_cut_of_a_person_goes_before_those_of_the_server() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    let second = story.scans(NORTH, 2, scan(ticket(2)));
    story.scans(NORTH, 3, scan(ticket(3)));
    story.cuts_by(CutBy::Server, 5, NORTH, 1);
    assert_eq!(story.counting(), [first]);
    story.cuts_by(CutBy::Person, 4, NORTH, 2);
    assert_eq!(story.counting(), [first, second]);
}

#[test]
fn a_cut_of_an_older_program_goes_by_sequence() {
    let mut story = Story::default();
    let first = story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(2)));
    let cut = Cut {
        log: log_of(NORTH),
        last: 1,
        heads: None,
        by: None,
    };
    // It has two fields, as it always had.
    assert_eq!(crate::cbor::encode(&cut)[0], 0x82);
    story.says(SERVER, 3, Body::Cut(cut));
    assert_eq!(story.counting(), [first]);
}

#[test]
fn what_cannot_be_followed_back_to_a_head_does_not_count() {
    let mut story = Story::default();
    story.scans(NORTH, 1, scan(ticket(1)));
    story.scans(NORTH, 2, scan(ticket(2)));
    story.scans(NORTH, 3, scan(ticket(3)));
    story.cuts(4, NORTH, 3);
    let mut lines = story.lines();
    let missing = lines.remove(1);
    let mut ground = Ground::of(SCOPE, SERVER, &lines);
    let counting = |ground: &Ground| lines.iter().filter(|line| ground.counts(line)).count();
    // The third record and the cut itself.
    assert_eq!(counting(&ground), 2);
    assert_eq!(ground.open_cuts().len(), 1);
    assert_eq!(ground.add(&missing), Reach::Everything);
    assert_eq!(counting(&ground), 3);
    assert_eq!(ground.open_cuts(), []);
}

#[test]
fn a_store_follows_a_log_for_a_ground_that_has_the_servers_records_alone() {
    let mut story = Story::default();
    for number in 1..=3 {
        story.scans(NORTH, number.into(), scan(ticket(number)));
    }
    story.cuts(4, NORTH, 2);
    let lines = story.lines();
    let of_server = lines.iter().filter(|line| line.record.log.device == SERVER);
    let mut ground = Ground::of(SCOPE, SERVER, of_server);
    for open in ground.open_cuts() {
        let previous = |hash: &Hash| -> Result<_, ()> {
            let found = lines.iter().find(|line| line.hash == *hash);
            Ok(found.map(|line| line.record.previous))
        };
        let found = Ancestors::follow(&open.heads, previous).unwrap();
        assert!(found.is_complete());
        assert_eq!(found.records().len(), 2);
        ground.followed(&open, found);
    }
    let whole = Ground::of(SCOPE, SERVER, &lines);
    for line in &lines {
        assert_eq!(ground.counts(line), whole.counts(line));
    }
}
