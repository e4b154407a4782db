//! Reading stored records for merging.

use crate::service::error::Result;
use crate::storage::{StoredRecord, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::code::Identity;
use usher_domain::ids::{ScopeId, TicketId};
use usher_domain::log::Line;
use usher_domain::record::{Body, Subject};

/// A record with the position it came at.
pub(crate) type Placed = (u64, Line);

/// The readable ones of stored records.
pub(crate) fn readable(records: Vec<StoredRecord>) -> impl Iterator<Item = Placed> {
    records
        .into_iter()
        .filter_map(|record| Some((record.position, Line::read(&record.bytes).ok()?)))
}

/// All records that are about no single subject: what makes the ground.
pub(crate) fn ground_lines(txn: &dyn Transaction, scope: ScopeId) -> Result<Vec<Placed>> {
    Ok(readable(txn.records_about(scope, None)?).collect())
}

/// Identities that any link, in force or not, gave to a ticket.
pub(crate) fn aliases(ground_lines: &[Placed]) -> BTreeMap<TicketId, BTreeSet<Identity>> {
    let mut aliases: BTreeMap<TicketId, BTreeSet<Identity>> = BTreeMap::new();
    for (_, line) in ground_lines {
        if let Body::Link(link) = &line.record.body {
            aliases
                .entry(link.ticket)
                .or_default()
                .insert(link.identity);
        }
    }
    aliases
}

/// The readable records about a subject and its aliases, in the batches at the positions that `counts`
/// chooses.
pub(crate) fn lines_about(
    txn: &dyn Transaction,
    scope: ScopeId,
    subject: Subject,
    aliases: &BTreeMap<TicketId, BTreeSet<Identity>>,
    counts: impl Fn(u64) -> bool,
) -> Result<Vec<Placed>> {
    let known = |subject: Subject| -> Result<_> {
        let mut records = txn.records_about(scope, Some(&subject))?;
        // Before reading them, which costs more than finding them.
        records.retain(|record| counts(record.position));
        Ok(readable(records))
    };
    let mut lines: Vec<Placed> = known(subject)?.collect();
    if let Subject::Ticket(ticket) = subject {
        for identity in aliases.get(&ticket).into_iter().flatten() {
            lines.extend(known(Subject::Medium(*identity))?);
        }
    }
    Ok(lines)
}
