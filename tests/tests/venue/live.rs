//! What is told as soon as it happens: to gates that listen, over a network that fails.

use std::rc::Rc;
use tokio::time::Instant;
use usher_domain::api::access::DeviceChange;
use usher_domain::ids::{ScopeId, TicketId};
use usher_domain::record::{Body, Outcome, Subject};
use usher_domain::table::TableId;
use usher_domain::verdict::Reason;
use usher_tests::listening::{Ears, Event, while_listening};
use usher_tests::network::Failure;
use usher_tests::{Gate, Said as _, Sold, Venue};

/// A second, in which everybody must know.
const SECOND_MS: u128 = 1_000;

async fn gates(venue: &Venue, names: &[&str]) -> Vec<Rc<Gate>> {
    let mut gates = Vec::new();
    for name in names {
        gates.push(venue.gate(name).await);
    }
    gates
}

async fn scope(venue: &Venue) -> ScopeId {
    venue.show_session("evening").await.scope
}

/// Records of a scope that a gate holds.
fn records(gate: &Gate, scope: ScopeId) -> usize {
    usher_tests::compare::records_of(gate, scope).len()
}

/// Whether a gate knows that a ticket was admitted.
fn knows_admission(gate: &Gate, scope: ScopeId, ticket: TicketId) -> bool {
    let lines = usher_tests::compare::records_of(gate, scope);
    lines.iter().any(|line| match &line.record.body {
        Body::Scan(scan) => {
            scan.subject == Subject::Ticket(ticket) && scan.outcome == Outcome::Admit
        }
        _ => false,
    })
}

/// The last position that a gate read.
fn place(gate: &Gate, scope: ScopeId) -> u64 {
    gate.store(|store| store.feed_place(scope).unwrap().position)
}

/// Lets a gate know that a ticket was sold, without a scan.
async fn knows(gate: &Rc<Gate>, ears: &mut Ears, venue: &Venue) {
    let set = venue.show_session("evening").await;
    let sealed = set.set.unwrap().number;
    let table = TableId::Set(set.id);
    ears.hears(|| {
        let held = gate.store(|store| store.held_manifest(table).unwrap());
        held.is_some_and(|held| held.version.number == sealed)
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_ticket_is_refused_at_every_listening_gate_within_a_second() {
    let venue = Venue::new().await;
    let gates = gates(&venue, &["north", "south", "east", "west"]).await;
    while_listening(async {
        let mut ears = Vec::new();
        for gate in &gates {
            ears.push(Ears::listening(gate).await);
        }
        let sold = venue.sell_many(5).await;
        venue.seal().await;
        for (gate, ears) in gates.iter().zip(&mut ears) {
            knows(gate, ears, &venue).await;
        }
        let mut slowest = 0;
        for ticket in &sold {
            let begun = Instant::now();
            venue.cancel(ticket).await;
            venue.seal().await;
            for (gate, ears) in gates.iter().zip(&mut ears) {
                knows(gate, ears, &venue).await;
                let answer = gate.scan(&ticket.code);
                assert_eq!(
                    answer.said(),
                    (Outcome::Refuse, Reason::Cancelled),
                    "{}",
                    gate.name()
                );
            }
            slowest = slowest.max(begun.elapsed().as_millis());
        }
        println!(
            "cancelled, and refused at {} gates, after {slowest} ms at most",
            gates.len()
        );
        assert!(slowest < SECOND_MS, "{slowest} ms");
    })
    .await;
}

#[tokio::test]
async fn who_was_admitted_at_one_gate_is_refused_at_the_others_within_a_second() {
    let venue = Venue::new().await;
    let sold = venue.sell_many(20).await;
    let gates = gates(&venue, &["north", "south", "east"]).await;
    let scope = scope(&venue).await;
    while_listening(async {
        let mut ears = Vec::new();
        for gate in &gates {
            ears.push(Ears::listening(gate).await);
        }
        let mut slowest = 0;
        for (number, ticket) in sold.iter().enumerate() {
            let at = number % gates.len();
            let begun = Instant::now();
            assert!(gates[at].scan(&ticket.code).is_admitted());
            for other in (0..gates.len()).filter(|other| *other != at) {
                let gate = &gates[other];
                ears[other]
                    .hears(|| knows_admission(gate, scope, ticket.id))
                    .await;
                let said = gate.scan(&ticket.code).said();
                assert_eq!(said, (Outcome::Refuse, Reason::AlreadyInside));
            }
            slowest = slowest.max(begun.elapsed().as_millis());
        }
        println!("admitted at one gate, refused at two others, after {slowest} ms at most");
        assert!(slowest < SECOND_MS, "{slowest} ms");
    })
    .await;
}

#[tokio::test]
async fn a_device_that_listens_hears_of_its_revocation_at_once() {
    let venue = Venue::new().await;
    let ticket = venue.sell().await;
    let gates = gates(&venue, &["north", "south"]).await;
    while_listening(async {
        let mut ears = Ears::listening(&gates[0]).await;
        let begun = Instant::now();
        venue.change_device(&gates[0], DeviceChange::Revoke).await;
        ears.until(
            |event| matches!(event, Event::Failed(error) if error.code() == "device_revoked"),
        )
        .await;
        let took = begun.elapsed().as_millis();
        assert_eq!(gates[0].scan(&ticket.code).said().0, Outcome::Refer);
        println!("revoked, and the gate knew after {took} ms");
        assert!(took < SECOND_MS, "{took} ms");
    })
    .await;
}

/// Lets one gate scan while the line of another fails after every so many bytes, and says how much the
/// other knows in the end, without asking for it: it listened.
async fn plays_over_a_line_that_fails(failure: Failure) {
    let venue = Venue::new().await;
    let sold: Vec<Sold> = venue.sell_many(30).await;
    let gates = gates(&venue, &["north", "south"]).await;
    let scope = scope(&venue).await;
    while_listening(async {
        let (north, south) = (&gates[0], &gates[1]);
        let _writes = Ears::listening(north).await;
        let mut hears = Ears::listening(south).await;
        for (number, ticket) in sold.iter().enumerate() {
            if number % 5 == 2 {
                // Somewhere in the next event, wherever that is.
                let bytes = 40 + u64::try_from(number).unwrap() * 37;
                south.network.fail_after(bytes, failure);
                assert!(north.scan(&ticket.code).is_admitted());
                south.network.failed().await;
                if failure == Failure::Stall {
                    hears.lose_patience();
                }
                south.network.heal();
                hears.hears_hello().await;
            } else {
                assert!(north.scan(&ticket.code).is_admitted());
            }
        }
        hears.hears(|| records(south, scope) == sold.len()).await;
        let feed = venue.feed(scope).await;
        assert_eq!(feed.len(), sold.len());
        hears
            .hears(|| place(south, scope) >= place(north, scope))
            .await;
        assert_eq!(
            venue.known_at(south, scope).digest,
            venue.known_at(north, scope).digest
        );
    })
    .await;
}

#[tokio::test]
async fn a_line_cut_within_an_event_skips_nothing() {
    plays_over_a_line_that_fails(Failure::Cut).await;
}

#[tokio::test]
async fn a_line_that_falls_silent_within_an_event_skips_nothing() {
    plays_over_a_line_that_fails(Failure::Stall).await;
}

#[tokio::test]
async fn a_server_that_stops_and_comes_back_is_listened_to_again() {
    let venue = Venue::new().await;
    let sold = venue.sell_many(2).await;
    let gates = gates(&venue, &["north", "south"]).await;
    let scope = scope(&venue).await;
    while_listening(async {
        let mut north = Ears::listening(&gates[0]).await;
        let mut south = Ears::listening(&gates[1]).await;
        assert!(gates[0].scan(&sold[0].code).is_admitted());
        south.hears(|| records(&gates[1], scope) == 1).await;
        venue.restart_server().await;
        north.hears_hello().await;
        south.hears_hello().await;
        assert!(gates[0].scan(&sold[1].code).is_admitted());
        south.hears(|| records(&gates[1], scope) == 2).await;
    })
    .await;
}

#[tokio::test]
async fn a_server_that_nobody_may_listen_to_is_asked() {
    let venue = Venue::that_is_asked().await;
    let ticket = venue.sell().await;
    let gates = gates(&venue, &["north", "south"]).await;
    let scope = scope(&venue).await;
    while_listening(async {
        let _writes = Ears::of(&gates[0]);
        let mut south = Ears::of(&gates[1]);
        assert!(gates[0].scan(&ticket.code).is_admitted());
        south.hears(|| records(&gates[1], scope) == 1).await;
    })
    .await;
}
