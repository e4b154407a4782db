//! Check-in lists: the rules of those that are chosen are taken over, those of the others are told.

mod logic;
mod taken;

pub(super) use taken::TakenLists;
pub use taken::{ListedProduct, TakenList};

use super::super::report::Warning;
use serde::Deserialize;

/// A check-in list: which tickets may enter, and how often.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PretixCheckInList {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// True if all products may enter.
    #[serde(default)]
    pub all_products: bool,
    /// The products that may enter, if not all.
    #[serde(default)]
    pub limit_products: Vec<u64>,
    /// The date of the series that it is for.
    pub subevent: Option<u64>,
    /// True if unpaid orders may enter.
    #[serde(default)]
    pub include_pending: bool,
    /// True if a ticket may enter again and again.
    #[serde(default)]
    pub allow_multiple_entries: bool,
    /// True if a ticket may enter again after an exit scan.
    #[serde(default)]
    pub allow_entry_after_exit: bool,
    /// Rules of its own (JSON logic).
    #[serde(default)]
    pub rules: serde_json::Value,
    /// When everybody is taken to have left.
    pub exit_all_at: Option<String>,
    /// True if it looks for add-ons of the ticket that is shown.
    #[serde(default)]
    pub addon_match: bool,
}

/// What a list restricts or allows that is not taken over; none for one that lets every paid ticket in once.
pub(super) fn left_out(list: &PretixCheckInList) -> Option<Warning> {
    let mut rules = Vec::new();
    if !list.all_products {
        let products = list.limit_products.len();
        let word = if products == 1 { "product" } else { "products" };
        rules.push(format!("it lets only {products} {word} in"));
    }
    if list.subevent.is_some() {
        rules.push("it is for one date of the series".to_owned());
    }
    if list.include_pending {
        rules.push("it lets unpaid orders in".to_owned());
    }
    if list.allow_multiple_entries {
        rules.push("it lets a ticket in again and again".to_owned());
    } else if list.allow_entry_after_exit {
        rules.push("it lets a ticket in again after an exit".to_owned());
    }
    let has_rules = match &list.rules {
        serde_json::Value::Object(rules) => !rules.is_empty(),
        serde_json::Value::Null => false,
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Array(_) => true,
    };
    if has_rules {
        rules.push("it has rules of its own".to_owned());
    }
    (!rules.is_empty()).then(|| Warning::CheckInListLeftOut {
        list: list.name.clone(),
        rules: rules.join(", "),
    })
}
