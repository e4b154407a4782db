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
