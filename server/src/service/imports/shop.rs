//! What gates need of a pretix event to judge its signed secrets: keys, products, and the sessions that the
//! dates of a series became.

use super::apply::Effect;
use super::kinds::{self, Told};
use super::{Whole, lines};
use crate::import::PretixFacts;
use crate::service::channels;
use crate::service::error::{Error, Result};
use crate::service::rules::INSTRUCTION_BYTES_MAX;
use crate::service::tickets::desk::Desk;
use crate::storage::Transaction;
use usher_domain::session::{PretixDate, PretixItem, PretixTerms};

/// Keeps the keys, products and dates of a pretix event, so that gates read its signed secrets.
pub(super) fn keep(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    whole: &Whole,
    facts: &PretixFacts,
    created: &mut Vec<String>,
) -> Result<Effect> {
    if facts.keys.is_empty() {
        return Ok(Effect::Unchanged);
    }
    let mut items = Vec::new();
    for item in facts.items.iter().filter(|item| item.admission) {
        let id = item.id();
        let told = Told {
            source: whole.source_mark,
            product: Some(&id),
            name: &item.name,
        };
        let instruction = item.instruction.clone().map(|mut text| {
            text.truncate(text.floor_char_boundary(INSTRUCTION_BYTES_MAX));
            text
        });
        items.push(PretixItem {
            item: item.item,
            type_number: kinds::of_list(txn, desk, told, created)?.number,
            variation: item.variation,
            instruction,
        });
    }
    let before = channels::pretix(txn, desk.event.id)?;
    let terms = PretixTerms {
        keys: facts.keys.clone(),
        items,
        dates: Some(dates(desk, facts, before.as_ref())?),
    };
    if before.as_ref() == Some(&terms) {
        return Ok(Effect::Unchanged);
    }
    channels::put_pretix(txn, desk.event.id, &terms, desk.now)?;
    desk.mark_sets(txn)?;
    Ok(Effect::Updated)
}

/// The sessions that the dates of a series became: of those that the files name, and of earlier ones.
fn dates(
    desk: &Desk,
    facts: &PretixFacts,
    before: Option<&PretixTerms>,
) -> Result<Vec<PretixDate>> {
    let told = facts.subevents.iter().map(|date| date.id);
    let named = facts.named_dates.iter().copied();
    let mut dates = Vec::new();
    for number in told.chain(named) {
        let slug = match lines::session(desk.sessions(), &number.to_string(), &facts.subevents) {
            Ok(slug) => slug,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        dates.push(PretixDate {
            subevent: number,
            session: desk.session_named(&slug)?,
            // The terms of each session name it as it is called by then.
            name: String::new(),
        });
    }
    dates.extend(
        before
            .iter()
            .flat_map(|before| before.dates.iter().flatten())
            .cloned(),
    );
    // The stable order keeps the newest word of each.
    dates.sort_by_key(|date| date.subevent);
    dates.dedup_by_key(|date| date.subevent);
    Ok(dates)
}
