//! Changing the rules of a session: the names in a change are looked up, and what is not named stays.

use super::error::{Error, Result};
use super::things::{self, Loaded, Thing, check_text};
use crate::storage::Transaction;
use usher_domain::api::rules::{Patch, RulesChange, TypeRuleChange};
use usher_domain::api::venue::{Event, Session, TicketType, Zone};
use usher_domain::ids::{OrganizerId, SessionId, ZoneId};
use usher_domain::numbers::TypeNumber;
use usher_domain::record::{Body, RuleChange};
use usher_domain::rules::{EntryRule, Rules, TypeRule, ZoneCapacity};

/// Bytes of the longest instruction to staff.
pub(crate) const INSTRUCTION_BYTES_MAX: usize = 500;
/// Bytes of the longest text that says where a code stands.
const CODE_PLACE_BYTES_MAX: usize = 200;
/// Names that an error lists at most.
const NAMES_MAX: usize = 12;

/// The field of a request that holds rules.
const FIELD: &str = "rules";

/// Changes rules.
///
/// # Errors
/// [`Error::Invalid`] for a type or a zone that is not there, or for a text that is too long.
pub(crate) fn change(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: &Event,
    rules: &mut Rules,
    change: Option<RulesChange>,
) -> Result<()> {
    let Some(change) = change else {
        return Ok(());
    };
    change.apply_to_session(rules);
    if let Patch::Set(_) = &change.code_place
        && let Some(place) = &rules.code_place
    {
        let texts = [Some(&place.after), place.before.as_ref()];
        for text in texts.into_iter().flatten().filter(|text| !text.is_empty()) {
            check_text(FIELD, text, CODE_PLACE_BYTES_MAX)?;
        }
    }
    if change.types.is_empty() && change.capacity.is_empty() {
        return Ok(());
    }
    let names = Names {
        zones: things::current::<Zone>(txn, organizer.as_bytes())?,
        types: things::current::<TicketType>(txn, event.id.as_bytes())?,
    };
    for change in change.types {
        change_type(rules, &names, change)?;
    }
    for change in change.capacity {
        let zone = names.zone(&change.zone)?;
        let held = rules.capacity.iter_mut().find(|held| held.zone == zone);
        match (held, change.people) {
            (Some(held), Some(people)) => held.people = people,
            (None, Some(people)) => rules.capacity.push(ZoneCapacity { zone, people }),
            (Some(_), None) => rules.capacity.retain(|held| held.zone != zone),
            (None, None) => {}
        }
    }
    Ok(())
}

fn change_type(rules: &mut Rules, names: &Names, change: TypeRuleChange) -> Result<()> {
    let number = names.number(&change)?;
    let session_entry = rules.entry;
    let place = match rules.types.iter().position(|rule| rule.number == number) {
        Some(place) => place,
        None => {
            rules.types.push(TypeRule {
                number,
                entry: None,
                zones: Vec::new(),
                instruction: None,
            });
            rules.types.len() - 1
        }
    };
    let Some(rule) = rules.types.get_mut(place) else {
        return Ok(());
    };
    match change.entry {
        Patch::Keep => {}
        Patch::Remove => rule.entry = None,
        Patch::Set(entry) => rule.entry = Some(entry.of(rule.entry.unwrap_or(session_entry))),
    }
    if let Some(zones) = change.zones {
        let mut opened = Vec::new();
        for zone in zones {
            let zone = names.zone(&zone)?;
            if !opened.contains(&zone) {
                opened.push(zone);
            }
        }
        rule.zones = opened;
    }
    change.instruction.apply(&mut rule.instruction);
    rule.instruction.take_if(|text| text.is_empty());
    if let Some(instruction) = &rule.instruction {
        check_text(FIELD, instruction, INSTRUCTION_BYTES_MAX)?;
    }
    // A rule that says nothing is none.
    if rule.entry.is_none() && rule.zones.is_empty() && rule.instruction.is_none() {
        rules.types.remove(place);
    }
    Ok(())
}

/// The types and zones that rules may name.
struct Names {
    zones: Vec<Loaded<Zone>>,
    types: Vec<Loaded<TicketType>>,
}

impl Names {
    fn zone(&self, named: &str) -> Result<ZoneId> {
        named_in(&self.zones, named, |zone| &zone.name).map(|zone| zone.id)
    }

    fn number(&self, change: &TypeRuleChange) -> Result<TypeNumber> {
        match (&change.kind, change.number) {
            (Some(kind), None) => {
                named_in(&self.types, kind, |kind| &kind.name).map(|kind| kind.number)
            }
            (None, Some(number)) => {
                let mut known = self.types.iter().map(|kind| kind.value.number);
                known.find(|known| *known == number).ok_or_else(|| {
                    Error::invalid(FIELD, format!("there is no ticket type {number}"))
                })
            }
            (Some(_), Some(_)) | (None, None) => Err(Error::invalid(
                FIELD,
                "name the ticket type either by type or by number",
            )),
        }
    }
}

/// The thing of this slug or id, or the only one of this name.
fn named_in<'t, T: Thing>(
    all: &'t [Loaded<T>],
    named: &str,
    name: impl Fn(&T) -> &str,
) -> Result<&'t T> {
    let id = things::parse_id(named);
    let by_path = |thing: &&Loaded<T>| thing.value.slug() == Some(named) || Some(thing.id) == id;
    if let Some(thing) = all.iter().find(by_path) {
        return Ok(&thing.value);
    }
    let mut of_name = all.iter().filter(|thing| name(&thing.value) == named);
    match (of_name.next(), of_name.next()) {
        (Some(thing), None) => Ok(&thing.value),
        (Some(_), Some(_)) => Err(Error::invalid(
            FIELD,
            format!(
                "there are several {}s called “{named}”: write the slug",
                T::WORD
            ),
        )),
        (None, _) => {
            let slugs = all.iter().filter_map(|thing| thing.value.slug());
            let mut known: Vec<&str> = slugs.collect();
            known.sort_unstable();
            known.truncate(NAMES_MAX);
            let known = match known.as_slice() {
                [] => "there are none yet".to_owned(),
                known if known.len() < all.len() => {
                    format!("there are {} and others", known.join(", "))
                }
                known => format!("there are {}", known.join(", ")),
            };
            let why = format!("there is no {} “{named}”: {known}", T::WORD);
            Err(Error::invalid(FIELD, why))
        }
    }
}

/// What merging must learn when rules change, as records.
pub(crate) fn records(session: SessionId, before: &Rules, after: &Rules) -> Vec<Body> {
    let record = |type_number, rule| {
        Body::Rule(RuleChange {
            session,
            type_number,
            rule,
        })
    };
    let mut records = Vec::new();
    if before.entry != after.entry {
        records.push(record(None, Some(after.entry)));
    }
    let own = |rules: &Rules, number| rules.for_type(number).and_then(|rule| rule.entry);
    let mut numbers: Vec<_> = [before, after]
        .iter()
        .flat_map(|rules| &rules.types)
        .map(|rule| rule.number)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    for number in numbers {
        let (was, is): (Option<EntryRule>, Option<EntryRule>) =
            (own(before, number), own(after, number));
        if was != is {
            records.push(record(Some(number), is));
        }
    }
    records
}

/// The records that tell a scope the rules of a session that joins it.
pub(crate) fn from_nothing(session: &Session) -> Vec<Body> {
    records(session.id, &Rules::default(), &session.rules)
}
