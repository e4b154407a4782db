//! Copies of tables whose rows are not what was signed.

use super::server::State;
use super::*;
use crate::store::Notice;
use usher_domain::problem::Code;
use usher_domain::table::{BUCKETS, Bucket};

/// Somebody else's database repair took rows away behind the store's back.
fn lose_rows(gate: &Gate) {
    let conn = rusqlite::Connection::open(gate.folder.path().join("usher.db")).unwrap();
    let deleted = conn.execute("DELETE FROM rows WHERE bucket < 200", []);
    assert!(deleted.unwrap() > 10);
}

#[test]
fn a_process_that_starts_finds_lost_rows_by_itself_and_tells_what_it_has() {
    let server = venue();
    let mut gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    assert!(server.hears_whole(SET));
    lose_rows(&gate);
    gate.restart();
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    assert!(report.rows > 10, "{report:?}");
    // A disk may be dying.
    let told = gate.with(|store| store.notices().unwrap());
    let is_told = |notice: &Notice| matches!(notice.body, NoticeBody::TableDiffers { .. });
    assert!(told.iter().any(is_told), "{told:?}");
    assert!(server.hears_whole(SET));
    gate.assert_in_step(&server);
    assert_eq!(gate.sync(&server), Report::default());
}

#[test]
fn what_is_missing_is_told_until_it_is_there_again() {
    let server = venue();
    let mut gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    lose_rows(&gate);
    gate.restart();
    // The rows do not come, and the next thing that the server hears of is this.
    let _lost = server.answering_only(3, || gate.exchange(&server));
    let _lost = server.answering_only(1, || gate.exchange(&server));
    assert!(!server.hears_whole(SET));
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    gate.assert_in_step(&server);
    assert!(server.hears_whole(SET));
}

#[test]
fn a_damaged_copy_is_repaired_by_its_buckets() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    lose_rows(&gate);
    for table in [SET, ROSTER] {
        gate.with(|store| {
            store
                .refresh_digests(table, Bucket::FIRST, BUCKETS)
                .unwrap()
        });
    }
    server.sell(9..10, 2, CANCELLED);
    server.change(ROSTER, &[]);
    let report = gate.sync(&server);
    assert!(report.is_clean(), "{report:?}");
    gate.assert_in_step(&server);
    let told = gate.with(|store| store.notices().unwrap());
    assert!(
        told.iter()
            .any(|n| matches!(n.body, NoticeBody::TableDiffers { .. }))
    );
}

#[test]
fn a_server_put_back_untold_while_a_table_is_repaired_gets_its_rows_back_all_the_same() {
    for call in 1..=14 {
        let server = venue();
        let gate = Gate::new(&server, 20);
        prepared(&server);
        gate.sync(&server);
        let backup = server.state.borrow().clone();
        server.sell(300..301, 1, TicketState::Valid);
        gate.sync(&server);
        server.restore(backup);
        // Once more, while the device hands back what it holds and takes the table of the new epoch.
        let restored = server.state.borrow().clone();
        *server.put_back_untold.borrow_mut() = Some((server.calls.get() + call, restored));
        let _in_between = gate.exchange(&server);
        server.put_back_untold.borrow_mut().take();
        for _ in 0..3 {
            gate.sync(&server);
            server.change(SET, &[]);
        }
        gate.sync(&server);
        gate.assert_in_step(&server);
        assert_eq!(server.row(300).ticket, ticket_id(300), "call {call}");
    }
}

/// The server's database is put back, and its program started on it.
fn put_back(server: &Server, backup: &State) {
    *server.state.borrow_mut() = backup.clone();
    server.instance.set(server.instance.get() + 1);
    // Its versions pass those that it lost.
    for ticket in [5, 6] {
        server.sell(ticket..ticket + 1, 2, CANCELLED);
    }
}

/// A gate that held a ticket which was sold after the backup, and the server that was put back to it and keeps
/// the ticket's row for a person.
fn gate_whose_row_waits(server: &Server) -> (Gate, State) {
    let gate = Gate::new(server, 20);
    prepared(server);
    gate.sync(server);
    let backup = server.state.borrow().clone();
    server.sell(300..301, 1, TicketState::Valid);
    gate.sync(server);
    server.asks_a_person.set(true);
    put_back(server, &backup);
    gate.sync(server);
    (gate, backup)
}

fn waiting(server: &Server) -> usize {
    server.state.borrow().waiting.len()
}

#[test]
fn rows_that_wait_for_a_person_are_given_again_to_a_server_that_is_put_back_once_more() {
    let server = venue();
    let (mut gate, backup) = gate_whose_row_waits(&server);
    assert_eq!(waiting(&server), 1);
    // The device holds what the server holds, and the sold ticket is nowhere else.
    gate.sync(&server);
    gate.assert_in_step(&server);
    put_back(&server, &backup);
    assert_eq!(waiting(&server), 0);
    gate.restart();
    gate.sync(&server);
    assert_eq!(waiting(&server), 1);
    // The same start of the server is not asked again.
    gate.sync(&server);
    assert_eq!(waiting(&server), 1);

    let (table, row) = server.state.borrow_mut().waiting.pop().unwrap();
    server.change(table, &[row]);
    gate.sync(&server);
    assert_eq!(server.row(300).ticket, ticket_id(300));
    gate.assert_in_step(&server);
    // Once the server says that nothing waits, nothing is kept.
    server.instance.set(9);
    gate.sync(&server);
    assert_eq!(gate.with(|store| store.hand_backs().unwrap()), []);
}

#[test]
fn a_device_that_holds_a_session_no_more_keeps_no_rows_of_it_to_hand_back() {
    let server = venue();
    let (gate, _backup) = gate_whose_row_waits(&server);
    assert_eq!(gate.with(|store| store.hand_backs().unwrap()).len(), 1);
    gate.with(|store| store.drop_table(SET).unwrap());
    assert_eq!(gate.with(|store| store.hand_backs().unwrap()), []);
}

#[test]
fn rows_that_do_not_get_through_keep_nothing_else_waiting_and_are_not_forgotten() {
    let server = venue();
    let (gate, backup) = gate_whose_row_waits(&server);
    // It has no time for them, and then it is one that does not know the table.
    for (instance, code) in [(8, Code::Unavailable), (9, Code::NotFound)] {
        server.instance.set(instance);
        server.refuses_rows.set(Some(code));
        gate.scan(u32::try_from(instance).unwrap());
        let report = gate.sync(&server);
        assert_eq!(report.sent, 1, "{report:?}");
        assert_eq!(gate.with(|store| store.hand_backs().unwrap()).len(), 1);
    }
    put_back(&server, &backup);
    server.refuses_rows.set(None);
    gate.sync(&server);
    assert_eq!(waiting(&server), 1);
}
