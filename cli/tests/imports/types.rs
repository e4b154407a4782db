//! Types that come with a list, where rules name zones.

use super::shop::{Shop, warns};
use serde_json::{Value, json};

const LIST: &str = "barcode,name,type\n\
    WAA7Q2ZW9XR4TN8VBM3P,Ada,VIP\nWAB7Q2ZW9XR4TN8VBM3Q,Bo,Parket\nWAC7Q2ZW9XR4TN8VBM3R,Cy,Crew\n\
    WAD7Q2ZW9XR4TN8VBM3S,Di,Parket\n";

/// A fair with a zone, a gate to it, and types made by hand: `vip` opens the zone, `crew` every one.
fn zoned() -> (Shop, String) {
    let shop = Shop::with_fair();
    let house = &shop.house;
    let zone = house.json("zone create backstage");
    house.ok("gate create stage --zone backstage");
    house.ok("type create fair/vip --name VIP");
    house.ok("type create fair/crew --name Crew");
    let zone = zone["id"].as_str().unwrap().to_owned();
    name_zones(&shop, &json!([{"number": 1, "zones": [zone]}]));
    (shop, zone)
}

/// Sets the rules of types.
fn name_zones(shop: &Shop, types: &Value) {
    let rules = json!({ "types": types }).to_string();
    std::fs::write(shop.house.path().join("rules.json"), rules).unwrap();
    shop.house.ok("session change fair/main --rules rules.json");
}

/// A device at a gate.
fn device(shop: &Shop, gate: &str) {
    let house = &shop.house;
    house.ok(&format!(
        "enrollment create --gate {gate} --text-out {gate}.code"
    ));
    house.ok(&format!(
        "--home {gate} enroll --name {gate} --file {gate}.code"
    ));
    house.ok(&format!("--home {gate} sync"));
}

#[test]
fn a_type_that_came_with_a_list_opens_no_zone_until_it_is_allowed() {
    let (shop, _) = zoned();
    let report = shop.list(LIST, "");
    assert_eq!(report["types_created"], json!(["Parket"]));
    assert!(warns(&report, "“Parket” is a new type"), "{report}");
    assert!(warns(&report, "usher type allow fair/parket"), "{report}");
    device(&shop, "stage");
    device(&shop, "north");
    assert!(shop.scan("stage", "WAA7Q2ZW9XR4TN8VBM3P").contains("ADMIT"));
    assert!(shop.scan("stage", "WAC7Q2ZW9XR4TN8VBM3R").contains("ADMIT"));
    let new = shop.scan("stage", "WAB7Q2ZW9XR4TN8VBM3Q");
    assert!(
        new.contains("REFER") && new.contains("nobody has said yet"),
        "{new}"
    );
    // The gate to the whole venue lets it in.
    assert!(shop.scan("north", "WAD7Q2ZW9XR4TN8VBM3S").contains("ADMIT"));
    let allowed = shop.house.json("type allow fair/parket");
    assert_eq!(
        (&allowed["slug"], &allowed["restricted"]),
        (&json!("parket"), &Value::Null)
    );
    shop.house.ok("--home stage sync");
    let then = shop.scan("stage", "WAB7Q2ZW9XR4TN8VBM3Q");
    assert!(then.contains("ADMIT"), "{then}");
}

#[test]
fn readiness_and_the_list_of_types_tell_of_types_that_nobody_allowed() {
    let (shop, _) = zoned();
    shop.list(LIST, "");
    let told = |shop: &Shop| {
        let output = shop.house.run("readiness --session fair/main");
        String::from_utf8(output.stdout).unwrap()
    };
    let before = told(&shop);
    assert!(
        before.contains("“Parket”") && before.contains("usher type allow fair/parket"),
        "{before}"
    );
    assert!(shop.house.ok("type list fair").contains("opens no zone"));
    shop.house.ok("type allow fair/parket");
    shop.house.ok("type allow fair/parket");
    assert!(!told(&shop).contains("Parket"));
    assert!(!shop.house.ok("type list fair").contains("opens no zone"));
    assert_eq!(
        shop.house.error("type allow fair/parkett")["code"],
        "not_found"
    );
}

#[test]
fn a_rule_of_its_own_lets_a_new_type_in_and_a_zone_of_the_list_does_not() {
    let (shop, zone) = zoned();
    let with_zone = "barcode,name,type,zone\nWBA7Q2ZW9XR4TN8VBM3P,Ada,Parket,backstage\nWBB7Q2ZW9XR4TN8VBM3Q,Bo,Loge,\n";
    shop.list(with_zone, "");
    device(&shop, "stage");
    assert!(shop.scan("stage", "WBA7Q2ZW9XR4TN8VBM3P").contains("REFER"));
    assert!(shop.scan("stage", "WBB7Q2ZW9XR4TN8VBM3Q").contains("REFER"));
    let types = shop.house.json("type list fair");
    let loge = types["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|kind| kind["slug"] == "loge")
        .unwrap();
    let rules =
        json!([{"number": 1, "zones": [zone]}, {"number": loge["number"], "zones": [zone]}]);
    name_zones(&shop, &rules);
    shop.house.ok("--home stage sync");
    assert!(shop.scan("stage", "WBB7Q2ZW9XR4TN8VBM3Q").contains("ADMIT"));
    shop.house.ok("type allow fair/parket");
    shop.house.ok("--home stage sync");
    assert!(shop.scan("stage", "WBA7Q2ZW9XR4TN8VBM3P").contains("ADMIT"));
}

#[test]
fn an_instruction_alone_is_no_permission() {
    let (shop, zone) = zoned();
    shop.list(LIST, "");
    let types = shop.house.json("type list fair");
    let new = types["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|kind| kind["slug"] == "parket")
        .unwrap();
    name_zones(
        &shop,
        &json!([{"number": 1, "zones": [zone]}, {"number": new["number"], "instruction": "check ID"}]),
    );
    device(&shop, "stage");
    let said = shop.scan("stage", "WAB7Q2ZW9XR4TN8VBM3Q");
    assert!(
        said.contains("REFER") && said.contains("nobody has said yet"),
        "{said}"
    );
}

#[test]
fn where_no_rule_names_a_zone_a_new_type_opens_all_of_them_until_one_does() {
    let (shop, zone) = zoned();
    name_zones(&shop, &json!([{"number": 1, "zones": []}]));
    let report = shop.list(LIST, "");
    assert!(!warns(&report, "new type"), "{report}");
    device(&shop, "stage");
    assert!(shop.scan("stage", "WAB7Q2ZW9XR4TN8VBM3Q").contains("ADMIT"));
    name_zones(&shop, &json!([{"number": 1, "zones": [zone]}]));
    shop.list("barcode,name,type\nWCA7Q2ZW9XR4TN8VBM3P,Di,Parket\n", "");
    shop.house.ok("--home stage sync");
    assert!(shop.scan("stage", "WCA7Q2ZW9XR4TN8VBM3P").contains("REFER"));
}
