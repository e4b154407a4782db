//! Rules in words, by the names of types and zones.

use usher_domain::api::venue::{TicketType, Zone};
use usher_domain::ids::ZoneId;
use usher_domain::numbers::TypeNumber;
use usher_domain::rules::{
    CodePlace, Counted, EntryMode, EntryRule, IsolatedRule, LEAVING_MINUTES, OperatorRule, Rules,
    SilentRule, StaleAction, TypeRule, UnknownSignedRule,
};

/// What types and zones are called.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The types of the event.
    pub types: Vec<TicketType>,
    /// The zones of the venue.
    pub zones: Vec<Zone>,
}

impl Names {
    fn kind(&self, number: TypeNumber) -> String {
        let kind = self.types.iter().find(|kind| kind.number == number);
        kind.map_or_else(|| format!("type {number}"), |kind| kind.slug.clone())
    }

    fn zone(&self, id: ZoneId) -> String {
        let zone = self.zones.iter().find(|zone| zone.id == id);
        zone.map_or_else(|| format!("zone {id}"), |zone| zone.slug.clone())
    }
}

/// All rules, each with what it is about.
#[must_use]
pub fn in_words(rules: &Rules, names: &Names) -> Vec<(&'static str, String)> {
    let minutes = |count: u32, when: &str, none: &str| match count {
        0 => none.to_owned(),
        1 => format!("1 minute {when}"),
        count => format!("{count} minutes {when}"),
    };
    let mut said = vec![
        ("entry", entry(rules.entry)),
        (
            "early",
            minutes(
                rules.early_minutes,
                "before the doors",
                "not before the doors",
            ),
        ),
        (
            "late",
            minutes(rules.late_minutes, "after the end", "not after the end"),
        ),
        (
            "leaving",
            minutes(
                rules.leaving_minutes.unwrap_or(LEAVING_MINUTES),
                "after the end",
                "while tickets are let in",
            ),
        ),
        ("isolated", isolated(rules.isolated).to_owned()),
        ("unknown", unknown(rules.unknown_signed).to_owned()),
        (
            "stale",
            format!(
                "after {}, {}",
                minutes(rules.stale.after_minutes, "without news", "no time"),
                match rules.stale.then {
                    StaleAction::Warn => "let in and say how old the ticket set is",
                    StaleAction::Refer => "refer to a supervisor",
                }
            ),
        ),
        (
            "silent",
            match rules.silent {
                SilentRule::Admit => "let in and say which device is silent",
                SilentRule::Refer => "refer to a supervisor while another device is silent",
            }
            .to_owned(),
        ),
        (
            "operator",
            match rules.operator {
                OperatorRule::Optional => "nobody must sign in at a gate",
                OperatorRule::Required => "somebody must sign in before a gate lets people in",
            }
            .to_owned(),
        ),
    ];
    if let Some(code_place) = &rules.code_place {
        said.push(("code", place(code_place)));
    }
    said.extend(
        rules
            .types
            .iter()
            .map(|rule| ("type", of_type(rule, names))),
    );
    if rules.name_zones() {
        let waits = names
            .types
            .iter()
            .filter(|kind| kind.restricted && !kind.retired && !rules.name_zones_of(kind.number));
        said.extend(waits.map(|kind| {
            let slug = &kind.slug;
            (
                "type",
                format!("{slug}: came with a list and opens no zone until it is allowed"),
            )
        }));
        said.push(("", "every other type opens every zone".to_owned()));
    }
    said.extend(rules.capacity.iter().map(|held| {
        let zone = names.zone(held.zone);
        (
            "capacity",
            format!("{zone}: {} people at once", held.people),
        )
    }));
    said
}

fn entry(rule: EntryRule) -> String {
    let often = match rule.mode {
        EntryMode::Single => "once".to_owned(),
        EntryMode::Reentry => "again after each exit scan".to_owned(),
        EntryMode::Times(0) => "never".to_owned(),
        EntryMode::Times(u16::MAX) => "again and again".to_owned(),
        EntryMode::Times(times) => format!("{times} times"),
    };
    match rule.counted {
        Counted::PerSession => often,
        Counted::PerPass => format!("{often}, over all sessions of a pass"),
    }
}

const fn isolated(rule: IsolatedRule) -> &'static str {
    match rule {
        IsolatedRule::Admit => "a gate without a server lets in, and says that it is alone",
        IsolatedRule::HomeOnly => "a gate without a server lets in only tickets whose home it is",
        IsolatedRule::Refer => "a gate without a server refers to a supervisor",
    }
}

const fn unknown(rule: UnknownSignedRule) -> &'static str {
    match rule {
        UnknownSignedRule::Admit => "genuine codes that the gate has not heard of are let in",
        UnknownSignedRule::Refer => {
            "genuine codes that the gate has not heard of go to a supervisor"
        }
        UnknownSignedRule::Refuse => "genuine codes that the gate has not heard of are refused",
    }
}

fn of_type(rule: &TypeRule, names: &Names) -> String {
    let mut parts = Vec::new();
    if let Some(own) = rule.entry {
        parts.push(entry(own));
    }
    if !rule.zones.is_empty() {
        let zones: Vec<String> = rule.zones.iter().map(|zone| names.zone(*zone)).collect();
        parts.push(format!("opens {}", zones.join(", ")));
    }
    if let Some(instruction) = &rule.instruction {
        parts.push(format!("staff checks: {instruction}"));
    }
    format!("{}: {}", names.kind(rule.number), parts.join("; "))
}

fn place(place: &CodePlace) -> String {
    let after = match place.after.as_str() {
        "" => "from the beginning".to_owned(),
        after => format!("after {after}"),
    };
    match &place.before {
        Some(before) => format!("{after}, before {before}"),
        None => after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::rules::ZoneCapacity;

    #[test]
    fn rules_of_types_and_zones_are_told_by_their_names() {
        let floor = ZoneId::from_bytes([1; 16]);
        let named: Names = Names {
            types: serde_json::from_value(serde_json::json!([
                {"number": 2, "slug": "student", "name": "Student", "sessions": []},
                {"number": 3, "slug": "guest", "name": "Guest", "sessions": [], "restricted": true}
            ]))
            .unwrap(),
            zones: vec![Zone {
                id: floor,
                slug: "floor".to_owned(),
                name: "Floor".to_owned(),
                retired: false,
            }],
        };
        let rules = Rules {
            types: vec![TypeRule {
                number: TypeNumber::new(2),
                entry: Some(EntryRule {
                    mode: EntryMode::Times(3),
                    ..EntryRule::default()
                }),
                zones: vec![floor],
                instruction: Some("student ID".to_owned()),
            }],
            capacity: vec![ZoneCapacity {
                zone: floor,
                people: 300,
            }],
            ..Rules::default()
        };
        let said = in_words(&rules, &named);
        let said: Vec<String> = said
            .into_iter()
            .map(|(about, words)| format!("{about} {words}"))
            .collect();
        for sentence in [
            "type student: 3 times; opens floor; staff checks: student ID",
            "type guest: came with a list and opens no zone until it is allowed",
            "capacity floor: 300 people at once",
            "early 15 minutes before the doors",
        ] {
            assert!(
                said.iter().any(|said| said == sentence),
                "{sentence}: {said:?}"
            );
        }
    }
}
