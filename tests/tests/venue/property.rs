//! Chance at three gates: whatever is scanned, sold, cancelled, cut, killed and restarted in whatever
//! order, in the end all know the same, nothing is lost, and no device lets a ticket in twice.
//!
//! Six tests share the seeds, so that they run side by side and each has its own bound of time. A failure
//! names its seed: `USHER_SEED=7` runs that one alone, `USHER_ROUNDS=50` the first fifty.

use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;
use usher_tests::network::Failure;
use usher_tests::{Gate, Said as _, Sold, Venue};

const STEPS: usize = 90;
const GATES: [&str; 3] = ["north", "south", "east"];

/// What happened in a run, as a person at the gates would remember it.
#[derive(Default)]
struct Memory {
    sold: Vec<Sold>,
    cancelled: BTreeSet<TicketId>,
    shown: Vec<Hash>,
    admitted: BTreeMap<(usize, TicketId), u32>,
}

/// How many tests share the seeds; as many seeds are run unless somebody asks for more.
const SHARES: u64 = 6;

macro_rules! shares {
    ($($share:literal $name:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            run_share($share).await;
        }
    )*};
}

shares! {
    0 whatever_happens_all_end_with_the_same_and_nothing_is_lost_a;
    1 whatever_happens_all_end_with_the_same_and_nothing_is_lost_b;
    2 whatever_happens_all_end_with_the_same_and_nothing_is_lost_c;
    3 whatever_happens_all_end_with_the_same_and_nothing_is_lost_d;
    4 whatever_happens_all_end_with_the_same_and_nothing_is_lost_e;
    5 whatever_happens_all_end_with_the_same_and_nothing_is_lost_f;
}

async fn run_share(share: u64) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("USHER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..number("USHER_ROUNDS").unwrap_or(SHARES) + 1,
    };
    for seed in seeds.filter(|seed| seed % SHARES == share) {
        println!("USHER_SEED={seed}");
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let venue = Venue::of_seed(seed).await;
    let mut memory = Memory {
        sold: venue.sell_many(12).await,
        ..Memory::default()
    };
    for name in GATES {
        venue.gate(name).await;
    }
    for _ in 0..STEPS {
        step(&venue, &mut dice, &mut memory).await;
    }
    venue.heal_all();
    for _ in 0..2 {
        venue.sync_all().await;
    }
    check(&venue, &memory).await;
}

async fn step(venue: &Venue, dice: &mut fastrand::Rng, memory: &mut Memory) {
    let number = dice.usize(..GATES.len());
    let gate = &venue.gates()[number];
    let sold = memory.sold[dice.usize(..memory.sold.len())].clone();
    match dice.u32(..100) {
        0..40 => {
            // Half of the people come to the few gates with the same few tickets.
            let answer = gate.scan(&sold.code);
            memory.shown.push(answer.record.unwrap());
            if answer.is_admitted() {
                *memory.admitted.entry((number, sold.id)).or_default() += 1;
            }
        }
        40..45 => scan_badly(gate, dice, &sold, memory),
        45..52 => memory.sold.push(venue.sell().await),
        52..56 if memory.cancelled.insert(sold.id) => venue.cancel(&sold).await,
        56..60 if !memory.cancelled.contains(&sold.id) => {
            let reissued = venue.reissue(&sold).await;
            memory.sold.push(reissued);
        }
        60..66 => gate.network.cut(),
        66..70 => gate.network.fail_after(dice.u64(..6_000), Failure::Cut),
        70..78 => gate.network.heal(),
        78..82 => {
            gate.kill();
            gate.start();
        }
        82..84 => venue.restart_server().await,
        84..88 => venue.wait_ms(dice.u64(..30_000)),
        _ => {
            venue.seal().await;
            let _cut = gate.try_sync().await;
        }
    }
}

/// Somebody shows a code that is no ticket's.
fn scan_badly(gate: &Gate, dice: &mut fastrand::Rng, sold: &Sold, memory: &mut Memory) {
    let text = if dice.bool() {
        format!("UNKNOWN-{}", dice.u64(..))
    } else {
        let mut bytes = sold.code.reveal().as_bytes().to_vec();
        let at = dice.usize(5..bytes.len());
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let answer = gate.scan(&Private::new(text));
    assert_eq!(answer.said().0, Outcome::Refuse, "{answer:?}");
    memory.shown.push(answer.record.unwrap());
}

async fn check(venue: &Venue, memory: &Memory) {
    let known = venue.assert_agreement().await;
    let scope = venue.scope().await;
    let mut at_server: BTreeMap<Hash, u32> = BTreeMap::new();
    for record in venue.feed(scope).await {
        *at_server.entry(Hash::of(&[&record])).or_default() += 1;
    }
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
    assert_eq!(audit.records, at_server.len() as u64);
    assert_eq!(audit.state_digest, known.digest.to_string());
    let shown: BTreeSet<_> = memory.shown.iter().collect();
    assert_eq!(
        shown.len(),
        memory.shown.len(),
        "each verdict has its own record"
    );
    for record in &memory.shown {
        assert!(
            at_server.contains_key(record),
            "a shown verdict's record is lost"
        );
    }
    for ((gate, ticket), times) in &memory.admitted {
        assert_eq!(*times, 1, "{} admitted {ticket} again", GATES[*gate]);
    }
    for gate in venue.gates() {
        for ticket in &memory.sold {
            let answer = gate.scan(&ticket.code);
            let expected = memory.cancelled.contains(&ticket.id);
            let cancelled = answer.verdict.reason() == Reason::Cancelled;
            let superseded = answer.verdict.reason() == Reason::Superseded;
            assert!(
                superseded || cancelled == expected,
                "{}: {answer:?}",
                gate.name()
            );
        }
    }
}
