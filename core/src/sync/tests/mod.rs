//! What must hold wherever an exchange is cut, whatever is lost or repeated, and after a restore.

mod copies;
mod gate;
mod line;
mod quota;
mod server;
mod things;
mod trust;

use super::*;
use crate::clock::Clock as _;
use crate::store::NoticeBody;
use gate::Gate;
use proptest::prelude::*;
use server::*;
use std::cell::RefCell;
use things::*;
use usher_domain::ids::LogId;
use usher_domain::numbers::TypeNumber;
use usher_domain::record::{Body, LogRef, RuleChange};
use usher_domain::table::rows::{CancelReason, TicketState};

const CANCELLED: TicketState = TicketState::Cancelled(CancelReason::Refunded);

/// A server with a set of 300 tickets, two devices, and a rule in its own log.
fn venue() -> Server {
    let server = Server::new();
    server.sell(0..300, 1, TicketState::Valid);
    server.say(Body::Rule(RuleChange {
        session: SESSION,
        type_number: None,
        rule: None,
    }));
    server
}

fn prepared(server: &Server) {
    server.prepare(SET);
    server.prepare(ROSTER);
}

#[test]
fn a_new_device_gets_everything_and_the_second_exchange_does_nothing() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.scan(1);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.sent, report.rows), (1, 301));
    gate.assert_in_step(&server);
    let calls = server.calls.get();
    let again = gate.sync(&server);
    assert_eq!(
        server.calls.get(),
        calls + 1,
        "one request when nothing is new"
    );
    assert_eq!(again, Report::default());
}

#[test]
fn the_clock_is_set_by_an_authentic_answer() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let reading = gate.clock.read();
    let state = gate.with(|store| store.observe_clock(reading).unwrap());
    let offset = state.offset_ms().unwrap();
    assert!((offset - 3_600_000).abs() < 1_000, "{offset}");
    let reach = gate.with(|store| store.reach().unwrap());
    assert!(reach.peers_as_of.is_some() && reach.lost_since.is_none());
}

#[test]
fn a_gate_whose_server_hangs_is_alone_after_six_seconds_of_silence() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let reach = || gate.with(|store| store.reach().unwrap());
    let before = reach().peers_as_of.unwrap();
    let asked = gate.now();
    *server.faults.borrow_mut() = Box::new(|_| Fault::CutBefore);
    assert!(gate.exchange(&server).is_none(), "it waits on");
    let lost = reach().lost_since.unwrap();
    assert!(
        (6_000..6_100).contains(&lost.since(asked)),
        "{lost:?} after {asked:?}"
    );
    *server.faults.borrow_mut() = Box::new(|_| Fault::None);
    gate.sync(&server);
    assert_eq!(reach().lost_since, None);
    assert!(reach().peers_as_of.unwrap() > before);
}

#[test]
fn where_others_scan_all_the_time_a_gate_is_online_all_the_same() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let reach = || gate.with(|store| store.reach().unwrap());
    let before = reach().peers_as_of.unwrap();
    server.time.set(server.time.get() + 600_000);
    gate.clock.pass(600_000);
    server.busy.set(true);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    // As of when it asked, not of when the answer came.
    let known = reach().peers_as_of.unwrap();
    assert!(known.since(before) >= 599_000, "{known:?} after {before:?}");
    assert!(known.get() <= server.time.get());
}

#[test]
fn changes_come_as_a_segment_and_scans_of_others_by_the_feed() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    north.sync(&server);
    south.sync(&server);
    server.sell(5..8, 2, CANCELLED);
    north.scan(1);
    south.scan(2);
    assert_eq!(north.sync(&server).rows, 3);
    assert_eq!(south.sync(&server).received, 1);
    assert_eq!(north.sync(&server).received, 1);
    north.assert_in_step(&server);
    south.assert_in_step(&server);
    assert_eq!(north.heads(), south.heads());
}

#[test]
fn cut_at_any_request_the_next_run_goes_on_and_nothing_is_lost() {
    for fault in [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::RequestLost,
        Fault::AnswerLost,
    ] {
        for at in 1.. {
            let server = venue();
            let other = Gate::new(&server, 21);
            let mut gate = Gate::new(&server, 20);
            prepared(&server);
            other.scan(7);
            other.sync(&server);
            for ticket in 0..4 {
                gate.scan(ticket);
            }
            server.calls.set(0);
            *server.faults.borrow_mut() =
                Box::new(move |call| if call == at { fault } else { Fault::None });
            let first = gate.exchange(&server);
            let reached = server.calls.get() >= at;
            *server.faults.borrow_mut() = Box::new(|_| Fault::None);
            if first.is_none() {
                gate.restart();
            }
            let report = gate.sync(&server);
            assert!(report.is_clean(), "{fault:?} at {at}: {report:?}");
            gate.assert_in_step(&server);
            if !reached {
                assert!(at > 10, "too few requests to mean anything: {at}");
                break;
            }
        }
    }
}

#[test]
fn a_version_that_goes_back_is_refused_and_told() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    let old = server.state.borrow().clone();
    server.sell(3..4, 2, CANCELLED);
    gate.sync(&server);
    *server.state.borrow_mut() = old;
    let report = gate.sync(&server);
    let behind = Mismatch::Behind(ServerBehind::Table(SET));
    assert!(report.mismatches.contains(&behind), "{report:?}");
    let held = gate
        .with(|store| store.held_manifest(SET).unwrap())
        .unwrap();
    assert!(held.version > server.version(SET));
}

#[test]
fn a_server_put_back_in_the_middle_of_an_exchange_gets_its_rows_back_all_the_same() {
    // The next call asks how far the server is, those after it ask for what changed.
    for call in 1..=4 {
        let server = venue();
        let gate = Gate::new(&server, 20);
        prepared(&server);
        gate.sync(&server);
        let backup = server.state.borrow().clone();
        server.sell(300..301, 1, TicketState::Valid);
        gate.sync(&server);
        server.sell(5..6, 2, CANCELLED);
        *server.put_back.borrow_mut() = Some((server.calls.get() + call, backup));
        let _in_between = gate.exchange(&server);
        for _ in 0..3 {
            gate.sync(&server);
            server.change(SET, &[]);
        }
        gate.sync(&server);
        gate.assert_in_step(&server);
        assert_eq!(server.row(300).ticket, ticket_id(300), "call {call}");
    }
}

#[test]
fn a_server_put_back_untold_gets_back_however_much_it_lost() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let backup = server.state.borrow().clone();
    server.sell(300..1_300, 1, TicketState::Valid);
    gate.sync(&server);
    *server.state.borrow_mut() = backup;
    // Its changes pass the version held, and do not fit what is held.
    server.sell(5..6, 2, CANCELLED);
    server.sell(6..7, 2, CANCELLED);
    for _ in 0..3 {
        gate.sync(&server);
        server.change(SET, &[]);
    }
    gate.sync(&server);
    gate.assert_in_step(&server);
    for ticket in [300, 1_299] {
        assert_eq!(server.row(ticket).ticket, ticket_id(ticket));
    }
}

#[test]
fn a_feed_that_grew_past_the_place_read_after_a_server_was_put_back_untold_is_read_anew() {
    let rule = |kind| {
        Body::Rule(RuleChange {
            session: SESSION,
            type_number: Some(TypeNumber::new(kind)),
            rule: None,
        })
    };
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let backup = server.state.borrow().clone();
    server.say(rule(1));
    gate.sync(&server);
    let lost = server.records();
    *server.state.borrow_mut() = backup;
    for kind in 2..5 {
        server.say(rule(kind));
    }
    let report = gate.sync(&server);
    let behind = Mismatch::Behind(ServerBehind::Feed(SCOPE));
    assert!(report.mismatches.contains(&behind), "{report:?}");
    gate.sync(&server);
    gate.assert_in_step(&server);
    let there = server.records();
    assert!(lost.iter().all(|record| there.contains(record)));
}

#[test]
fn a_device_restored_from_an_old_copy_begins_a_new_log_and_gets_its_records_back() {
    let server = venue();
    let mut gate = Gate::new(&server, 20);
    prepared(&server);
    gate.scan(1);
    gate.sync(&server);
    let copy = gate.backup();
    gate.scan(2);
    gate.scan(3);
    gate.sync(&server);
    gate.restore(copy);
    gate.sync(&server);
    gate.scan(4);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    gate.assert_in_step(&server);
    assert_eq!(gate.with(|store| store.own_logs().unwrap()).len(), 2);
    assert_eq!(
        gate.heads()
            .heads
            .iter()
            .filter(|h| h.log.device == device_id(20))
            .count(),
        2
    );
}

#[test]
fn a_device_that_wrote_before_it_asked_forks_its_log_and_both_branches_are_kept() {
    let server = venue();
    let mut gate = Gate::new(&server, 20);
    prepared(&server);
    gate.scan(1);
    gate.sync(&server);
    let copy = gate.backup();
    gate.scan(2);
    gate.sync(&server);
    gate.restore(copy);
    gate.scan(3);
    gate.sync(&server);
    gate.scan(4);
    gate.sync(&server);
    gate.assert_in_step(&server);
    // The rule, scans 1 to 4: nothing is gone.
    assert_eq!(server.records().len(), 5);
    let told = gate.with(|store| store.notices().unwrap());
    assert!(told.iter().any(|n| n.body == NoticeBody::LogForked));
}

#[test]
fn scans_after_a_hole_in_a_rescued_log_reach_the_server_once() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.scan(1);
    gate.sync(&server);
    for ticket in 2..=5 {
        gate.scan(ticket);
    }
    gate.lose(3);
    gate.scan(6);
    // The first exchange finds the hole and closes it, the next sends what stood after it.
    gate.sync(&server);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    gate.assert_in_step(&server);
    // The rule, and scans 1, 2, 4, 5 and 6; the third is lost.
    assert_eq!(server.records().len(), 6);
    let told = gate.with(|store| store.notices().unwrap());
    let anew = NoticeBody::RecordsWrittenAnew { records: 2 };
    assert!(told.iter().any(|notice| notice.body == anew), "{told:?}");
    assert_eq!(gate.sync(&server).sent, 0);
}

#[test]
fn both_branches_of_a_forked_log_go_to_a_restored_server() {
    let server = venue();
    let mut gate = Gate::new(&server, 20);
    prepared(&server);
    gate.scan(1);
    gate.sync(&server);
    let (copy, backup) = (gate.backup(), server.state.borrow().clone());
    gate.scan(2);
    gate.sync(&server);
    gate.restore(copy);
    gate.scan(3);
    gate.sync(&server);
    gate.scan(4);
    gate.sync(&server);
    let before = server.records();
    server.restore(backup);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(server.records(), before);
    gate.assert_in_step(&server);
}

#[test]
fn a_restored_server_gets_back_records_and_rows_and_no_ticket_comes_back_to_life() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    north.scan(1);
    south.scan(2);
    north.sync(&server);
    south.sync(&server);
    let backup = server.state.borrow().clone();
    server.sell(5..6, 2, CANCELLED);
    north.scan(3);
    north.sync(&server);
    south.sync(&server);
    server.restore(backup);
    assert_eq!(server.row(5).state, TicketState::Valid);
    south.scan(4);
    let report = south.sync(&server);
    assert_eq!(report.handed_back, 1, "{report:?}");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(server.row(5).state, CANCELLED);
    north.sync(&server);
    south.sync(&server);
    for gate in [&north, &south] {
        gate.assert_in_step(&server);
    }
    assert_eq!(north.heads(), south.heads());
    assert_eq!(server.records().len(), 5);
}

#[test]
fn a_batch_that_nobody_vouches_for_waits_and_is_never_taken() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    let stranger = LogRef {
        device: device_id(20),
        log: LogId::from_bytes([6; 16]),
    };
    server.state.borrow_mut().feed.push(forged_batch(stranger));
    let report = gate.sync(&server);
    assert_eq!(report.parked, 1);
    let told = gate.with(|store| store.notices().unwrap());
    assert!(
        told.iter()
            .any(|n| n.body == NoticeBody::RecordsParked { batches: 1 })
    );
    let taken = gate.with(|store| store.records_after(SCOPE, 0, 9).unwrap().lines);
    assert!(taken.iter().all(|(_, line)| line.record.log != stranger));
}

#[test]
fn a_batch_that_came_before_its_roster_is_taken_when_the_roster_is_newer() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    // The feed is ahead of the roster for one exchange.
    let roster = server.state.borrow().clone();
    let late = Gate::new(&server, 22);
    prepared(&server);
    late.scan(9);
    late.sync(&server);
    let ahead = server.state.borrow().clone();
    server.state.replace(State {
        feed: ahead.feed.clone(),
        ..roster
    });
    assert_eq!(gate.sync(&server).parked, 1);
    server.state.replace(ahead);
    let report = gate.sync(&server);
    assert_eq!((report.received, report.parked), (1, 0));
    gate.assert_in_step(&server);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Scans, sales and exchanges on three gates over a network that loses, repeats and cuts: after it
    /// heals, all hold the same and everything is on the server once.
    #[test]
    fn after_the_network_heals_all_hold_the_same(seed: u64) {
        let dice = RefCell::new(fastrand::Rng::with_seed(seed));
        let roll = |n: u32| dice.borrow_mut().u32(0..n);
        let server = venue();
        let mut gates: Vec<_> = [20, 21, 22].map(|n| Gate::new(&server, n)).into();
        prepared(&server);
        let mut faults = fastrand::Rng::with_seed(seed ^ 1);
        *server.faults.borrow_mut() = Box::new(move |_| match faults.u32(0..14) {
            0 => Fault::RequestLost,
            1 => Fault::AnswerLost,
            2 => Fault::Repeated,
            3 => Fault::CutBefore,
            4 => Fault::CutAfter,
            _ => Fault::None,
        });
        let mut revision = 1;
        for _ in 0..roll(40) {
            let gate = roll(3) as usize;
            match roll(5) {
                0 | 1 => gates[gate].scan(roll(300)),
                2 => {
                    revision += 1;
                    let first = roll(290);
                    server.sell(first..first + 5, revision, CANCELLED);
                }
                3 => prepared(&server),
                _ => {
                    if gates[gate].exchange(&server).is_none() {
                        gates[gate].restart();
                    }
                }
            }
        }
        *server.faults.borrow_mut() = Box::new(|_| Fault::None);
        for _ in 0..2 {
            for gate in &gates {
                let report = gate.sync(&server);
                prop_assert!(report.is_clean(), "{:?}", report);
            }
        }
        for gate in &gates {
            gate.assert_in_step(&server);
            prop_assert_eq!(gate.heads(), gates[0].heads());
        }
    }
}
