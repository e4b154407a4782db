//! Lists of an event's tickets: by session, state, type and text, page by page.

use super::desk::Desk;
use super::stored::{self, Loaded};
use super::view::{describe, sees_codes};
use crate::service::error::{Error, Result};
use crate::storage::Transaction;
use usher_domain::api::Page;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{StateWord, Ticket, TicketQuery};
use usher_domain::code::{Identity, MediumKey, TicketCodeText};
use usher_domain::ids::{SessionId, TicketId};
use usher_domain::numbers::TypeNumber;
use usher_domain::secret::Private;

/// Tickets on one page at most.
pub const TICKETS_PAGE_MAX: u32 = 500;
/// Tickets on a page if nobody says.
const USUAL_PAGE: u32 = 100;
/// Tickets read for one page at most: a filter that few pass must not hold a reader for long.
const READ_MAX: usize = 20_000;

/// Which tickets are wanted.
struct Filter {
    session: Option<SessionId>,
    state: Option<StateWord>,
    kind: Option<TypeNumber>,
    text: Option<Text>,
}

/// A text that is looked for.
struct Text {
    lowercase: String,
    /// The barcode that it may be.
    medium: Option<MediumKey>,
    /// Whether names, orders and barcodes are looked through.
    sees_all: bool,
}

impl Filter {
    fn of(desk: &Desk, query: &TicketQuery, role: TokenRole) -> Result<Self> {
        let session = query.session.as_deref();
        let kind = query.kind.as_deref();
        let text = query.text.as_ref();
        Ok(Self {
            session: session.map(|name| desk.session_named(name)).transpose()?,
            state: query.state,
            kind: kind
                .map(|name| desk.kind(name).map(|kind| kind.number))
                .transpose()?,
            text: text.map(|text| Text {
                lowercase: text.reveal().to_lowercase(),
                medium: TicketCodeText::new(text.reveal())
                    .ok()
                    .map(|code| Identity::of(desk.organizer, &code).medium_key()),
                sees_all: sees_codes(role),
            }),
        })
    }

    fn passes(&self, ticket: &Loaded) -> bool {
        let body = &ticket.body;
        let opens = |session: &SessionId| body.sessions.contains(session);
        self.session.as_ref().is_none_or(opens)
            && self
                .state
                .is_none_or(|state| StateWord::from(body.state) == state)
            && self.kind.is_none_or(|kind| body.type_number == kind)
            && self.text.as_ref().is_none_or(|text| text.is_of(ticket))
    }
}

impl Text {
    fn is_of(&self, ticket: &Loaded) -> bool {
        let body = &ticket.body;
        let contains = |text: &str| text.to_lowercase().contains(&self.lowercase);
        let open = [ticket.external.as_deref(), body.seat.as_deref()];
        let private = [body.order.as_ref(), body.holder.as_ref()];
        let private = private.into_iter().flatten().map(Private::reveal);
        let is_medium = || {
            let mut media = body.media.iter();
            media.any(|medium| Some(medium.key) == self.medium)
        };
        open.into_iter().flatten().any(contains)
            || (self.sees_all && (private.into_iter().any(contains) || is_medium()))
    }
}

/// A page of an event's tickets, by id.
pub(crate) fn page(
    txn: &dyn Transaction,
    desk: &Desk,
    query: &TicketQuery,
    role: TokenRole,
) -> Result<Page<Ticket>> {
    let mut after = query
        .after
        .as_deref()
        .map(str::parse::<TicketId>)
        .transpose()
        .map_err(|_| Error::invalid("after", "not the end of a page"))?;
    let filter = Filter::of(desk, query, role)?;
    let limit = query.limit.unwrap_or(USUAL_PAGE).clamp(1, TICKETS_PAGE_MAX);
    let mut items = Vec::new();
    let mut read = 0;
    while read < READ_MAX {
        let batch = stored::page(txn, desk.event.id, after, limit)?;
        let is_last = batch.len() < limit as usize;
        read += batch.len();
        for ticket in &batch {
            after = Some(ticket.id);
            if filter.passes(ticket) {
                items.push(describe(txn, desk, ticket, role)?);
            }
            if items.len() >= limit as usize {
                return Ok(paged(items, after));
            }
        }
        if is_last {
            return Ok(paged(items, None));
        }
    }
    Ok(paged(items, after))
}

fn paged(items: Vec<Ticket>, end: Option<TicketId>) -> Page<Ticket> {
    Page {
        items,
        next: end.map(|end| end.to_string()),
    }
}
