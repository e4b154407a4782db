//! A server with events that serve now, and files of shops for them.

use crate::house::{self, House};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Output;

/// A server with an organizer and one gate.
pub(crate) struct Shop {
    pub(crate) house: House,
}

/// An order of pretix with one entry for each position: its number, its secret and what differs.
pub(crate) fn order(code: &str, status: &str, positions: &[(u64, &str, Value)]) -> Value {
    let positions: Vec<Value> = positions
        .iter()
        .map(|(number, secret, changes)| {
            let mut position = json!({
                "id": 100 + number, "positionid": number, "item": 1, "variation": null,
                "attendee_name": format!("Guest {number}"), "secret": secret, "addon_to": null,
                "subevent": null, "checkins": [], "seat": null, "canceled": false,
                "valid_from": null, "valid_until": null, "blocked": null,
            });
            merge(&mut position, changes);
            position
        })
        .collect();
    json!({
        "code": code, "event": "main", "status": status, "testmode": false,
        "positions": positions, "checkin_attention": false, "checkin_text": null,
        "last_modified": "2026-11-20T17:15:14Z", "require_approval": false,
        "sales_channel": "web", "valid_if_pending": false,
    })
}

/// Sets fields of an object.
pub(crate) fn merge(object: &mut Value, changes: &Value) {
    for (field, value) in changes.as_object().into_iter().flatten() {
        object[field] = value.clone();
    }
}

impl Shop {
    pub(crate) fn open() -> Self {
        let house = House::with_organizer();
        house.ok("gate create north");
        Self { house }
    }

    /// A server with one event, `fair`, that serves now.
    pub(crate) fn with_fair() -> Self {
        let shop = Self::open();
        shop.event("fair");
        shop
    }

    /// An event with one session that is served now.
    pub(crate) fn event(&self, event: &str) {
        self.house
            .ok(&format!("event create {event} --time-zone Europe/Berlin"));
        self.house.ok(&format!(
            "session create {event}/main --doors now --ends +6h"
        ));
    }

    fn output(&self, event: &str, file: &str, more: &str) -> Output {
        let line = format!("--json import {event} {file} {more}");
        self.house.run(line.trim_end())
    }

    /// Imports a list into `fair` and returns the report.
    pub(crate) fn list(&self, csv: &str, more: &str) -> Value {
        self.list_into("fair", csv, more)
    }

    /// Imports a list into an event and returns the report.
    pub(crate) fn list_into(&self, event: &str, csv: &str, more: &str) -> Value {
        self.write("list.csv", csv);
        report(&self.output(event, "list.csv", more))
    }

    /// Imports a list into `fair` that is not imported, and returns why.
    pub(crate) fn refused(&self, csv: &str, more: &str) -> String {
        self.write("list.csv", csv);
        let output = self.output("fair", "list.csv", more);
        assert_ne!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Imports orders of pretix into `fair`, with other files of the shop beside them.
    pub(crate) fn pretix(&self, orders: &[Value], others: &[(&str, Value)], more: &str) -> Value {
        report(&self.pretix_output(orders, others, more))
    }

    /// Imports orders of pretix that are not imported, and returns why.
    pub(crate) fn pretix_refused(
        &self,
        orders: &[Value],
        others: &[(&str, Value)],
        more: &str,
    ) -> String {
        let output = self.pretix_output(orders, others, more);
        assert_ne!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn pretix_output(&self, orders: &[Value], others: &[(&str, Value)], more: &str) -> Output {
        let folder = self.house.path().join("pretix");
        let _was_there = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let page = |results: Value| {
            let count = results.as_array().unwrap().len();
            json!({"count": count, "next": null, "previous": null, "results": results})
        };
        let item = |id: u64, name: &str| {
            json!({"id": id, "name": {"en": name}, "default_price": "49.00", "admission": true,
                "checkin_attention": false, "checkin_text": null, "variations": [],
                "generate_tickets": null})
        };
        let event = json!({"name": {"en": "Main"}, "slug": "main", "timezone": "Europe/Berlin",
            "valid_keys": {"pretix_sig1": []}});
        let put = |name: &str, value: &Value| {
            std::fs::write(folder.join(name), value.to_string()).unwrap();
        };
        put("event.json", &event);
        put(
            "items.json",
            &page(json!([item(1, "Regular"), item(2, "VIP")])),
        );
        put("orders.json", &page(Value::from(orders.to_vec())));
        for (name, results) in others {
            put(name, &page(results.clone()));
        }
        self.output("fair", "pretix", more)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.house.path().join(name), content).unwrap();
    }

    /// The tickets of `fair` by the seller's number: `valid`, `blocked`, or why it is cancelled.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        self.states_of("fair")
    }

    /// The tickets of an event by the seller's number or, without one, by barcode.
    pub(crate) fn states_of(&self, event: &str) -> BTreeMap<String, String> {
        let all = self.house.json(&format!("ticket list {event}"));
        let word = |ticket: &Value| match ticket["state"].as_str().unwrap() {
            "cancelled" => ticket["reason"].as_str().unwrap().to_owned(),
            other => other.to_owned(),
        };
        let name = |ticket: &Value| {
            let external = ticket["external"].as_str();
            external.or(ticket["code"].as_str()).unwrap().to_owned()
        };
        let items = all["items"].as_array().unwrap().iter();
        items.map(|ticket| (name(ticket), word(ticket))).collect()
    }

    /// A ticket of `fair`.
    pub(crate) fn ticket(&self, name: &str) -> Value {
        self.house.json(&format!("ticket show fair/{name}"))
    }

    /// A device at the gate that holds the tickets of an event.
    pub(crate) fn device(&self, event: &str) {
        let house = &self.house;
        house.ok(&format!(
            "enrollment create --gate north --event {event} --text-out {event}.code"
        ));
        house.ok(&format!(
            "--home {event} enroll --name {event} --file {event}.code"
        ));
        house.ok(&format!("--home {event} sync"));
    }

    /// What the device of an event answers to a code: word and sentences.
    pub(crate) fn scan(&self, event: &str, code: &str) -> String {
        self.scan_with(event, &[], code)
    }

    /// As [`Self::scan`], with flags.
    pub(crate) fn scan_with(&self, event: &str, flags: &[&str], code: &str) -> String {
        // A signed code may hold spaces.
        let line = [
            &["--home", event, "scan", "--offline"],
            flags,
            &["--", code],
        ]
        .concat();
        let output = house::run(self.house.path(), &line);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn report(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whether a warning of a report says this.
pub(crate) fn warns(report: &Value, words: &str) -> bool {
    let warnings = report["warnings"].as_array().unwrap();
    warnings
        .iter()
        .any(|warning| warning.as_str().unwrap().contains(words))
}

/// Tickets by number as [`Shop::states`] tells them.
pub(crate) fn states<const N: usize>(all: [(&str, &str); N]) -> BTreeMap<String, String> {
    let owned = |(name, state): (&str, &str)| (name.to_owned(), state.to_owned());
    all.into_iter().map(owned).collect()
}
