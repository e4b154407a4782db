//! Tickets as the organizer and the seller see them.

use super::desk::Desk;
use super::stored::{self, Loaded};
use crate::service::error::{Error, Result};
use crate::storage::Transaction;
use usher_domain::api::Page;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::Ticket;
use usher_domain::ids::TicketId;
use usher_domain::secret::Private;

/// Tickets on one page at most.
pub const TICKETS_PAGE_MAX: u32 = 500;

/// A ticket as far as `role` may see it: a viewer sees neither names nor codes.
pub(crate) fn describe(
    txn: &dyn Transaction,
    desk: &Desk,
    ticket: &Loaded,
    role: TokenRole,
) -> Result<Ticket> {
    let may_see = role >= TokenRole::Sales;
    let private = |value: &Option<Private>| value.clone().filter(|_| may_see);
    let body = &ticket.body;
    let kind = desk
        .types()
        .iter()
        .find(|kind| kind.number == body.type_number);
    let kind = match kind {
        Some(kind) => kind.slug.clone(),
        None => crate::service::types::of_number(txn, ticket.event, body.type_number)?.slug,
    };
    Ok(Ticket {
        id: ticket.id,
        kind,
        access: body.access,
        state: body.state,
        issue: body.issue,
        revision: body.revision,
        external: ticket.external.clone(),
        order: private(&body.order),
        channel: desk.channel_name(body.channel).to_owned(),
        holder: private(&body.holder),
        seat: body.seat.clone(),
        instruction: body.instruction.clone(),
        code: if may_see {
            let code = ticket.code(&desk.code_key);
            code.map(|code| Private::new(code.reveal()))
        } else {
            None
        },
    })
}

/// A page of an event's tickets.
pub(crate) fn page(
    txn: &dyn Transaction,
    desk: &Desk,
    after: Option<&str>,
    limit: u32,
    role: TokenRole,
) -> Result<Page<Ticket>> {
    let after = after
        .map(str::parse::<TicketId>)
        .transpose()
        .map_err(|_| Error::invalid("after", "not the end of a page"))?;
    let limit = limit.clamp(1, TICKETS_PAGE_MAX);
    let tickets = stored::page(txn, desk.event.id, after, limit)?;
    let next = tickets
        .last()
        .filter(|_| tickets.len() >= limit as usize)
        .map(|last| last.id.to_string());
    let items = tickets
        .iter()
        .map(|ticket| describe(txn, desk, ticket, role))
        .collect::<Result<_>>()?;
    Ok(Page { items, next })
}
