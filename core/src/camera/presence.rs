//! From what is read frame by frame to what the gate shall do: what is held up is scanned once.
//!
//! A *showing* begins when a code is read. It ends when the code was not read for [`OUT_OF_VIEW`],
//! which a frame without it must prove: frames that miss it for a shorter time change nothing, and
//! neither does a camera that stalls. One showing is at most one scan.
//!
//! A code is scanned once it was the only choice for [`SETTLE`] and lay still. So the second of two
//! tickets, which the decoder or the edge of the picture hid in the first frames, still counts. One
//! that is moved about waits for [`PATIENCE`], no longer.
//!
//! With several codes in view the choice is the one *clearly nearest* the middle. How far off a code
//! is counts in its own sizes: a phone held close weighs more than a poster behind. It is clearly
//! nearest if every other one is at least [`NEARER_TIMES`] as far off and farther by [`NEARER_BY`]
//! sizes. Without such a one nothing is scanned, and the gate asks once to show one. A code that has
//! not been scanned stays in view until its showing ends, so that a missed frame does not turn two
//! tickets into one.

use std::time::Duration;

use usher_domain::secret::Private;

use super::decoder::{Detection, Point};

/// A code that was not read for this long is out of view; read again it is a new showing.
pub const OUT_OF_VIEW: Duration = Duration::from_secs(1);

/// How long a code is the only choice before it is scanned: three frames of a common camera.
pub const SETTLE: Duration = Duration::from_millis(100);

/// A code that is still being moved is scanned after this time all the same.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// How many times as far from the middle every other code must be.
pub const NEARER_TIMES: f32 = 2.0;

/// How much farther from the middle every other code must be, in sizes of codes.
pub const NEARER_BY: f32 = 0.5;

/// A code whose middle goes farther than this share of its size does not lie still.
const STILL: f32 = 0.25;

/// Codes that are remembered at once. Nobody holds up more; the oldest are forgotten first.
const REMEMBERED_MAX: usize = 64;

/// What a gate shall do now.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Scan this code, where it was seen last.
    Scan(Detection),
    /// Ask the person to show one ticket at a time: these are in view. Nothing is scanned.
    ShowOne(Vec<Detection>),
}

/// Which codes are in view, and since when. It takes in every frame that was looked at, also those
/// without a code.
#[derive(Debug, Default)]
pub struct Presence {
    seen: Vec<Seen>,
    choice: Option<Choice>,
    dispute: Option<Dispute>,
    now: Duration,
}

/// A code whose showing has not ended.
#[derive(Debug)]
struct Seen {
    detection: Detection,
    last: Duration,
    /// Whether the last frame, and so maybe frames before it, did not show the code.
    missed: bool,
    scanned: bool,
}

/// The code that is scanned if nothing gets in its way.
#[derive(Debug)]
struct Choice {
    text: Private,
    first: Duration,
    /// Since when it lies still.
    still: Duration,
    /// Where it lies still.
    place: Point,
}

/// Several codes in view without a choice.
#[derive(Debug)]
struct Dispute {
    first: Duration,
    last: Duration,
    /// The codes for which it was asked to show one.
    asked: Vec<Private>,
}

impl Presence {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what was read in one frame of this width and height, captured at `time`: on any
    /// clock that goes on. A time before an earlier frame's counts as that.
    pub fn frame(
        &mut self,
        time: Duration,
        detections: &[Detection],
        (width, height): (u32, u32),
    ) -> Option<Act> {
        self.now = self.now.max(time);
        let left = self.scan_what_left(detections);
        self.take_in(detections);
        let middle = Point {
            x: width as f32 / 2.0,
            y: height as f32 / 2.0,
        };
        let in_view: Vec<&Detection> = self.in_view().map(|seen| &seen.detection).collect();
        match clearly_nearest(&in_view, middle) {
            Some(nearest) => {
                let nearest = nearest.clone();
                self.choose(&nearest);
                self.forget_dispute();
                left.or_else(|| self.scan_what_settled())
            }
            None if in_view.is_empty() => {
                self.choice = None;
                self.forget_dispute();
                left
            }
            None => {
                self.choice = None;
                left.or_else(|| self.disagree())
            }
        }
    }

    /// Says that no frame follows: what waited for the next frames is decided without them.
    #[must_use]
    pub fn finish(mut self) -> Option<Act> {
        self.now = self.now.saturating_add(PATIENCE);
        if self.dispute.as_ref().is_some_and(|it| it.asked.is_empty()) {
            return self.disagree();
        }
        self.scan_what_settled()
    }

    /// A choice that was held up long enough, if this frame does not go on showing it.
    fn scan_what_left(&mut self, detections: &[Detection]) -> Option<Act> {
        let choice = self.choice.as_ref()?;
        let shown = detections.iter().any(|shown| shown.text == choice.text);
        let seen = self.find(&choice.text)?;
        let goes_on = shown && !(seen.missed && seen.is_over(self.now));
        if goes_on || self.now.saturating_sub(choice.still) < SETTLE {
            return None;
        }
        self.scan()
    }

    fn take_in(&mut self, detections: &[Detection]) {
        let now = self.now;
        for seen in &mut self.seen {
            let text = &seen.detection.text;
            seen.missed |= detections.iter().all(|shown| shown.text != *text);
        }
        self.seen.retain(|seen| !(seen.missed && seen.is_over(now)));
        for shown in detections.iter().take(REMEMBERED_MAX) {
            let known = self.seen.iter_mut();
            if let Some(seen) = known.into_iter().find(|seen| seen.shows(shown)) {
                seen.detection = shown.clone();
                seen.last = now;
                seen.missed = false;
            } else {
                self.seen.push(Seen {
                    detection: shown.clone(),
                    last: now,
                    missed: false,
                    scanned: false,
                });
            }
        }
        if self.seen.len() > REMEMBERED_MAX {
            self.seen.sort_by_key(|seen| std::cmp::Reverse(seen.last));
            self.seen.truncate(REMEMBERED_MAX);
        }
    }

    /// What counts: the codes of the last frame, and those that wait for their scan.
    fn in_view(&self) -> impl Iterator<Item = &Seen> {
        self.seen
            .iter()
            .filter(|seen| !(seen.missed && seen.scanned))
    }

    fn choose(&mut self, nearest: &Detection) {
        if self.find(&nearest.text).is_some_and(|seen| seen.scanned) {
            self.choice = None;
            return;
        }
        let place = middle_of(&nearest.corners);
        match &mut self.choice {
            Some(choice) if choice.text == nearest.text => {
                if distance(choice.place, place) > STILL * size_of(&nearest.corners) {
                    choice.still = self.now;
                    choice.place = place;
                }
            }
            _ => {
                self.choice = Some(Choice {
                    text: nearest.text.clone(),
                    first: self.now,
                    still: self.now,
                    place,
                });
            }
        }
    }

    fn scan_what_settled(&mut self) -> Option<Act> {
        let choice = self.choice.as_ref()?;
        let still = self.now.saturating_sub(choice.still) >= SETTLE;
        let waited = self.now.saturating_sub(choice.first) >= PATIENCE;
        if still || waited { self.scan() } else { None }
    }

    fn scan(&mut self) -> Option<Act> {
        let choice = self.choice.take()?;
        self.dispute = None;
        let mut seen = self.seen.iter_mut();
        let seen = seen.find(|seen| seen.detection.text == choice.text)?;
        seen.scanned = true;
        Some(Act::Scan(seen.detection.clone()))
    }

    /// Asks to show one, once the codes in view have been without a choice for a while.
    fn disagree(&mut self) -> Option<Act> {
        let now = self.now;
        let in_view = self.in_view().map(|seen| seen.detection.clone());
        let in_view: Vec<Detection> = in_view.collect();
        let dispute = self.dispute.get_or_insert_with(|| Dispute {
            first: now,
            last: now,
            asked: Vec::new(),
        });
        dispute.last = now;
        let lasts = now.saturating_sub(dispute.first) >= SETTLE;
        let changed = in_view
            .iter()
            .any(|shown| !dispute.asked.contains(&shown.text));
        if !(lasts && changed) {
            return None;
        }
        dispute.asked = in_view.iter().map(|shown| shown.text.clone()).collect();
        Some(Act::ShowOne(in_view))
    }

    /// Forgets codes without a choice now that there is one, or none in view. What was asked is
    /// remembered for a while: hands are not steady, and nobody wants to hear it with every tremor.
    fn forget_dispute(&mut self) {
        let now = self.now;
        let fresh = |it: &Dispute| now.saturating_sub(it.last) < OUT_OF_VIEW;
        self.dispute = self
            .dispute
            .take()
            .filter(|it| !it.asked.is_empty() && fresh(it));
    }

    fn find(&self, text: &Private) -> Option<&Seen> {
        self.seen.iter().find(|seen| seen.detection.text == *text)
    }
}

impl Seen {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) >= OUT_OF_VIEW
    }

    fn shows(&self, detection: &Detection) -> bool {
        self.detection.text == detection.text
    }
}

/// The detection that is nearer to the middle than every other one, as the head of this module says.
fn clearly_nearest<'a>(detections: &[&'a Detection], middle: Point) -> Option<&'a Detection> {
    let mut by_distance: Vec<(f32, &Detection)> = detections
        .iter()
        .map(|detection| (distance_in_sizes(detection, middle), *detection))
        .collect();
    by_distance.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let (&(nearest, detection), others) = by_distance.split_first()?;
    let Some(&(next, _)) = others.first() else {
        return Some(detection);
    };
    // False where a place is no number: then nobody can tell.
    let clearly = next >= nearest * NEARER_TIMES && next - nearest >= NEARER_BY;
    clearly.then_some(detection)
}

fn distance_in_sizes(detection: &Detection, middle: Point) -> f32 {
    let off = distance(middle_of(&detection.corners), middle);
    off / size_of(&detection.corners).max(1.0)
}

fn distance(a: Point, b: Point) -> f32 {
    (a.x - b.x).hypot(a.y - b.y)
}

fn middle_of(corners: &[Point; 4]) -> Point {
    let sum = |along: fn(&Point) -> f32| corners.iter().map(along).sum::<f32>() / 4.0;
    Point {
        x: sum(|corner| corner.x),
        y: sum(|corner| corner.y),
    }
}

/// The side of a square as large as the code, in pixels (the shoelace formula).
fn size_of(corners: &[Point; 4]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    let twice: f32 = corners
        .iter()
        .zip(next)
        .map(|(a, b)| a.x * b.y - b.x * a.y)
        .sum();
    (twice.abs() / 2.0).sqrt()
}

#[cfg(test)]
mod tests;
