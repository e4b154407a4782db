//! Check-in lists whose rules are taken over.

use super::super::super::ImportError;
use super::super::files::Files;
use super::super::items::{Items, Product};
use super::super::{ImportedTicket, PretixDates, PretixFacts, PretixItem};
use super::PretixCheckInList;
use super::logic::{Conditions, Moment, Rule, Unmapped};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use usher_domain::rules::EntryMode;

/// How often a ticket enters where nobody counts.
const ANY_NUMBER: EntryMode = EntryMode::Times(u16::MAX);
/// How often a ticket enters that is not on the list.
const NEVER: EntryMode = EntryMode::Times(0);

/// A product and how often a list lets its tickets in; zero times where they are not on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProduct {
    /// The product.
    pub kind: PretixItem,
    /// How often.
    pub entry: EntryMode,
}

/// A check-in list whose rules are taken over.
#[derive(Debug)]
pub struct TakenList {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The date of the series that it is for; none for all of them.
    pub subevent: Option<u64>,
    /// True if unpaid orders may enter.
    pub include_pending: bool,
    /// What it says of each product.
    pub products: Vec<ListedProduct>,
    /// The earliest moment at which it lets anybody in (unix seconds), if it says so and the same on all dates.
    pub from: Option<i64>,
    /// The latest moment.
    pub until: Option<i64>,
    /// What it demands besides, by product and variation; none where its tickets never enter.
    conditions: BTreeMap<(u64, Option<u64>), Option<Conditions>>,
}

/// When a list lets a ticket in (unix seconds).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Window {
    pub(in super::super) from: Option<i64>,
    pub(in super::super) until: Option<i64>,
}

/// The lists that are taken over, and the dates that their rules count from.
#[derive(Debug, Default)]
pub(in super::super) struct TakenLists {
    pub(in super::super) lists: Vec<TakenList>,
    event: PretixDates,
    subevents: BTreeMap<u64, PretixDates>,
}

impl TakenLists {
    /// Chooses the lists of these names or numbers and reads their rules.
    pub(in super::super) fn choose(
        wanted: &[String],
        items: &Items,
        files: &Files<'_>,
        facts: &PretixFacts,
    ) -> Result<Self, ImportError> {
        let known = &facts.check_in_lists;
        let mut taken = Self {
            lists: Vec::new(),
            event: files
                .event
                .as_ref()
                .map(|event| event.dates())
                .unwrap_or_default(),
            subevents: facts
                .subevents
                .iter()
                .map(|date| (date.id, date.dates))
                .collect(),
        };
        let mut numbers = BTreeSet::new();
        for name in wanted {
            let of_number = known.iter().filter(|list| list.id.to_string() == *name);
            let of_name = known.iter().filter(|list| list.name == *name);
            let mut chosen: Vec<&PretixCheckInList> = of_name.collect();
            if chosen.is_empty() {
                chosen = of_number.collect();
            }
            if chosen.is_empty() {
                return Err(ImportError::CheckInListUnknown {
                    wanted: name.clone(),
                    known: known
                        .iter()
                        .map(|list| format!("“{}”", list.name))
                        .collect(),
                });
            }
            chosen.retain(|list| numbers.insert(list.id));
            for list in chosen {
                taken.add(list, items)?;
            }
        }
        Ok(taken)
    }

    fn add(&mut self, list: &PretixCheckInList, items: &Items) -> Result<(), ImportError> {
        let meets = |other: &&TakenList| {
            let dates = (list.subevent, other.subevent);
            !matches!(dates, (Some(this), Some(other)) if this != other)
        };
        if let Some(other) = self.lists.iter().find(meets) {
            return Err(ImportError::CheckInListsMeet {
                one: other.name.clone(),
                other: list.name.clone(),
            });
        }
        let failed = |Unmapped(rule)| ImportError::CheckInListRule {
            list: list.name.clone(),
            rule,
        };
        let mut taken = TakenList {
            id: list.id,
            name: list.name.clone(),
            subevent: list.subevent,
            include_pending: list.include_pending,
            products: Vec::new(),
            from: None,
            until: None,
            conditions: BTreeMap::new(),
        };
        let rules = Rule::read(&list.rules);
        if list.addon_match {
            return Err(failed(Unmapped(
                "it looks for add-ons of the ticket".to_owned(),
            )));
        }
        for Product { kind, .. } in items.all() {
            let conditions = conditions(list, &rules, kind).map_err(failed)?;
            let entry = conditions
                .as_ref()
                .map_or(Ok(NEVER), |conditions| mode(list, conditions));
            taken.products.push(ListedProduct {
                kind: kind.clone(),
                entry: entry.map_err(failed)?,
            });
            taken
                .conditions
                .insert((kind.item, kind.variation), conditions);
        }
        let dates = self.dates(list.subevent);
        let windows = taken.conditions.values().flatten();
        let windows = windows.map(|conditions| window(conditions, &dates).unwrap_or_default());
        let windows: Vec<Window> = windows.collect();
        // Only where every product has a bound the list as a whole has one.
        let all = |bound: fn(&Window) -> Option<i64>| {
            windows.iter().map(bound).collect::<Option<Vec<_>>>()
        };
        taken.from = all(|window| window.from).and_then(|from| from.into_iter().min());
        taken.until = all(|window| window.until).and_then(|until| until.into_iter().max());
        self.lists.push(taken);
        Ok(())
    }

    /// The lists, without products that no ticket is of and that give no admission by themselves.
    pub(in super::super) fn of_products(
        mut self,
        tickets: &[ImportedTicket],
        items: &[PretixItem],
    ) -> Vec<TakenList> {
        let sold = tickets
            .iter()
            .filter_map(|ticket| ticket.type_id.as_deref());
        let sold: HashSet<&str> = sold.collect();
        for list in &mut self.lists {
            list.products.retain(|listed| {
                let kind = &listed.kind;
                (kind.admission && items.contains(kind)) || sold.contains(kind.id().as_str())
            });
        }
        self.lists
    }

    fn dates(&self, subevent: Option<u64>) -> PretixDates {
        match subevent {
            Some(number) => self.subevents.get(&number).copied().unwrap_or_default(),
            None => self.event,
        }
    }

    /// The list that lets tickets of a date in.
    pub(in super::super) fn of_date(&self, subevent: Option<u64>) -> Option<&TakenList> {
        let mut lists = self.lists.iter();
        lists.find(|list| list.subevent.is_none() || list.subevent == subevent)
    }

    /// When a position's ticket is let in.
    ///
    /// # Errors
    /// The files do not tell the date that the rules count from.
    pub(in super::super) fn window(
        &self,
        item: u64,
        variation: Option<u64>,
        subevent: Option<u64>,
    ) -> Result<Window, ImportError> {
        let Some(list) = self.of_date(subevent) else {
            return Ok(Window::default());
        };
        let Some(Some(conditions)) = list.conditions.get(&(item, variation)) else {
            return Ok(Window::default());
        };
        window(conditions, &self.dates(subevent)).ok_or_else(|| ImportError::CheckInListRule {
            list: list.name.clone(),
            rule: "a time that counts from the event's, which neither event.json nor subevents.json tells".to_owned(),
        })
    }
}

/// What a list demands of a product's tickets; none if they never enter.
fn conditions(
    list: &PretixCheckInList,
    rules: &Rule,
    kind: &PretixItem,
) -> Result<Option<Conditions>, Unmapped> {
    if !list.all_products && !list.limit_products.contains(&kind.item) {
        return Ok(None);
    }
    rules.of(kind.item, kind.variation)
}

/// How often a ticket enters that the list lets in.
fn mode(list: &PretixCheckInList, conditions: &Conditions) -> Result<EntryMode, Unmapped> {
    let again_after_exit = !list.allow_multiple_entries && list.allow_entry_after_exit;
    if again_after_exit && list.exit_all_at.is_some() {
        return Err(Unmapped(
            "everybody is taken to have left at a set hour".to_owned(),
        ));
    }
    match conditions.entries_max {
        Some(1) => Ok(EntryMode::Single),
        Some(most) if list.allow_multiple_entries => Ok(EntryMode::Times(most)),
        Some(most) if again_after_exit => Err(Unmapped(format!(
            "at most {most} entries, each after an exit"
        ))),
        None if list.allow_multiple_entries => Ok(ANY_NUMBER),
        None if again_after_exit => Ok(EntryMode::Reentry),
        Some(_) | None => Ok(EntryMode::Single),
    }
}

/// When tickets are let in; none if the files do not tell a date that counts.
fn window(conditions: &Conditions, dates: &PretixDates) -> Option<Window> {
    let resolve = |moments: &BTreeSet<Moment>| -> Option<Vec<i64>> {
        moments.iter().map(|moment| moment.resolve(dates)).collect()
    };
    Some(Window {
        from: resolve(&conditions.after)?.into_iter().max(),
        until: resolve(&conditions.before)?.into_iter().min(),
    })
}
