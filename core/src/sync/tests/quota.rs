//! A server that takes no more of a writer for a while.

use super::*;

#[test]
fn a_device_that_wrote_too_much_keeps_its_records_and_does_everything_else() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    north.sync(&server);
    south.scan(1);
    south.sync(&server);
    server.full_of.set(Some(device_id(20)));
    north.scan(2);
    let report = north.sync(&server);
    assert_eq!(report.troubles.len(), 1, "{report:?}");
    assert_eq!(report.troubles[0].code, "rate_limited");
    assert_eq!(report.sent, 0);
    // What others did came all the same, and nobody waited for it.
    let held = north.with(|store| store.records_after(SCOPE, 0, 100).unwrap());
    assert_eq!(held.lines.len(), 3);
    assert_eq!(server.put_off.get(), 1);
    assert!(north.clock.read().monotonic_ms < 60_000);
    // It is not tried again before its time.
    north.scan(3);
    assert!(north.sync(&server).is_clean());
    assert_eq!(server.put_off.get(), 1);
    let unsent = || north.with(|store| store.own_logs().unwrap()[0].unsent());
    assert_eq!(unsent(), 2);
    server.full_of.set(None);
    north.clock.pass(601_000);
    assert_eq!(north.sync(&server).sent, 2);
    north.assert_in_step(&server);
}

#[test]
fn who_hands_back_what_another_wrote_too_much_of_goes_on_with_the_rest() {
    let server = venue();
    let gates = [20, 21, 22].map(|number| Gate::new(&server, number));
    prepared(&server);
    let backup = server.state.borrow().clone();
    for (ticket, gate) in (1..).zip(&gates) {
        gate.scan(ticket);
        gate.sync(&server);
    }
    let [north, south, east] = &gates;
    south.sync(&server);
    // The server is put back, and north wrote too much in its new epoch.
    server.restore(backup);
    server.full_of.set(Some(device_id(20)));
    let report = south.sync(&server);
    assert!(report.records_handed_back >= 1, "{report:?}");
    let has = |number: u8| {
        let records = server.records();
        records
            .iter()
            .any(|(log, _, _)| log.device == device_id(number))
    };
    assert_eq!([20, 21, 22].map(has), [false, true, true]);
    server.full_of.set(None);
    north.sync(&server);
    east.sync(&server);
    south.sync(&server);
    assert_eq!([20, 21, 22].map(has), [true; 3]);
}

#[test]
fn what_another_wrote_too_much_of_is_handed_back_when_the_time_told_is_over() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    let backup = server.state.borrow().clone();
    for ticket in 1..4 {
        north.scan(ticket);
    }
    north.sync(&server);
    south.sync(&server);
    // North is gone for good, and south alone holds what it wrote.
    server.restore(backup);
    server.full_of.set(Some(device_id(20)));
    let report = south.sync(&server);
    assert_eq!(report.troubles[0].code, "rate_limited", "{report:?}");
    let of_north = || {
        let records = server.records();
        records
            .iter()
            .filter(|(log, _, _)| log.device == device_id(20))
            .count()
    };
    let put_off = server.put_off.get();
    // Not before its time, and then until it is taken.
    south.sync(&server);
    assert_eq!((of_north(), server.put_off.get()), (0, put_off));
    south.clock.pass(601_000);
    south.sync(&server);
    assert_eq!((of_north(), server.put_off.get()), (0, put_off + 1));
    server.full_of.set(None);
    south.clock.pass(601_000);
    south.sync(&server);
    assert_eq!(of_north(), 3);
    assert!(south.sync(&server).is_clean());
    assert_eq!(south.with(|store| store.refused_by(SCOPE).unwrap()), None);
}

fn three_gates(server: &Server) -> [Gate; 3] {
    [20, 21, 22].map(|number| Gate::new(server, number))
}

/// Each gate scans a ticket, and the second knows of all. Returns the server as it was before.
fn scanned_by(gates: &[Gate; 3], server: &Server) -> State {
    prepared(server);
    let backup = server.state.borrow().clone();
    for (ticket, gate) in (1..).zip(gates) {
        gate.scan(ticket);
        gate.sync(server);
    }
    gates[1].sync(server);
    backup
}

#[test]
fn what_one_wrote_too_much_of_keeps_nobody_elses_from_a_server_put_back_once_more() {
    let server = venue();
    let gates @ [_, south, _] = &three_gates(&server);
    let backup = scanned_by(gates, &server);
    server.full_of.set(Some(device_id(20)));
    // East is gone; each time the server has lost what it wrote, and takes it at once.
    for _ in 0..2 {
        server.restore(backup.clone());
        let report = south.sync(&server);
        assert_eq!(report.troubles[0].code, "rate_limited", "{report:?}");
        assert_eq!([20, 22].map(|number| server.records_of(number)), [0, 1]);
    }
    assert_eq!(server.put_off.get(), 2);
    south.sync(&server);
    assert_eq!(server.put_off.get(), 2, "not before its time");
    server.full_of.set(None);
    south.clock.pass(601_000);
    south.sync(&server);
    assert_eq!(server.records_of(20), 1);
}

#[test]
fn what_documents_kept_from_a_server_waits_for_nobody_who_wrote_too_much() {
    let server = venue();
    let gates @ [_, south, _] = &three_gates(&server);
    let backup = scanned_by(gates, &server);
    server.full_of.set(Some(device_id(20)));
    server.knows_not.set(Some(device_id(22)));
    server.restore(backup);
    south.sync(&server);
    assert_eq!([20, 22].map(|number| server.records_of(number)), [0, 0]);
    // Its roster names east again.
    server.knows_not.set(None);
    server.change(ROSTER, &[]);
    let put_off = server.put_off.get();
    south.sync(&server);
    assert_eq!([20, 22].map(|number| server.records_of(number)), [0, 1]);
    assert_eq!(server.put_off.get(), put_off, "north's wait is not over");
}

#[test]
fn a_server_put_back_that_cannot_say_what_it_has_is_handed_everything_back_later() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    let backup = server.state.borrow().clone();
    north.scan(1);
    north.sync(&server);
    south.sync(&server);
    // North is gone for good, and south alone holds what it wrote.
    server.restore(backup);
    server.fails_heads.set(20);
    let report = south.sync(&server);
    assert_eq!(report.troubles[0].code, "internal", "{report:?}");
    assert_eq!(server.records_of(20), 0);
    server.fails_heads.set(0);
    south.sync(&server);
    assert_eq!(server.records_of(20), 1);
    assert_eq!(south.with(|store| store.refused_by(SCOPE).unwrap()), None);
}

#[test]
fn what_a_fault_of_the_server_kept_from_it_is_handed_back_a_minute_later() {
    let server = venue();
    let (north, south) = (Gate::new(&server, 20), Gate::new(&server, 21));
    prepared(&server);
    let backup = server.state.borrow().clone();
    north.scan(1);
    north.sync(&server);
    south.sync(&server);
    server.restore(backup);
    server.fails_to_store.set(Some(device_id(20)));
    south.sync(&server);
    server.fails_to_store.set(None);
    south.clock.pass(61_000);
    south.sync(&server);
    assert_eq!(server.records_of(20), 1);
}
