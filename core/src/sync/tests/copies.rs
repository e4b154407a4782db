//! Copies of tables whose rows are not what was signed.

use super::*;
use crate::store::Notice;
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
