//! Rules of a session that come from a check-in list of pretix.
//!
//! They are set for the products of the shop alone: other types of the session keep theirs. What a list says of
//! single tickets (unpaid ones, times) stands in their lines already.

use super::apply::Effect;
use super::kinds::{self, Told};
use super::report::counted;
use super::{Whole, lines};
use crate::import::{PretixFacts, TakenList};
use crate::service::error::{Error, Result};
use crate::service::sessions;
use crate::service::tickets::desk::Desk;
use crate::storage::{Space, Transaction};
use usher_domain::api::imports::{ImportMode, ImportReport};
use usher_domain::api::venue::Session;
use usher_domain::cbor;
use usher_domain::ids::{EventId, SessionId};
use usher_domain::numbers::TypeNumber;
use usher_domain::rules::{EntryMode, EntryRule, Rules, TypeRule};

/// What a person says who takes over no list any more.
pub(super) const NONE: &str = "-";

/// The longest that a list opens a session before its doors, or keeps it open after its end.
const WIDEST_MINUTES: i64 = 24 * 60;

/// Sets the rules of sessions as the lists say, and remembers that they do; `created` collects the names of new
/// types.
pub(super) fn take_over(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    facts: &PretixFacts,
    created: &mut Vec<String>,
) -> Result<Effect> {
    let mut effect = remember(txn, desk, whole)?;
    for list in &facts.taken_lists {
        let entries = entries(txn, desk, whole, list, created)?;
        for id in sessions_of(desk, whole, facts, list)? {
            let mut session = sessions::of_id(txn, desk.organizer, id)?;
            let mut rules = session.value.rules.clone();
            for (number, mode) in &entries {
                set_entry(&mut rules, *number, *mode);
            }
            widen(&mut rules, &session.value, list);
            if rules != session.value.rules {
                sessions::put_rules(txn, desk.organizer, &mut session, rules, desk.now)?;
                effect = Effect::Updated;
            }
        }
    }
    Ok(effect)
}

/// How often each type enters that a product of the list became.
fn entries(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    list: &TakenList,
    created: &mut Vec<String>,
) -> Result<Vec<(TypeNumber, EntryMode)>> {
    let mut entries = Vec::new();
    for listed in &list.products {
        let id = listed.kind.id();
        let told = Told {
            source: whole.source_mark,
            product: Some(&id),
            name: &listed.kind.name,
        };
        let kind = kinds::of_list(txn, desk, told, created)?;
        entries.push((kind.number, listed.entry));
    }
    Ok(entries)
}

/// The sessions that a list is for: that of its date, else that of the import, else all of the event.
fn sessions_of(
    desk: &Desk,
    whole: &Whole,
    facts: &PretixFacts,
    list: &TakenList,
) -> Result<Vec<SessionId>> {
    if let Some(date) = list.subevent {
        let slug = lines::session(desk.sessions(), &date.to_string(), &facts.subevents);
        let slug = slug.map_err(|error| {
            if let Error::NotFound(_) = error {
                let why = format!(
                    "the list “{}” is for a date of the series that is no session here",
                    list.name
                );
                Error::invalid("check_in_lists", why)
            } else {
                error
            }
        })?;
        return Ok(vec![desk.session_named(&slug)?]);
    }
    match &whole.options.session {
        Some(name) => Ok(vec![desk.session_named(name)?]),
        None => Ok(desk.sessions().iter().map(|session| session.id).collect()),
    }
}

/// Sets how often a type enters; over what its entries are counted stays.
fn set_entry(rules: &mut Rules, number: TypeNumber, mode: EntryMode) {
    let of_session = rules.entry;
    let before = rules.entry_for(Some(number));
    let entry = Some(EntryRule { mode, ..before }).filter(|entry| *entry != of_session);
    match rules.types.iter_mut().find(|rule| rule.number == number) {
        Some(rule) => rule.entry = entry,
        None if entry.is_some() => rules.types.push(TypeRule {
            number,
            entry,
            zones: Vec::new(),
            instruction: None,
        }),
        None => {}
    }
    // A rule that says nothing is none.
    rules.types.retain(|rule| {
        rule.entry.is_some() || !rule.zones.is_empty() || rule.instruction.is_some()
    });
}

/// Lets the session be open where the list lets somebody in; its tickets say when each of them is.
fn widen(rules: &mut Rules, session: &Session, list: &TakenList) {
    let minutes = |seconds: i64| {
        let minutes = (seconds.max(0) + 59) / 60;
        u32::try_from(minutes.min(WIDEST_MINUTES)).unwrap_or_default()
    };
    if let Some(from) = list.from {
        let early = session.doors.as_second().saturating_sub(from);
        rules.early_minutes = rules.early_minutes.max(minutes(early));
    }
    if let Some(until) = list.until {
        let late = until.saturating_sub(session.ends.as_second());
        rules.late_minutes = rules.late_minutes.max(minutes(late));
    }
}

/// Says what was taken over, a sentence for each list.
pub(super) fn tell(
    desk: &Desk,
    whole: &Whole,
    facts: &PretixFacts,
    report: &mut ImportReport,
) -> Result<()> {
    for list in &facts.taken_lists {
        let sessions = desk
            .slugs_of(&sessions_of(desk, whole, facts, list)?)
            .join(", ");
        let mut said = Vec::new();
        let of = |mode: fn(EntryMode) -> bool| -> Vec<&str> {
            let products = list.products.iter().filter(|listed| mode(listed.entry));
            products.map(|listed| listed.kind.name.as_str()).collect()
        };
        let never = of(|mode| mode == EntryMode::Times(0));
        if !never.is_empty() {
            said.push(format!("not let in: {}", never.join(", ")));
        }
        let again = of(|mode| mode == EntryMode::Reentry);
        if !again.is_empty() {
            said.push(format!("again after each exit: {}", again.join(", ")));
        }
        let often = of(|mode| matches!(mode, EntryMode::Times(2..)));
        if !often.is_empty() {
            said.push(format!("several times: {}", often.join(", ")));
        }
        if list.include_pending {
            said.push("unpaid orders are let in once staff confirmed it".to_owned());
        }
        let said = if said.is_empty() {
            "every ticket enters once".to_owned()
        } else {
            said.join("; ")
        };
        report.warnings.push(format!(
            "the rules of the check-in list “{}” are taken over at {}: {said}",
            list.name,
            counted_sessions(&sessions)
        ));
    }
    Ok(())
}

fn counted_sessions(slugs: &str) -> String {
    let count = slugs.split(", ").count() as u64;
    let word = counted(count, "session", "sessions");
    match count {
        1 => format!("session {slugs}"),
        _ => format!("{word} ({slugs})"),
    }
}

fn place(whole: &Whole, event: EventId) -> Vec<u8> {
    let source = cbor::encode(&whole.source_mark);
    [b"check-in lists ", event.as_bytes().as_slice(), &source].concat()
}

/// Names of the lists that the last import from this source took over.
fn remembered(txn: &dyn Transaction, desk: &Desk, whole: &Whole) -> Result<Vec<String>> {
    match txn.value(Space::Event, &place(whole, desk.event.id))? {
        None => Ok(Vec::new()),
        Some(bytes) => cbor::decode(&bytes)
            .map_err(|_| Error::Internal("the check-in lists taken over are not readable")),
    }
}

fn remember(txn: &mut dyn Transaction, desk: &Desk, whole: &Whole) -> Result<Effect> {
    let lists: Vec<String> = named(whole).cloned().collect();
    if remembered(txn, desk, whole)? == lists {
        return Ok(Effect::Unchanged);
    }
    let place = place(whole, desk.event.id);
    txn.put_value(Space::Event, &place, &cbor::encode(&lists), desk.now)?;
    Ok(Effect::Updated)
}

/// The lists that the import names.
fn named(whole: &Whole) -> impl Iterator<Item = &String> {
    let lists = whole.options.check_in_lists.iter();
    lists.filter(|list| *list != NONE)
}

/// Stops at an import that says nothing of lists which the last one took over: it would take times and unpaid
/// tickets back, and leave the rules of the session as they are.
pub(super) fn know_forgotten(
    txn: &dyn Transaction,
    desk: &Desk,
    whole: &Whole,
    report: &mut ImportReport,
) -> Result<()> {
    if !whole.options.check_in_lists.is_empty() {
        return Ok(());
    }
    let before = remembered(txn, desk, whole)?;
    if before.is_empty() {
        return Ok(());
    }
    let again: Vec<String> = before
        .iter()
        .map(|list| format!("--check-in-list '{list}'"))
        .collect();
    let why = format!(
        "the last import took over the rules of a check-in list, and this one names none. Say {} again, or --check-in-list {NONE} to take over none from now on",
        again.join(" ")
    );
    if whole.options.mode == ImportMode::DryRun {
        report.warnings.push(why);
        return Ok(());
    }
    Err(Error::ImportStopped(format!("{why}. Nothing was imported")))
}
