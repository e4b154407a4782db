use super::*;
use usher_core::app::{AboveView, ClockView, DutyView, PlaceView, SessionView, TableView};
use usher_core::claims::Line;

fn session() -> SessionView {
    SessionView {
        id: SessionId::from_bytes([1; 16]),
        name: "evening".to_owned(),
        event: "Fair".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        slug: None,
        event_slug: None,
    }
}

fn list(version: &str, rows: u64) -> TableView {
    TableView {
        table: "set".to_owned(),
        version: version.to_owned(),
        session: Some(session()),
        rows,
        issued_at: UnixMillis::new(1_800_000_000_000),
        expires_at: UnixMillis::new(1_900_000_000_000),
        age_ms: 0,
    }
}

/// A gate so many seconds after it was started.
fn at(second: u64) -> Status {
    Status {
        device: None,
        damaged: false,
        revoked_since: None,
        waiting_digits: None,
        gate: None,
        serving: Some(session()),
        also_open: Vec::new(),
        tables: vec![list("1.1", 3)],
        unsent: 0,
        connection: Some(ConnectionView {
            server: "https://tickets.example".to_owned(),
            peers_as_of: None,
            lost_since: None,
        }),
        duty: None,
        clock: ClockView {
            now: UnixMillis::new(1_800_000_000_000 + second * 1_000),
            proved: true,
            offset_ms: Some(0),
        },
        operator: None,
        above: AboveView::default(),
        notices: Vec::new(),
        last_zone: None,
    }
}

fn changes(standing: &Standing, status: &Status) -> Vec<Changed> {
    let news = standing.take_in(status).into_iter();
    news.map(|news| news.changed).collect()
}

#[test]
fn a_server_that_is_lost_and_comes_back_is_told_once_each() {
    let standing = Standing::default();
    let lost = Status {
        connection: at(0).connection.map(|connection| ConnectionView {
            lost_since: Some(at(0).clock.now),
            ..connection
        }),
        ..at(1)
    };
    assert_eq!(changes(&standing, &at(0)), []);
    let told = standing.take_in(&lost);
    assert_eq!(
        told[0].message,
        "Nothing is heard of the server since Fri 2027-01-15 09:00: this gate is alone."
    );
    assert_eq!(changes(&standing, &lost), []);
    assert_eq!(changes(&standing, &at(2)), [Changed::ServerBack]);
    assert_eq!(changes(&standing, &at(3)), []);
}

#[test]
fn another_gate_and_duty_are_told() {
    let standing = Standing::default();
    let moved = Status {
        gate: Some(PlaceView {
            id: GateId::from_bytes([2; 16]),
            name: Some("south".to_owned()),
        }),
        duty: Some(DutyView {
            since: at(0).clock.now,
            authority: None,
            line: Line::Good,
        }),
        ..at(1)
    };
    changes(&standing, &at(0));
    let told = standing.take_in(&moved);
    assert_eq!(
        told[0].message,
        "This device stands at gate south from now on."
    );
    assert_eq!(told[1].changed, Changed::OnDuty);
    assert_eq!(
        changes(&standing, &at(2)),
        [Changed::Gate, Changed::OffDuty]
    );
}

#[test]
fn lists_are_told_no_more_often_than_anybody_reads() {
    let standing = Standing::default();
    let sold = |second, rows: u64| Status {
        tables: vec![list(&format!("1.{rows}"), rows)],
        ..at(second)
    };
    assert_eq!(changes(&standing, &sold(0, 3)), []);
    let told = standing.take_in(&sold(10, 4));
    assert_eq!(
        told[0].message,
        "evening, Fair: 4 tickets, as of Fri 2027-01-15 09:00."
    );
    assert_eq!(changes(&standing, &sold(20, 5)), []);
    assert_eq!(changes(&standing, &sold(60, 6)), []);
    // What came meanwhile is told then.
    assert_eq!(changes(&standing, &sold(70, 6)), [Changed::List]);
    assert_eq!(changes(&standing, &sold(400, 6)), []);
    // Another session has another list, and that it is served is told elsewhere.
    let mut other = sold(500, 9);
    let id = SessionId::from_bytes([9; 16]);
    for session in other
        .serving
        .iter_mut()
        .chain(other.tables.iter_mut().filter_map(|t| t.session.as_mut()))
    {
        session.id = id;
    }
    assert_eq!(changes(&standing, &other), []);
}
