use super::*;
use crate::ids::EventId;
use proptest::prelude::*;

/// Milliseconds of a clock time on the first day; hours above 24 are the next day's.
const fn at(hour: u64, minute: u64) -> UnixMillis {
    UnixMillis::new(1_800_000_000_000 + hour * 3_600_000 + minute * 60_000)
}

const fn id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}

fn session(number: u8, doors: UnixMillis, starts: UnixMillis, ends: UnixMillis) -> SessionSummary {
    SessionSummary {
        id: id(number),
        name: String::new(),
        doors,
        starts,
        ends,
        accepts: Vec::new(),
        event: EventId::from_bytes([1; 16]),
    }
}

fn served(sessions: &[SessionSummary], rules: &Rules, now: UnixMillis) -> Option<SessionId> {
    serving(now, None, sessions.iter().map(|session| (session, rules)))
}

#[test]
fn a_gate_goes_from_the_matinee_to_the_evening_of_the_same_day() {
    let matinee = session(1, at(13, 30), at(14, 0), at(17, 0));
    let evening = session(2, at(18, 30), at(19, 30), at(22, 0));
    let rules = Rules::default();
    let now = |hour, minute| {
        let both = [evening.clone(), matinee.clone()];
        served(&both, &rules, at(hour, minute))
    };
    // Before everything, the next one.
    assert_eq!(now(8, 0), Some(id(1)));
    assert_eq!(now(13, 20), Some(id(1)));
    assert_eq!(now(17, 0), Some(id(1)));
    // Between the two, the next one again.
    assert_eq!(now(17, 1), Some(id(2)));
    assert_eq!(now(22, 0), Some(id(2)));
    assert_eq!(now(22, 1), None);
}

#[test]
fn of_two_sessions_that_overlap_the_one_whose_doors_open_last_is_served() {
    let matinee = session(1, at(13, 30), at(14, 0), at(18, 45));
    let evening = session(2, at(18, 30), at(19, 30), at(22, 0));
    let rules = Rules {
        late_minutes: 60,
        ..Rules::default()
    };
    let now = |hour, minute| {
        let both = [matinee.clone(), evening.clone()];
        served(&both, &rules, at(hour, minute))
    };
    assert_eq!(now(18, 14), Some(id(1)));
    assert_eq!(now(18, 15), Some(id(2)));
    assert_eq!(now(19, 40), Some(id(2)));
}

#[test]
fn a_gate_stays_with_the_event_it_serves_while_a_session_of_it_is_open() {
    let here = session(1, at(18, 0), at(19, 0), at(22, 0));
    let other = SessionSummary {
        event: EventId::from_bytes([2; 16]),
        ..session(2, at(20, 0), at(21, 0), at(23, 0))
    };
    let rules = Rules::default();
    let both = [here.clone(), other];
    let at_time = |loyal_to, now| serving(now, loyal_to, both.iter().map(|one| (one, &rules)));
    assert_eq!(at_time(Some(here.event), at(20, 30)), Some(id(1)));
    assert_eq!(at_time(None, at(20, 30)), Some(id(2)));
    // Afterwards it goes where it is needed.
    assert_eq!(at_time(Some(here.event), at(22, 30)), Some(id(2)));
}

#[test]
fn a_session_from_ten_to_six_is_served_through_midnight() {
    let night = session(1, at(22, 0), at(22, 0), at(30, 0));
    let next_night = session(2, at(46, 0), at(46, 0), at(54, 0));
    let rules = Rules {
        late_minutes: 30,
        ..Rules::default()
    };
    let now = |hour, minute| {
        let both = [night.clone(), next_night.clone()];
        served(&both, &rules, at(hour, minute))
    };
    assert_eq!(now(21, 45), Some(id(1)));
    assert_eq!(now(24, 0), Some(id(1)));
    assert_eq!(now(30, 30), Some(id(1)));
    assert_eq!(now(30, 31), Some(id(2)));
}

#[test]
fn a_gate_without_sessions_serves_none() {
    assert_eq!(served(&[], &Rules::default(), at(12, 0)), None);
}

#[test]
fn a_gate_warns_when_half_of_the_last_scans_belong_elsewhere() {
    let mut recent = RecentScans::default();
    for _ in 0..4 {
        recent.note(Some(id(2)));
        recent.note(Some(id(1)));
    }
    recent.note(None);
    assert_eq!(recent.rather(id(1)), None);
    recent.note(Some(id(3)));
    assert_eq!(recent.rather(id(1)), Some(id(2)));
    // The gate is changed to the session it was told of.
    assert_eq!(recent.rather(id(2)), Some(id(1)));
}

#[test]
fn scans_of_long_ago_are_forgotten() {
    let mut recent = RecentScans::default();
    for _ in 0..10 {
        recent.note(Some(id(2)));
    }
    for left in [9, 8, 7, 6, 5] {
        recent.note(Some(id(1)));
        assert_eq!(recent.rather(id(1)), Some(id(2)), "{left}");
    }
    recent.note(Some(id(1)));
    assert_eq!(recent.rather(id(1)), None);
}

proptest! {
    #[test]
    fn the_order_of_the_sessions_makes_no_difference(
        times in proptest::collection::vec((0u64..40, 0u64..4, 0u64..9), 0..6), now in 0u64..60,
    ) {
        let sessions: Vec<SessionSummary> = times.iter().zip(1u8..).map(|((doors, wait, last), n)| {
            session(n, at(*doors, 0), at(doors + wait, 0), at(doors + wait + last, 0))
        }).collect();
        let mut reversed = sessions.clone();
        reversed.reverse();
        let rules = Rules::default();
        let chosen = served(&sessions, &rules, at(now, 30));
        prop_assert_eq!(chosen, served(&reversed, &rules, at(now, 30)));
        // A gate serves nothing only after everything has ended.
        let over = sessions.iter().all(|session| at(now, 30) > session.ends);
        prop_assert_eq!(chosen.is_none(), over);
    }
}
