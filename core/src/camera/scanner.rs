//! Reading a stream of frames: the scheduler of what is tried in which frame.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::budget::Budget;
use super::decoder::{DecodeError, Decoder, Detection, Point};
use super::frame::{Frame, LumaFrame};
use super::search::{self, Reach, Sight};

/// What a frame may take if nobody says otherwise: 30 frames a second.
pub const FRAME_BUDGET: Duration = Duration::from_millis(33);

/// The last steps of a frame may go on this long after its time is over.
const OVERRUN: Duration = Duration::from_millis(6);

/// Longer sides are halved before anything is looked at.
const MAX_LOOKED_AT: u32 = 2_600;

/// One in so many frames is searched for codes smaller than one that was read: within a tenth of a
/// second every ticket in view is known.
const SMALLER_EVERY: u64 = 3;

/// For so many frames the place of a code is looked at first.
const REMEMBERED: u32 = 15;

/// The room around the place of a code that is looked at with it, as a share of its size.
const ROOM: f32 = 0.45;

/// Reads the codes of frames that follow each other, a budget of time for each.
///
/// Cheap tries come first, and where a code was seen last; what one frame has no time for, one of the
/// next tries. Nothing is kept of a frame but where its codes were.
pub struct Scanner {
    budget: Option<(Duration, Box<dyn Fn() -> Duration + Send>)>,
    turn: usize,
    frames: u64,
    place: Option<Place>,
    panics: u64,
}

/// Where a code was seen, and how many frames ago.
#[derive(Debug, Clone, Copy)]
struct Place {
    corners: [Point; 4],
    age: u32,
}

impl Scanner {
    /// A scanner that spends about `budget` on a frame, by a clock that only needs to go forward.
    pub fn new(budget: Duration, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        Self {
            budget: Some((budget.saturating_sub(OVERRUN), Box::new(clock))),
            ..Self::patient()
        }
    }

    /// A scanner for single pictures, that tries all it knows.
    #[must_use]
    pub const fn patient() -> Self {
        Self {
            budget: None,
            turn: 0,
            frames: 0,
            place: None,
            panics: 0,
        }
    }

    /// How many frames were dropped because reading them panicked. Every one is a mistake in the
    /// program or a library.
    #[must_use]
    pub const fn panics(&self) -> u64 {
        self.panics
    }

    fn look(&self, frame: Frame<'_>) -> Sight {
        let reach = if self.budget.is_none() || self.frames % SMALLER_EVERY == SMALLER_EVERY - 1 {
            Reach::Smaller
        } else {
            Reach::SameSize
        };
        let budget = match &self.budget {
            Some((budget, clock)) => Budget::new(clock.as_ref(), *budget),
            None => Budget::unlimited(),
        };
        // While codes are read the whole frame is looked at: there may be another one.
        let lost = self.place.filter(|place| place.age > 0);
        let remembered = lost.and_then(|place| around(frame, &place.corners));
        if let Some((part, corner)) = remembered {
            let sight = moved(search::read(part, &budget, self.turn, reach), corner);
            if !sight.read.is_empty() {
                return sight;
            }
        }
        search::read(frame, &budget, self.turn, reach)
    }

    fn remember(&mut self, sight: &Sight) {
        self.frames = self.frames.wrapping_add(1);
        self.turn = if sight.read.is_empty() {
            self.turn.wrapping_add(1)
        } else {
            0
        };
        let read = sight.read.first().map(|detection| detection.corners);
        self.place = match (read, sight.unread, self.place) {
            (Some(corners), ..) => Some(Place { corners, age: 0 }),
            (None, Some(corners), _) => Some(Place { corners, age: 1 }),
            (None, None, Some(place)) if place.age < REMEMBERED => Some(Place {
                age: place.age + 1,
                ..place
            }),
            (None, None, _) => None,
        };
    }
}

impl Decoder for Scanner {
    fn decode(&mut self, frame: Frame<'_>) -> Result<Vec<Detection>, DecodeError> {
        // Nothing of ours is changed before the work is done, so a panic leaves nothing half done.
        let looked = catch_unwind(AssertUnwindSafe(|| {
            let (smaller, factor) = bounded(frame);
            let frame = smaller.as_ref().map_or(frame, LumaFrame::as_frame);
            (self.look(frame), factor)
        }));
        let Ok((sight, factor)) = looked else {
            self.panics = self.panics.saturating_add(1);
            self.place = None;
            return Err(DecodeError::Panicked);
        };
        self.remember(&sight);
        Ok(scaled(sight.read, factor))
    }
}

/// The frame halved until it is not too large, if it must be, and by how much it was made smaller.
fn bounded(frame: Frame<'_>) -> (Option<LumaFrame>, f32) {
    let (mut smaller, mut factor): (Option<LumaFrame>, f32) = (None, 1.0);
    loop {
        let last = smaller.as_ref().map_or(frame, LumaFrame::as_frame);
        if last.width().max(last.height()) <= MAX_LOOKED_AT {
            return (smaller, factor);
        }
        let Some(half) = last.halved() else {
            return (smaller, factor);
        };
        smaller = Some(half);
        factor *= 2.0;
    }
}

/// States only: where a code was is nobody's business in a log.
impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scanner(turn {}, {} panics)", self.turn, self.panics)
    }
}

/// The part of a frame around four corners, and where its own corner is.
fn around<'a>(frame: Frame<'a>, corners: &[Point; 4]) -> Option<(Frame<'a>, Point)> {
    let least = |value: fn(&Point) -> f32| corners.iter().map(value).fold(f32::INFINITY, f32::min);
    let most =
        |value: fn(&Point) -> f32| corners.iter().map(value).fold(f32::NEG_INFINITY, f32::max);
    let (left, right) = (least(|p| p.x), most(|p| p.x));
    let (top, bottom) = (least(|p| p.y), most(|p| p.y));
    let room = (right - left).max(bottom - top) * ROOM;
    // The casts saturate at the edges of the picture and beyond.
    let edges = [left - room, top - room, right + room, bottom + room].map(|edge| edge as u32);
    let part = frame.part(edges)?;
    let small = u64::from(part.width()) * u64::from(part.height()) * 2
        < u64::from(frame.width()) * u64::from(frame.height());
    let [left, top, ..] = edges;
    small.then_some((part, Point::new(left as f32, top as f32)))
}

fn moved(sight: Sight, by: Point) -> Sight {
    let move_all = |corners: [Point; 4]| corners.map(|corner| corner.along(by, 1.0));
    Sight {
        read: sight
            .read
            .into_iter()
            .map(|detection| Detection {
                corners: move_all(detection.corners),
                ..detection
            })
            .collect(),
        unread: sight.unread.map(move_all),
    }
}

fn scaled(read: Vec<Detection>, factor: f32) -> Vec<Detection> {
    read.into_iter()
        .map(|detection| Detection {
            corners: detection.corners.map(|corner| corner.times(factor)),
            ..detection
        })
        .collect()
}
