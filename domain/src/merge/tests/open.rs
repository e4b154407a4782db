//! Which attempts ended, and how.

use super::*;
use crate::record::{Abort, Honour, Yield};
use crate::verdict::OpenAdmission;

const GATE: GateId = GateId::from_bytes([5; 16]);

const fn attempt(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

impl Story {
    fn open_at(&self, now: UnixMillis) -> Option<OpenAdmission> {
        let lines = self.lines();
        let own = (NORTH, attempt(99));
        open_admission(&self.ground(), own, &lines, |device| device == NORTH, now)
    }

    fn yields(&mut self, stamp: u64, of: u8) -> Hash {
        let held = Yield {
            attempt: attempt(of),
            to: SOUTH,
            gate: Some(GATE),
            session: EVENING,
            subject: ticket(1),
        };
        self.says(NORTH, stamp, Body::Yield(held))
    }

    fn ends(&mut self, stamp: u64, of: u8, outcome: Outcome) -> Hash {
        let scan = Scan {
            attempt: attempt(of),
            outcome,
            ..scan(ticket(1))
        };
        self.scans(SOUTH, stamp, scan)
    }

    fn refers(&mut self, device: DeviceId, stamp: u64, reason: Reason) -> Hash {
        let scan = Scan {
            attempt: attempt(1),
            outcome: Outcome::Refer,
            reason,
            ..scan(ticket(1))
        };
        self.scans(device, stamp, scan)
    }

    fn gives_up(&mut self, stamp: u64, of: u8) -> Hash {
        let abort = Abort {
            attempt: attempt(of),
            session: EVENING,
            subject: ticket(1),
        };
        self.says(SOUTH, stamp, Body::Abort(abort))
    }

    fn open(&self) -> Option<OpenAdmission> {
        self.open_at(ms(100))
    }
}

#[test]
fn a_home_holds_a_ticket_back_until_a_record_ends_the_attempt() {
    for end in [
        (|story: &mut Story| story.ends(20, 1, Outcome::Admit)) as fn(&mut Story) -> Hash,
        |story| story.ends(20, 1, Outcome::Refuse),
        |story| story.gives_up(20, 1),
    ] {
        let mut story = Story::default();
        story.yields(10, 1);
        let open = OpenAdmission {
            attempt: Some(attempt(1)),
            device: SOUTH,
            gate: Some(GATE),
            since: ms(10),
        };
        assert_eq!(story.open(), Some(open));
        end(&mut story);
        assert_eq!(story.open(), None);
    }
}

#[test]
fn an_instruction_that_is_to_be_checked_ends_nothing() {
    let mut story = Story::default();
    story.yields(10, 1);
    story.refers(SOUTH, 20, Reason::Instruction);
    assert!(story.open().is_some());
}

#[test]
fn a_referral_ends_what_a_home_holds_back_for_its_device() {
    let reasons = [
        Reason::HomeSilent,
        Reason::PeerSilent,
        Reason::NotHome,
        Reason::StaleSet,
        Reason::ClockUnproved,
    ];
    for reason in reasons {
        let mut story = Story::default();
        story.yields(10, 1);
        // Nobody else's word ends it.
        story.refers(NORTH, 15, reason);
        assert!(story.open().is_some());
        story.refers(SOUTH, 20, reason);
        assert_eq!(story.open(), None, "{reason:?}");
    }
}

#[test]
fn nobody_but_its_home_holds_a_ticket_back() {
    let mut story = Story::default();
    story.yields(10, 1);
    let by_south = |device| device == SOUTH;
    let by_others = open_admission(
        &story.ground(),
        (NORTH, attempt(99)),
        &story.lines(),
        by_south,
        ms(20),
    );
    assert_eq!(by_others, None);
}

#[test]
fn an_override_settles_whatever_was_open_before_and_nothing_after() {
    let mut story = Story::default();
    story.lists_key(0, None);
    story.yields(10, 1);
    let over = Scan {
        attempt: attempt(3),
        takes_over: Some(attempt(2)),
        ..scan(ticket(1))
    };
    story.overrides(SOUTH, 20, over);
    // Somebody may be walking through for a while.
    assert!(story.open_at(ms(10 + WALKING_MS)).is_some());
    let later = ms(11 + WALKING_MS);
    assert_eq!(story.open_at(later), None);
    story.yields(30, 4);
    let open = story.open_at(later).and_then(|open| open.attempt);
    assert_eq!(open, Some(attempt(4)));
}

#[test]
fn a_clock_that_was_set_back_makes_no_attempt_fresh() {
    let mut story = Story::default();
    story.yields(3_600_000, 1);
    let open = story.open().unwrap();
    assert!(open.is_fresh(ms(3_600_000 - WALKING_MS)));
    assert!(!open.is_fresh(ms(3_600_000 - WALKING_MS - 1)));
}

#[test]
fn an_override_ends_the_attempt_that_it_takes_over() {
    let mut story = Story::default();
    story.lists_key(0, None);
    story.yields(10, 1);
    let over = Scan {
        attempt: attempt(2),
        takes_over: Some(attempt(1)),
        ..scan(ticket(1))
    };
    let hash = story.overrides(NORTH, 20, over);
    assert_eq!(story.open(), None);
    let ended = endings(&story.ground(), &story.lines());
    assert_eq!(ended.of(SOUTH, attempt(1)), Some(Ending::TakenOver(hash)));
    assert_eq!(ended.of(NORTH, attempt(2)), Some(Ending::Admitted(hash)));
}

#[test]
fn an_admission_is_how_its_attempt_ended_whatever_else_was_written() {
    let mut story = Story::default();
    story.gives_up(10, 1);
    let admitted = story.ends(20, 1, Outcome::Admit);
    story.ends(30, 1, Outcome::Refuse);
    let ended = endings(&story.ground(), &story.lines());
    assert_eq!(
        ended.of(SOUTH, attempt(1)),
        Some(Ending::Admitted(admitted))
    );
}

#[test]
fn nobody_ends_the_attempt_of_another_device() {
    let abort = || {
        Body::Abort(Abort {
            attempt: attempt(1),
            session: EVENING,
            subject: ticket(1),
        })
    };
    let by_scan = |outcome| {
        Body::Scan(Scan {
            attempt: attempt(1),
            outcome,
            ..scan(ticket(1))
        })
    };
    let unsigned = || {
        Body::Scan(Scan {
            attempt: attempt(2),
            takes_over: Some(attempt(1)),
            ..scan(ticket(1))
        })
    };
    let forged = [
        abort(),
        by_scan(Outcome::Admit),
        by_scan(Outcome::Refuse),
        unsigned(),
    ];
    for body in forged {
        let mut story = Story::default();
        story.yields(10, 1);
        story.says(NORTH, 20, body.clone());
        let ended = endings(&story.ground(), &story.lines());
        assert_eq!(ended.of(SOUTH, attempt(1)), None, "{body:?}");
        assert!(story.open().is_some(), "{body:?}");
    }
}

#[test]
fn an_attempt_of_the_same_id_as_anothers_is_held_back_all_the_same() {
    let mut story = Story::default();
    story.yields(10, 1);
    let ground = Ground::of(SCOPE, SERVER, &story.lines());
    let is_home = |device| device == NORTH;
    let of_its_device = (SOUTH, attempt(1));
    assert_eq!(
        open_admission(&ground, of_its_device, &story.lines(), is_home, ms(20)),
        None
    );
    let of_another = (NORTH, attempt(1));
    assert!(open_admission(&ground, of_another, &story.lines(), is_home, ms(20)).is_some());
}

#[test]
fn nobody_is_told_which_attempt_another_device_makes() {
    let mut story = Story::default();
    story.yields(10, 1);
    let open = story.open().unwrap();
    assert_eq!(open.seen_by(NORTH).attempt, None);
    assert_eq!(open.seen_by(SOUTH), open);
}

#[test]
fn holding_back_and_giving_up_change_no_state() {
    let mut story = Story::default();
    let before = story.states();
    story.yields(10, 1);
    story.gives_up(20, 1);
    assert_eq!(story.states(), before);
}

#[test]
fn a_session_honours_tickets_of_another_for_a_time_and_only_on_the_authoritys_word() {
    let honour = || {
        Body::Honour(Honour {
            session: EVENING,
            tickets_of: MATINEE,
            from: ms(100),
            until: ms(200),
        })
    };
    for (writer, honoured) in [(SERVER, vec![MATINEE]), (NORTH, vec![])] {
        let mut story = Story::default();
        story.says(writer, 1, honour());
        let ground = Ground::of(SCOPE, SERVER, &story.lines());
        let at = |time| {
            let within = ground.honoured(EVENING, Direction::Entry, ms(time));
            within.collect::<Vec<_>>()
        };
        assert_eq!(at(100), honoured);
        assert_eq!(at(99), []);
        assert_eq!(at(200), []);
        // Whoever was let in may leave later.
        let out = ground.honoured(EVENING, Direction::Exit, ms(200));
        assert_eq!(out.collect::<Vec<_>>(), honoured);
    }
}

#[test]
fn an_honour_is_taken_back_by_a_later_one_in_any_order() {
    let honour = |from, until| {
        Body::Honour(Honour {
            session: EVENING,
            tickets_of: MATINEE,
            from: ms(from),
            until: ms(until),
        })
    };
    let mut story = Story::default();
    story.says(SERVER, 1, honour(100, 200));
    story.says(SERVER, 2, honour(150, 150));
    let mut lines = story.lines();
    for _ in 0..2 {
        let ground = Ground::of(SCOPE, SERVER, &lines);
        let within = ground.honoured(EVENING, Direction::Entry, ms(150));
        assert_eq!(within.count(), 0);
        lines.reverse();
    }
}

#[test]
fn an_honoured_ticket_uses_up_the_entry_of_its_own_session() {
    let guest = || Scan {
        reason: Reason::Honoured,
        honours: Some(MATINEE),
        ..scan(ticket(1))
    };
    let at_its_own = Scan {
        session: MATINEE,
        ..scan(ticket(1))
    };
    let mut story = Story::default();
    let honour = Honour {
        session: EVENING,
        tickets_of: MATINEE,
        from: ms(0),
        until: ms(100),
    };
    story.says(SERVER, 1, Body::Honour(honour));
    story.scans(NORTH, 10, guest());
    let state = |story: &Story| {
        let key = (Unit::Session(MATINEE), ticket(1));
        story.states().remove(&key).unwrap()
    };
    assert_eq!(state(&story).entries, 1);
    assert_eq!(state(&story).inside.unwrap().session, EVENING);
    assert_eq!(occupancy(&story.states(), EVENING).values().sum::<u32>(), 1);
    // The same ticket once more as a guest, and at its own session: neither is a second right.
    let again = story.scans(SOUTH, 20, guest());
    let own = story.scans(SOUTH, 30, at_its_own);
    let excess: Vec<_> = state(&story)
        .excess
        .iter()
        .map(|scan| scan.record)
        .collect();
    assert_eq!(excess, [again, own]);
    assert_eq!(incidents(&story.states()).len(), 2);
}
