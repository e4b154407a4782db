//! Answers of pretix's REST API as files (<https://docs.pretix.eu/dev/api/resources/index.html>).
//!
//! Needed are pages of `orders/` (in any order; also a bare list of orders) and `items/`; `event` brings the
//! signing keys; `revokedsecrets/`, `blockedsecrets/`, `checkinlists/` and `subevents/` are used if there. Files are told by
//! what is in them, not by their names.

mod files;
mod items;
mod lists;
mod orders;
mod refused_secrets;

pub use items::PretixItem;
pub use lists::{ListedProduct, PretixCheckInList, TakenList};
pub use refused_secrets::RefusedSecrets;

use super::report::{Place, Warning};
use super::ticket::Shared;
use super::{Import, ImportError, ImportedTicket, NamedBytes, Options, Source};
use files::Files;
use items::Items;
use lists::TakenLists;
use std::collections::{BTreeSet, HashSet};
use usher_domain::code::pretix as secrets;
use usher_domain::keys::PublicKey;

/// What becomes of orders made in pretix's test mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TestOrders {
    /// They are left out, with a warning.
    #[default]
    LeaveOut,
    /// They are tickets like others, for a rehearsal.
    Take,
}

/// What pretix tells besides the tickets.
#[derive(Debug, Default)]
pub struct PretixFacts {
    /// The event's short name.
    pub slug: Option<String>,
    /// The event's IANA time zone.
    pub time_zone: Option<String>,
    /// Public keys (Ed25519) of the event's `pretix_sig1` secrets; all of them are to be tried.
    pub keys: Vec<PublicKey>,
    /// Products and their variations, as ticket types.
    pub items: Vec<PretixItem>,
    /// Dates of an event series, by the number that stands in [`super::ImportedTicket::session`].
    pub subevents: Vec<PretixSubevent>,
    /// Check-in lists.
    pub check_in_lists: Vec<PretixCheckInList>,
    /// Those whose rules are taken over.
    pub taken_lists: Vec<TakenList>,
    /// Numbers of dates that positions name.
    pub named_dates: BTreeSet<u64>,
    /// Secrets that pretix refuses, without those in the tickets.
    pub refused: RefusedSecrets,
    /// Orders whose positions could all be read: what they lack is no ticket any more.
    pub whole_orders: HashSet<Box<str>>,
    /// Orders of which something could not be read.
    pub broken_orders: HashSet<Box<str>>,
    /// Numbers of positions that are there and are no tickets.
    pub other_positions: HashSet<Box<str>>,
    /// Check-in lists, by name or number, on which positions were let in.
    pub used_on: BTreeSet<String>,
}

/// A date of an event series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretixSubevent {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// When it takes place.
    pub dates: PretixDates,
}

/// When an event, or one date of a series, takes place (unix seconds).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PretixDates {
    /// When the doors open.
    pub admission: Option<i64>,
    /// When it begins.
    pub begin: Option<i64>,
    /// When it ends.
    pub end: Option<i64>,
}

impl PretixFacts {
    /// The name of a check-in list, or its number.
    fn list_name(&self, id: u64) -> String {
        let known = self.check_in_lists.iter().find(|list| list.id == id);
        known.map_or_else(|| id.to_string(), |list| format!("“{}”", list.name))
    }
}

/// Reads all files together.
pub(super) fn read(files: &[NamedBytes<'_>], options: &Options) -> Result<Import, ImportError> {
    let files = Files::sort(files)?;
    let locale = options.locale.as_deref();
    let items = Items::read(&files.items, locale)?;
    let mut facts = PretixFacts {
        subevents: files.subevents(locale),
        check_in_lists: files.check_in_lists(),
        items: items.types(),
        ..PretixFacts::default()
    };
    let mut warnings = files.ignored.clone();
    match &files.event {
        Some(event) => {
            facts.slug = event.slug.clone();
            facts.time_zone = event.timezone.clone();
            facts.keys = keys(&event.valid_keys.pretix_sig1)?;
        }
        None => warnings.push(Warning::EventMissing),
    }
    let secrets = refused_secrets::Secrets::new(&files);
    let lists = TakenLists::choose(&options.check_in_lists, &items, &files, &facts)?;
    let mut reading = orders::Orders {
        options,
        items: &items,
        lists: &lists,
        secrets: &secrets,
        slug: facts.slug.clone(),
        texts: Shared::default(),
        tickets: Vec::new(),
        bad: Vec::new(),
        test_orders: 0,
        whole: HashSet::new(),
        other: HashSet::new(),
        used_on: BTreeSet::new(),
        named_dates: BTreeSet::new(),
    };
    let different = reading.read_all(&files.orders)?;
    if let Some(expected) = files.order_count.filter(|count| *count > different) {
        warnings.push(Warning::PagesMissing {
            expected,
            found: different,
        });
    }
    warnings.extend(reading.warnings());
    facts.refused = secrets.not_among(&reading.tickets);
    facts.named_dates = std::mem::take(&mut reading.named_dates);
    facts.used_on = reading
        .used_on
        .iter()
        .map(|id| facts.list_name(*id))
        .collect();
    let is_taken = |list: &PretixCheckInList| lists.lists.iter().any(|taken| taken.id == list.id);
    let others = facts.check_in_lists.iter().filter(|list| !is_taken(list));
    warnings.extend(others.filter_map(lists::left_out));
    for bad in &reading.bad {
        if let Place::Position { order, .. } = &bad.place {
            reading.whole.remove(order);
            facts.broken_orders.insert(order.clone());
        }
    }
    (facts.whole_orders, facts.other_positions) = (reading.whole, reading.other);
    let (tickets, bad) = (reading.tickets, reading.bad);
    facts.taken_lists = lists.of_products(&tickets, &facts.items);
    Ok(Import {
        files: files.used,
        tickets,
        bad,
        warnings,
        used_before: 0,
        source: Source::Pretix(facts),
    })
}

/// Reads all keys; a key that is left out would make genuine tickets look forged, so each must be one.
fn keys(entries: &[String]) -> Result<Vec<PublicKey>, ImportError> {
    entries
        .iter()
        .zip(1..)
        .map(|(entry, index)| secrets::read_key(entry).map_err(|_| ImportError::BadKey { index }))
        .collect()
}
