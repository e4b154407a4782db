//! What was created by mistake is changed or retired, and what is in use is not.

use super::tickets::new_ticket;
use super::*;
use crate::service::Error;
use crate::service::devices::{self, DeviceStatus};
use serde_json::json;
use usher_domain::api::access::{DeviceChange, DeviceState};
use usher_domain::api::rules::Patch;
use usher_domain::api::tickets::TicketChange;
use usher_domain::api::venue::{GateChange, NamesChange, SessionChange};
use usher_domain::problem::Code;
use usher_domain::rules::NOT_ALLOWED;
use usher_domain::session::SessionTerms;
use usher_domain::table::TableId;

fn own(name: &str) -> String {
    name.to_owned()
}

impl House {
    async fn terms(&self, session: &str) -> SessionTerms {
        self.service.seal_now().await.unwrap();
        let session = self
            .service
            .session(self.organizer, own("show"), own(session))
            .await
            .unwrap();
        let table = TableId::Set(session.id);
        let head = self.service.read(move |txn| Ok(txn.table_head(table)?));
        let head = head.await.unwrap().unwrap();
        let manifest = crate::service::tables::manifest(&head).unwrap();
        manifest.terms.unwrap()
    }
}

fn assert_in_use<T: std::fmt::Debug>(result: Result<T, Error>, by: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    assert!(error.to_string().contains(by), "{error}");
}

#[tokio::test]
async fn a_gate_is_retired_once_no_device_stands_there_and_is_recommended_to_nobody() {
    let house = House::open().await;
    house.gate("north", None).await;
    house.gate("sout", None).await;
    let device = house.device(1).await;
    let service = &house.service;
    let stand = |gate: &str| {
        let gate = Some(own(gate));
        service.change_device(
            house.organizer,
            device.to_string(),
            DeviceChange::Move { gate },
        )
    };
    stand("sout").await.unwrap();
    let retire = || service.retire_gate(house.organizer, own("sout"));
    assert_in_use(retire().await, "device 1");
    stand("north").await.unwrap();
    let retired = retire().await.unwrap();
    assert!(retired.retired);
    // Its short name is free, and by its id it is the same for ever.
    house.gate("sout", None).await;
    let again = service.retire_gate(house.organizer, retired.id.to_string());
    assert_eq!(again.await.unwrap(), retired);
    let gate = Some(retired.id.to_string());
    let moved = DeviceChange::Move { gate };
    let moved = service.change_device(house.organizer, device.to_string(), moved);
    assert_in_use(moved.await, "retired");
    let terms = house.terms("first").await;
    let named = terms.gates.iter().find(|gate| gate.id == retired.id);
    assert_eq!(named.unwrap().zone, Some(NOT_ALLOWED));
}

#[tokio::test]
async fn a_zone_that_gates_or_rules_name_is_not_retired() {
    let house = House::open().await;
    house.gate("north", Some("floor")).await;
    house.kind("vip", &[]).await;
    let service = &house.service;
    let retire = || service.retire_zone(house.organizer, own("floor"));
    assert_in_use(retire().await, "north");
    let whole = GateChange {
        zone: Patch::Remove,
        ..GateChange::default()
    };
    let changed = service.change_gate(house.organizer, own("north"), whole);
    assert_eq!(changed.await.unwrap().zone, None);
    let rules = |zones: &[&str]| SessionChange {
        rules: serde_json::from_value(json!({"types": [{"type": "vip", "zones": zones}]})).unwrap(),
        ..SessionChange::default()
    };
    let change =
        |change| service.change_session(house.organizer, own("show"), own("first"), change);
    change(rules(&["floor"])).await.unwrap();
    assert_in_use(retire().await, "first");
    change(rules(&[])).await.unwrap();
    assert!(retire().await.unwrap().retired);
}

#[tokio::test]
async fn a_type_is_retired_once_it_has_no_tickets_with_what_rules_say_of_it() {
    let house = House::with_types().await;
    house.kind("normla", &[]).await;
    let mut slip = new_ticket("T-1", &[]);
    slip.kind = own("normla");
    let ticket = house.sell(slip).await.unwrap().id.to_string();
    let rules = json!({"types": [{"type": "normla", "instruction": "look twice"}]});
    let change = SessionChange {
        rules: serde_json::from_value(rules).unwrap(),
        ..SessionChange::default()
    };
    let service = &house.service;
    let changed = service.change_session(house.organizer, own("show"), own("first"), change);
    changed.await.unwrap();
    let retire = || service.retire_type(house.organizer, own("show"), own("normla"));
    assert_in_use(retire().await, "1 tickets");
    let right = json!({"do": "update", "kind": "normal"});
    let right: TicketChange = serde_json::from_value(right).unwrap();
    house.change(&ticket, right).await.unwrap();
    assert!(retire().await.unwrap().retired);
    let session = service.session(house.organizer, own("show"), own("first"));
    assert_eq!(session.await.unwrap().rules.types, []);
    let mut sold = new_ticket("T-2", &[]);
    sold.kind = own("normla");
    assert!(matches!(house.sell(sold).await, Err(Error::NotFound(_))));
    house.kind("normla", &[]).await;
}

#[tokio::test]
async fn a_session_is_retired_once_no_ticket_and_no_pass_is_for_it() {
    let house = House::open().await;
    house.kind("normal", &[]).await;
    house
        .session("wrong", "2027-10-30 18:00", "2027-10-30 22:00")
        .await;
    let device = house.device(1).await;
    let given = || async {
        house.service.seal_now().await.unwrap();
        house.service.assignment(device).await.unwrap().tables.len()
    };
    let before = given().await;
    let mut new = new_ticket("T-1", &[]);
    new.session = Some(own("wrong"));
    let ticket = house.sell(new).await.unwrap().id.to_string();
    let retire = || {
        house
            .service
            .retire_session(house.organizer, own("show"), own("wrong"))
    };
    // Before it is sealed nobody knows how many tickets it has.
    assert_in_use(retire().await, "in a moment");
    house.service.seal_now().await.unwrap();
    assert_in_use(retire().await, "1 tickets");
    let cancel = serde_json::from_value(json!({"do": "cancel"})).unwrap();
    house.change(&ticket, cancel).await.unwrap();
    house.service.seal_now().await.unwrap();
    assert!(retire().await.unwrap().retired);
    assert_eq!(given().await, before - 1);
    let other = house.terms("first").await.others;
    assert!(other.is_empty(), "{other:?}");
    house
        .session("wrong", "2027-10-30 18:00", "2027-10-30 22:00")
        .await;
    house.kind("pass", &["first", "wrong"]).await;
    house.service.seal_now().await.unwrap();
    assert_in_use(retire().await, "pass");
}

#[tokio::test]
async fn a_short_name_is_taken_by_one_thing_only() {
    let house = House::open().await;
    house.gate("north", None).await;
    house.gate("south", None).await;
    let slug = |slug: &str| GateChange {
        slug: Some(own(slug)),
        ..GateChange::default()
    };
    let change = |change| {
        house
            .service
            .change_gate(house.organizer, own("south"), change)
    };
    assert!(matches!(
        change(slug("north")).await,
        Err(Error::AlreadyExists { .. })
    ));
    assert!(matches!(
        change(slug("No!")).await,
        Err(Error::Invalid { .. })
    ));
    assert_eq!(change(slug("east")).await.unwrap().slug, "east");
    let names = NamesChange {
        name: Some(String::new()),
        ..NamesChange::default()
    };
    house.kind("vip", &[]).await;
    let changed = house
        .service
        .change_type(house.organizer, own("show"), own("vip"), names);
    assert!(matches!(
        changed.await,
        Err(Error::Invalid { field: "name", .. })
    ));
}

#[tokio::test]
async fn an_event_is_retired_after_its_sessions() {
    let house = House::open().await;
    let service = &house.service;
    let retire = || service.retire_event(house.organizer, own("show"));
    assert_in_use(retire().await, "first");
    service.seal_now().await.unwrap();
    let session = service.retire_session(house.organizer, own("show"), own("first"));
    session.await.unwrap();
    let retired = retire().await.unwrap();
    assert!(retired.retired);
    let session = new_session("late", "2027-10-30 18:00", "2027-10-30 22:00");
    let made = service.create_session(house.organizer, retired.id.to_string(), session);
    assert_in_use(made.await, "retired");
}

#[tokio::test]
async fn what_was_retired_is_brought_back_by_its_name_unless_another_one_has_it() {
    let house = House::open().await;
    house.gate("north", None).await;
    let service = &house.service;
    let (gate, organizer) = (|| own("north"), house.organizer);
    service.retire_gate(organizer, gate()).await.unwrap();
    let back = service.restore_gate(organizer, gate()).await.unwrap();
    assert!(!back.retired);
    let again = service.restore_gate(organizer, gate()).await.unwrap();
    assert_eq!(back, again);
    service.retire_gate(organizer, gate()).await.unwrap();
    house.gate("north", None).await;
    let first = back.id.to_string();
    let taken = service.restore_gate(organizer, first.clone()).await;
    assert_eq!(taken.unwrap_err().code(), Code::AlreadyExists);
    let named = service.restore_gate(organizer, gate()).await.unwrap();
    assert_ne!(named.id, back.id);
    service.retire_gate(organizer, gate()).await.unwrap();
    assert_in_use(service.restore_gate(organizer, gate()).await, "by its id");
    let back = service.restore_gate(organizer, first).await.unwrap();
    assert!(!back.retired);
}

#[tokio::test]
async fn a_gate_whose_zone_was_retired_waits_for_it() {
    let house = House::open().await;
    house.gate("south", Some("floor")).await;
    let (service, organizer) = (&house.service, house.organizer);
    service.retire_gate(organizer, own("south")).await.unwrap();
    service.retire_zone(organizer, own("floor")).await.unwrap();
    let restored = service.restore_gate(organizer, own("south")).await;
    assert_in_use(restored, "zone");
    service.restore_zone(organizer, own("floor")).await.unwrap();
    service.restore_gate(organizer, own("south")).await.unwrap();
}

#[tokio::test]
async fn a_device_is_retired_once_it_is_off_duty_and_counts_no_more() {
    let house = House::open().await;
    let device = house.device(1).await;
    let change = |what| {
        let service = &house.service;
        service.change_device(house.organizer, device.to_string(), what)
    };
    let tells = |unsent| {
        house.service.write(move |txn, now| {
            let status = DeviceStatus {
                seen: now,
                unsent: Some(unsent),
                ..DeviceStatus::default()
            };
            devices::put_status(txn, device, &status)
        })
    };
    tells(3).await.unwrap();
    assert_in_use(change(DeviceChange::Retire).await, "3 scans to send");
    tells(0).await.unwrap();
    let retired = change(DeviceChange::Retire).await.unwrap();
    assert_eq!(
        (retired.state, retired.retired),
        (DeviceState::Revoked, true)
    );
    let back = change(DeviceChange::Restore).await.unwrap();
    assert_eq!((back.state, back.retired), (DeviceState::Revoked, false));
}
