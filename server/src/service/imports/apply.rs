//! One line of an import, written within a transaction or rehearsed over one.

use super::kinds;
use super::lines::{self, Surroundings};
use crate::import::{ImportedTicket, PretixFacts};
use crate::service::error::{Error, Result};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::stored::{self, Body, Loaded, Medium, Standing};
use crate::service::{channels, things};
use crate::storage::Transaction;
use usher_domain::api::imports::ImportReport;
use usher_domain::code::TicketCodeText;
use usher_domain::code::strength::bits_alone;
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::session::{PretixItem, PretixTerms};
use usher_domain::table::rows::{CancelReason, TicketState};

/// What one line did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// A new ticket, or something else that was not there.
    Created,
    /// Something was there and differs.
    Updated,
    /// The same was there.
    Unchanged,
}

/// Counts what a line did.
pub(super) const fn count(report: &mut ImportReport, effect: Effect) {
    match effect {
        Effect::Created => report.created += 1,
        Effect::Updated => report.updated += 1,
        Effect::Unchanged => report.unchanged += 1,
    }
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
) -> Result<Effect> {
    let body = lines::body(txn, desk, line, around, created)?;
    let there = there_already(txn, desk, line, &body)?;
    // Checked before anything is written: a line that is skipped must leave nothing behind.
    for medium in &body.media {
        let owner = txn.medium_owner(desk.organizer, &medium.key)?;
        if owner.is_some() && owner != there.as_ref().map(|ticket| ticket.id) {
            return Err(Error::Conflict("its barcode belongs to another ticket"));
        }
    }
    let Some(mut ticket) = there else {
        let mut ticket = Loaded {
            id: new,
            event: desk.event.id,
            external: line.external.as_deref().map(str::to_owned),
            body,
        };
        desk.store(txn, &mut ticket)?;
        return Ok(Effect::Created);
    };
    if ticket.body.request == body.request {
        return Ok(Effect::Unchanged);
    }
    take_over(&mut ticket, body)?;
    desk.store(txn, &mut ticket)?;
    Ok(Effect::Updated)
}

/// The ticket that a line speaks of: that of the seller's number, else that of the barcode.
fn there_already(
    txn: &dyn Transaction,
    desk: &Desk,
    line: &ImportedTicket,
    body: &Body,
) -> Result<Option<Loaded>> {
    if let Some(external) = &line.external
        && let Some(ticket) = stored::by_external(txn, desk.event.id, external)?
    {
        return Ok(Some(ticket));
    }
    for medium in &body.media {
        if let Some(owner) = txn.medium_owner(desk.organizer, &medium.key)? {
            let ticket = match stored::load(txn, desk.event.id, owner) {
                Ok(ticket) => ticket,
                Err(Error::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            // A number that the seller told before and that differs now is another ticket.
            if line.external.is_none() || ticket.external.is_none() {
                return Ok(Some(ticket));
            }
        }
    }
    Ok(None)
}

/// Takes over what a changed line says. Another barcode is another issue; the old one stays refused.
fn take_over(ticket: &mut Loaded, mut said: Body) -> Result<()> {
    if said.sessions != ticket.body.sessions {
        return Err(Error::Conflict(
            "the ticket was for other sessions: cancel it and give the new one another number",
        ));
    }
    let mut media = std::mem::take(&mut ticket.body.media);
    said.issue = ticket.body.issue;
    let same = |medium: &Medium| media.iter().any(|known| known.key == medium.key);
    if !said.media.iter().all(same) {
        for known in &mut media {
            known.standing = Standing::Former;
        }
        said.issue = said
            .issue
            .next()
            .ok_or(Error::Conflict("the ticket has used up all its issues"))?;
    }
    for new in std::mem::take(&mut said.media) {
        match media.iter().position(|known| known.key == new.key) {
            Some(place) => {
                if let Some(known) = media.get_mut(place) {
                    known.code = new.code;
                }
            }
            None => media.push(new),
        }
    }
    said.media = media;
    said.revision = ticket.body.revision;
    said.home = ticket.body.home;
    ticket.body = said;
    Ok(())
}

/// pretix lists secrets that it revoked without saying of which ticket. They still verify, so each
/// stands in every set of the event as the medium of a cancelled ticket.
pub(super) fn refuse_for_ever(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    secret: &TicketCodeText,
    channel: &str,
) -> Result<Effect> {
    let medium = Medium::new(desk.organizer, secret, bits_alone(secret));
    if txn.medium_owner(desk.organizer, &medium.key)?.is_some() {
        return Ok(Effect::Unchanged);
    }
    let (Some(first), Some(kind)) = (desk.sessions().first(), desk.types().first()) else {
        return Ok(Effect::Unchanged);
    };
    let (access, type_number) = (first.access, kind.number);
    let sessions = desk.sessions().iter().map(|session| session.id).collect();
    let mut ticket = Loaded {
        id: TicketId::from_bytes(things::new_id()?),
        event: desk.event.id,
        external: None,
        body: Body {
            revision: 0,
            type_number,
            access,
            sessions,
            state: TicketState::Cancelled(CancelReason::Other),
            issue: usher_domain::numbers::IssueNumber::new(1),
            channel: desk.channel(txn, channel)?,
            request: Some(Hash::of(&[b"revoked", medium.key.as_bytes()])),
            media: vec![medium],
            valid_from: None,
            valid_until: None,
            order: None,
            holder: None,
            zone: None,
            seat: None,
            home: None,
            instruction: None,
            entries: None,
            group: None,
            signed: None,
        },
    };
    desk.store(txn, &mut ticket)?;
    Ok(Effect::Created)
}

/// Keeps the keys and products of a pretix event, so that gates read its signed secrets.
pub(super) fn keep_pretix(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    facts: &PretixFacts,
    created: &mut Vec<String>,
) -> Result<Effect> {
    if facts.keys.is_empty() {
        return Ok(Effect::Unchanged);
    }
    let keys = facts.keys.clone();
    let mut items = Vec::new();
    for item in facts.items.iter().filter(|item| item.admission) {
        let type_number = kinds::of_name(txn, desk, &item.name, created)?.number;
        items.push(PretixItem {
            item: item.item,
            type_number,
            variation: item.variation,
        });
    }
    let terms = PretixTerms { keys, items };
    if channels::pretix(txn, desk.event.id)?.as_ref() == Some(&terms) {
        return Ok(Effect::Unchanged);
    }
    channels::put_pretix(txn, desk.event.id, &terms, desk.now)?;
    desk.mark_sets(txn)?;
    Ok(Effect::Updated)
}
