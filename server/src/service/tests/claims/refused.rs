//! Claims that the authority does not decide.

use super::*;
use usher_domain::api::tickets::TicketChange;

async fn answer(doors: &Doors, gate: &Gate, change: impl FnOnce(&mut ClaimRequest)) -> ClaimAnswer {
    let mut request = doors.request(1, 0).await;
    change(&mut request);
    doors.try_claim(gate.id, request).await.unwrap()
}

#[tokio::test]
async fn documents_of_another_version_or_epoch_are_behind() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let behind = [
        answer(&doors, &north, |request| request.epoch = 2).await,
        answer(&doors, &north, |request| request.set.number += 1).await,
        answer(&doors, &north, |request| request.set.epoch = 2).await,
        answer(&doors, &north, |request| request.trust.number = 0).await,
        answer(&doors, &north, |request| request.trust.number = 2).await,
    ];
    assert!(behind.iter().all(|answer| *answer == ClaimAnswer::Behind));
    assert_eq!(doors.open_count().await, 0);
}

#[tokio::test]
async fn an_authority_that_lacks_an_entry_of_which_the_gate_knows_is_behind() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let entry = doors.scan(9, 0, Outcome::Admit);
    north.write(DOORS, Body::Scan(entry));
    let record = north.records.last().unwrap().clone();
    let hash = Hash::of(&[&record]);
    let names = |request: &mut ClaimRequest| request.last_entry = Some(hash);
    // The server was put back from a backup of before, and nobody told it.
    let lost = answer(&doors, &north, names).await;
    assert_eq!(lost, ClaimAnswer::Behind);
    assert_eq!(doors.open_count().await, 0);
    // What comes with the claim is known.
    let brought = answer(&doors, &north, |request| {
        names(request);
        request.unsent = vec![record.into()];
    });
    let is_used = |answer: ClaimAnswer| matches!(answer, ClaimAnswer::Decided(decided) if reason(&decided) == Reason::AlreadyInside);
    assert!(is_used(brought.await));
    doors.service().push(north.id, north.all()).await.unwrap();
    assert!(is_used(answer(&doors, &north, names).await));
}

#[tokio::test]
async fn a_sale_elsewhere_makes_no_other_ticket_behind() {
    let mut doors = Doors::open().await;
    let north = doors.gate(1).await;
    let held = doors.version;
    doors.house.new_ticket("A-2").await;
    doors.seal().await;
    assert!(doors.version > held);
    let old = answer(&doors, &north, |request| request.set = held).await;
    assert!(matches!(old, ClaimAnswer::Decided(decided) if admitted(&decided)));
}

#[tokio::test]
async fn a_gate_that_lacks_a_change_hears_of_it_by_its_claim() {
    let mut doors = Doors::open().await;
    let north = doors.gate(1).await;
    let held = doors.version;
    let ticket = doors.tickets[0].ticket().unwrap().to_string();
    let cancel = TicketChange::Cancel { reason: None };
    doors.house.change(&ticket, cancel).await.unwrap();
    doors.seal().await;
    assert!(doors.version > held);
    let old = answer(&doors, &north, |request| request.set = held).await;
    let ClaimAnswer::Decided(decided) = old else {
        panic!("{old:?}");
    };
    assert_eq!(reason(&decided), Reason::Cancelled);
}

#[tokio::test]
async fn a_change_that_waits_for_sealing_counts_already() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let ticket = doors.tickets[0].ticket().unwrap().to_string();
    let cancel = TicketChange::Cancel { reason: None };
    doors.house.change(&ticket, cancel).await.unwrap();
    assert_eq!(reason(&doors.claim(&north, 1, 0).await), Reason::Cancelled);
}

#[tokio::test]
async fn another_term_or_server_is_not_the_authority() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let authority = Some(doors.authority().await);
    let wrong = ClaimAnswer::NotAuthority { authority };
    let term = answer(&doors, &north, |request| request.authority.term = 2).await;
    assert_eq!(term, wrong);
    let server = answer(&doors, &north, |request| {
        request.authority.server = DeviceId::from_bytes([9; 16]);
    });
    assert_eq!(server.await, wrong);
}

#[tokio::test]
async fn a_session_of_another_organizer_is_not_found() {
    let doors = Doors::open().await;
    let other = doors
        .service()
        .create_organizer(usher_domain::api::venue::NewOrganizer {
            slug: "other".to_owned(),
            name: "Other".to_owned(),
        })
        .await
        .unwrap();
    let north = doors.gate(1).await;
    doors
        .service()
        .write(move |txn, _| {
            let id = north.id.as_bytes();
            let mut device =
                crate::service::things::get::<crate::service::devices::StoredDevice>(txn, id)?;
            device.value.organizer = other.id;
            crate::service::things::put(txn, &device)
        })
        .await
        .unwrap();
    let foreign = doors
        .try_claim(DeviceId::from_bytes([1; 16]), doors.request(1, 0).await)
        .await;
    assert!(matches!(foreign, Err(Error::NotFound("session"))));
}

#[tokio::test]
async fn the_signed_terms_name_this_server_as_the_authority() {
    let doors = Doors::open().await;
    let table = TableId::Set(doors.session.id);
    let head = doors.service().read(move |txn| Ok(txn.table_head(table)?));
    let head = head.await.unwrap().unwrap();
    let manifest = crate::service::tables::manifest(&head).unwrap();
    let named = manifest.terms.unwrap().authority;
    assert_eq!(named, Some(doors.authority().await));
}

#[tokio::test]
async fn after_a_restore_claims_of_before_are_behind_and_a_new_term_begins() {
    let mut doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    doors.claim(&north, 1, 0).await;
    doors.service().raise_epoch().await.unwrap();
    doors.seal().await;
    let old = answer(&doors, &north, |request| request.attempt = attempt(2)).await;
    assert_eq!(old, ClaimAnswer::Behind);
    let old_term = answer(&doors, &north, |request| request.epoch = 2).await;
    let mut authority = doors.authority().await;
    authority.term = 2;
    let authority = Some(authority);
    assert_eq!(old_term, ClaimAnswer::NotAuthority { authority });
    let anew = answer(&doors, &north, |request| {
        request.epoch = 2;
        request.authority.term = 2;
        request.attempt = attempt(3);
    });
    // What was granted before the backup was made is still held.
    let ClaimAnswer::Decided(anew) = anew.await else {
        panic!("behind");
    };
    assert_eq!(reason(&anew), Reason::BeingAdmitted);
    doors.aborts(&mut north, 1, 0).await;
    assert_eq!(doors.open_count().await, 0);
}
