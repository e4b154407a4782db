//! The rehearsal of an import on a reader: what each line would do.

use super::apply::{self, Effect};
use super::report::{is_fatal, note_fault};
use super::{Step, Whole, write};
use crate::import::ImportedTicket;
use crate::service::error::Result;
use crate::service::tickets::desk::Desk;
use crate::storage::{Overlay, Transaction};
use usher_domain::api::imports::ImportReport;
use usher_domain::time::UnixMillis;

/// A rehearsed import.
pub(super) struct Checked {
    pub(super) whole: Whole,
    /// What would be done.
    pub(super) report: ImportReport,
    /// What changes something, in the order of writing.
    pub(super) steps: Vec<Step>,
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
    let mut steps = Vec::new();
    for line in lines {
        match apply::line(txn, &mut desk, &line, &around, &mut report.types_created) {
            Ok(effect) => {
                apply::count(&mut report, effect);
                if effect != Effect::Unchanged {
                    steps.push(Step::Ticket(line));
                }
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => note_fault(&mut report, &line.place, &error),
        }
    }
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
