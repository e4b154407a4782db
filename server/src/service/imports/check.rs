//! The rehearsal of an import on a reader: what each line would do.

use super::apply::{self, Effect};
use super::report::{is_fatal, note_fault};
use super::{Step, Whole, write};
use crate::import::ImportedTicket;
use crate::service::error::Result;
use crate::service::things;
use crate::service::tickets::desk::Desk;
use crate::storage::{Overlay, Transaction};
use usher_domain::api::imports::ImportReport;
use usher_domain::ids::TicketId;
use usher_domain::table::{Bucket, RowKey};
use usher_domain::time::UnixMillis;

/// A rehearsed import.
pub(super) struct Checked {
    pub(super) whole: Whole,
    /// What would be done.
    pub(super) report: ImportReport,
    /// What changes something, in the order of writing.
    pub(super) steps: Vec<Step>,
}

/// Puts new ids into the order in which tables keep their rows: rows that are written one after the other
/// then lie beside each other, and a transaction touches half the pages.
fn sort_as_stored(ids: &mut [TicketId]) {
    ids.sort_by_cached_key(|id| (Bucket::of(&RowKey::from(*id)), *id.as_bytes()));
}

/// Rehearses all lines. It gets a transaction that reads, so it cannot write or hold up who writes.
pub(super) fn check(
    txn: &dyn Transaction,
    whole: Whole,
    lines: Vec<ImportedTicket>,
    mut report: ImportReport,
    now: UnixMillis,
) -> Result<Checked> {
    let mut rehearsal = Overlay::new(txn);
    let txn = &mut rehearsal;
    let mut desk = Desk::open(txn, whole.organizer, &whole.event, now)?;
    if write::was_cut_off(txn, desk.event.id)? {
        report
            .warnings
            .push("the last import into this event was cut off: import its files again".to_owned());
    }
    let around = whole.surroundings();
    let mut changing = Vec::new();
    let mut ids = Vec::new();
    for line in lines {
        let new = TicketId::from_bytes(things::new_id()?);
        let types = &mut report.types_created;
        match apply::line(txn, &mut desk, &line, new, &around, types) {
            Ok(effect) => {
                apply::count(&mut report, effect);
                if effect != Effect::Unchanged {
                    changing.push(line);
                    ids.push(new);
                }
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => note_fault(&mut report, &line.place, &error),
        }
    }
    sort_as_stored(&mut ids);
    let tickets = changing.into_iter().zip(ids);
    let mut steps: Vec<Step> = tickets.map(|(line, id)| Step::Ticket(line, id)).collect();
    if let Some(facts) = whole.pretix() {
        for secret in &facts.revoked {
            if apply::refuse_for_ever(txn, &mut desk, secret, whole.channel())? != Effect::Unchanged
            {
                steps.push(Step::Revoked(secret.clone()));
            }
        }
        if apply::keep_pretix(txn, &mut desk, facts, &mut report.types_created)?
            != Effect::Unchanged
        {
            steps.push(Step::Keys);
        }
    }
    Ok(Checked {
        whole,
        report,
        steps,
    })
}
