//! A thousand evenings of a simulated venue. A failure names its seed and tells its story; `cargo xtask
//! simulate --replay SEED` tells it again.
//!
//! The seeds are shared by tests that run side by side. `USHER_SEEDS=5000` runs more of them.

use usher_tests::simulation::{Evening, Sessions, run};

/// Seeds of all tests together, unless somebody asks for another number.
const SEEDS: u64 = 1_000;
/// One evening of two sessions is played beside so many of one.
const OF_TWO: u64 = 5;
/// How many tests share them.
const SHARES: u64 = 16;

macro_rules! shares {
    ($($share:literal $name:ident;)*) => {$(
        #[test]
        fn $name() {
            run_share($share);
        }
    )*};
}

shares! {
    0 whatever_goes_wrong_what_must_hold_holds_a;
    1 whatever_goes_wrong_what_must_hold_holds_b;
    2 whatever_goes_wrong_what_must_hold_holds_c;
    3 whatever_goes_wrong_what_must_hold_holds_d;
    4 whatever_goes_wrong_what_must_hold_holds_e;
    5 whatever_goes_wrong_what_must_hold_holds_f;
    6 whatever_goes_wrong_what_must_hold_holds_g;
    7 whatever_goes_wrong_what_must_hold_holds_h;
    8 whatever_goes_wrong_what_must_hold_holds_i;
    9 whatever_goes_wrong_what_must_hold_holds_j;
    10 whatever_goes_wrong_what_must_hold_holds_k;
    11 whatever_goes_wrong_what_must_hold_holds_l;
    12 whatever_goes_wrong_what_must_hold_holds_m;
    13 whatever_goes_wrong_what_must_hold_holds_n;
    14 whatever_goes_wrong_what_must_hold_holds_o;
    15 whatever_goes_wrong_what_must_hold_holds_p;
}

fn run_share(share: u64) {
    let asked = std::env::var("USHER_SEEDS").ok();
    let seeds = asked.map_or(SEEDS, |text| text.parse().unwrap_or(SEEDS));
    let of_share = |seed: &u64| seed % SHARES == share;
    let of_one = (1..=seeds).map(|seed| Evening {
        sessions: Sessions::One,
        seed,
    });
    let of_two = (1..=seeds / OF_TWO).map(|seed| Evening {
        sessions: Sessions::Two,
        seed,
    });
    for evening in of_one
        .chain(of_two)
        .filter(|evening| of_share(&evening.seed))
    {
        hold(evening);
    }
}

fn hold(evening: Evening) {
    let run = run(evening, None);
    let story = run.story;
    assert_eq!(run.broken, None, "{story}\n{evening}");
}

/// Evenings in which a check did not hold once: the simulation's document says why.
const FELL: [u64; 23] = [
    287, 933, 992, 200_642, 201_029, 300_291, 300_292, 300_746, 303_964, 304_228, 304_304, 307_470,
    309_977, 310_071, 7_000_277, 7_000_729, 8_000_241, 8_000_502, 8_000_692, 8_002_317, 8_002_465,
    8_003_831, 8_003_996,
];

#[test]
fn evenings_that_fell_once_hold() {
    for seed in FELL {
        let sessions = Sessions::One;
        hold(Evening { sessions, seed });
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for (sessions, seed) in [
        (Sessions::One, 3),
        (Sessions::One, 12),
        (Sessions::One, 35),
        (Sessions::Two, 3),
    ] {
        let evening = Evening { sessions, seed };
        assert_eq!(run(evening, None), run(evening, None));
    }
}
