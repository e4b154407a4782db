//! What an organizer decides for a session: who may enter, how often, where, when, and what a gate
//! does when it is alone.

use crate::ids::ZoneId;
use crate::numbers::TypeNumber;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// The zone that is none: what a ticket type opens that nobody allowed yet.
pub const NOT_ALLOWED: ZoneId = ZoneId::from_bytes([0; 16]);

/// So long after a session's end people are let out where its rules do not say.
pub const LEAVING_MINUTES: u32 = 180;

/// The rules of a session. They travel in the signed manifest of its ticket set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// How often a ticket may enter, where no type says otherwise.
    #[n(0)]
    pub entry: EntryRule,
    /// What differs for single ticket types.
    #[n(1)]
    pub types: Vec<TypeRule>,
    /// Minutes before the doors open during which a ticket is already let in.
    #[n(2)]
    pub early_minutes: u32,
    /// Minutes after the session's end during which a ticket is still let in.
    #[n(3)]
    pub late_minutes: u32,
    /// How many people may be inside a zone at once. Without confirmation by the server it is advisory.
    #[n(4)]
    pub capacity: Vec<ZoneCapacity>,
    /// What a gate that reaches no server does with a ticket it would admit.
    #[n(5)]
    pub isolated: IsolatedRule,
    /// What happens with a validly signed code that the set does not list (sold after the last sync).
    #[n(6)]
    pub unknown_signed: UnknownSignedRule,
    /// What a gate does when its ticket set is old.
    #[n(7)]
    pub stale: StaleRule,
    /// What the authority does when a device that could have admitted the ticket too has gone silent.
    #[n(8)]
    #[cbor(default)]
    pub silent: SilentRule,
    /// Where the code stands in what the shop's tickets show, if it is not all of it.
    #[n(9)]
    pub code_place: Option<CodePlace>,
    /// Whether somebody must be signed in where tickets are let in.
    #[n(10)]
    pub operator: OperatorRule,
    /// Minutes after the session's end during which people are let out; three hours if it does not say.
    #[n(11)]
    pub leaving_minutes: Option<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            entry: EntryRule::default(),
            types: Vec::new(),
            early_minutes: 15,
            late_minutes: 0,
            capacity: Vec::new(),
            isolated: IsolatedRule::Admit,
            unknown_signed: UnknownSignedRule::Admit,
            stale: StaleRule::default(),
            silent: SilentRule::default(),
            code_place: None,
            operator: OperatorRule::default(),
            leaving_minutes: None,
        }
    }
}

impl Rules {
    /// What is said about this type, if anything.
    #[must_use]
    pub fn for_type(&self, number: TypeNumber) -> Option<&TypeRule> {
        self.types.iter().find(|rule| rule.number == number)
    }

    /// Whether a type opens some zones and not others.
    #[must_use]
    pub fn name_zones(&self) -> bool {
        self.types.iter().any(|rule| !rule.zones.is_empty())
    }

    /// Whether anything is said about this zone.
    #[must_use]
    pub fn names_zone(&self, zone: ZoneId) -> bool {
        let opened = self.types.iter().flat_map(|rule| &rule.zones);
        let held = self.capacity.iter().map(|held| &held.zone);
        opened.chain(held).any(|named| *named == zone)
    }

    /// Whether the rules say which zones this type opens.
    #[must_use]
    pub fn name_zones_of(&self, number: TypeNumber) -> bool {
        let rule = self.for_type(number);
        rule.is_some_and(|rule| !rule.zones.is_empty())
    }

    /// Has a type open no zone, where rules name zones and say nothing of its own: the absence of a rule
    /// means every zone, for ever, and nobody chose that for a type which came with a list.
    pub fn restrict(&mut self, number: TypeNumber) {
        if !self.name_zones() || self.name_zones_of(number) {
            return;
        }
        match self.types.iter_mut().find(|rule| rule.number == number) {
            Some(rule) => rule.zones = vec![NOT_ALLOWED],
            None => self.types.push(TypeRule {
                number,
                entry: None,
                zones: vec![NOT_ALLOWED],
                instruction: None,
            }),
        }
    }

    /// How often tickets of this type may enter.
    #[must_use]
    pub fn entry_for(&self, number: Option<TypeNumber>) -> EntryRule {
        number
            .and_then(|number| self.for_type(number))
            .and_then(|rule| rule.entry)
            .unwrap_or(self.entry)
    }
}

/// How often a ticket may enter, and over what its entries are counted.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Encode,
    Decode,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryRule {
    /// How often.
    #[n(0)]
    pub mode: EntryMode,
    /// Counted over one session or over all sessions of a pass.
    #[n(1)]
    pub counted: Counted,
}

impl EntryRule {
    /// The rule for a ticket whose row sets its number of entries: that number takes the place of the
    /// mode; over what entries are counted stays. A ticket of zero entries never enters.
    #[must_use]
    pub fn with_entries(self, entries: Option<u16>) -> Self {
        let mode = entries.map_or(self.mode, EntryMode::Times);
        Self { mode, ..self }
    }
}

/// How often a ticket may enter.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Encode,
    Decode,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(flat)]
#[serde(rename_all = "snake_case")]
pub enum EntryMode {
    /// Once.
    #[default]
    #[n(0)]
    Single,
    /// Again and again, each time after an exit scan.
    #[n(1)]
    Reentry,
    /// This many times, with or without exit scans between.
    #[n(2)]
    Times(#[n(0)] u16),
}

/// Over what entries are counted.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Encode,
    Decode,
    Serialize,
    Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Each session by itself.
    #[default]
    #[n(0)]
    PerSession,
    /// All sessions of the pass together.
    #[n(1)]
    PerPass,
}

/// What differs for one ticket type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TypeRule {
    /// The type.
    #[n(0)]
    pub number: TypeNumber,
    /// How often, if not as the session says.
    #[n(1)]
    #[serde(default)]
    pub entry: Option<EntryRule>,
    /// Zones that the type opens; empty means every zone.
    #[n(2)]
    #[serde(default)]
    pub zones: Vec<ZoneId>,
    /// What staff must check before letting the person in ("check student ID").
    #[n(3)]
    #[serde(default)]
    pub instruction: Option<String>,
}

/// A zone and how many people it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZoneCapacity {
    /// The zone.
    #[n(0)]
    pub zone: ZoneId,
    /// People at once.
    #[n(1)]
    pub people: u32,
}

/// What a gate that reaches no server does with a ticket it would admit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum IsolatedRule {
    /// Admits it and says that it is alone.
    #[default]
    #[n(0)]
    Admit,
    /// Admits it only on the ticket's home device.
    #[n(1)]
    HomeOnly,
    /// Refers it to a supervisor.
    #[n(2)]
    Refer,
}

/// What happens with a validly signed code that the set does not list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum UnknownSignedRule {
    /// Admits it and says so.
    #[default]
    #[n(0)]
    Admit,
    /// Refers it to a supervisor.
    #[n(1)]
    Refer,
    /// Refuses it as unknown.
    #[n(2)]
    Refuse,
}

/// Whether somebody must be signed in at a gate that lets people in. Leaving never needs an operator.
///
/// In CBOR what is optional is left out, as older programs leave it out, and 1 stands for required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OperatorRule {
    /// Nobody must.
    #[default]
    Optional,
    /// The gate refers until a badge is scanned.
    Required,
}

impl<C> Encode<C> for OperatorRule {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::Optional => e.null()?.ok(),
            Self::Required => e.u8(1)?.ok(),
        }
    }

    fn is_nil(&self) -> bool {
        *self == Self::Optional
    }
}

impl<'b, C> Decode<'b, C> for OperatorRule {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.datatype()? == minicbor::data::Type::Null {
            d.null()?;
            return Ok(Self::Optional);
        }
        match d.u8()? {
            1 => Ok(Self::Required),
            other => Err(minicbor::decode::Error::unknown_variant(other.into())),
        }
    }

    fn nil() -> Option<Self> {
        Some(Self::Optional)
    }
}

/// Where a code stands in what is shown: many shops show an address with the code in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CodePlace {
    /// The code begins after this text, such as `/check-in/`; empty means at the beginning.
    #[n(0)]
    #[serde(default)]
    pub after: String,
    /// The code ends before this text; none, or where the text is missing, at the end.
    #[n(1)]
    #[serde(default)]
    pub before: Option<String>,
}

impl CodePlace {
    /// The code in a text; none if the text before it is missing or nothing stands there.
    #[must_use]
    pub fn code_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (_, code) = text.split_once(self.after.as_str())?;
        let end = self.before.as_deref().filter(|before| !before.is_empty());
        let code = end.map_or(code, |end| {
            code.split_once(end).map_or(code, |(code, _)| code)
        });
        Some(code.trim()).filter(|code| !code.is_empty())
    }
}

/// What a gate does when its ticket set is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StaleRule {
    /// Age in minutes from which a set counts as stale.
    #[n(0)]
    pub after_minutes: u32,
    /// What then happens with a ticket the gate would admit.
    #[n(1)]
    pub then: StaleAction,
}

impl Default for StaleRule {
    fn default() -> Self {
        Self {
            after_minutes: 12 * 60,
            then: StaleAction::Warn,
        }
    }
}

/// What happens with a ticket that a stale gate would admit. A stale set never stops a gate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum StaleAction {
    /// Admits it in amber and says how old the set is.
    #[default]
    #[n(0)]
    Warn,
    /// Refers it to a supervisor.
    #[n(1)]
    Refer,
}

/// What the authority does with a ticket it would admit while another device on duty is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SilentRule {
    /// Admits it and says who is silent.
    #[default]
    #[n(0)]
    Admit,
    /// Refers it to a supervisor.
    #[n(1)]
    Refer,
}
