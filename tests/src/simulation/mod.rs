//! A venue in one thread, on disks in memory, in virtual time, from one seed.
//!
//! The server is the real one below its HTTP, the devices are the real store, gate and exchange. What is
//! simulated is what surrounds them: time, chance, disks ([`usher_vfs`]), the network (`line`), people
//! who sell (`office`) and scan (`people`), and everything that goes wrong (`trouble`). The same seed tells the same
//! story, to the letter.
//!
//! What must hold is checked all along and at the end, against an oracle that knows what the devices
//! cannot: the true time, who knew what when, and which disks still hold what (`checks`,
//! `reference`).

#![expect(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "numbers of devices and tickets are drawn from those that are there; the oracle names the \
              records that it counts and passes over all others"
)]

mod byzantine;
mod certainty;
mod checks;
pub mod clock;
mod copies;
pub mod device;
mod devices;
pub mod documents;
mod duty;
mod enrolling;
mod forger;
mod habits;
mod held;
mod homes;
pub mod house;
mod incidents;
pub mod line;
#[cfg(feature = "mutants")]
pub mod mutants;
mod office;
mod orders;
mod people;
mod promises;
pub mod reference;
mod renewal;
mod rows;
pub mod server;
mod sessions;
pub mod story;
mod trouble;
mod verdicts;
pub mod weather;
mod world;
mod zones;

pub use sessions::Sessions;
pub use story::Broken;
pub use world::World;

use crate::clock::Dice;
use byzantine::Conduct;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use usher_core::clock::Entropy as _;
use usher_server::keys::simulated;

/// An evening that can be played: in which house, and by which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evening {
    /// How many sessions its house has.
    pub sessions: Sessions,
    /// Its seed.
    pub seed: u64,
}

impl fmt::Display for Evening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sessions {
            Sessions::One => write!(f, "seed {}", self.seed),
            Sessions::Two => write!(f, "seed {} of two sessions", self.seed),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The evening.
    pub evening: Evening,
    /// The first check that did not hold.
    pub broken: Option<Broken>,
    /// What happened, line by line.
    pub story: String,
}

/// Runs an evening, or its first `until` steps.
#[must_use]
pub fn run(evening: Evening, until: Option<u32>) -> Run {
    let Evening { sessions, seed } = evening;
    let house = house::house(sessions);
    let dice = Dice::of_seed(seed ^ 0x5EED);
    simulated::draw_from(Some(Box::new(move |bytes| dice.fill(bytes).unwrap())));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    let life = || {
        local.block_on(&runtime, async {
            let world = Rc::new(World::begin(house, seed).await);
            world.live(until).await;
            world.story.clone()
        })
    };
    let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(life));
    simulated::draw_from(None);
    match story {
        Ok(story) => Run {
            evening,
            broken: story.failure(),
            story: story.text(),
        },
        Err(_) => Run {
            evening,
            broken: Some(Broken {
                check: "nothing panics",
                detail: "the message stands on standard error".to_owned(),
            }),
            story: String::new(),
        },
    }
}

/// Runs evenings on all processors, each world in one thread, and hands out every run as it ends; until
/// `hear` has heard enough.
pub fn run_many(evenings: &[Evening], hear: &mut dyn FnMut(&Run) -> bool) {
    spread(evenings, &|evening| run(evening, None), hear);
}

/// Runs evenings like [`run_many`], with a rule broken.
#[cfg(feature = "mutants")]
pub fn run_many_as(
    evenings: &[Evening],
    mutant: Option<usher_domain::mutant::Mutant>,
    hear: &mut dyn FnMut(&Run) -> bool,
) {
    for evening in evenings {
        house::house(evening.sessions);
    }
    let work = |evening| {
        usher_domain::mutant::break_rule(mutant);
        let run = run(evening, None);
        usher_domain::mutant::break_rule(None);
        run
    };
    spread(evenings, &work, hear);
}

/// Whether a stolen device is in the evening of `seed`.
#[must_use]
pub fn has_stolen_device(seed: u64) -> bool {
    Conduct::drawn(seed).is_some()
}

fn spread(
    evenings: &[Evening],
    work: &(dyn Fn(Evening) -> Run + Sync),
    hear: &mut dyn FnMut(&Run) -> bool,
) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (tell, next) = (tell.clone(), &next);
            scope.spawn(move || {
                while let Some(evening) = evenings.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if tell.send(work(*evening)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(tell);
        for run in &told {
            if !hear(&run) {
                break;
            }
        }
        drop(told);
    });
}
