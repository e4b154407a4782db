use super::*;
use serde_json::json;

fn product(numbers: &[u64]) -> Value {
    let objects: Vec<Value> = numbers
        .iter()
        .map(|number| json!({"lookup": ["product", number.to_string(), "Some name"]}))
        .collect();
    json!({"inList": [{"var": "product"}, {"objectList": objects}]})
}

fn below(most: i64) -> Value {
    json!({"<": [{"var": "entries_number"}, most]})
}

fn of(rules: &Value, item: u64) -> Result<Option<Conditions>, Unmapped> {
    Rule::read(rules).of(item, None)
}

fn entries(most: u16) -> Conditions {
    Conditions {
        entries_max: Some(most),
        ..Conditions::default()
    }
}

const DATES: PretixDates = PretixDates {
    admission: Some(1_000_000),
    begin: Some(1_003_600),
    end: None,
};

#[test]
fn no_rules_let_everything_in() {
    for rules in [json!({}), Value::Null, json!({"and": []})] {
        assert_eq!(of(&rules, 1), Ok(Some(Conditions::default())));
    }
}

#[test]
fn products_and_entries_are_told_for_each_product() {
    let rules = json!({"or": [
        {"and": [product(&[1]), below(1)]},
        {"and": [product(&[2, 3]), {"<=": [{"var": "entries_number"}, 2]}]},
    ]});
    assert_eq!(of(&rules, 1), Ok(Some(entries(1))));
    assert_eq!(of(&rules, 2), Ok(Some(entries(3))));
    assert_eq!(of(&rules, 4), Ok(None));
    assert_eq!(of(&json!({"and": [below(0)]}), 1), Ok(None));
    let laxer = json!({"or": [below(2), below(5)]});
    assert_eq!(of(&laxer, 1), Ok(Some(entries(5))));
}

#[test]
fn variations_are_told_apart() {
    let rules = json!({"inList": [{"var": ["variation"]}, {"objectList": [
        {"lookup": ["variation", "12", "Student"]}]}]});
    let rule = Rule::read(&rules);
    assert_eq!(rule.of(5, Some(12)), Ok(Some(Conditions::default())));
    assert_eq!(rule.of(5, Some(13)), Ok(None));
    assert_eq!(rule.of(5, None), Ok(None));
}

#[test]
fn times_count_from_the_dates_of_the_event_with_their_tolerance() {
    let rules = json!({"and": [
        {"isAfter": [{"var": "now"}, {"buildTime": ["date_admission"]}, 30]},
        {"isBefore": [{"var": "now"}, {"buildTime": ["date_to"]}, "10"]},
        {"isBefore": [{"var": "now"}, {"buildTime": ["custom", "1970-01-12T14:00:00+01:00"]}, null]},
    ]});
    let conditions = of(&rules, 1).unwrap().unwrap();
    let resolve = |moments: &BTreeSet<Moment>| -> Vec<Option<i64>> {
        let moments = moments.iter();
        moments.map(|moment| moment.resolve(&DATES)).collect()
    };
    assert_eq!(resolve(&conditions.after), [Some(998_200)]);
    // The event has no end: it ends as it begins.
    assert_eq!(
        resolve(&conditions.before),
        [Some(997_200), Some(1_004_200)]
    );
    let nothing = PretixDates::default();
    assert!(
        conditions
            .after
            .iter()
            .all(|moment| moment.resolve(&nothing).is_none())
    );
}

#[test]
fn a_rule_that_cannot_be_kept_is_named_where_a_product_depends_on_it() {
    let today = json!({"<": [{"var": "entries_today"}, 2]});
    let unmapped = |text: &str| Err(Unmapped(text.to_owned()));
    assert_eq!(of(&today, 1), unmapped("entries_today < 2"));
    let of_vip = json!({"and": [product(&[2]), today]});
    assert_eq!(of(&of_vip, 1), Ok(None));
    assert_eq!(of(&of_vip, 2), unmapped("entries_today < 2"));
    let or_free = json!({"or": [product(&[1]), today]});
    assert_eq!(of(&or_free, 1), Ok(Some(Conditions::default())));
    assert!(of(&or_free, 2).is_err());
    for rules in [
        json!({"inList": [{"var": "gate"}, {"objectList": [{"lookup": ["gate", "1", "North"]}]}]}),
        json!({"isAfter": [{"var": "now"}, {"buildTime": ["customtime", "19:00"]}]}),
        json!({">": [{"var": "entries_number"}, 1]}),
        json!({"==": [{"var": "now_isoweekday"}, 6]}),
        json!({"!": [product(&[1])]}),
        json!({"and": [{"<": [{"var": "entries_number"}, 1]}], "or": []}),
        json!(true),
        json!([1, 2]),
    ] {
        let named = of(&rules, 1).unwrap_err();
        assert!(!named.0.is_empty() && named.0.len() < 400, "{named:?}");
    }
    let either =
        json!({"or": [below(2), {"isAfter": [{"var": "now"}, {"buildTime": ["date_from"]}]}]});
    assert!(of(&either, 1).is_err());
}
