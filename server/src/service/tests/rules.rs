//! Changing the rules of a session, by names.

use super::*;
use crate::service::Error;
use serde_json::{Value, json};
use usher_domain::api::rules::RulesChange;
use usher_domain::api::venue::SessionChange;
use usher_domain::problem::Code;
use usher_domain::rules::{EntryMode, OperatorRule, Rules, StaleAction};

fn rules(value: Value) -> RulesChange {
    serde_json::from_value(value).unwrap()
}

async fn with_names() -> House {
    let house = House::open().await;
    for (slug, name) in [("floor", "The floor"), ("balcony", "Balcony")] {
        let new = NewZone {
            slug: slug.to_owned(),
            name: name.to_owned(),
        };
        house
            .service
            .create_zone(house.organizer, new)
            .await
            .unwrap();
    }
    house.kind("student", &[]).await;
    house.kind("vip", &[]).await;
    house
}

async fn try_rules(house: &House, value: Value) -> Result<Session, Error> {
    let change = SessionChange {
        rules: Some(rules(value)),
        ..SessionChange::default()
    };
    let (event, session) = ("show".to_owned(), "first".to_owned());
    house
        .service
        .change_session(house.organizer, event, session, change)
        .await
}

async fn set_rules(house: &House, value: Value) -> Rules {
    try_rules(house, value).await.unwrap().rules
}

#[tokio::test]
async fn a_change_of_rules_changes_what_it_names_only() {
    let house = with_names().await;
    set_rules(
        &house,
        json!({"operator": "required", "late_minutes": 7,
            "code_place": {"after": "/check-in/", "before": "?"},
            "types": [{"type": "student", "instruction": "student ID"}]}),
    )
    .await;
    let now = set_rules(
        &house,
        json!({"stale": {"then": "refer"}, "code_place": {"after": "/in/"},
            "types": [{"type": "vip", "zones": ["floor"]}]}),
    )
    .await;
    assert_eq!(now.stale.then, StaleAction::Refer);
    assert_eq!(
        now.stale.after_minutes,
        Rules::default().stale.after_minutes
    );
    let place = now.code_place.unwrap();
    assert_eq!(
        (place.after.as_str(), place.before.as_deref()),
        ("/in/", Some("?"))
    );
    assert_eq!(
        (now.operator, now.late_minutes),
        (OperatorRule::Required, 7)
    );
    assert_eq!(now.types.len(), 2);
}

#[tokio::test]
async fn types_and_zones_go_by_slug_name_number_or_id() {
    let house = with_names().await;
    let first = set_rules(
        &house,
        json!({"types": [{"type": "vip", "zones": ["floor", "Balcony", "floor"]}],
            "capacity": [{"zone": "The floor", "people": 300}]}),
    )
    .await;
    let rule = &first.types[0];
    assert_eq!(rule.zones.len(), 2);
    assert_eq!(first.capacity[0].zone, rule.zones[0]);
    let entry = json!({"mode": {"times": 2}});
    let second = set_rules(
        &house,
        json!({"types": [{"number": rule.number, "entry": entry}],
            "capacity": [{"zone": rule.zones[0], "people": 200}]}),
    )
    .await;
    assert_eq!(second.types[0].entry.unwrap().mode, EntryMode::Times(2));
    assert_eq!(second.types[0].zones, rule.zones);
    assert_eq!(second.capacity[0].people, 200);
    // null and nothing take a rule away, and a rule that says nothing is none.
    let last = set_rules(
        &house,
        json!({"types": [{"type": "vip", "entry": null, "zones": []}],
            "capacity": [{"zone": "floor", "people": null}]}),
    )
    .await;
    assert_eq!((last.types, last.capacity), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_type_or_zone_that_is_not_there_is_told_with_those_that_are() {
    let house = with_names().await;
    for (value, named) in [
        (json!({"types": [{"type": "vpi"}]}), "student, vip"),
        (
            json!({"types": [{"type": "vip", "zones": ["flor"]}]}),
            "balcony",
        ),
        (json!({"types": [{"number": 77}]}), "ticket type 77"),
        (json!({"types": [{"zones": []}]}), "by type or by number"),
        (
            json!({"capacity": [{"zone": "flor", "people": 1}]}),
            "balcony",
        ),
    ] {
        let refused = try_rules(&house, value.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidValue);
        assert!(refused.to_string().contains(named), "{value}: {refused}");
    }
}

#[tokio::test]
async fn rules_as_a_session_shows_them_are_a_change_that_names_all_and_changes_nothing() {
    let house = with_names().await;
    set_rules(
        &house,
        json!({"types": [{"type": "vip", "zones": ["floor"], "instruction": "wristband"}],
            "capacity": [{"zone": "floor", "people": 300}], "operator": "required"}),
    )
    .await;
    let before = try_rules(&house, json!({})).await.unwrap();
    let shown = serde_json::to_value(&before.rules).unwrap();
    assert_eq!(try_rules(&house, shown).await.unwrap(), before);
}

#[tokio::test]
async fn a_change_written_for_an_earlier_revision_changes_nothing() {
    let house = with_names().await;
    let first = try_rules(&house, json!({"late_minutes": 1})).await.unwrap();
    let second = try_rules(&house, json!({"operator": "required"}))
        .await
        .unwrap();
    assert_eq!(second.revision, first.revision + 1);
    let late = |minutes: u32, revision| SessionChange {
        rules: Some(rules(json!({"late_minutes": minutes}))),
        revision: Some(revision),
        ..SessionChange::default()
    };
    let change = |change| {
        let (event, session) = ("show".to_owned(), "first".to_owned());
        house
            .service
            .change_session(house.organizer, event, session, change)
    };
    let refused = change(late(9, first.revision)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);
    let taken = change(late(9, second.revision)).await.unwrap();
    assert_eq!(taken.rules.late_minutes, 9);
    assert_eq!(taken.rules.operator, OperatorRule::Required);
}

#[test]
fn a_misspelt_rule_is_refused() {
    for value in [json!({"erly": 1}), json!({"types": [{"typ": "a"}]})] {
        assert!(serde_json::from_value::<RulesChange>(value).is_err());
    }
}
