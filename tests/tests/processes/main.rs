//! Gates and server as processes over a network that fails: what they claim of each other could have
//! happened one after the other, and every verdict shown is on the server in the end.
//!
//! Here time passes: a slow network is one that is really waited for. What depends on chance is drawn from
//! `USHER_SEED`, which is printed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "all of this file is tests"
)]

mod company;

use company::{Gate, Server};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;
use usher_domain::hash::Hash;
use usher_server::clock::Clock as _;
use usher_tests::linear::{Act, Entry, Timed, is_linearizable};
use usher_tests::{Sold, Venue};

const TICKETS: usize = 24;
const ROUNDS: usize = 60;
/// How far each process's clock is set apart from the machine's.
const SERVER_APART_MS: i64 = 40_000;
const APART_MS: [i64; 3] = [0, 95_000, -310_000];

/// One showing of a ticket.
struct Showing {
    ticket: usize,
    called: u64,
    answered: u64,
    /// None where the gate was killed before it showed one.
    verdict: Option<Value>,
}

fn seed() -> u64 {
    let given = std::env::var("USHER_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    eprintln!("USHER_SEED={seed}");
    seed
}

/// What the authority did with one ticket, as far as these showings tell.
fn history(showings: &[&Showing]) -> Vec<Timed<Act>> {
    let mut acts = Vec::new();
    let mut add = |called, answered, operation| {
        acts.push(Timed {
            called,
            answered,
            operation,
        });
    };
    for (number, showing) in (0..).zip(showings) {
        let (called, answered) = (showing.called, Some(showing.answered));
        // The gate was killed: it asked or not, and was granted it or not; what was granted it gives up
        // or not.
        let Some(verdict) = &showing.verdict else {
            add(called, None, Act::Tried(number));
            add(called, None, Act::GivenUp(number));
            continue;
        };
        let by_authority = ["confirmed", "confirmed_except"]
            .contains(&verdict["certainty"]["kind"].as_str().unwrap());
        match (verdict["outcome"].as_str().unwrap(), by_authority) {
            ("admit", true) => add(called, answered, Act::Granted(number)),
            // In words of the authority: somebody else has it.
            ("refuse", true) => add(called, answered, Act::Denied(number)),
            ("admit", false) => add(called, None, Act::Tried(number)),
            // Decided alone, or referred: the authority may have granted it unheard.
            (_, _) => {
                add(called, None, Act::Tried(number));
                add(called, None, Act::GivenUp(number));
            }
        }
    }
    acts
}

/// A company of one server and gates, over a venue that was prepared, with its tickets.
async fn company() -> (Venue, Server, Vec<Gate>, Vec<Sold>) {
    let venue = Venue::new().await;
    let mut tickets = Vec::new();
    for _ in 0..TICKETS {
        tickets.push(venue.sell().await);
    }
    let mut prepared = Vec::new();
    for name in ["north", "south", "east"] {
        prepared.push(venue.gate(name).await);
    }
    venue.sync_all().await;
    let machine = i64::try_from(usher_server::clock::SystemClock.now().get()).unwrap();
    let shift = i64::try_from(venue.clock.now().get()).unwrap() - machine;
    venue.stop_server().await;
    let mut gates = Vec::new();
    for (gate, apart) in prepared.into_iter().zip(APART_MS) {
        gates.push(Gate::of(gate, shift + apart));
    }
    let server = Server::of(venue.server_folder(), shift + SERVER_APART_MS);
    (venue, server, gates, tickets)
}

/// All ends know the same, and the server has the record of every verdict that was shown.
async fn check_records(venue: &Venue, showings: &[Showing]) {
    venue.assert_agreement().await;
    let records = venue.feed(venue.scope().await).await;
    // A batch that was sent again with more behind it stands in the feed beside the first.
    let kept: BTreeSet<String> = records
        .iter()
        .map(|record| Hash::of(&[record]).to_string())
        .collect();
    let audit = venue.audit().await;
    assert!(audit.faults.is_empty(), "{audit:?}");
    assert_eq!(audit.records, kept.len() as u64, "each counts once");
    let shown = showings
        .iter()
        .filter_map(|showing| showing.verdict.as_ref());
    let mut seen = BTreeSet::new();
    for verdict in shown {
        let record = verdict["record"].as_str().unwrap();
        assert!(seen.insert(record), "a record of two verdicts: {verdict}");
        assert!(kept.contains(record), "the record is lost: {verdict}");
    }
}

/// Makes trouble before a round, by chance.
async fn trouble(random: &mut fastrand::Rng, server: &mut Server, gates: &mut [Gate]) {
    let gate = random.usize(..gates.len());
    match random.u8(..12) {
        0 => {
            server.kill().await;
            server.start(gates).await;
        }
        1..4 => gates[gate].network().roughen(random.u64(..)),
        4 => gates[gate].network().cut(),
        5..9 => gates[gate].network().heal(),
        _ => {}
    }
}

#[tokio::test]
async fn what_killed_processes_claim_over_a_failing_network_happened_in_some_order() {
    let mut random = fastrand::Rng::with_seed(seed());
    let (venue, mut server, mut gates, tickets) = company().await;
    server.start(&gates).await;
    for gate in &mut gates {
        gate.start().await;
        gate.in_step().await;
    }
    let begun = Instant::now();
    let now = || u64::try_from(begun.elapsed().as_micros()).unwrap();
    let mut showings = Vec::new();
    for _ in 0..ROUNDS {
        trouble(&mut random, &mut server, &mut gates).await;
        let ticket = random.usize(..TICKETS);
        let code = tickets[ticket].code.reveal();
        let killed = (random.u8(..6) == 0).then(|| random.usize(..gates.len()));
        let after = Duration::from_micros(random.u64(..30_000));
        // The same ticket at all gates at once.
        let called = now();
        let shown = gates
            .iter_mut()
            .enumerate()
            .map(|(index, gate)| async move {
                let verdict = if killed == Some(index) {
                    gate.scan_killed(code, after).await
                } else {
                    Some(gate.scan(code).await)
                };
                (verdict, Instant::now())
            });
        for (verdict, at) in futures_util::future::join_all(shown).await {
            showings.push(Showing {
                ticket,
                called,
                answered: u64::try_from((at - begun).as_micros()).unwrap(),
                verdict,
            });
        }
    }
    for gate in &mut gates {
        gate.network().heal();
    }
    // What one told the others, and what they told then.
    for _ in 0..2 {
        for gate in &mut gates {
            gate.in_step().await;
        }
    }
    for gate in gates {
        gate.finish().await;
    }
    server.finish().await;
    venue.wait_ms(SERVER_APART_MS.unsigned_abs() + 1_000 * begun.elapsed().as_secs() + 1_000);
    venue.start_server().await;
    venue.sync_all().await;
    check_records(&venue, &showings).await;

    let mut by_certainty: BTreeMap<&str, u32> = BTreeMap::new();
    for verdict in showings
        .iter()
        .filter_map(|showing| showing.verdict.as_ref())
    {
        let kind = verdict["certainty"]["kind"].as_str().unwrap();
        *by_certainty.entry(kind).or_default() += 1;
    }
    eprintln!("{by_certainty:?}");
    // A history without claims proves nothing.
    assert!(
        by_certainty
            .keys()
            .any(|kind| kind.starts_with("confirmed"))
    );
    let mut by_ticket: BTreeMap<usize, Vec<&Showing>> = BTreeMap::new();
    for showing in &showings {
        by_ticket.entry(showing.ticket).or_default().push(showing);
    }
    for (ticket, showings) in by_ticket {
        let history = history(&showings);
        assert!(
            is_linearizable::<Entry>(None, &history),
            "ticket {ticket}: {history:#?}"
        );
    }
}
