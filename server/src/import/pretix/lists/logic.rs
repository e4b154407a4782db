//! The rules of a check-in list, as pretix's editor writes them (JSON logic), and what they demand of each
//! product.

use super::super::PretixDates;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Characters of a rule that an error shows.
const SHOWN_CHARS: usize = 120;

/// A rule that nothing here can express, as the list has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmapped(pub(super) String);

/// A rule.
#[derive(Debug)]
pub(super) enum Rule {
    All(Vec<Self>),
    Any(Vec<Self>),
    /// The product is one of these.
    Product(Vec<u64>),
    /// The variation is one of these.
    Variation(Vec<u64>),
    /// The ticket entered less often than this.
    EntriesBelow(i64),
    After(Moment),
    Before(Moment),
    /// A rule that cannot be kept: only where a product depends on it nothing can be taken over.
    Other(String),
}

/// From what a moment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Anchor {
    /// Unix seconds.
    Fixed(i64),
    Admission,
    Begin,
    End,
}

/// A moment, which may depend on the dates of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    anchor: Anchor,
    shift_seconds: i64,
}

impl Moment {
    /// The moment; none if the files do not tell the date that it counts from.
    pub(super) fn resolve(self, dates: &PretixDates) -> Option<i64> {
        let anchor = match self.anchor {
            Anchor::Fixed(at) => Some(at),
            Anchor::Admission => dates.admission.or(dates.begin),
            Anchor::Begin => dates.begin,
            Anchor::End => dates.end.or(dates.begin),
        };
        anchor.map(|at| at.saturating_add(self.shift_seconds))
    }
}

/// What a list demands of the tickets of a product that may enter at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    /// The most entries; none if they are not counted.
    pub(super) entries_max: Option<u16>,
    /// Only after all of these.
    pub(super) after: BTreeSet<Moment>,
    /// Only before all of these.
    pub(super) before: BTreeSet<Moment>,
}

impl Conditions {
    fn and(mut self, other: Self) -> Self {
        self.entries_max = match (self.entries_max, other.entries_max) {
            (Some(this), Some(other)) => Some(this.min(other)),
            (this, other) => this.or(other),
        };
        self.after.extend(other.after);
        self.before.extend(other.before);
        self
    }

    /// Either of both, if one of them says less than the other or they differ in the number of entries alone.
    fn or(self, other: Self) -> Result<Self, Unmapped> {
        if (&self.after, &self.before) == (&other.after, &other.before) {
            let most = self.entries_max.zip(other.entries_max);
            return Ok(Self {
                entries_max: most.map(|(this, other)| this.max(other)),
                ..self
            });
        }
        let laxest = Self::default();
        if self == laxest || other == laxest {
            return Ok(laxest);
        }
        Err(Unmapped("several conditions of which one is enough".into()))
    }
}

impl Rule {
    /// Reads the rules of a list; none stand for those that always hold.
    pub(super) fn read(rules: &Value) -> Self {
        match rules {
            Value::Null => Self::All(Vec::new()),
            Value::Object(none) if none.is_empty() => Self::All(Vec::new()),
            Value::Object(one) => read(one).unwrap_or_else(|| Self::Other(words(one))),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                Self::Other(shown(rules))
            }
        }
    }

    /// What is demanded of a product's tickets; none if they never enter.
    pub(super) fn of(
        &self,
        item: u64,
        variation: Option<u64>,
    ) -> Result<Option<Conditions>, Unmapped> {
        let free = |holds: bool| Ok(holds.then(Conditions::default));
        let conditions = match self {
            Self::All(rules) => return all(rules.iter().map(|rule| rule.of(item, variation))),
            Self::Any(rules) => return any(rules.iter().map(|rule| rule.of(item, variation))),
            Self::Product(numbers) => return free(numbers.contains(&item)),
            Self::Variation(numbers) => {
                return free(variation.is_some_and(|number| numbers.contains(&number)));
            }
            Self::EntriesBelow(most) if *most <= 0 => return Ok(None),
            Self::EntriesBelow(most) => Conditions {
                entries_max: u16::try_from(*most).ok(),
                ..Conditions::default()
            },
            Self::After(moment) => Conditions {
                after: BTreeSet::from([*moment]),
                ..Conditions::default()
            },
            Self::Before(moment) => Conditions {
                before: BTreeSet::from([*moment]),
                ..Conditions::default()
            },
            Self::Other(rule) => return Err(Unmapped(rule.clone())),
        };
        Ok(Some(conditions))
    }
}

type Demanded = Result<Option<Conditions>, Unmapped>;

/// One that never holds decides, also beside one that cannot be kept.
fn all(demanded: impl Iterator<Item = Demanded>) -> Demanded {
    let demanded: Vec<Demanded> = demanded.collect();
    if demanded.contains(&Ok(None)) {
        return Ok(None);
    }
    let mut together = Conditions::default();
    for conditions in demanded {
        together = together.and(conditions?.unwrap_or_default());
    }
    Ok(Some(together))
}

/// One that always holds decides, also beside one that cannot be kept.
fn any(demanded: impl Iterator<Item = Demanded>) -> Demanded {
    let demanded: Vec<Demanded> = demanded.collect();
    let free = Ok(Some(Conditions::default()));
    if demanded.contains(&free) {
        return free;
    }
    let mut together: Option<Conditions> = None;
    for conditions in demanded {
        together = match (together, conditions?) {
            (Some(this), Some(other)) => Some(this.or(other)?),
            (this, other) => this.or(other),
        };
    }
    Ok(together)
}

/// Reads a rule of one operator.
fn read(rule: &Map<String, Value>) -> Option<Rule> {
    let (operator, arguments) = only(rule)?;
    let arguments = arguments.as_array()?;
    match operator {
        "and" => Some(Rule::All(arguments.iter().map(Rule::read).collect())),
        "or" => Some(Rule::Any(arguments.iter().map(Rule::read).collect())),
        "inList" => {
            let [variable, list] = arguments.as_slice() else {
                return None;
            };
            let numbers = numbers(list)?;
            match name(variable)? {
                "product" => Some(Rule::Product(numbers)),
                "variation" => Some(Rule::Variation(numbers)),
                _ => None,
            }
        }
        "isAfter" | "isBefore" => {
            let [variable, time, tolerance @ ..] = arguments.as_slice() else {
                return None;
            };
            if name(variable)? != "now" {
                return None;
            }
            let tolerance = minutes(tolerance.first())?.checked_mul(60)?;
            let anchor = anchor(time)?;
            Some(if operator == "isAfter" {
                Rule::After(Moment {
                    anchor,
                    shift_seconds: tolerance.checked_neg()?,
                })
            } else {
                Rule::Before(Moment {
                    anchor,
                    shift_seconds: tolerance,
                })
            })
        }
        comparison => {
            let [variable, number] = arguments.as_slice() else {
                return None;
            };
            if name(variable)? != "entries_number" {
                return None;
            }
            match (comparison, number.as_i64()?) {
                ("<", most) => Some(Rule::EntriesBelow(most)),
                ("<=", most) => Some(Rule::EntriesBelow(most.saturating_add(1))),
                ("==", 0) => Some(Rule::EntriesBelow(1)),
                (">=", ..=0) | (">", ..0) => Some(Rule::All(Vec::new())),
                _ => None,
            }
        }
    }
}

fn only(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut fields = object.iter();
    match (fields.next(), fields.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

/// The arguments of an operation of this name.
fn arguments<'v>(value: &'v Value, operator: &str) -> Option<&'v [Value]> {
    let (name, arguments) = only(value.as_object()?)?;
    (name == operator).then(|| arguments.as_array().map(Vec::as_slice))?
}

/// The name of a variable.
fn name(value: &Value) -> Option<&str> {
    match only(value.as_object()?)? {
        ("var", Value::String(name)) => Some(name),
        ("var", Value::Array(path)) => path.first()?.as_str(),
        _ => None,
    }
}

/// Numbers of products or variations.
fn numbers(list: &Value) -> Option<Vec<u64>> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let entries = arguments(list, "objectList")?.iter();
    entries
        .map(|entry| number(arguments(entry, "lookup")?.get(1)?))
        .collect()
}

fn anchor(time: &Value) -> Option<Anchor> {
    let parts = arguments(time, "buildTime")?;
    match parts.first()?.as_str()? {
        "date_admission" => Some(Anchor::Admission),
        "date_from" => Some(Anchor::Begin),
        "date_to" => Some(Anchor::End),
        "custom" => {
            let at: Timestamp = parts.get(1)?.as_str()?.parse().ok()?;
            Some(Anchor::Fixed(at.as_second()))
        }
        _ => None,
    }
}

fn minutes(tolerance: Option<&Value>) -> Option<i64> {
    match tolerance {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) if text.is_empty() => Some(0),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_i64(),
    }
}

/// A rule in short, so that somebody finds it in the list.
fn words(rule: &Map<String, Value>) -> String {
    let comparison = || {
        let (operator, arguments) = only(rule)?;
        let (variable, rest) = arguments.as_array()?.split_first()?;
        let rest: Vec<String> = rest.iter().map(shown).collect();
        Some(format!("{} {operator} {}", name(variable)?, rest.join(" ")))
    };
    comparison().unwrap_or_else(|| shown(&Value::Object(rule.clone())))
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
