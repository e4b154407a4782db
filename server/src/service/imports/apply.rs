//! One line of an import, written within a transaction or rehearsed over one.

use super::lines::{self, Surroundings};
use super::merge::{self, Found};
use super::refused;
use crate::import::ImportedTicket;
use crate::service::error::{Error, Result};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::said::Said;
use crate::service::tickets::stored::{self, Loaded};
use crate::storage::Transaction;
use usher_domain::api::imports::ImportReport;
use usher_domain::code::Identity;
use usher_domain::ids::TicketId;

/// What one line did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A new ticket, or something else that was not there.
    Created,
    /// Something was there and differs.
    Updated,
    /// The list says something new that changes nothing here: only that it was said is written down.
    Noted,
    /// The same was there.
    Unchanged,
}

/// Counts what a line did.
pub(super) const fn count(report: &mut ImportReport, effect: Effect) {
    match effect {
        Effect::Created => report.created += 1,
        Effect::Updated => report.updated += 1,
        Effect::Noted | Effect::Unchanged => report.unchanged += 1,
    }
}

/// What became of one line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    /// What it did.
    pub(super) effect: Effect,
    /// The ticket that it speaks of.
    pub(super) ticket: TicketId,
    /// What a person should know of it.
    pub(super) found: Found,
}

/// Writes one line as a ticket, a new one under the id `new`; `created` collects the names of new types. A line that is an error has
/// changed no ticket.
pub(super) fn line(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    line: &ImportedTicket,
    new: TicketId,
    around: &Surroundings<'_>,
    created: &mut Vec<String>,
) -> Result<Outcome> {
    let mut body = lines::body(txn, desk, line, around, created)?;
    let there = spoken_of(txn, desk, line)?;
    // Checked before anything is written: a line that is skipped must leave nothing behind.
    for medium in &body.media {
        let owner = txn.medium_owner(desk.event.id, &medium.key)?;
        if owner.is_some() && owner != there.as_ref().map(|ticket| ticket.id) {
            return Err(Error::Conflict("its barcode belongs to another ticket"));
        }
    }
    let outcome = |effect, ticket, found| Outcome {
        effect,
        ticket,
        found,
    };
    let Some(mut ticket) = there else {
        body.said = Some(Said::by(around.source, &body));
        let mut ticket = Loaded {
            id: new,
            event: desk.event.id,
            external: line.external.as_deref().map(str::to_owned),
            body,
        };
        desk.store(txn, &mut ticket)?;
        return Ok(outcome(Effect::Created, new, Found::default()));
    };
    if ticket.body.request == body.request {
        let found = Found::unchanged(ticket.body.state, body.state);
        return Ok(outcome(Effect::Unchanged, ticket.id, found));
    }
    let is_of_another_list = ticket
        .body
        .said
        .as_ref()
        .is_some_and(|said| said.source != around.source)
        && ticket.body.channel != body.channel;
    if is_of_another_list {
        return Err(Error::Conflict(
            "a list of another channel brought a ticket with this number or barcode: is it another shop's? \
             Take the line out, or import the list under that channel (--channel)",
        ));
    }
    let before = ticket.body.clone();
    let stood_for_code = refused::is_for_code(&before);
    let mut found = merge::merge(&mut ticket, body, around.source)?;
    if stood_for_code {
        // Only now a list tells which ticket it is.
        found.moved = false;
        ticket.external = line.external.as_deref().map(str::to_owned);
    }
    let effect = if before.says_the_same(&ticket.body) {
        txn.put_ticket(&ticket.stored())?;
        Effect::Noted
    } else {
        desk.store(txn, &mut ticket)?;
        Effect::Updated
    };
    Ok(outcome(effect, ticket.id, found))
}

/// The ticket that a line speaks of: that of the seller's number, else that of the barcode.
pub(super) fn spoken_of(
    txn: &dyn Transaction,
    desk: &Desk,
    line: &ImportedTicket,
) -> Result<Option<Loaded>> {
    if let Some(external) = &line.external
        && let Some(ticket) = stored::by_external(txn, desk.event.id, external)?
    {
        return Ok(Some(ticket));
    }
    let Some(code) = &line.code else {
        return Ok(None);
    };
    let key = Identity::of(desk.organizer, code).medium_key();
    let Some(owner) = txn.medium_owner(desk.event.id, &key)? else {
        return Ok(None);
    };
    match stored::load(txn, desk.event.id, owner) {
        // A number that the seller told before and that differs now is another ticket.
        Ok(ticket) if line.external.is_some() && ticket.external.is_some() => Ok(None),
        Ok(ticket) => Ok(Some(ticket)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
