use super::*;
use proptest::prelude::*;

const FRAME: (u32, u32) = (640, 480);

/// A code of this size, its middle at this place.
fn code(text: &str, (x, y): (f32, f32), size: f32) -> Detection {
    let half = size / 2.0;
    let corner = |dx: f32, dy: f32| Point {
        x: x + dx * half,
        y: y + dy * half,
    };
    Detection {
        text: Private::new(text),
        corners: [
            corner(-1.0, -1.0),
            corner(1.0, -1.0),
            corner(1.0, 1.0),
            corner(-1.0, 1.0),
        ],
    }
}

fn middle(text: &str) -> Detection {
    code(text, (320.0, 240.0), 200.0)
}

fn left(text: &str) -> Detection {
    code(text, (200.0, 240.0), 180.0)
}

fn right(text: &str) -> Detection {
    code(text, (440.0, 240.0), 180.0)
}

/// What the gate is told, in short: the text of a scan, or `?` for "show one".
fn told(frames: impl IntoIterator<Item = (u64, Vec<Detection>)>) -> Vec<String> {
    let mut presence = Presence::new();
    let mut acts: Vec<Act> = Vec::new();
    for (ms, detections) in frames {
        acts.extend(presence.frame(Duration::from_millis(ms), &detections, FRAME));
    }
    acts.extend(presence.finish());
    let short = |act| match act {
        Act::Scan(detection) => detection.text.reveal().to_owned(),
        Act::ShowOne(_) => "?".to_owned(),
    };
    acts.into_iter().map(short).collect()
}

/// Frames of a camera that takes one every 40 ms, from one time to another.
fn frames(times: std::ops::Range<u64>, detections: &[Detection]) -> Vec<(u64, Vec<Detection>)> {
    let frame = |ms| (ms, detections.to_vec());
    times.step_by(40).map(frame).collect()
}

#[test]
fn a_ticket_held_still_is_one_scan() {
    assert_eq!(told(frames(0..20_000, &[middle("A")])), ["A"]);
}

#[test]
fn a_ticket_seen_in_one_frame_only_is_scanned() {
    assert_eq!(told([(7, vec![middle("A")])]), ["A"]);
    let swept = [(0, vec![middle("A")]), (400, vec![]), (800, vec![])];
    assert_eq!(told(swept), ["A"]);
}

#[test]
fn a_ticket_is_scanned_as_soon_as_it_has_settled() {
    let mut presence = Presence::new();
    let mut at = |ms| presence.frame(Duration::from_millis(ms), &[middle("A")], FRAME);
    assert_eq!(at(1_000), None);
    assert_eq!(at(1_099), None);
    assert_eq!(at(1_100), Some(Act::Scan(middle("A"))));
    assert_eq!(at(1_140), None);
}

#[test]
fn a_ticket_that_is_carried_into_view_waits_until_it_lies_still_or_patience_ends() {
    let carried = |ms: u64| code("A", (600.0 - ms as f32, 240.0), 150.0);
    let mut presence = Presence::new();
    let mut first = None;
    for ms in (0..600).step_by(40) {
        let act = presence.frame(Duration::from_millis(ms), &[carried(ms)], FRAME);
        first = first.or(act.map(|_| ms));
    }
    assert_eq!(first, Some(400));
}

#[test]
fn shown_again_after_a_second_out_of_view_it_is_a_new_scan() {
    let shown = |gap: u64| {
        let again = 1_000 + gap;
        told(
            frames(0..1_000, &[middle("A")])
                .into_iter()
                .chain(frames(1_000..again, &[]))
                .chain(frames(again..again + 1_000, &[middle("A")])),
        )
    };
    assert_eq!(shown(920), ["A"]);
    assert_eq!(shown(1_000), ["A", "A"]);
    assert_eq!(shown(60_000), ["A", "A"]);
}

#[test]
fn a_camera_that_stalls_proves_nothing() {
    let stalled = frames(0..400, &[middle("A")])
        .into_iter()
        .chain(frames(9_000..9_400, &[middle("A")]));
    assert_eq!(told(stalled), ["A"]);
}

#[test]
fn the_next_ticket_is_scanned_at_once_where_the_last_one_was() {
    let swiped = frames(0..300, &[middle("A")])
        .into_iter()
        .chain(frames(320..600, &[middle("B")]))
        .chain(frames(600..900, &[middle("C")]));
    assert_eq!(told(swiped), ["A", "B", "C"]);
}

#[test]
fn two_tickets_side_by_side_are_asked_for_once_and_not_scanned() {
    assert_eq!(told(frames(0..5_000, &[left("A"), right("B")])), ["?"]);
    assert_eq!(told([(0, vec![left("A"), right("B")])]), ["?"]);
}

#[test]
fn two_tickets_that_are_never_read_in_the_same_frame_are_two() {
    let turns = (0..50_u64).map(|turn| {
        let shown = if turn % 2 == 0 { left("A") } else { right("B") };
        (turn * 40, vec![shown])
    });
    assert_eq!(told(turns), ["?"]);
}

#[test]
fn a_third_ticket_is_asked_about_again() {
    let both = [left("A"), right("B")];
    let three = [left("A"), right("B"), code("C", (320.0, 400.0), 150.0)];
    let shown = frames(0..800, &both)
        .into_iter()
        .chain(frames(800..1_600, &three));
    assert_eq!(told(shown), ["?", "?"]);
}

#[test]
fn the_one_that_stays_is_scanned_when_the_other_has_been_gone_for_a_second() {
    let mut presence = Presence::new();
    let shown = frames(0..800, &[left("A"), right("B")])
        .into_iter()
        .chain(frames(800..3_000, &[left("A")]));
    let mut scanned = None;
    for (ms, detections) in shown {
        if let Some(Act::Scan(_)) = presence.frame(Duration::from_millis(ms), &detections, FRAME) {
            scanned = Some(ms);
        }
    }
    // B was seen last at 760 ms; A is the only one from 1760 ms on.
    assert_eq!(scanned, Some(1_880));
}

#[test]
fn the_one_clearly_nearer_the_middle_is_scanned() {
    let near = middle("A");
    for far in [
        code("B", (600.0, 440.0), 80.0),
        code("B", (60.0, 240.0), 120.0),
    ] {
        assert_eq!(told(frames(0..2_000, &[far, near.clone()])), ["A"]);
    }
}

#[test]
fn of_two_as_far_away_the_larger_is_nearer() {
    let phone = code("A", (250.0, 240.0), 300.0);
    let poster = code("B", (500.0, 240.0), 40.0);
    assert_eq!(told(frames(0..2_000, &[poster, phone])), ["A"]);
}

#[test]
fn what_lay_beside_a_scanned_ticket_is_scanned_when_its_turn_comes() {
    let waiting = code("B", (600.0, 440.0), 80.0);
    let shown = frames(0..1_000, &[middle("A"), waiting.clone()])
        .into_iter()
        .chain(frames(1_000..2_000, &[waiting]));
    assert_eq!(told(shown), ["A", "B"]);
}

#[test]
fn the_same_code_twice_in_a_frame_is_one() {
    assert_eq!(told(frames(0..2_000, &[left("A"), right("A")])), ["A"]);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let shown = [
        (5_000, vec![middle("A")]),
        (0, vec![middle("A")]),
        (5_200, vec![middle("A")]),
    ];
    assert_eq!(told(shown), ["A"]);
}

#[test]
fn debug_of_what_is_in_view_shows_no_code() {
    let mut presence = Presence::new();
    let _ = presence.frame(Duration::ZERO, &[middle("SECRET")], FRAME);
    let act = presence.frame(SETTLE, &[middle("SECRET")], FRAME);
    assert!(!format!("{presence:?} {act:?}").contains("SECRET"));
}

/// Times of frames with pauses of at most 900 ms, and whether each reads what is there.
fn split() -> impl Strategy<Value = Vec<(u64, bool)>> {
    proptest::collection::vec((1_u64..300, any::<bool>()), 1..60).prop_map(|steps| {
        let (mut now, mut last_read) = (0, 0);
        let step = |(pause, reads): (u64, bool)| {
            now += pause;
            // Missed for less than a second.
            let reads = reads || now - last_read > 600;
            if reads {
                last_read = now;
            }
            (now, reads)
        };
        std::iter::once((0, true))
            .chain(steps.into_iter().map(step))
            .collect()
    })
}

/// Anything that a decoder may say, places that are no numbers included.
fn anything() -> impl Strategy<Value = Vec<(u64, Vec<Detection>)>> {
    let place = prop_oneof![-50.0_f32..700.0, Just(f32::NAN), Just(f32::INFINITY)];
    let size = prop_oneof![0.0_f32..300.0, Just(f32::NAN)];
    let shown = (0..5_u8, place.clone(), place, size)
        .prop_map(|(text, x, y, size)| code(&text.to_string(), (x, y), size));
    let frame = (0_u64..1_500, proptest::collection::vec(shown, 0..4));
    proptest::collection::vec(frame, 0..60).prop_map(|steps| {
        let mut now = 0;
        let step = |(pause, shown)| {
            now += pause;
            (now, shown)
        };
        steps.into_iter().map(step).collect()
    })
}

proptest! {
    #[test]
    fn any_split_of_a_showing_into_frames_is_one_scan(split in split()) {
        let frames = split.into_iter().map(|(ms, reads)| {
            (ms, if reads { vec![middle("A")] } else { vec![] })
        });
        prop_assert_eq!(told(frames), ["A"]);
    }

    #[test]
    fn showings_a_second_apart_are_as_many_scans(
        splits in proptest::collection::vec(split(), 1..5),
        pause in 1_000_u64..5_000,
    ) {
        let (showings, mut start) = (splits.len(), 0);
        let mut all = Vec::new();
        for split in splits {
            let mut end = start;
            for (ms, reads) in split {
                end = start + ms;
                all.push((end, if reads { vec![middle("A")] } else { vec![] }));
            }
            all.push((end + 1, vec![]));
            start = end + pause;
        }
        prop_assert_eq!(told(all).len(), showings);
    }

    #[test]
    fn two_tickets_held_side_by_side_are_never_scanned(split in split(), other in split()) {
        let mut all: Vec<(u64, Vec<Detection>)> = vec![(0, vec![left("A"), right("B")])];
        let ends = split.last().unwrap().0.min(other.last().unwrap().0);
        let read = |split: &[(u64, bool)], side: fn(&str) -> Detection, text: &'static str| {
            split.iter().filter(|it| it.1 && it.0 <= ends).map(|it| (it.0, vec![side(text)]))
                .collect::<Vec<_>>()
        };
        all.extend(read(&split, left, "A"));
        all.extend(read(&other, right, "B"));
        all.sort_by_key(|frame| frame.0);
        prop_assert_eq!(told(all), ["?"]);
    }

    #[test]
    fn whatever_is_read_no_code_is_scanned_more_often_than_it_is_shown(frames in anything()) {
        let scans = told(frames.clone());
        for text in ["0", "1", "2", "3", "4"] {
            let read = |shown: &[Detection]| shown.iter().any(|it| it.text.reveal() == text);
            let (mut showings, mut last, mut missed) = (0, None, false);
            for (ms, shown) in &frames {
                if read(shown) {
                    let over = last.is_none_or(|last| missed && ms - last >= 1_000);
                    showings += usize::from(over);
                    (last, missed) = (Some(*ms), false);
                } else {
                    missed = true;
                }
            }
            let scanned = scans.iter().filter(|scan| *scan == text).count();
            prop_assert!(scanned <= showings, "{text}: {scanned} scans of {showings} showings");
        }
    }
}
