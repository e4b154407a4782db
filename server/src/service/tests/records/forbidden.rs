//! Admissions that the state of their tickets forbade by then: of gates that were out of reach.

use super::super::House;
use super::super::approvals::{sanctioned, supervisor};
use super::super::rotation::{Before, trust_with};
use super::super::tickets::new_ticket;
use super::{Gate, at, first, open_incidents, scan, ticket};
use usher_domain::api::reports::{ForbiddenBy, Incident, IncidentKind, Statistics};
use usher_domain::api::tickets::{TicketChange, TicketDetails};
use usher_domain::api::venue::Session;
use usher_domain::ids::TicketId;
use usher_domain::numbers::IssueNumber;
use usher_domain::record::{Body, Direction, Scan, Subject, Undo};
use usher_domain::verdict::Reason;

const SECOND: i64 = 1_000;

async fn sold(house: &House, number: &str) -> TicketId {
    let ticket = house.sell(new_ticket(number, &[])).await.unwrap();
    ticket.id
}

async fn changes(house: &House, ticket: TicketId, change: TicketChange) {
    house.change(&ticket.to_string(), change).await.unwrap();
}

async fn forbidden(house: &House) -> Vec<Incident> {
    let mut open = open_incidents(house).await;
    open.retain(|incident| incident.kind == IncidentKind::ForbiddenAdmission);
    open
}

async fn statistics(house: &House) -> Statistics {
    let (event, session) = ("show".to_owned(), "first".to_owned());
    let counted = house.service.statistics(
        house.organizer,
        event,
        session,
        crate::service::Names::Hidden,
    );
    counted.await.unwrap()
}

fn records(incident: &Incident) -> Vec<&str> {
    let scans = incident.scans.iter();
    scans.map(|scan| scan.record.as_str()).collect()
}

fn of_issue(session: &Session, ticket: TicketId, issue: u16) -> Body {
    Body::Scan(Scan {
        issue: Some(IssueNumber::new(issue)),
        ..scan(session, Subject::Ticket(ticket), Direction::Entry)
    })
}

const CANCEL: TicketChange = TicketChange::Cancel { reason: None };

#[tokio::test]
async fn a_cancelled_ticket_that_an_isolated_gate_admitted_is_one_incident_of_its_device() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let (early, late, too_late) = (
        sold(&house, "A-1").await,
        sold(&house, "A-2").await,
        sold(&house, "A-3").await,
    );
    let mut north = Gate::enroll(&house, 1, &session).await;
    house.clock.advance(10_000);
    for ticket in [early, late, too_late] {
        changes(&house, ticket, CANCEL).await;
    }
    house.clock.advance(50_000);
    north.admit(at(9 * SECOND), &session, Subject::Ticket(early));
    let first = north.admit(at(11 * SECOND), &session, Subject::Ticket(late));
    let second = north.admit(at(12 * SECOND), &session, Subject::Ticket(too_late));
    house.service.push(north.id, north.all()).await.unwrap();
    let told = forbidden(&house).await;
    let [incident] = told.as_slice() else {
        panic!("one incident, not {told:?}");
    };
    assert_eq!(incident.device, Some(north.id));
    assert_eq!(incident.session, Some(session.id));
    assert_eq!(
        records(incident),
        [first.hash.to_string(), second.hash.to_string()]
    );
    assert_eq!(
        incident.detail,
        "the device let in 2 people after the ticket was cancelled: it had not heard of that"
    );
    let counted = statistics(&house).await;
    assert_eq!(counted.forbidden, [(ForbiddenBy::Cancelled, 2)]);
    // Sent once more it makes nothing more.
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(forbidden(&house).await, told);
}

#[tokio::test]
async fn each_cause_by_which_a_ticket_may_not_enter_is_an_incident_of_its_own() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let (blocked, reissued, moved) = (
        sold(&house, "A-1").await,
        sold(&house, "A-2").await,
        sold(&house, "A-3").await,
    );
    let mut north = Gate::enroll(&house, 1, &session).await;
    house.clock.advance(10_000);
    changes(&house, blocked, TicketChange::Block).await;
    let media = Vec::new();
    changes(&house, reissued, TicketChange::Reissue { media }).await;
    let elsewhere = TicketDetails {
        session: Some("second".to_owned()),
        ..TicketDetails::default()
    };
    changes(&house, moved, TicketChange::Update(elsewhere)).await;
    house.clock.advance(10_000);
    changes(&house, blocked, TicketChange::Unblock).await;
    house.clock.advance(50_000);
    north.write(at(11 * SECOND), of_issue(&session, blocked, 1));
    north.write(at(12 * SECOND), of_issue(&session, reissued, 1));
    north.write(at(13 * SECOND), of_issue(&session, moved, 1));
    house.service.push(north.id, north.all()).await.unwrap();
    let mut south = Gate::enroll(&house, 2, &session).await;
    // The new code, and a ticket that was blocked no more.
    south.write(at(21 * SECOND), of_issue(&session, reissued, 2));
    south.write(at(22 * SECOND), of_issue(&session, blocked, 1));
    house.service.push(south.id, south.all()).await.unwrap();
    let told = forbidden(&house).await;
    let mut told: Vec<_> = told.iter().map(|one| (one.device, &*one.detail)).collect();
    told.sort_unstable();
    let of_north = |were: &str| format!("the device let in one person after the ticket {were}");
    let details = [
        "was blocked",
        "was given a new code",
        "was moved to another session",
    ];
    let expected = details.map(|were| format!("{}: it had not heard of that", of_north(were)));
    let expected: Vec<_> = expected
        .iter()
        .map(|one| (Some(north.id), &**one))
        .collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_admission_that_was_taken_back_or_that_a_supervisor_signed_is_no_forbidden_one() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let (undone, overridden) = (sold(&house, "A-1").await, sold(&house, "A-2").await);
    let supervisor = supervisor(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    // The scope is told of the supervisor's key with its first device.
    house.service.seal_now().await.unwrap();
    house.service.assignment(north.id).await.unwrap();
    house.clock.advance(10_000);
    changes(&house, undone, CANCEL).await;
    changes(&house, overridden, CANCEL).await;
    house.clock.advance(50_000);
    let entry = scan(&session, Subject::Ticket(overridden), Direction::Entry);
    let signed = sanctioned(&supervisor, &north, at(11 * SECOND), entry);
    north.write(at(11 * SECOND), Body::Scan(signed));
    let line = north.admit(at(12 * SECOND), &session, Subject::Ticket(undone));
    house.service.push(north.id, north.all()).await.unwrap();
    let told = forbidden(&house).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(records(&told[0]), [line.hash.to_string()]);
    north.write(
        at(13 * SECOND),
        Body::Undo(Undo {
            session: session.id,
            operator: None,
            subject: Subject::Ticket(undone),
            of: line.hash,
            approval: None,
        }),
    );
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(forbidden(&house).await, []);
    assert_eq!(statistics(&house).await.forbidden, []);
}

#[tokio::test]
async fn an_open_gate_and_a_ticket_that_no_row_knows_forbid_nothing() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    house.clock.advance(50_000);
    north.write(
        at(SECOND),
        Body::Scan(Scan {
            reason: Reason::UnknownSigned,
            ..scan(&session, ticket(77), Direction::Entry)
        }),
    );
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(forbidden(&house).await, []);
}

#[tokio::test]
async fn a_code_of_a_revoked_key_that_no_list_had_is_told_when_somebody_came_in_by_it() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let listed = sold(&house, "A-1").await;
    let before = house.service.organizer("house".into()).await.unwrap();
    let mut north = Gate::enroll(&house, 1, &session).await;
    let next = house.service.make_next_keys(before.id).await.unwrap();
    let revoking = trust_with(&before, &next, &Before::Revoked);
    let (stolen, good) = (before.keys.code.kid(), next.code.kid());
    house.service.take_trust(before.id, revoking).await.unwrap();
    house.clock.advance(60_000);
    let by = |key, subject| {
        Body::Scan(Scan {
            reason: Reason::UnknownSigned,
            issue: Some(IssueNumber::new(1)),
            key: Some(key),
            ..scan(&session, subject, Direction::Entry)
        })
    };
    // Before anybody could know; a ticket that is sold; one of the key in use.
    north.write(at(9 * SECOND), by(stolen, ticket(71)));
    north.write(at(20 * SECOND), by(stolen, Subject::Ticket(listed)));
    north.write(at(21 * SECOND), by(good, ticket(72)));
    let invented = north.write(at(22 * SECOND), by(stolen, ticket(73)));
    house.service.push(north.id, north.all()).await.unwrap();
    let told = forbidden(&house).await;
    let [incident] = told.as_slice() else {
        panic!("one incident, not {told:?}");
    };
    assert_eq!(records(incident), [invented.hash.to_string()]);
    assert_eq!(
        incident.detail,
        "the device let in one person after the key was revoked that signed the code, which is in no list: it had not heard of that"
    );
    let counted = statistics(&house).await;
    assert_eq!(counted.forbidden, [(ForbiddenBy::RevokedKey, 1)]);
    // An issue that nobody made is not the one that is listed.
    let Body::Scan(reissued) = by(stolen, Subject::Ticket(listed)) else {
        panic!("a scan");
    };
    let reissued = Scan {
        issue: Some(IssueNumber::new(2)),
        ..reissued
    };
    north.write(at(30 * SECOND), Body::Scan(reissued));
    house.service.push(north.id, north.all()).await.unwrap();
    let counted = statistics(&house).await;
    assert_eq!(counted.forbidden, [(ForbiddenBy::RevokedKey, 2)]);
}

#[tokio::test]
async fn a_change_that_is_dated_before_an_interpreted_admission_makes_it_forbidden() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let sold = sold(&house, "A-1").await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    // The gate's clock is five seconds ahead, which is no reason to doubt it.
    north.admit(at(5 * SECOND), &session, Subject::Ticket(sold));
    house.service.push(north.id, north.all()).await.unwrap();
    assert_eq!(forbidden(&house).await, []);
    house.clock.advance(1_000);
    changes(&house, sold, CANCEL).await;
    assert_eq!(forbidden(&house).await.len(), 1);
}
