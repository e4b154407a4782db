//! Numbers of incidents, notes about them, and those that were closed.

use super::super::House;
use super::super::tickets::new_ticket;
use super::{Gate, at, first, open_incidents};
use crate::service::Error;
use usher_domain::api::reports::{Incident, NewIncidentNote};
use usher_domain::record::Subject;

async fn closed(house: &House) -> Vec<Incident> {
    let page = house.service.closed_incidents(house.organizer, None, 100);
    page.await.unwrap().items
}

async fn notes(house: &House, name: &str, text: &str) -> Result<(), Error> {
    let new = NewIncidentNote {
        text: text.to_owned(),
    };
    let (by, name) = ("office".to_owned(), name.to_owned());
    let noted = house.service.note_incident(house.organizer, by, name, new);
    noted.await
}

#[tokio::test]
async fn an_incident_is_called_by_a_number_that_it_keeps_and_by_the_names_of_its_things() {
    let house = House::with_types().await;
    let session = first(&house).await;
    let mut north = Gate::enroll(&house, 1, &session).await;
    for (number, ms) in [("A-1", 1), ("A-2", 10)] {
        let ticket = house.sell(new_ticket(number, &[])).await.unwrap();
        for more in 0..2 {
            north.admit(at(ms + more), &session, Subject::Ticket(ticket.id));
        }
        house.service.push(north.id, north.all()).await.unwrap();
        house.clock.advance(1_000);
    }
    let open = open_incidents(&house).await;
    let told: Vec<_> = open
        .iter()
        .map(|one| (one.number, one.ticket_number.as_deref()))
        .collect();
    assert_eq!(told, [(1, Some("A-1")), (2, Some("A-2"))]);
    assert_eq!(open[0].session_name.as_deref(), Some("show/first"));
    assert_eq!(open[0].scans[0].ticket_number.as_deref(), Some("A-1"));

    notes(&house, "1", "called the gate").await.unwrap();
    // The answer was lost, and it is said once more.
    notes(&house, "1", "called the gate").await.unwrap();
    let close = |name: &str| {
        house
            .service
            .close_incident(house.organizer, name.to_owned())
    };
    close("1").await.unwrap();
    close("1").await.unwrap();
    assert_eq!(open_incidents(&house).await.len(), 1);
    let done = closed(&house).await;
    assert_eq!(done.len(), 1);
    assert_eq!((done[0].number, done[0].notes.len()), (1, 1));
    assert!(done[0].closed_at.is_some());
    notes(&house, "1", "it was the twin").await.unwrap();
    assert_eq!(closed(&house).await[0].notes.len(), 2);

    // Something new to it: it is open again under its number, with its notes.
    let ticket = open[0].ticket.unwrap();
    north.admit(at(20), &session, Subject::Ticket(ticket));
    house.service.push(north.id, north.all()).await.unwrap();
    let again = open_incidents(&house).await;
    let again = again.iter().find(|one| one.number == 1).unwrap();
    assert_eq!(again.notes.len(), 2);
    assert_eq!(closed(&house).await, []);
    assert!(matches!(close("7").await, Err(Error::NotFound(_))));
    assert!(matches!(
        notes(&house, "7", "nothing").await,
        Err(Error::NotFound(_))
    ));
}
