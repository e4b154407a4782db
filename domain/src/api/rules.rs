//! Changes of a session's rules, in the names that people use.

use crate::numbers::TypeNumber;
use crate::rules::{
    CodePlace, Counted, EntryMode, EntryRule, IsolatedRule, OperatorRule, Rules, SilentRule,
    StaleAction, StaleRule, TypeRule, UnknownSignedRule, ZoneCapacity,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a change says of a value that there may be or not: absent in JSON, `null`, or the value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Remove,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether it stays as it is.
    #[must_use]
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// What a value becomes.
    pub fn apply(self, value: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Remove => *value = None,
            Self::Set(new) => *value = Some(new),
        }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Remove, Self::Set)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Remove => writer.serialize_none(),
            Self::Set(value) => writer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Option::deserialize(reader).map(Self::from)
    }
}

/// Changes the rules of a session. What is left out stays as it is, and so do the rules of types and zones
/// that are not named. The rules that a session is shown with are such a change, too: one that names all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RulesChange {
    /// How often a ticket may enter, where no type says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryChange>,
    /// What differs for single ticket types: those named are changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<TypeRuleChange>,
    /// Minutes before the doors open during which a ticket is already let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_minutes: Option<u32>,
    /// Minutes after the session's end during which a ticket is still let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_minutes: Option<u32>,
    /// Minutes after the session's end during which people are let out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving_minutes: Option<u32>,
    /// How many people may be inside a zone at once: the zones named are changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<CapacityChange>,
    /// What a gate that reaches no server does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolated: Option<IsolatedRule>,
    /// What happens with a validly signed code that the set does not list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_signed: Option<UnknownSignedRule>,
    /// What a gate does when its ticket set is old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<StaleChange>,
    /// What the authority does when a device has gone silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent: Option<SilentRule>,
    /// Where the code stands in what the shop's tickets show; `null`: it is all of it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<CodePlaceChange>))]
    pub code_place: Patch<CodePlaceChange>,
    /// Whether somebody must be signed in where tickets are let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorRule>,
}

/// Changes how often a ticket may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EntryChange {
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<EntryMode>,
    /// Counted over one session or over all sessions of a pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
}

/// Changes what differs for one ticket type. It is named by `type` or by `number`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TypeRuleChange {
    /// The type, by slug or name.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The type's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<TypeNumber>,
    /// How often; `null`: as the session says.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<EntryChange>))]
    pub entry: Patch<EntryChange>,
    /// Zones that the type opens, by slug, name or id; empty: every zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zones: Option<Vec<String>>,
    /// What staff must check before letting the person in; `null` or empty: nothing.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub instruction: Patch<String>,
}

/// Changes how many people a zone holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CapacityChange {
    /// The zone, by slug, name or id.
    pub zone: String,
    /// People at once; `null`: as many as come.
    pub people: Option<u32>,
}

/// Changes what a gate does when its ticket set is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StaleChange {
    /// Age in minutes from which a set counts as stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_minutes: Option<u32>,
    /// What then happens with a ticket the gate would admit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<StaleAction>,
}

/// Changes where a code stands in what is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CodePlaceChange {
    /// The code begins after this text; empty means at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The code ends before this text; `null` or empty: at the end.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub before: Patch<String>,
}

impl RulesChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Changes what needs no names to be looked up: everything but the rules of types and zones.
    pub fn apply_to_session(&self, rules: &mut Rules) {
        if let Some(entry) = self.entry {
            rules.entry = entry.of(rules.entry);
        }
        set(&mut rules.early_minutes, self.early_minutes);
        set(&mut rules.late_minutes, self.late_minutes);
        rules.leaving_minutes = self.leaving_minutes.or(rules.leaving_minutes);
        set(&mut rules.isolated, self.isolated);
        set(&mut rules.unknown_signed, self.unknown_signed);
        if let Some(stale) = self.stale {
            set(&mut rules.stale.after_minutes, stale.after_minutes);
            set(&mut rules.stale.then, stale.then);
        }
        set(&mut rules.silent, self.silent);
        set(&mut rules.operator, self.operator);
        match &self.code_place {
            Patch::Keep => {}
            Patch::Remove => rules.code_place = None,
            Patch::Set(change) => {
                let mut place = rules.code_place.take().unwrap_or_default();
                set(&mut place.after, change.after.clone());
                change.before.clone().apply(&mut place.before);
                place.before = place.before.filter(|before| !before.is_empty());
                rules.code_place = Some(place).filter(|place| *place != CodePlace::default());
            }
        }
    }
}

impl EntryChange {
    /// The rule as it becomes.
    #[must_use]
    pub fn of(self, before: EntryRule) -> EntryRule {
        EntryRule {
            mode: self.mode.unwrap_or(before.mode),
            counted: self.counted.unwrap_or(before.counted),
        }
    }
}

impl From<EntryRule> for EntryChange {
    fn from(rule: EntryRule) -> Self {
        Self {
            mode: Some(rule.mode),
            counted: Some(rule.counted),
        }
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// The change that names all of these rules.
impl From<Rules> for RulesChange {
    fn from(rules: Rules) -> Self {
        let StaleRule {
            after_minutes,
            then,
        } = rules.stale;
        Self {
            entry: Some(rules.entry.into()),
            types: rules.types.into_iter().map(TypeRuleChange::from).collect(),
            early_minutes: Some(rules.early_minutes),
            late_minutes: Some(rules.late_minutes),
            leaving_minutes: rules.leaving_minutes,
            capacity: rules
                .capacity
                .into_iter()
                .map(CapacityChange::from)
                .collect(),
            isolated: Some(rules.isolated),
            unknown_signed: Some(rules.unknown_signed),
            stale: Some(StaleChange {
                after_minutes: Some(after_minutes),
                then: Some(then),
            }),
            silent: Some(rules.silent),
            code_place: rules
                .code_place
                .map(|place| CodePlaceChange {
                    after: Some(place.after),
                    before: place.before.into(),
                })
                .into(),
            operator: Some(rules.operator),
        }
    }
}

impl From<TypeRule> for TypeRuleChange {
    fn from(rule: TypeRule) -> Self {
        Self {
            kind: None,
            number: Some(rule.number),
            entry: rule.entry.map(EntryChange::from).into(),
            zones: Some(rule.zones.iter().map(ToString::to_string).collect()),
            instruction: rule.instruction.into(),
        }
    }
}

impl From<ZoneCapacity> for CapacityChange {
    fn from(capacity: ZoneCapacity) -> Self {
        Self {
            zone: capacity.zone.to_string(),
            people: Some(capacity.people),
        }
    }
}
